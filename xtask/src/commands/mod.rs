//! One file a verb.

pub mod explain;
pub mod gate;
pub mod graph;
pub mod lint;
mod prepare;
pub mod runbook;
pub mod selection;
