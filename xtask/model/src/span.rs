//! A stretch of time that the gate spent on something.

use std::time::Instant;

/// What took from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Whose work it was: `Postgres`, `Python`, or a tree's label.
    pub lane: String,
    /// What was done.
    pub what: String,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
}
