//! Rollback of a change: the command back, and what it costs.

use serde::{Deserialize, Serialize};

/// The way back from the new revisions of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The folder in which the command runs, relative to the root.
    pub cwd: String,
    /// `alembic -c alembic.ini downgrade 0044`.
    pub command: String,
    /// The revisions that it takes back, the newest first.
    pub revisions: Vec<String>,
    /// Whether the gate took each of them down and up again, and nothing was wrong.
    pub rehearsed: bool,
    /// Why not.
    pub not_rehearsed: Vec<String>,
    /// Who waits meanwhile, a sentence each.
    pub waits: Vec<String>,
    /// The tables and columns that it drops, with whatever was written there since.
    pub lost: Vec<String>,
    /// The first revision after which the state before it does not come back, and why.
    pub no_return: Option<String>,
}
