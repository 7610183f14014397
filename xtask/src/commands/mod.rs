//! One file a verb.

pub mod alembic;
pub mod collisions;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod fix;
pub mod graph;
pub mod lint;
pub mod new;
pub mod renumber;
pub mod replay;
pub mod reports;
pub mod runbook;
pub mod watch;
pub mod workflow;
