//! Minimising: the row that breaks a revision where it is the only one, and the value in it.
//!
//! The revision itself is run again and again, each time on a copy of the database in which some of
//! the rows are deleted or have other values. Only a revision that has failed pays for that.

use std::collections::BTreeMap;

use anyhow::Result;

use super::fixtures::{FixtureSet, Fixtures};
use super::lane::{Lane, StairEnvironment};
use super::revisions::RevisionNode;
use crate::postgres::rows as tables;
use analysis::rows;
use model::finding::Finding;
use model::rows::{Cell, Made};
use model::transcript::{Statement, Transcript};

/// How often a revision is run to find the row.
const TRIALS_MAX: usize = 48;
/// How often it is run to find the column, where no few rows break it.
const COLUMN_TRIALS_MAX: usize = 16;
/// The number of rows that may break a revision together; more say nothing.
const TOGETHER_MAX: usize = 3;

/// Rows that break a revision.
#[derive(Default)]
pub(super) struct Culprit {
    /// The rows without one of which it does not fail so, each a table and a JSON object.
    pub(super) rows: Vec<(String, String)>,
    /// The value with another one in place of which it does not fail so.
    pub(super) cell: Option<Cell>,
}

/// A search for a culprit.
struct Search<'s> {
    stair: &'s RevisionNode,
    failed: &'s Finding,
    /// The rows that may be to blame.
    all: Vec<Made>,
    /// How often the revision may still be run.
    left: usize,
}

/// End of a trial, next to the failure at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// In the same failure.
    Same,
    /// In another failure of the same statement, or of the same line or one below.
    Further,
    /// Well.
    Well,
    /// Elsewhere, or it could not be tried.
    Elsewhere,
}

