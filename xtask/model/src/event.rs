//! Events of a running gate, for whoever shows them. Events carry no decision: a run goes the same way
//! whether somebody listens or not.

use std::time::Instant;

use super::finding::Finding;
use super::mutant::Judged;
use super::replay::Replayed;
use super::step::Step;
use super::transcript::RevisionInFlight;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something that takes long or that the user should know now.
    Notice(&'a str),
    /// A lint found something, before any step ran.
    Predicted(&'a Finding),
    /// Something that the steps need is being made ready.
    SetUpStarted {
        /// What.
        what: &'a str,
    },
    /// It is ready, or failed.
    SetUpEnded {
        /// What, in the same words.
        what: &'a str,
    },
    /// Something of an earlier run is used again, or why it is not.
    Reuse(&'a str),
    /// Something was done that took a while.
    Spent {
        /// Whose work it was.
        lane: &'a str,
        /// What was done.
        what: &'a str,
        /// When it began; it ends now.
        began: Instant,
    },
    /// A step of a tree (its label) begins.
    StepStarted {
        /// The tree's label.
        label: &'a str,
        /// The step's name.
        name: &'a str,
    },
    /// The step that a tree runs comes to a revision.
    Revision {
        /// The tree's label.
        label: &'a str,
        /// The revision.
        revision: &'a RevisionInFlight,
    },
    /// A step of a tree ended, or was skipped.
    StepEnded {
        /// The tree's label.
        label: &'a str,
        /// The step.
        step: &'a Step,
    },
    /// An incident that is replayed comes to a step.
    Replaying {
        /// The incident.
        id: &'a str,
        /// The step.
        what: &'a str,
    },
    /// An incident was replayed.
    Replayed {
        /// What came of it.
        replayed: &'a Replayed,
        /// How many were until now, this one included.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A mutant was judged.
    Judged {
        /// What came of it.
        judged: &'a Judged,
        /// How many were until now, this one included.
        done: usize,
        /// How many there are.
        total: usize,
    },
}

/// Who is told. Trees run side by side, so it is called from several threads.
pub type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Does something, and tells how long it took.
pub fn timed<T>(tell: Tell<'_>, lane: &str, what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    tell(Event::Spent { lane, what, began });
    done
}
