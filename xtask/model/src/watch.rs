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
    /// How many runs there were, the running one included.
    pub runs: u32,
    /// What started the run: files relative to the root; none: the first run, or a key.
    pub changed: Vec<Utf8PathBuf>,
    /// Whether a run is going on.
    pub running: bool,
    /// What the last run that came to its end found.
    pub report: Option<Report>,
    /// What the rehearsal after it adds: findings, and a line for each note.
    pub rehearsed: Report,
    /// How long after the save the last verdict stood.
    pub answered_after: Duration,
    /// What the lints found in the run that is going on.
    pub predicted: Vec<Finding>,
    /// What the run that is going on or was last goes by of what was known before, or why not.
    pub reuse: Vec<String>,
    /// Whether that is shown.
    pub verbose: bool,
    /// What a key asked for; it is shown in the place of the verdict until a key is pressed again.
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
    /// What it is at: the step, and the revision within.
    pub doing: Option<String>,
    /// Whether this run has it.
    pub in_run: bool,
    /// The command that opens its database as the last run left it.
    pub psql: Option<String>,
}

/// A new revision and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevision {
    /// Its id.
    pub revision: String,
    /// Its file, relative to the root.
    pub file: Utf8PathBuf,
    /// How far it came.
    pub state: RevisionState,
}

/// How far a revision came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionState {
    /// It was not reached.
    Waiting,
    /// It is being applied.
    Upgrading,
    /// It was applied.
    Applied,
    /// It is being taken back.
    Downgrading,
    /// It was applied, taken back, and applied again, or as much of it as its step asks for.
    Passed,
    /// Something is wrong with it.
    Failed,
}

/// Why the state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Files changed, and a run begins.
    Begun,
    /// A run goes on.
    Progress,
    /// The lints spoke, before anything was run.
    Linted,
    /// It was told what is known from before.
    Reused,
    /// A run came to its end.
    Verdict,
    /// The rehearsal after it came to its end.
    Rehearsed,
    /// A key was pressed, and what it asked for was done.
    Answer,
}
