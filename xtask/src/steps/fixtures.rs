//! Rows for the tables that a revision may touch: an empty database hides faults.
//!
//! Before a revision is tried, every table that it may touch is given rows that the catalogue alone
//! suggests (`analysis/rows`), and so are the tables that those reference. The rows of the touched
//! tables are compared after the downgrade.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;

use super::context::TreeRun;
use super::lane::Lane;
use crate::postgres::rows as tables;
use analysis::once::NO_ROWS;
use analysis::rows::{self, Draft, Fate, Loss, Touched, parents_first};
use analysis::schema_diff::{self, Declaration, line_of, line_that_names};
use model::code::{self, Severity};
use model::finding::{Finding, Place};
use model::rows::{Contents, Made, Table};
use model::transcript::{Direction, Statement};

/// Rows that a trial puts into the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FixtureSet {
    /// None.
    None,
    /// Plain rows, as users write them.
    Plain,
    /// Also rows with extreme values of their types.
    All,
}

/// Rows that were put into the tables before a revision.
#[derive(Default)]
pub(super) struct Fixtures {
    /// The tables that the revision may touch.
    pub(super) touched: Vec<Table>,
    /// The rows that were made.
    pub(super) made: Vec<Made>,
    /// The contents of the touched tables then.
    pub(super) before: Contents,
    /// When they were read.
    pub(super) read: Option<Instant>,
    /// Notes about tables without rows.
    pub(super) notes: Vec<Finding>,
}

