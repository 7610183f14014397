//! Outcome of replayed incidents.

use std::time::Duration;

use super::incident::Incident;

/// What came of all that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Replays {
    /// Each incident, in the order asked for.
    pub replayed: Vec<Replayed>,
    /// Why the replay could not do its work.
    pub sick: Vec<String>,
    /// What the user should know besides: how to reach what `--keep` left, say.
    pub notes: Vec<String>,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// Wall time.
    pub elapsed: Duration,
}

/// What came of one incident.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Which.
    pub incident: Incident,
    /// What the gate said of the broken tree; `None`: nothing, or it did not come to that.
    pub observed: Option<Observed>,
    /// Whether that is what was expected.
    pub reproduced: bool,
    /// Whether the gate was green over the mended tree.
    pub fixed: bool,
    /// What was not as expected, a line each.
    pub differences: Vec<String>,
    /// Wall time of both runs.
    pub elapsed: Duration,
}

/// A finding, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its step.
    pub step: Option<String>,
    /// Its code.
    pub code: &'static str,
    /// Its message.
    pub message: String,
}

impl Replayed {
    /// Whether the incident was reproduced and mended.
    pub fn good(&self) -> bool {
        self.reproduced && self.fixed
    }
}

impl Replays {
    /// The exit status: 0 all reproduced and mended, 1 not all, 2 it could not do its work.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(!self.replayed.iter().all(Replayed::good))
        }
    }
}
