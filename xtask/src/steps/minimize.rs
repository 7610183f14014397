//! Minimising: the row that breaks a revision where it is the only one.
//!
//! The revision itself is run again and again, each time on a copy of the database in which some of
//! the rows are deleted. Only a revision that has failed pays for that.

use anyhow::Result;

use super::fixtures::{FixtureSet, Fixtures};
use super::lane::{Lane, StairEnvironment};
use super::revisions::RevisionNode;
use crate::postgres::rows as tables;
use analysis::rows;
use model::code;
use model::finding::Finding;
use model::rows::Made;
use model::transcript::{Direction, Statement, Transcript};

/// The longest row that is shown, in characters.
const SHOWN: usize = 300;

impl Lane<'_> {
    /// Makes a failure that needs rows a finding of its own, with the row. The database is in the
    /// state after the trial on plain rows. `made_up` says why such rows may not exist in
    /// production.
    pub(super) fn blamed_on_rows(
        &mut self,
        stair: &RevisionNode,
        failed: Finding,
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
        let culprit = match told_row {
            Some(_) => None,
            None => self.culprit(stair, &failed, seen)?,
        };
        let row = match (told_row, &culprit) {
            (Some(detail), _) => shown(detail.trim_end_matches('.')),
            (None, Some((table, row))) => {
                format!("the row that breaks it{when}: {}", shown(&format!("{table} {row}")))
            }
            (None, None) => "no single row breaks it".to_owned(),
        };
        let code = rows::code_of(said.and_then(Transcript::sqlstate));
        let told = match headline {
            Some(exception) => exception.to_string(),
            None => failed.message.clone(),
        };
        let filled = said.and_then(|said| {
            let by = rows::filled_by(said, &stair.revision, &self.tree_run.statements)?;
            Some(format!("revision {by}, below it, gives the rows a value"))
        });
        let is_name =
            said.zip(culprit.as_ref()).is_some_and(|(s, (_, row))| rows::is_named_by(s, row));
        let named = is_name.then_some("it takes a made-up text for the name of an object");
        let why = rows::not_of_the_schema(said).or(made_up).or(named).or(filled.as_deref());
        if let Some(why) = why {
            let message = format!(
                "the {way} of revision {} was not tried on rows to its end: {why}: {told}; {row}; where \
                 production holds other rows, `# migration-gate: rows TABLE, reason` leaves these out",
                stair.revision
            );
            let code = &code::NOT_FILLED;
            return Ok(Finding { code, message, predicted: None, ..failed });
        }
        let message = format!(
            "the {way} of revision {} passes on empty tables and fails on rows that the schema allows: \
             {told}; {row}",
            stair.revision
        );
        let named = || said.and_then(|said| rows::table_of(said.statement.as_deref()?));
        let subject = culprit.map(|(table, _)| table).or_else(named);
        Ok(Finding { code, message, predicted: None, subject, ..failed })
    }

    /// A row that breaks the revision where all others of the tables in question are gone, and its table.
    fn culprit(
        &mut self,
        stair: &RevisionNode,
        failed: &Finding,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<(String, String)>> {
        self.clear_trial_of_roles()?;
        let trial = self.trial.database.clone();
        self.copy(None, &trial)?;
        let filled = self.fill(&stair.revision, FixtureSet::Plain)?;
        let all = suspects(&filled, failed.transcript.as_deref());
        let mut suspects = all.clone();
        while suspects.len() > 1 {
            let (one, other) = suspects.split_at(suspects.len() / 2);
            let (one, other) = (one.to_vec(), other.to_vec());
            if self.breaks_with(stair, failed, (&all, &one), seen)? {
                suspects = one;
            } else if self.breaks_with(stair, failed, (&all, &other), seen)? {
                suspects = other;
            } else {
                return Ok(None);
            }
        }
        let Some(made) = suspects.first() else { return Ok(None) };
        let row = self.trial.reader.ask(|session| tables::row(session, made))?;
        Ok(row.map(|row| (made.table.clone(), row)))
    }

    /// Whether the revision fails in the same way where only some of the rows are there.
    fn breaks_with(
        &mut self,
        stair: &RevisionNode,
        failed: &Finding,
        (all, kept): (&[Made], &[Made]),
        seen: &mut Vec<Statement>,
    ) -> Result<bool> {
        let (trial, part) = (self.trial.database.clone(), format!("{}_part", self.trial.database));
        self.copy(Some(&trial), &part)?;
        let gone: Vec<Made> = all.iter().filter(|row| !kept.contains(row)).cloned().collect();
        let mut session = self.context().session(&part)?;
        // A given server may not let the gate skip foreign keys; then the row cannot be found.
        let deleted = tables::delete(&mut session, &gone);
        drop(session);
        let fails = match deleted {
            Ok(()) => self.failure_in(stair, &part, seen),
            Err(_) => self.context().interrupt.check().map(|()| None),
        };
        self.drop(&part)?;
        self.restore_shared()?;
        // Rows whose parents are gone may break another statement.
        let way = |finding: &Finding| {
            let said = finding.transcript.as_deref();
            said.map(|said| (said.sqlstate().map(str::to_owned), said.statement.clone()))
        };
        Ok(fails?.is_some_and(|other| way(&other) == way(failed)))
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
