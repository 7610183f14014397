//! Blame: what is told of a failure that needs rows.

use anyhow::Result;

use super::context::TreeRun;
use super::fixtures::FixtureSet;
use super::lane::Lane;
use super::minimize::Culprit;
use super::revisions::RevisionNode;
use analysis::rows::{self, Need};
use analysis::script::Script;
use model::code::{self, Severity};
use model::finding::Finding;
use model::rows::Table;
use model::transcript::{Direction, Exception, Statement, Transcript};

/// The longest row that is shown, in characters.
const SHOWN: usize = 300;
/// The longest value that is shown.
const VALUE_SHOWN: usize = 60;

impl Lane<'_> {
    /// Makes a failure that needs rows a finding of its own, with the row. The database is in the
    /// state after the trial on plain rows. `made_up` says why such rows may not exist in
    /// production.
    pub(super) fn blamed_on_rows(
        &mut self,
        stair: &RevisionNode,
        (failed, touched): (Finding, &[Table]),
        made_up: Option<&str>,
        seen: &mut Vec<Statement>,
    ) -> Result<Finding> {
        let said = failed.transcript.as_deref();
        let headline = said.and_then(Transcript::headline);
        let told_row = headline.and_then(|e| e.detail.clone()).filter(|detail| names_row(detail));
        // Rows are put in before the upgrade, and are shown as they were then.
        let (way, when) = match said.and_then(|said| said.revision.as_ref()) {
            Some(revision) if revision.direction == Direction::Downgrade => {
                ("downgrade", ", as it was before the upgrade")
            }
            _ => ("upgrade", ""),
        };
        let culprit = match &told_row {
            Some(key) if key.starts_with("Key (") => Culprit::default(),
            _ => self.culprit(stair, &failed, FixtureSet::Plain, seen)?,
        };
        let told_row = told_row.filter(|_| culprit.rows.is_empty());
        let told_row = told_row.map(|detail| format!("; {}", shown(detail.trim_end_matches('.'))));
        let told = headline.map_or(failed.message.clone(), Exception::to_string);
        let told = told + &told_row.unwrap_or_default() + &culprit.told(when);
        let is_name = said
            .is_some_and(|said| culprit.rows.iter().any(|(_, row)| rows::is_named_by(said, row)));
        let named = is_name.then_some("it takes a made-up text for the name of an object");
        let why = self.tree_run.why_no_fault(&stair.revision, said, &culprit, touched);
        let why = why.or(made_up).or(named);
        let why = match said.filter(|_| way == "upgrade") {
            Some(said) if why.is_none() => {
                let need = Need::of(said, culprit.cell.as_ref(), touched);
                self.filled_before(stair, (said, need), seen)?
            }
            _ => why.map(str::to_owned),
        };
        let subject = culprit.table().or_else(|| rows::table_at_fault(said?, touched));
        let (code, message) = match why {
            Some(why) => (
                &code::NOT_FILLED,
                format!(
                    "the {way} of revision {} was not tried on rows to its end: {why}: {told}",
                    stair.revision
                ),
            ),
            None => (
                rows::code_of(headline),
                format!(
                    "the {way} of revision {} passes on empty tables and fails on rows that the schema \
                     allows: {told}",
                    stair.revision
                ),
            ),
        };
        let column = match &culprit.cell {
            Some(cell) => Some(cell.column.clone()),
            None => headline.and_then(|raised| raised.column.clone()),
        };
        let is_null = code == &code::NULLS_IN_ROWS && way == "upgrade";
        let also = match (&subject, &column) {
            (Some(table), Some(column)) if is_null => {
                self.tree_run.not_null_too(&stair.revision, (table, column))
            }
            _ => failed.also.clone(),
        };
        Ok(Finding { code, message, predicted: None, subject, column, also, ..failed })
    }

    /// Why rows that lack what a revision needs may not exist in production: the chain gave it to all.
    fn filled_before(
        &mut self,
        stair: &RevisionNode,
        (said, need): (&Transcript, Option<Need>),
        seen: &mut Vec<Statement>,
    ) -> Result<Option<String>> {
        let ran = &self.tree_run.statements;
        if let Some(by) = rows::filled_by(said, &stair.revision, ran) {
            return Ok(Some(format!("revision {by}, below it, gives the rows a value")));
        }
        let Some(need) = need else { return Ok(None) };
        let what = format!("`{}.{}`", need.table, need.columns.join(", "));
        if need.has_default(ran) {
            return Ok(Some(format!(
                "{what} has had a default since it was made, and no statement so far sets it to NULL"
            )));
        }
        let by = self.filled_in_past(stair, &need, seen)?;
        let value = if need.distinct { "values of their own" } else { "a value" };
        Ok(by.map(|by| {
            format!(
                "all rows from before revision {by}, which adds {what}, have {value} there by now"
            )
        }))
    }

    /// Makes a failure that needs the largest or longest values a finding of its own, with the value.
    pub(super) fn blamed_on_extremes(
        &mut self,
        stair: &RevisionNode,
        (failed, touched): (Finding, &[Table]),
        seen: &mut Vec<Statement>,
    ) -> Result<Finding> {
        let said = failed.transcript.as_deref();
        let headline = said.and_then(Transcript::headline);
        let state = said.and_then(Transcript::sqlstate).unwrap_or_default().to_owned();
        // Two rows with one key, or where a subquery may find one (21000), hold no extreme value.
        let is_of_two = state == "21000";
        let code = match rows::code_of(headline) {
            same if is_of_two || same == &code::DUPLICATES_IN_ROWS => same,
            _ => &code::FAILS_ON_EXTREMES,
        };
        // A table for each month from the first day of a type to its last is more than a server takes (53200).
        let is_exhausted = state.starts_with("53");
        let culprit = match is_exhausted || code == &code::DUPLICATES_IN_ROWS {
            true => Culprit::default(),
            false => self.culprit(stair, &failed, FixtureSet::All, seen)?,
        };
        // An exception of Python is about the form of a value, which no type decides.
        let why = self.tree_run.why_no_fault(&stair.revision, said, &culprit, touched);
        let is_of_form = why.is_some();
        let is_note = said.is_some_and(|said| rows::is_about_floats(said, touched))
            || is_exhausted
            || is_of_form;
        let detail = headline.and_then(|e| e.detail.as_deref());
        let detail = detail.map(|detail| format!("; {}", shown(detail.trim_end_matches('.'))));
        let detail = detail.filter(|_| code == &code::DUPLICATES_IN_ROWS).unwrap_or_default();
        let on = match &culprit.cell {
            _ if code != &code::FAILS_ON_EXTREMES => "rows that the schema allows".to_owned(),
            Some(cell) => format!(
                "{} in `{}.{}`, which the schema allows",
                value(cell.value.as_deref()),
                cell.row.table,
                cell.column
            ),
            None => "the largest, smallest or longest values that the schema allows".to_owned(),
        };
        let message = format!(
            "revision {} passes on ordinary rows and fails on {on}: {}{detail}{}",
            stair.revision,
            failed.message,
            culprit.told("")
        );
        let subject = culprit.table().or_else(|| rows::table_at_fault(said?, touched));
        let severity = Some(if is_note { Severity::Note } else { Severity::Warning });
        Ok(Finding { code, message, severity, subject, predicted: None, ..failed })
    }
}

