//! One file a verb.

pub mod gate;
mod prepare;
pub mod selection;
