//! One file a verb.

pub mod gate;
pub mod selection;
