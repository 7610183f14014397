//! One named thing that the gate runs against a tree.

use std::time::Duration;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It ran, and everything that it asked for was found to be so.
    Passed,
    /// It ran, and something was wrong; a finding says what.
    Failed,
    /// It did not run. Never green.
    Skipped,
}

/// A step and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name in the contract: `Console — assert single head`.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// What it printed for the reader: `Console head count: 1`.
    pub notes: Vec<String>,
    /// Wall time.
    pub elapsed: Duration,
}

/// How the note of a step begins that was not run now, because it is known what comes of it.
pub const KNOWN_SINCE: &str = "known since ";

impl Step {
    /// Since when it is known, as a date, where it was not run now.
    pub fn known_since(&self) -> Option<&str> {
        let notes = self.notes.iter().filter_map(|note| note.strip_prefix(KNOWN_SINCE));
        notes.filter_map(|rest| rest.split(": ").next()).next()
    }

    /// A step that did not run, and why.
    pub fn skipped(name: String, reason: String) -> Step {
        let status = Status::Skipped;
        Step { name, status, reason: Some(reason), notes: Vec::new(), elapsed: Duration::ZERO }
    }
}