impl Lane<'_> {
    /// The rows that break the revision where all others of the tables in question are gone; none
    /// where that cannot be told.
    pub(super) fn culprit(
        &mut self,
        stair: &RevisionNode,
        failed: &Finding,
        which: FixtureSet,
        seen: &mut Vec<Statement>,
    ) -> Result<Culprit> {
        self.clear_trial_of_roles()?;
        let trial = self.trial.database.clone();
        self.copy(None, &trial)?;
        let filled = self.fill(&stair.revision, which)?;
        let all = suspects(&filled, failed.transcript.as_deref());
        let mut search = Search { stair, failed, all, left: TRIALS_MAX };
        // Rows of tables that the statement does not name may break it, through a trigger say.
        if self.ended(&mut search, &[], &[], seen)? == Ended::Same {
            search.all.clone_from(&filled.made);
            if self.ended(&mut search, &[], &[], seen)? == Ended::Same {
                return Ok(Culprit::default());
            }
        }
        let all = search.all.clone();
        let needed = self.needed(&mut search, &all, &[], seen)?;
        if needed.len() > TOGETHER_MAX
            || self.ended(&mut search, &needed, &[], seen)? != Ended::Same
        {
            search.left = COLUMN_TRIALS_MAX;
            return Ok(Culprit { rows: Vec::new(), cell: self.column(&mut search, seen)? });
        }
        let mut rows = Vec::new();
        for made in &needed {
            let row = self.trial.reader.ask(|session| tables::row(session, made))?;
            rows.extend(row.map(|row| (made.table.clone(), row)));
        }
        let cell = self.cell(&mut search, &needed, seen)?;
        Ok(if search.left > 0 { Culprit { rows, cell } } else { Culprit::default() })
    }

    /// The rows of a part that the failure needs, where those beside it are there as well.
    fn needed(
        &mut self,
        search: &mut Search<'_>,
        part: &[Made],
        beside: &[Made],
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Made>> {
        if part.len() <= 1 || search.left == 0 {
            return Ok(part.to_vec());
        }
        let halves = part.split_at(part.len() / 2);
        for half in [halves.0, halves.1] {
            if self.ended(search, &[half, beside].concat(), &[], seen)? == Ended::Same {
                return self.needed(search, half, beside, seen);
            }
        }
        let one = self.needed(search, halves.0, &[halves.1, beside].concat(), seen)?;
        let other = self.needed(search, halves.1, &[&one, beside].concat(), seen)?;
        Ok([one, other].concat())
    }

    /// The value of these rows that is to blame, a NULL before all others.
    fn cell(
        &mut self,
        search: &mut Search<'_>,
        rows: &[Made],
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Cell>> {
        let said = search.failed.transcript.as_deref().and_then(Transcript::headline);
        // Postgres names the column itself; a row that is written anew has its NULL from another one.
        let (table, column) = (said.and_then(|it| it.table.as_ref()), said.map(|it| &it.column));
        let is_own = |made: &Made| {
            table.is_some_and(|table| format!(".{table}").ends_with(&format!(".{}", made.table)))
        };
        if column.is_some_and(Option::is_some) && rows.iter().any(is_own) {
            return Ok(None);
        }
        let mut cells = Vec::new();
        for made in rows {
            cells.extend(self.trial.reader.ask(|session| tables::cells(session, made))?);
        }
        let (nulls, values): (Vec<Cell>, Vec<Cell>) =
            cells.into_iter().partition(|cell| cell.value.is_none());
        // Another value may part rows that belong together.
        let values = if rows.len() == 1 { values } else { Vec::new() };
        for group in [nulls, values] {
            let alone: Vec<Vec<Cell>> = group.into_iter().map(|cell| vec![cell]).collect();
            let found = self.cell_of(search, rows, &alone, seen)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A NULL of the one column whose NULLs, all of them, are to blame.
    fn column(
        &mut self,
        search: &mut Search<'_>,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Cell>> {
        let mut columns: BTreeMap<(String, String), Vec<Cell>> = BTreeMap::new();
        let all = search.all.clone();
        for made in &all {
            let cells = self.trial.reader.ask(|session| tables::cells(session, made))?;
            for cell in cells.into_iter().filter(|cell| cell.value.is_none()) {
                let key = (made.table.clone(), cell.column.clone());
                columns.entry(key).or_default().push(cell);
            }
        }
        let columns: Vec<Vec<Cell>> = columns.into_values().collect();
        let found = self.cell_of(search, &all, &columns, seen)?;
        Ok(found.filter(|_| search.left > 0))
    }

    /// A value of the one group that is to blame.
    fn cell_of(
        &mut self,
        search: &mut Search<'_>,
        rows: &[Made],
        groups: &[Vec<Cell>],
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Cell>> {
        let ended = match groups {
            [] => return Ok(None),
            groups => self.ended(search, rows, &groups.concat(), seen)?,
        };
        if ![Ended::Well, Ended::Further].contains(&ended) {
            return Ok(None);
        }
        if let [group] = groups {
            return Ok(group.first().cloned());
        }
        let (one, other) = groups.split_at(groups.len() / 2);
        match self.cell_of(search, rows, one, seen)? {
            Some(found) => Ok(Some(found)),
            None => self.cell_of(search, rows, other, seen),
        }
    }

    /// How the revision ends where only some of the rows are there, and some values are others.
    fn ended(
        &mut self,
        search: &mut Search<'_>,
        kept: &[Made],
        set: &[Cell],
        seen: &mut Vec<Statement>,
    ) -> Result<Ended> {
        if search.left == 0 {
            return Ok(Ended::Elsewhere);
        }
        search.left -= 1;
        let (trial, part) = (self.trial.database.clone(), format!("{}_part", self.trial.database));
        self.copy(Some(&trial), &part)?;
        let gone: Vec<Made> =
            search.all.iter().filter(|row| !kept.contains(row)).cloned().collect();
        let mut session = self.context().session(&part)?;
        // A given server may not let the gate skip foreign keys; then the row cannot be found.
        let changed = tables::change(&mut session, &gone, set);
        drop(session);
        let ended = match changed {
            Ok(()) => {
                let other = self.failure_in(search.stair, &part, seen);
                other.map(|other| compared(other.as_deref(), search.failed))
            }
            Err(_) => self.context().interrupt.check().map(|()| Ended::Elsewhere),
        };
        self.drop(&part)?;
        self.restore_shared()?;
        ended
    }

    fn failure_in(
        &mut self,
        stair: &RevisionNode,
        part: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Box<Finding>>> {
        let known = self.tree_run.statements.len();
        let mut tried =
            self.run(("upgrade", &stair.revision), part, StairEnvironment::Here, seen)?;
        if tried.is_ok() {
            let target =
                self.tree_run.down_from(&stair.revision, std::slice::from_ref(&stair.revision));
            tried = self.run(("downgrade", &target), part, StairEnvironment::Here, seen)?;
        }
        self.tree_run.statements.truncate(known);
        Ok(tried.err())
    }
}

/// The end of a trial next to the failure at hand. Rows whose parents are gone may break another
/// statement, or the same line in another way.
fn compared(other: Option<&Finding>, failed: &Finding) -> Ended {
    let Some(other) = other else { return Ended::Well };
    let of = |finding: &Finding| {
        let said = finding.transcript.as_deref()?;
        let frame = said.frames.last().cloned();
        let state = said.sqlstate().map(str::to_owned);
        let raised = said.headline().map(|raised| (raised.kind.clone(), raised.message.clone()));
        let raised = raised.filter(|_| state.is_none());
        Some((frame, (said.statement.clone(), state, raised)))
    };
    let (Some((at, how)), Some((before, as_before))) = (of(other), of(failed)) else {
        return Ended::Elsewhere;
    };
    let is_below = at.as_ref().zip(before.as_ref()).is_some_and(|(at, before)| {
        (&at.file, &at.function) == (&before.file, &before.function) && at.line > before.line
    });
    match at == before {
        true if how == as_before => Ended::Same,
        true if how.0 == as_before.0 => Ended::Further,
        false if is_below => Ended::Further,
        _ => Ended::Elsewhere,
    }
}

/// The rows that may be to blame: those of the tables that the failing statement names, else all.
fn suspects(filled: &Fixtures, said: Option<&Transcript>) -> Vec<Made> {
    let statement = said.and_then(|said| said.statement.as_deref()).unwrap_or_default();
    let named = rows::touched([statement]).names.unwrap_or_default();
    let is_named = |made: &&Made| {
        made.table.rsplit('.').next().is_some_and(|name| named.contains(name.trim_matches('"')))
    };
    let own: Vec<Made> = filled.made.iter().filter(is_named).cloned().collect();
    if own.is_empty() { filled.made.clone() } else { own }
}
