//! Tables with rows: an empty database hides what breaks on real ones.
//!
//! Before a revision is tried, every table that it may touch is given rows that the catalogue alone
//! suggests (`analysis/rows`), and so are the tables that those point to. They stay while the climb
//! goes on, as rows do in production; a table that has changed since gets more. What the rows of the
//! touched tables held is compared after the downgrade.

use anyhow::Result;

use super::climb::Climb;
use super::live::Live;
use crate::drivers::postgres::aside;
use crate::drivers::postgres::rows as tables;
use crate::drivers::postgres::snapshot::Watch;
use analysis::rows::{self, Draft, Loss, Touched, parents_first};
use analysis::schema_diff::{self, Declaration, line_that_names};
use model::code;
use model::finding::{Finding, Place};
use model::rows::{Contents, Made, Table};

/// Which rows are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// None.
    None,
    /// Those that anybody could have written.
    Plain,
    /// And those of what hardly anybody writes.
    All,
}

/// What was put into the tables before a revision.
#[derive(Default)]
pub(super) struct Filled {
    /// The tables that the revision may touch.
    pub(super) touched: Vec<Table>,
    /// The rows that were made.
    pub(super) made: Vec<Made>,
    /// What the touched tables held then.
    pub(super) before: Contents,
    /// What is to be told of it.
    pub(super) notes: Vec<Finding>,
}

impl<'a> Live<'a> {
    /// The tables that a revision may touch, with those that they lead to.
    pub(super) fn tables_of(&self, watch: &mut Watch<'a>, revision: &str) -> Result<Vec<Table>> {
        let Touched { names, emptied } = self.touched_by(revision);
        let version_table = &self.alembic.version_table;
        watch.ask(|session| tables::tables(session, names.as_ref(), &emptied, version_table))
    }

    /// The words that may be names of tables that a revision touches.
    pub(super) fn touched_by(&self, revision: &str) -> Touched {
        rows::touched(self.texts_of(revision).iter().map(String::as_str))
    }

    /// Whether a revision makes, changes or drops roles, by its statements so far and its text.
    pub(super) fn changes_roles(&self, revision: &str) -> bool {
        self.texts_of(revision).iter().any(|text| aside::changes_roles(text))
    }

    /// The statements of a revision so far, and its text.
    pub(super) fn texts_of(&self, revision: &str) -> Vec<String> {
        let own = self.memory.statements.iter().filter(|s| s.revision.as_deref() == Some(revision));
        own.map(|statement| statement.sql.clone()).chain(self.text_of(revision)).collect()
    }

    /// Gives the tables that a revision may touch rows, unless they have them.
    pub(super) fn fill(
        &self,
        climb: &mut Climb<'a>,
        revision: &str,
        which: Rows,
    ) -> Result<Filled> {
        let mut filled = Filled::default();
        if which == Rows::None {
            return Ok(filled);
        }
        let all = match climb.tables.take() {
            Some(tables) => tables,
            None => self.tables_of(&mut climb.watch, revision)?,
        };
        let declared = self.declarations(revision);
        for table in parents_first(&all).into_iter().filter(|table| !table.is_partition) {
            if let Some(reason) = left_alone(&declared, &table.name) {
                if table.touched {
                    filled.notes.push(self.declared(
                        revision,
                        &table.name,
                        "not given rows",
                        reason,
                    ));
                }
                continue;
            }
            if table.touched {
                filled.touched.push(table.clone());
            }
            // A table without the parts that would hold its rows has none in production either.
            let holds_none = table.bounds.as_ref().is_some_and(Vec::is_empty);
            if holds_none || climb.filled.get(&table.name) == Some(&table.columns) {
                continue;
            }
            let (made, complaint) = self.put(climb, table, which)?;
            climb.filled.insert(table.name.clone(), table.columns.clone());
            if made.is_empty() && climb.unfilled.insert(table.name.clone()) {
                filled.notes.extend(self.not_filled(climb, revision, table, complaint)?);
            }
            filled.made.extend(made);
        }
        let touched = &filled.touched;
        filled.before = climb.watch.ask(|session| tables::contents(session, touched))?;
        Ok(filled)
    }

