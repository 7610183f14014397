//! Spans of time of a run, gathered from its events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use model::event::Event;
use model::span::Span;

/// Finished spans, until they are taken.
#[derive(Default)]
pub struct Spans(Mutex<State>);

#[derive(Default)]
struct State {
    ended: Vec<Span>,
    /// When the step began that a tree, by its label, is at. One that is known does not begin.
    began: BTreeMap<String, Instant>,
}

impl Spans {
    /// Takes note of an event.
    pub fn record(&self, event: Event<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (lane, what, began) = match event {
            Event::Spent { lane, what, began } => (lane, what, began),
            Event::StepStarted { label, .. } => {
                state.began.insert(label.to_owned(), Instant::now());
                return;
            }
            Event::StepEnded { label, step } => {
                let Some(began) = state.began.remove(label) else { return };
                (label, step.name.rsplit(" — ").next().unwrap_or_default(), began)
            }
            _ => return,
        };
        let (lane, what) = (lane.to_owned(), what.to_owned());
        state.ended.push(Span { lane, what, began, ended: Instant::now() });
    }

    /// The spans that ended since the last call.
    pub fn take(&self) -> Vec<Span> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).ended)
    }
}