impl Lane<'_> {
    /// The tables that a revision may touch, with those that they lead to.
    pub(super) fn tables_of(&mut self, revision: &str) -> Result<Vec<Table>> {
        let Touched { names, emptied } =
            rows::touched(self.tree_run.texts_of(revision).iter().map(String::as_str));
        let own = self.tree_run.names_of_version_tables();
        let asked = self
            .trial
            .reader
            .ask(|session| tables::tables(session, names.as_ref(), &emptied, &own));
        let mut all = asked?;
        self.trial.named.iter().for_each(|named| named.apply(&mut all));
        Ok(all)
    }

    /// Gives the tables that a revision may touch rows.
    pub(super) fn fill(&mut self, revision: &str, which: FixtureSet) -> Result<Fixtures> {
        let mut filled = Fixtures::default();
        if which == FixtureSet::None {
            return Ok(filled);
        }
        filled.notes.extend(self.not_filled_beside(revision));
        let all = self.tables_of(revision)?;
        let declared = self.tree_run.declarations(revision);
        for table in parents_first(&all).into_iter().filter(|table| !table.is_partition) {
            if let Some(reason) = left_alone(&declared, &table.name) {
                if table.touched {
                    let note =
                        self.tree_run.declared(revision, &table.name, "not given rows", reason);
                    filled.notes.push(note);
                }
                continue;
            }
            if table.touched {
                filled.touched.push(table.clone());
            }
            // A table without the parts that would hold its rows has none in production either.
            if table.bounds.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let (made, complaint) = self.put(table, which)?;
            if made.is_empty() {
                filled.notes.extend(self.not_filled(revision, table, complaint)?);
            }
            filled.made.extend(made);
        }
        let touched = &filled.touched;
        filled.before = self.trial.reader.ask(|session| tables::contents(session, touched))?;
        filled.read = Some(Instant::now());
        Ok(filled)
    }

    /// Makes rows for one table; where none could be made, why.
    pub(super) fn put(&mut self, table: &Table, which: FixtureSet) -> Result<(Vec<Made>, String)> {
        let draft = Draft::new(table);
        let questions = draft.questions();
        let answers = self.trial.reader.ask(|session| tables::choices(session, &questions))?;
        let inserts = match draft.inserts(answers) {
            Ok(inserts) => inserts,
            Err(why) => return Ok((Vec::new(), why)),
        };
        let extremes = which == FixtureSet::All;
        let put = self.trial.reader.ask(|session| tables::put(session, &inserts, extremes))?;
        let why = put.complaint.unwrap_or_else(|| "every row is there already".to_owned());
        Ok((put.made, why))
    }

    /// A note about the databases beside the tree's own: rows are made in that one alone.
    fn not_filled_beside(&self, revision: &str) -> Option<Finding> {
        let tree = self.context().tree;
        let databases = tree.databases_for(&tree.database).split_off(1).join(" and ");
        let message =
            format!("no rows are made in database {databases} when revision {revision} is tried");
        let note = Finding::new(&code::NOT_FILLED, message);
        let revision = Some(revision.to_owned());
        (!databases.is_empty()).then_some(Finding { revision, ..note })
    }

    /// A note about a table that stays empty.
    fn not_filled(
        &mut self,
        revision: &str,
        table: &Table,
        why: String,
    ) -> Result<Option<Finding>> {
        let name = &table.name;
        let any = format!("SELECT 1 FROM {name} LIMIT 1");
        if self.trial.reader.ask(|session| session.value(&any))?.is_some() {
            return Ok(None);
        }
        let message =
            format!("table {name}{NO_ROWS}{revision} is tried, because none could be made: {why}");
        let named = std::slice::from_ref(name);
        let subject = Some(name.clone());
        let note = Finding { subject, ..Finding::new(&code::NOT_FILLED, message) };
        Ok(Some(self.tree_run.about(revision, named, note)))
    }

    /// The contents of the touched tables.
    pub(super) fn contents(&mut self, filled: &Fixtures) -> Result<Contents> {
        if filled.touched.is_empty() {
            return Ok(Contents::new());
        }
        self.trial.reader.ask(|session| tables::contents(session, &filled.touched))
    }

    /// Findings for rows that a round trip lost or changed, and lines for those that the upgrade deletes by
    /// their table's name. The statements from `down` on are the downgrade's.
    pub(super) fn judge_rows(
        &mut self,
        revision: &str,
        (filled, between, after): (&Fixtures, &Contents, &Contents),
        [retyped, not_null]: [&BTreeSet<String>; 2],
        down: usize,
    ) -> Result<(Vec<Finding>, Vec<String>)> {
        let mut losses = rows::losses(&filled.before, between, after, not_null);
        if let Some(read) = filled.read.filter(|_| losses.iter().any(|loss| loss.range.is_some())) {
            let meanwhile = self.since(read)?;
            losses.retain(|loss| !loss.is_stamp(&meanwhile));
        }
        let declared = self.tree_run.declarations(revision);
        let (up, down) = self.tree_run.statements.split_at(down);
        let own = |s: &&Statement| s.revision.as_deref() == Some(revision);
        let own = [up, down].map(|ran| ran.iter().filter(own).collect::<Vec<_>>());
        let (mut findings, mut deleted) = (Vec::new(), Vec::new());
        for loss in losses {
            // How real values of these are spelt, only their writers know.
            let is_named = self.trial.named.iter().any(|named| named.has(&loss.formerly));
            if is_named || retyped.contains(&loss.formerly) {
                continue;
            }
            let reason = declared.iter().find_map(|declaration| match declaration {
                Declaration::Loses { what, reason } => loss.is_of(what).then_some(reason.as_str()),
                _ => None,
            });
            let is_written = |ran: &[&Statement]| ran.iter().any(|s| loss.is_written_by(&s.sql));
            if let Some(reason) = reason {
                let told = loss.to_string();
                findings.push(self.tree_run.declared(revision, &loss.what, &told, reason));
            } else if loss.by_upgrade && loss.fate == Fate::RowsLost && is_written(&own[0]) {
                deleted.push(format!("{} ({} rows, by DELETE or TRUNCATE)", loss.what, loss.count));
            } else {
                findings.push(self.tree_run.lost(revision, &loss, &own));
            }
        }
        Ok((findings, deleted))
    }

    /// A time and now, as the server writes them.
    fn since(&mut self, time: Instant) -> Result<[String; 2]> {
        let at = |seconds: f64| {
            format!("SELECT to_json(clock_timestamp() - interval '{seconds} s') #>> '{{}}'")
        };
        let mut ask = |sql: String| self.trial.reader.ask(|session| session.value(&sql));
        let since = ask(at(time.elapsed().as_secs_f64()))?.unwrap_or_default();
        Ok([since, ask(at(0.0))?.unwrap_or_default()])
    }
}

