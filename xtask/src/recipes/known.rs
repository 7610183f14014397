//! A database that an earlier run left right before the new revisions: the steps up to there are shown
//! as they were, and only what comes after is run.

use std::fmt;
use std::time::SystemTime;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::live::Outcome;
use crate::drivers::interrupt::Interrupted;
use crate::drivers::postgres::session::VersionTable;
use model::step::{Status, Step};
use model::transcript::Statement;

/// Where a database stands, and what was done up to there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownStart {
    /// What the version table holds, sorted.
    pub at: Vec<String>,
    /// Where Alembic keeps its version.
    pub table: VersionTable,
    /// The revisions that are applied.
    pub applied: Vec<String>,
    /// The steps that were done.
    pub steps: Vec<Step>,
    /// What was run up to there.
    pub statements: Vec<Statement>,
    /// When.
    pub since: SystemTime,
}

/// A failure that may come from the known start; the run is repeated without it.
#[derive(Debug)]
pub struct KnownStartDoubted(pub String);

impl fmt::Display for KnownStartDoubted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the failure may come from the cached snapshot: {}", self.0)
    }
}

impl std::error::Error for KnownStartDoubted {}

impl KnownStart {
    /// What was done before, where this is one of the steps that were.
    pub(super) fn step(&self, done: usize, name: &str) -> Option<Step> {
        let step = self.steps.get(done).filter(|step| step.name == name)?;
        Some(known(step, self.since))
    }

    /// Why the outcome of a step may come from the snapshot: it is wrong, and not plainly by a revision
    /// after it.
    pub(super) fn doubt(&self, result: &Result<Outcome>) -> Option<KnownStartDoubted> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(err) if err.is::<Interrupted>() => return None,
            Err(err) => return Some(KnownStartDoubted(format!("{err:#}"))),
        };
        let finding = outcome.error()?;
        let said = finding.transcript.as_ref().and_then(|said| said.revision.as_ref());
        let revision = said.map(|r| &r.id).or(finding.revision.as_ref());
        match revision {
            Some(revision) if !self.applied.contains(revision) => None,
            _ => Some(KnownStartDoubted(finding.message.clone())),
        }
    }
}

/// A step that was not run now, since when its outcome is known.
pub fn known(step: &Step, since: SystemTime) -> Step {
    // What was known then too was known since the same time.
    let known_since = Some(step.known_since.unwrap_or(since));
    Step { known_since, status: Status::Passed, ..step.clone() }
}