impl TreeRun<'_> {
    /// Why a failure on generated rows proves no fault: the revision knows of it, or relies on what the
    /// catalogue does not show.
    fn why_no_fault(
        &self,
        revision: &str,
        said: Option<&Transcript>,
        culprit: &Culprit,
        touched: &[Table],
    ) -> Option<&'static str> {
        let text = self.text_of(revision).unwrap_or_default();
        let is_foreseen = said
            .zip(self.file_of(revision))
            .is_some_and(|(said, file)| rows::is_foreseen(said, file, &text));
        let foreseen = is_foreseen.then_some("it catches this error, and raises on purpose");
        foreseen.or_else(|| rows::not_of_the_schema(said, culprit.by_null(), touched))
    }

    /// A line for each other column that the revision makes NOT NULL, and gives no value before.
    fn not_null_too(&self, revision: &str, known: (&str, &str)) -> Vec<String> {
        let file = self.file_of(revision);
        let text = file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
        let file = file.map(|file| self.context.relative(file)).unwrap_or_default();
        let script = Script::read(&file, &text).0;
        let columns = script.as_ref().map(rows::need_values).unwrap_or_default().into_iter();
        let others =
            columns.filter(|(_, table, column)| (table.as_str(), column.as_str()) != known);
        others
            .map(|(line, table, column)| {
                format!("line {line}: `{table}.{column}` becomes NOT NULL there as well")
            })
            .collect()
    }
}

impl Culprit {
    /// Whether a NULL is to blame; `None`: nothing is known.
    fn by_null(&self) -> Option<bool> {
        let is_null = self.cell.as_ref().is_some_and(|cell| cell.value.is_none());
        (is_null || !self.rows.is_empty()).then_some(is_null)
    }

    /// The table to blame, where it is one.
    fn table(&self) -> Option<String> {
        let of_cell = self.cell.as_ref().map(|cell| &cell.row.table);
        let of_row = self.rows.first().map(|(table, _)| table).filter(|_| self.rows.len() == 1);
        of_cell.or(of_row).cloned()
    }

    /// The rows and the value, as far as they are known.
    fn told(&self, when: &str) -> String {
        let rows: Vec<String> =
            self.rows.iter().map(|(table, row)| shown(&format!("{table} {row}"))).collect();
        let mut told = match rows.as_slice() {
            [] => String::new(),
            [row] => format!("; the row that breaks it{when}: {row}"),
            rows => format!("; the rows that break it together{when}: {}", rows.join(" and ")),
        };
        if let Some(cell) = &self.cell {
            told += &format!(
                "; with {} in place of {} in `{}.{}` this error does not come",
                value(Some(&cell.other)),
                value(cell.value.as_deref()),
                cell.row.table,
                cell.column
            );
        }
        told
    }
}

/// A value for a reader.
fn value(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.chars().count() > VALUE_SHOWN => {
            let start: String = text.chars().take(VALUE_SHOWN).collect();
            format!("'{start}…' ({} characters)", text.chars().count())
        }
        Some(text) => format!("'{text}'"),
    }
}

/// Whether Postgres itself says which row it is.
fn names_row(detail: &str) -> bool {
    detail.starts_with("Key (") || detail.starts_with("Failing row contains")
}

pub(super) fn shown(row: &str) -> String {
    match row.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &row[..end]),
        None => row.to_owned(),
    }
}
