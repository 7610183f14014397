//! One file a verb.

pub mod gate;
