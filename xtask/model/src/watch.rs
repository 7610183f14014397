//! State of `--watch` at any moment.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::finding::Finding;
use super::report::Report;

/// The state of a watching gate.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The trees, in order.
    pub trees: Vec<WatchedTree>,
    /// The number of runs, including the running one.
    pub runs: u32,
    /// The files that started the run, relative to the root; empty: the first run, or a key.
    pub changed: Vec<Utf8PathBuf>,
    /// Whether a run is going on.
    pub running: bool,
    /// The report of the last complete run.
    pub report: Option<Report>,
    /// The additions of the rehearsal after that run: findings, and a line for each note.
    pub rehearsed: Report,
    /// The time from the save to the last verdict.
    pub answered_after: Duration,
    /// The findings of the lints in the current run.
    pub predicted: Vec<Finding>,
    /// The earlier results that the current or last run reuses, or why it reuses none.
    pub reuse: Vec<String>,
    /// Whether `reuse` is shown.
    pub verbose: bool,
    /// The answer to a key; it is shown in place of the verdict until the next key.
    pub answer: Option<String>,
    /// Whether keys are listened to.
    pub keys: bool,
}

/// One of the trees.
#[derive(Clone, Debug, Default)]
pub struct WatchedTree {
    /// Its id.
    pub tree: String,
    /// Its label.
    pub label: String,
    /// Its new revisions, in the order in which they are applied.
    pub new: Vec<NewRevision>,
    /// Its current step, and the revision within.
    pub doing: Option<String>,
    /// Whether this run includes it.
    pub in_run: bool,
    /// The command that opens its database in the state after the last run.
    pub psql: Option<String>,
}

/// A new revision and its progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevision {
    /// Its id.
    pub revision: String,
    /// Its file, relative to the root.
    pub file: Utf8PathBuf,
    /// Its progress.
    pub state: RevisionState,
}

/// Progress of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionState {
    /// The revision was not reached.
    Waiting,
    /// The revision is being applied.
    Upgrading,
    /// The revision was applied.
    Applied,
    /// The revision is being taken back.
    Downgrading,
    /// The revision passed its step: it was applied and, if the step asks for that, taken back and
    /// applied again.
    Passed,
    /// The revision has a fault.
    Failed,
}

/// Why the state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Files changed, and a run begins.
    Begun,
    /// The current run advanced.
    Progress,
    /// The lints spoke, before anything was run.
    Linted,
    /// The gate has looked up the results to reuse.
    Reused,
    /// A run ended.
    Verdict,
    /// The rehearsal after the run ended.
    Rehearsed,
    /// A key was pressed, and its command was run.
    Answer,
}
