//! A green tree with one injected fault, to check that the gate still catches faults.
//!
//! Three scores: caught by the lints, before any step runs; caught by the gate; named rightly.

use std::time::Duration;

use super::incident::Incident;
use super::replay::Observed;

/// A fault, as an incident that never happened.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The kind of fault.
    pub kind: &'static str,
    /// The fault, and the expected report of the gate.
    pub incident: Incident,
}

/// Report of the gate on a mutant.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which.
    pub mutant: Mutant,
    /// Whether the lints alone keep the mutant from being green, or report the expected finding.
    pub by_lint: bool,
    /// Whether the gate as a whole does.
    pub caught: bool,
    /// Whether the gate blames the migrations.
    pub is_red: bool,
    /// The changes of the remedy that turned the gate green, if one did.
    pub verified: Option<Vec<String>>,
    /// The observed report; `None`: the gate found nothing.
    pub observed: Option<Observed>,
    /// Differences from the expected report, a line each; empty: the mutant was named rightly.
    pub differences: Vec<String>,
}

/// Results of all mutants.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Each mutant that was judged.
    pub judged: Vec<Judged>,
    /// The number that were left when the time was over.
    pub left: usize,
    /// Why the gate could not do its work, a line each.
    pub sick: Vec<String>,
    /// Where survivors were written to.
    pub notes: Vec<String>,
    /// Whether a signal ended the trial.
    pub interrupted: bool,
    /// Wall time.
    pub elapsed: Duration,
}

impl Judged {
    /// Whether the mutant was caught and named rightly.
    pub fn good(&self) -> bool {
        self.caught && self.differences.is_empty()
    }
}

impl Score {
    /// The exit status: 0 all caught and named rightly, 1 not all, 2 the gate could not do its
    /// work.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(!self.judged.iter().all(Judged::good))
        }
    }
}
