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

/// Which revisions need what the recipes supply.
#[derive(Clone, Debug, Default)]
pub struct SupplyUses {
    /// Each supply, in the order of the recipes.
    pub supplies: Vec<SupplyUse>,
    /// Why it could not be found out.
    pub sick: Vec<String>,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// Wall time.
    pub elapsed: Duration,
}

/// The use of one supply.
#[derive(Clone, Debug)]
pub struct SupplyUse {
    /// The id of the tree.
    pub tree: String,
    /// Its label.
    pub label: String,
    /// The supply.
    pub name: String,
    /// The revisions whose upgrade fails without it.
    pub needed_by: Vec<String>,
}

impl SupplyUses {
    /// The exit status: 0 each is needed, 1 one is not, 2 it could not be found out.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(self.supplies.iter().any(|supply| supply.needed_by.is_empty()))
        }
    }
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
    /// Whether the gate was green over the fixed tree.
    pub fixed: bool,
    /// What the remedy does that turned the broken tree green, where one did.
    pub verified: Option<Vec<String>>,
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
    /// Whether the incident was reproduced and fixed.
    pub fn good(&self) -> bool {
        self.reproduced && self.fixed
    }
}

impl Replays {
    /// The exit status: 0 all reproduced and fixed, 1 not all, 2 it could not do its work.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(!self.replayed.iter().all(Replayed::good))
        }
    }
}
