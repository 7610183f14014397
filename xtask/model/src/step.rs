//! One named thing that the gate runs against a tree.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// The step ran, and all its checks passed.
    Passed,
    /// The step ran, and a check failed; a finding names the fault.
    Failed,
    /// The step did not run. Never green.
    Skipped,
}

/// Why no step ran where the gate could not begin.
pub const NOT_BEGUN: &str = "the gate could not do its work";

/// A step and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The name in the contract: `Console — assert single head`.
    pub name: String,
    /// Its outcome.
    pub status: Status,
    /// Why the step failed or was skipped.
    pub reason: Option<String>,
    /// Its printed notes for the reader: `Console head count: 1`.
    pub notes: Vec<String>,
    /// The printed output and the traceback of the call, if the step failed: for a log that is read
    /// from top to end.
    pub printed: Option<String>,
    /// Wall time.
    pub elapsed: Duration,
    /// Since when the outcome is known, where the step was not run now.
    pub known_since: Option<SystemTime>,
}

impl Step {
    /// A step that did not run, and why.
    pub fn skipped(name: String, reason: String) -> Step {
        let status = Status::Skipped;
        let (reason, elapsed) = (Some(reason), Duration::ZERO);
        let (notes, printed) = (Vec::new(), None);
        Step { name, status, reason, notes, printed, elapsed, known_since: None }
    }
}

impl Step {
    /// Whether the step was skipped because the gate could not begin; a finding then gives the
    /// reason.
    pub fn is_not_begun(&self) -> bool {
        self.reason.as_deref() == Some(NOT_BEGUN)
    }

    /// This step in a run that reuses its outcome.
    pub fn reused(&self, since: SystemTime) -> Step {
        // An outcome that was reused before keeps its time.
        let known_since = Some(self.known_since.unwrap_or(since));
        Step { known_since, status: Status::Passed, ..self.clone() }
    }
}
