//! Events of a running gate, for the code that shows them. Events carry no decision: a run is the
//! same with and without a listener.

use std::time::Instant;

use super::finding::Finding;
use super::mutant::Judged;
use super::replay::Replayed;
use super::step::Step;
use super::transcript::RevisionInFlight;

/// Event of a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A notice of work that takes long, or of a fact that the user should know now.
    Notice(&'a str),
    /// A finding of a lint, before any step ran.
    Predicted(&'a Finding),
    /// Preparation for the steps begins.
    SetUpStarted {
        /// The work that begins.
        what: &'a str,
    },
    /// The preparation ended or failed.
    SetUpEnded {
        /// The work that ended, in the words of its beginning.
        what: &'a str,
    },
    /// A result of an earlier run is reused, or a reason why none is.
    Reuse(&'a str),
    /// Work that took a while has ended.
    Spent {
        /// The owner of the work.
        lane: &'a str,
        /// The work that was done.
        what: &'a str,
        /// When the work began; it ends now.
        began: Instant,
    },
    /// A step of a tree (its label) begins.
    StepStarted {
        /// The tree's label.
        label: &'a str,
        /// The step's name.
        name: &'a str,
    },
    /// The current step of a tree reaches a revision.
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
    /// An incident that is replayed reaches a step.
    Replaying {
        /// The incident.
        id: &'a str,
        /// The step.
        what: &'a str,
    },
    /// An incident was replayed.
    Replayed {
        /// The result.
        replayed: &'a Replayed,
        /// The number replayed until now, this one included.
        done: usize,
        /// The number of all incidents.
        total: usize,
    },
    /// A mutant was judged.
    Judged {
        /// The result.
        judged: &'a Judged,
        /// The number judged until now, this one included.
        done: usize,
        /// The number of all mutants.
        total: usize,
    },
}

/// Receiver of events. Trees run side by side: several threads call it.
pub type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Runs a function, and sends the time that it took.
pub fn timed<T>(tell: Tell<'_>, lane: &str, what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    tell(Event::Spent { lane, what, began });
    done
}
