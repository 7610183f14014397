//! One file a verb.

pub mod explain;
pub mod gate;
mod prepare;
pub mod replay;
pub mod runbook;
pub mod selection;
