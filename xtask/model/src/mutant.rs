//! A green tree with one fault put into it, to see that the gate still bites.
//!
//! Three scores: caught by the lints, before anything runs; caught by the gate; named rightly.

use std::time::Duration;

use super::incident::Incident;
use super::replay::Observed;

/// A fault, as an incident that never happened.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What kind of fault.
    pub kind: &'static str,
    /// How the tree is broken, and what the gate must say.
    pub incident: Incident,
}

/// What the gate said of a mutant.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which.
    pub mutant: Mutant,
    /// Whether the lints alone keep it from being green, or say what is all that there is to say.
    pub by_lint: bool,
    /// Whether the gate as a whole does.
    pub caught: bool,
    /// Whether the gate says that the migrations are at fault.
    pub is_red: bool,
    /// What the remedy does that turned the gate green, where one did.
    pub verified: Option<Vec<String>>,
    /// What it said; `None`: nothing.
    pub observed: Option<Observed>,
    /// What was not as expected, a line each; none: it was named rightly.
    pub differences: Vec<String>,
}

/// What came of all mutants.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Each mutant that was judged.
    pub judged: Vec<Judged>,
    /// How many were left when the time was over.
    pub left: usize,
    /// Why it could not do its work.
    pub sick: Vec<String>,
    /// Where survivors were written to.
    pub notes: Vec<String>,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// Wall time.
    pub elapsed: Duration,
}

impl Judged {
    /// Whether it was caught and named rightly.
    pub fn good(&self) -> bool {
        self.caught && self.differences.is_empty()
    }
}

impl Score {
    /// The exit status: 0 all caught and named rightly, 1 not all, 2 it could not do its work.
    pub fn exit_status(&self) -> u8 {
        if !self.sick.is_empty() || self.interrupted {
            2
        } else {
            u8::from(!self.judged.iter().all(Judged::good))
        }
    }
}
