//! Rehearsals of the new revisions on a database in use, on a copy of their own.
//!
//! They are applied and taken back in one call each, as a deployment does it, with a look at the
//! locks around each statement. The steps are not affected: their calls are not held up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::fixtures::FixtureSet;
use super::lane::{self, Lane};
use crate::production::rehearsal::Place;
use analysis::production::{self, Judged, Setting, Sizes, Text};
use analysis::rows::parents_first;
use model::code;
use model::event::timed;
use model::finding::Finding;
use model::production::Rehearsal;

/// How long a rehearsal may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Lane<'_> {
    /// Rehearses these revisions, parents first. A failure of the rehearsal becomes a line of its
    /// result.
    pub(super) fn rehearse(&mut self, new: &[String]) -> Result<Judged> {
        let (tell, label) = (self.context().tell, self.context().tree.label.clone());
        let looked = timed(tell, &label, "  a database in use", || {
            self.aside(PATIENCE, |lane| lane.rehearse_quietly(new))
        });
        self.context().interrupt.check()?;
        Ok(looked.unwrap_or_else(|err| {
            let told = format!("{} was not tried on a database in use: {err:#}", new.join(", "));
            Judged { lines: vec![told], ..Judged::default() }
        }))
    }

    /// Does something that may take so long, and whose time is no time of the stairs'.
    fn aside<T>(&mut self, limit: Duration, work: impl FnOnce(&mut Self) -> T) -> T {
        let (started, deadline) = (Instant::now(), self.deadline);
        self.deadline = deadline.min(started + limit);
        let done = work(self);
        self.deadline = deadline + started.elapsed();
        done
    }

    fn rehearse_quietly(&mut self, new: &[String]) -> Result<Judged> {
        let mut lines = Vec::new();
        for with_rows in [true, false] {
            self.clear_trial_of_roles()?;
            let trial = self.trial.database.clone();
            self.copy(None, &trial)?;
            let filled = if with_rows { self.fill_empty(new)? } else { BTreeSet::new() };
            let (rehearsal, failed) = self.go_both_ways(new)?;
            let rows = if filled.is_empty() { "" } else { " on tables with rows" };
            lines.extend(failed.map(|failed| {
                let message = failed.message.lines().next().unwrap_or_default().to_owned();
                format!("{} in one call{rows}: {message}", new.join(", "))
            }));
            if let Some(rehearsal) = rehearsal {
                let mut judged = self.judge_rehearsal(&rehearsal, new, &filled);
                judged.lines.splice(0..0, lines);
                return Ok(judged);
            }
            if filled.is_empty() {
                break;
            }
        }
        lines.push(format!("{} was not tried on a database in use", new.join(", ")));
        Ok(Judged { lines, ..Judged::default() })
    }

    /// Gives the tables that these revisions may touch rows where they have none; which.
    fn fill_empty(&mut self, new: &[String]) -> Result<BTreeSet<String>> {
        let mut filled = BTreeSet::new();
        for revision in new {
            let all = self.tables_of(revision)?;
            for table in parents_first(&all).into_iter().filter(|table| !table.is_partition) {
                let any = format!("SELECT 1 FROM {} LIMIT 1", table.name);
                let is_empty = self.trial.reader.ask(|session| session.value(&any))?.is_none();
                let has_parts = table.bounds.as_ref().is_none_or(|bounds| !bounds.is_empty());
                if is_empty && has_parts && !self.put(table, FixtureSet::Plain)?.0.is_empty() {
                    filled.insert(table.name.clone());
                }
            }
        }
        Ok(filled)
    }

    /// The rehearsal, as far as it went, and the first call that failed.
    fn go_both_ways(&mut self, new: &[String]) -> Result<(Option<Rehearsal>, Option<Finding>)> {
        let Some(head) = new.last() else { return Ok((None, None)) };
        let mut failed = None;
        let (trial, below) = (self.trial.database.clone(), self.version()?);
        let below = match below.as_slice() {
            [] => Some("base".to_owned()),
            [one] => Some(one.clone()),
            _ => None,
        };
        let returns = !new.iter().any(|id| self.tree_run.declared_irreversible(id).is_some());
        let version_tables: Vec<String> =
            self.tree_run.names_of_version_tables().into_iter().collect();
        let place = Place {
            endpoint: self.context().server.endpoint(),
            database: &trial,
            interrupt: self.context().interrupt,
            version_tables: &version_tables,
        };
        let rehearsal = place.rehearse(returns && below.is_some(), |up, look| {
            let call = match (&below, up) {
                (Some(below), false) => ("downgrade", below.as_str()),
                _ => ("upgrade", head.as_str()),
            };
            let went = self.run_looking(
                call,
                &trial,
                (lane::StairEnvironment::Here, Some(look)),
                &mut Vec::new(),
            )?;
            let is_done = went.is_ok();
            failed = failed.take().or(went.err().map(|finding| *finding));
            Ok(is_done)
        })?;
        Ok((rehearsal, failed))
    }

    fn judge_rehearsal(
        &self,
        rehearsal: &Rehearsal,
        new: &[String],
        filled: &BTreeSet<String>,
    ) -> Judged {
        let text = |revision: &String| {
            let file = self.tree_run.file_of(revision)?.to_owned();
            let shown = self.context().relative(&file);
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            Some(Text { revision: revision.clone(), file, shown, text })
        };
        let revisions: Vec<Text> = new.iter().filter_map(text).collect();
        let file = revisions.last().and_then(|text| production::sizes_of(&text.file));
        let read = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let read = read.map(|text| Sizes::read(&text));
        let today = crate::production::today();
        let sizes = read.as_ref().and_then(|read| read.as_ref().ok());
        let setting = Setting { revisions: &revisions, sizes, today, filled };
        let mut judged = production::judge(rehearsal, &setting);
        if let (Some(Err(line)), Some(file)) = (read, file) {
            let file = self.context().relative(&file);
            let message = format!("cannot read line {line} of `{file}`");
            judged.findings.push(Finding::new(&code::SIZES, message));
        }
        judged
    }
}
