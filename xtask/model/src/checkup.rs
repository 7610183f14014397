//! Checkup of a machine: the tools that the gate finds and the files that it keeps.

use camino::Utf8PathBuf;

/// The results of a checkup.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// The tools that the gate needs or can use, most important first.
    pub checks: Vec<Check>,
    /// Cached files and leftovers of runs.
    pub things: Vec<Thing>,
    /// Whether cleaning was requested.
    pub cleaned: bool,
    /// Whether each place and folder is listed.
    pub verbose: bool,
    /// Why a thing was left although cleaning was requested.
    pub notes: Vec<String>,
}

/// One tool that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name: `Postgres 15`.
    pub name: &'static str,
    /// Its health.
    pub health: Health,
    /// The result of the search, in a line.
    pub found: String,
    /// Each place that was looked at, in a line each.
    pub details: Vec<String>,
    /// The fix, or the command that applies it.
    pub fix: Option<String>,
}

/// Health of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Found as needed.
    Ok,
    /// The gate runs, but slower or with less.
    Weak,
    /// Missing: the gate cannot run.
    Missing,
}

/// A file or folder of the gate that takes room.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Its kind: the name of its folder in the cache, or `run`.
    pub kind: String,
    /// Its description in words.
    pub what: String,
    /// Its path.
    pub path: Utf8PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it was removed.
    pub removed: bool,
}

impl Checkup {
    /// Whether the gate can run: no tool that it needs is missing.
    pub fn can_run(&self) -> bool {
        self.checks.iter().all(|check| check.health != Health::Missing)
    }
}