    /// Whether a table has rows of earlier revisions that this one wants to be without.
    pub(super) fn holds_what_is_none_of_ours(&self, climb: &Climb<'a>, revision: &str) -> bool {
        let declared = self.declarations(revision);
        climb.filled.keys().any(|table| left_alone(&declared, table).is_some())
    }

    /// Makes rows for one table; where none could be made, why.
    fn put(
        &self,
        climb: &mut Climb<'a>,
        table: &Table,
        which: Rows,
    ) -> Result<(Vec<Made>, String)> {
        let draft = Draft::new(table);
        let questions = draft.questions();
        let answers = climb.watch.ask(|session| tables::choices(session, &questions))?;
        let inserts = match draft.inserts(answers) {
            Ok(inserts) => inserts,
            Err(why) => return Ok((Vec::new(), why)),
        };
        let extremes = which == Rows::All;
        let put = climb.watch.ask(|session| tables::put(session, &inserts, extremes))?;
        let why = put.complaint.unwrap_or_else(|| "every row is there already".to_owned());
        Ok((put.made, why))
    }

    /// A note about a table that stays empty.
    fn not_filled(
        &self,
        climb: &mut Climb<'a>,
        revision: &str,
        table: &Table,
        why: String,
    ) -> Result<Option<Finding>> {
        let name = &table.name;
        let any = format!("SELECT 1 FROM {name} LIMIT 1");
        if climb.watch.ask(|session| session.value(&any))?.is_some() {
            return Ok(None);
        }
        let message = format!(
            "table {name} has no rows when revision {revision} is tried, because none could be made: {why}"
        );
        let named = std::slice::from_ref(name);
        Ok(Some(self.about(revision, named, Finding::new(&code::NOT_FILLED, message))))
    }

    /// What the touched tables hold.
    pub(super) fn contents(&self, climb: &mut Climb<'a>, filled: &Filled) -> Result<Contents> {
        if filled.touched.is_empty() {
            return Ok(Contents::new());
        }
        climb.watch.ask(|session| tables::contents(session, &filled.touched))
    }

    /// Findings for what a round trip does to the rows that were there before.
    pub(super) fn judge_rows(
        &self,
        revision: &str,
        filled: &Filled,
        between: &Contents,
        after: &Contents,
    ) -> Vec<Finding> {
        let declared = self.declarations(revision);
        let finding = |loss: Loss| {
            let reason = declared.iter().find_map(|declaration| match declaration {
                Declaration::Loses { what, reason } => loss.is_of(what).then_some(reason.as_str()),
                _ => None,
            });
            if let Some(reason) = reason {
                return self.declared(revision, &loss.what, &loss.to_string(), reason);
            }
            let message = match loss.by_upgrade {
                true => format!(
                    "{loss}, by the upgrade of revision {revision}, and its downgrade does not bring them back"
                ),
                false => format!("{loss}, by the downgrade of revision {revision}"),
            };
            let names: Vec<String> = loss.what.rsplit('.').map(str::to_owned).collect();
            self.about(revision, &names, Finding::new(&code::DATA_LOST, message))
        };
        rows::losses(&filled.before, between, after).into_iter().map(finding).collect()
    }

    /// A note about what a revision says itself.
    fn declared(&self, revision: &str, what: &str, told: &str, reason: &str) -> Finding {
        let message = match told.starts_with(what) {
            true => format!("{told}, by revision {revision}: {reason}"),
            false => format!("{what} is {told} before revision {revision}: {reason}"),
        };
        let names: Vec<String> = what.rsplit('.').map(str::to_owned).collect();
        self.about(revision, &names, Finding::new(&code::ROWS_DECLARED, message))
    }

    /// The finding at the line of the revision's file that names what it is about.
    fn about(&self, revision: &str, names: &[String], finding: Finding) -> Finding {
        let place = self.file_of(revision).map(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = line_that_names(&text, names);
            Place {
                file: file.strip_prefix(self.root).unwrap_or(file).to_owned(),
                line: line.map(|(number, _)| number),
                source: line.map(|(_, source)| source.to_owned()),
            }
        });
        Finding { revision: Some(revision.to_owned()), place, ..finding }
    }

    fn text_of(&self, revision: &str) -> Option<String> {
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
