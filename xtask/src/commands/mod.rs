//! One file a verb.

pub mod gate;
pub mod graph;
pub mod lint;
pub mod renumber;
pub mod selection;
