//! A chain that is walked again and again with another end: whoever writes a revision saves it often, and
//! what comes before it stays.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::chain::Chain;
use super::event::{At, Event, Revision};
use super::world::{Key, World};
use crate::script::{Looked, Script};
use model::supply::Given;

/// A revision's id, and what was read of it: as long as that is kept, nothing else is at its place.
type Step = (String, Arc<Looked>);

/// A chain without its last revision, as it was walked.
pub struct Walked {
    steps: Vec<Step>,
    made: FxHashMap<Key, At>,
    world: World,
    events: Vec<Event>,
    reported: FxHashSet<(Key, bool)>,
    reported_gone: FxHashSet<(Key, bool)>,
    looked_ahead: Vec<(Key, Option<At>)>,
}

/// Runs the chain of these scripts, from where another one that begins in the same way was left.
pub fn walk_again(scripts: &[&Script], given: &[Given], walked: &mut Option<Walked>) -> Vec<Event> {
    let step = |script: &&Script| (script.revision.text.clone(), Arc::clone(script.look()));
    let steps: Vec<Step> = scripts.iter().map(step).collect();
    let revisions: Vec<Revision<'_>> =
        steps.iter().map(|(id, looked)| Revision { id, body: &looked.0 }).collect();
    let Some(last) = revisions.len().checked_sub(1) else { return Vec::new() };
    let (mut chain, from) = match walked.take().filter(|walked| walked.begins(&steps[..last])) {
        Some(walked) => walked.go_on(&revisions),
        None => (Chain::new(&revisions), 0),
    };
    chain.expect(from);
    // What comes now may make what was missed before.
    let (mut chain, from) = match chain.has_seen_what_comes() {
        true => (chain, from),
        false => {
            let mut anew = Chain::new(&revisions);
            anew.expect(0);
            (anew, 0)
        }
    };
    (from..last).for_each(|index| chain.revision(index));
    let (end, events) = (chain.world.mark(), chain.events.len());
    let (reported, reported_gone) = (chain.reported.clone(), chain.reported_gone.clone());
    let looked_ahead = chain.looked_ahead.len();
    chain.revision(last);
    let found = chain.with_rows(given);
    let Chain { mut made, mut world, events: mut before, looked_ahead: mut ahead, .. } = chain;
    made.retain(|_, at| at.revision < last);
    world.rewind(&end);
    before.truncate(events);
    ahead.truncate(looked_ahead);
    let steps = steps.into_iter().take(last).collect();
    let (events, looked_ahead) = (before, ahead);
    *walked = Some(Walked { steps, made, world, events, reported, reported_gone, looked_ahead });
    found
}

impl Walked {
    /// Whether a chain of these revisions begins with it.
    fn begins(&self, steps: &[Step]) -> bool {
        let same = |(one, other): (&Step, &Step)| one.0 == other.0 && Arc::ptr_eq(&one.1, &other.1);
        self.steps.len() <= steps.len() && self.steps.iter().zip(steps).all(same)
    }

    /// The chain of these revisions at its end, and how many that are.
    fn go_on<'a>(self, revisions: &'a [Revision<'a>]) -> (Chain<'a>, usize) {
        let Walked { steps, made, world, events, reported, reported_gone, looked_ahead, .. } = self;
        let chain = Chain {
            made,
            world,
            events,
            reported,
            reported_gone,
            looked_ahead,
            ..Chain::new(revisions)
        };
        (chain, steps.len())
    }
}

impl Chain<'_> {
    /// Whether what comes says what was said of it before.
    fn has_seen_what_comes(&self) -> bool {
        self.looked_ahead.iter().all(|(key, later)| self.made.get(key) == later.as_ref())
    }
}

#[cfg(test)]
mod tests;
