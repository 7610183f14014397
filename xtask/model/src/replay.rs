//! Outcome of replayed incidents.

use std::time::Duration;

use super::incident::Incident;

/// Results of all requested incidents.
#[derive(Clone, Debug, Default)]
pub struct Replays {
    /// Each incident, in the order asked for.
    pub replayed: Vec<Replayed>,
    /// Why the replay could not do its work.
    pub sick: Vec<String>,
    /// Further notes for the user: how to reach the databases that `--keep` left, for example.
    pub notes: Vec<String>,
    /// Whether a signal ended the replay.
    pub interrupted: bool,
    /// Wall time.
    pub elapsed: Duration,
}

/// Revisions that need the supplies of the recipes.
#[derive(Clone, Debug, Default)]
pub struct SupplyUses {
    /// Each supply, in the order of the recipes.
    pub supplies: Vec<SupplyUse>,
    /// Why the question could not be answered, a line each.
    pub sick: Vec<String>,
    /// Whether a signal ended the search.
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
    /// The revisions whose upgrade fails without this supply.
    pub needed_by: Vec<String>,
}

impl SupplyUses {
    /// The exit status: 0 each supply is needed, 1 one is not, 2 the question could not be
    /// answered.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(self.supplies.iter().any(|supply| supply.needed_by.is_empty()))
        }
    }
}

/// Result of one incident.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Which.
    pub incident: Incident,
    /// The observed report on the broken tree; `None`: the gate found nothing, or did not get that
    /// far.
    pub observed: Option<Observed>,
    /// Whether the observed report is the expected one.
    pub reproduced: bool,
    /// Whether the gate was green over the fixed tree.
    pub fixed: bool,
    /// The changes of the remedy that turned the broken tree green, if one did.
    pub verified: Option<Vec<String>>,
    /// Differences from the expected report, a line each.
    pub differences: Vec<String>,
    /// Wall time of both runs.
    pub elapsed: Duration,
}

/// The compared parts of a finding.
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
    /// The exit status: 0 all reproduced and fixed, 1 not all, 2 the gate could not do its work.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(!self.replayed.iter().all(Replayed::good))
        }
    }
}
