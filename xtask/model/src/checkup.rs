//! Checkup of a machine: what the gate finds there, and what it keeps there.

use camino::Utf8PathBuf;

/// Everything that was looked at.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// What the gate needs or can use, in the order in which it matters.
    pub checks: Vec<Check>,
    /// What lies around: what was made once, and what runs left.
    pub things: Vec<Thing>,
    /// Whether it was asked to clean.
    pub cleaned: bool,
    /// Whether each place and folder is listed.
    pub verbose: bool,
    /// Why something was left, where it was asked to clean.
    pub notes: Vec<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// What: `Postgres 15`.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found, in a line.
    pub found: String,
    /// Each place that was looked at, in a line each.
    pub details: Vec<String>,
    /// What to do, or the command that does it.
    pub fix: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As the gate wants it.
    Ok,
    /// The gate runs, but slower or with less.
    Weak,
    /// The gate cannot run without it.
    Missing,
}

/// Something of the gate's that takes room.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Of what kind: the name of its folder in the cache, or `run`.
    pub kind: String,
    /// What it is in words.
    pub what: String,
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it was removed.
    pub removed: bool,
}

impl Checkup {
    /// Whether nothing is missing that the gate cannot do without.
    pub fn can_run(&self) -> bool {
        self.checks.iter().all(|check| check.health != Health::Missing)
    }
}
