//! Failure in a log.

use super::course::{Course, Kind, Start};
use super::exceptions;
use super::told::Told;
use model::transcript::Transcript;

/// A failure in a log.
pub(super) struct Failure<'a> {
    /// The step that failed, as far as the log shows it.
    pub(super) step: Option<String>,
    pub(super) kind: Option<Kind>,
    /// The tree's course, if the log identifies the tree.
    pub(super) course: Option<&'a Course>,
    /// The steps that it may have been, where the log does not say which.
    pub(super) candidates: Vec<String>,
    /// The number of the command in the log: later failures in the same command are consequences.
    pub(super) command: usize,
    /// The revision in flight, with its title.
    pub(super) start: Option<Start>,
    /// The transcript.
    pub(super) said: Transcript,
    /// The log's own name of it.
    pub(super) told: Option<Told>,
}

impl Failure<'_> {
    pub(super) fn is_of_server(&self) -> bool {
        self.said.exceptions.first().is_some_and(exceptions::is_of_server)
    }
}
