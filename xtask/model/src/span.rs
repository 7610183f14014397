//! A stretch of time with the work done in it.

use std::time::Instant;

/// Piece of work with its start and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The owner of the work: `Postgres`, `Python`, or a tree's label.
    pub lane: String,
    /// The work.
    pub what: String,
    /// Its start.
    pub began: Instant,
    /// Its end.
    pub ended: Instant,
}
