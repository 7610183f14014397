//! One file a verb.

mod changed;
pub mod collisions;
pub mod doctor;
pub mod explain;
pub mod fix;
pub mod gate;
pub mod graph;
pub mod lint;
mod plan;
mod predict;
mod remedies;
pub mod renumber;
pub mod replay;
pub mod reports;
mod reuse;
pub mod runbook;
pub mod selection;
mod trial;
pub mod watch;
pub mod workflow;
