//! Rollback of a change: its command, and its cost.

use serde::{Deserialize, Serialize};

/// The way back from the new revisions of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The folder in which the command runs, relative to the root.
    pub cwd: String,
    /// `alembic -c alembic.ini downgrade 0044`.
    pub command: String,
    /// The revisions that the command takes back, the newest first.
    pub revisions: Vec<String>,
    /// Whether the gate took each of them down and up again without a fault.
    pub rehearsed: bool,
    /// Why not.
    pub not_rehearsed: Vec<String>,
    /// The sessions that wait meanwhile, a sentence each.
    pub waits: Vec<String>,
    /// The tables and columns that the rollback drops, with the data written there since.
    pub lost: Vec<String>,
    /// The first revision whose downgrade does not restore the state before it, and the reason.
    pub no_return: Option<String>,
}
