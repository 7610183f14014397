//! One file a verb.

pub mod gate;
mod prepare;
pub mod reports;
pub mod selection;
pub mod workflow;
