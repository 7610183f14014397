//! Where trees that run side by side wait for each other: when all stand right before their heads, the
//! data folder of their server is what the beginnings of their chains made, and nothing more.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::drivers::interrupt::Interrupt;

/// How long a tree waits for the others. What one of them holds locked may keep another from
/// coming; then there is no meeting.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often one that waits looks whether the run was interrupted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A meeting of trees, by their index.
pub(super) struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    awaited: BTreeSet<usize>,
    /// Whether it has been, or will not be.
    over: bool,
}

impl Meeting {
    /// A meeting of these.
    pub(super) fn of(trees: BTreeSet<usize>) -> Meeting {
        let state = State { awaited: trees, over: false };
        Meeting { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Comes and waits for the others. The last one to come does the work, while all wait.
    pub(super) fn attend(&self, tree: usize, interrupt: &Interrupt, work: impl FnOnce()) {
        let mut state = self.lock();
        state.awaited.remove(&tree);
        if !state.over && state.awaited.is_empty() {
            work();
            self.end(&mut state);
        }
        let deadline = Instant::now() + PATIENCE;
        while !state.over {
            let waited = self.changed.wait_timeout(state, LOOK_UP);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if interrupt.check().is_err() || Instant::now() > deadline {
                self.end(&mut state);
            }
        }
    }

    /// Will not come any more, unless it has been there; says whether that ends the meeting.
    pub(super) fn leave(&self, tree: usize) -> bool {
        let mut state = self.lock();
        let ends = !state.over && state.awaited.contains(&tree);
        if ends {
            self.end(&mut state);
        }
        ends
    }

    fn end(&self, state: &mut State) {
        state.over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::Meeting;
    use crate::drivers::interrupt::Interrupt;

    #[test]
    fn the_work_is_done_once_and_only_when_all_are_there() {
        let (interrupt, done) = (Interrupt::never().unwrap(), AtomicU32::new(0));
        let meeting = Meeting::of([0, 1, 2].into());
        let attend = |tree| {
            meeting.attend(tree, &interrupt, || {
                done.fetch_add(1, Ordering::SeqCst);
            });
            assert_eq!(done.load(Ordering::SeqCst), 1, "{tree} went on before");
        };
        thread::scope(|scope| (0..3).for_each(|tree| drop(scope.spawn(move || attend(tree)))));
        meeting.leave(1);
    }

    #[test]
    fn nobody_waits_for_one_who_has_left() {
        let interrupt = Interrupt::never().unwrap();
        for leave_first in [true, false] {
            let meeting = Meeting::of([0, 1].into());
            let attend = || meeting.attend(0, &interrupt, || panic!("not all were there"));
            if leave_first {
                meeting.leave(1);
                attend();
            } else {
                thread::scope(|scope| {
                    scope.spawn(attend);
                    meeting.leave(1);
                });
            }
        }
    }
}