impl TreeRun<'_> {
    /// The statements of a revision so far, and its text.
    fn texts_of(&self, revision: &str) -> Vec<String> {
        let own = self.statements.iter().filter(|s| s.revision.as_deref() == Some(revision));
        own.map(|statement| statement.sql.clone()).chain(self.text_of(revision)).collect()
    }

    /// The finding about rows or values that are lost, with the statements of both ways.
    fn lost(&self, revision: &str, loss: &Loss, [up, down]: &[Vec<&Statement>; 2]) -> Finding {
        let (way, ran, def) = match loss.by_upgrade {
            true => (Direction::Upgrade, up, "def upgrade"),
            false => (Direction::Downgrade, down, "def downgrade"),
        };
        let is_written = |s: &&&Statement| loss.is_written_by(&s.sql);
        // A downgrade that sets the column as well claims to restore it.
        let is_meant = loss.merged
            && up.iter().any(|s| is_written(&s))
            && !down.iter().any(|s| is_written(&s));
        let by =
            ran.iter().find(is_written).or_else(|| ran.iter().find(|s| loss.may_be_by(&s.sql)));
        let message = match way {
            Direction::Upgrade if is_meant => format!(
                "{loss}, by the upgrade of revision {revision}: it makes one value of several, which no downgrade can tell apart"
            ),
            Direction::Upgrade => format!(
                "{loss}, by the upgrade of revision {revision}, and its downgrade does not bring them back"
            ),
            Direction::Downgrade => format!("{loss}, by the downgrade of revision {revision}"),
        };
        let place = self.file_of(revision).map(|file| {
            let text = self.text_of(revision).unwrap_or_default();
            let line = by.and_then(|s| s.line);
            let source = line.and_then(|line| text.lines().nth(line as usize - 1));
            let known = line.zip(source).or_else(|| line_of(&text, def));
            Place {
                file: self.context.relative(file),
                line: known.map(|(line, _)| line),
                source: known.map(|(_, source)| source.to_owned()),
            }
        });
        Finding {
            revision: Some(revision.to_owned()),
            direction: Some(way),
            place,
            statement: by.map(|s| s.sql.clone()),
            subject: Some(loss.what.clone()),
            severity: is_meant.then_some(Severity::Note),
            ..Finding::new(&code::DATA_LOST, message)
        }
    }

    /// A note about a declaration of the revision.
    fn declared(&self, revision: &str, what: &str, told: &str, reason: &str) -> Finding {
        let message = match told.starts_with(what) {
            true => format!("{told}, by revision {revision}: {reason}"),
            false => format!("{what} is {told} before revision {revision}: {reason}"),
        };
        let names: Vec<String> = what.rsplit('.').map(str::to_owned).collect();
        self.about(revision, &names, Finding::new(&code::ROWS_DECLARED, message))
    }

    /// The finding, placed at the line of the revision's file that names its subject.
    pub(super) fn about(&self, revision: &str, names: &[String], finding: Finding) -> Finding {
        let place = self.file_of(revision).map(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = line_that_names(&text, names);
            Place {
                file: self.context.relative(file),
                line: line.map(|(number, _)| number),
                source: line.map(|(_, source)| source.to_owned()),
            }
        });
        Finding { revision: Some(revision.to_owned()), place, ..finding }
    }

    pub(super) fn text_of(&self, revision: &str) -> Option<String> {
        std::fs::read_to_string(self.file_of(revision)?).ok()
    }

    fn declarations(&self, revision: &str) -> Vec<Declaration> {
        schema_diff::declared(self.text_of(revision).as_deref().unwrap_or_default())
    }
}

/// Why a table is not given rows, where the revision says so.
fn left_alone<'d>(declared: &'d [Declaration], name: &str) -> Option<&'d str> {
    declared.iter().find_map(|declaration| match declaration {
        Declaration::Rows { table, reason } => (table == name).then_some(reason.as_str()),
        _ => None,
    })
}
