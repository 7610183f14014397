//! Simulation of the whole chain of revisions, in the order of `upgrade head`, on an empty
//! database; and of each `downgrade()` on the result of its `upgrade()`.
//!
//! The result is a list of [`Event`]s: effects that cannot work, or that conflict. The lints give
//! them codes. Code that could not be followed may have made or dropped an object; no event is
//! recorded about such an object.

mod apply;
mod chain;
mod event;
mod needs;
mod reverse;
mod rows;
mod world;

#[cfg(test)]
pub(crate) mod tests;

use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use self::chain::{Chain, Reported};
pub(crate) use self::event::deeds;
pub use self::event::{At, Event, MissingRow, Revision, What};
use self::world::{Key, World};
use super::body::Function;
use super::effect::{Deed, Effect, Object, Spot};
use super::sql;
use model::supply::Given;

/// Runs the chain with the given supplies.
pub fn walk(revisions: &[Revision<'_>], given: &[Given]) -> Vec<Event> {
    let mut chain = Chain::new(revisions);
    chain.expect();
    for index in 0..revisions.len() {
        chain.revision(index);
    }
    chain.with_rows(given)
}

impl<'a> Chain<'a> {
    fn new(revisions: &'a [Revision<'a>]) -> Chain<'a> {
        Chain {
            revisions,
            made: FxHashMap::default(),
            world: World::default(),
            events: Vec::new(),
            reported: Reported::default(),
            twice: FxHashSet::default(),
            passing_over: None,
            at: At { revision: 0, line: 0 },
            down: false,
        }
    }

    /// Takes note of where each thing is made first.
    fn expect(&mut self) {
        for (revision, step) in self.revisions.iter().enumerate() {
            for deed in deeds(step.body.upgrade.as_ref()) {
                let object = match &deed.effect {
                    Effect::Create(object, _) => object.clone(),
                    Effect::Rename { object, to, .. } => {
                        Object { name: to.clone(), ..object.clone() }
                    }
                    _ => continue,
                };
                let at = At { revision, line: deed.line };
                self.made.entry(Key::of(&object)).or_insert(at);
            }
        }
    }

    /// The events found, and those that only all revisions together show.
    fn with_rows(self, given: &[Given]) -> Vec<Event> {
        let mut events = self.events;
        events.extend(rows::roles(self.revisions, given));
        events.extend(rows::rows(self.revisions, given));
        events.retain(|event| !rows::is_supplied(self.revisions, given, event));
        events.sort_by_key(|event| (event.at.revision, event.down, event.at.line));
        events
    }

    fn revision(&mut self, index: usize) {
        let body = self.revisions[index].body;
        self.twice.clear();
        self.down = false;
        let before = self.world.mark();
        self.function(index, body.upgrade.as_ref());
        let made = self.made_since(&before);
        let Some(downgrade) = body.downgrade.as_ref() else { return };
        let after = self.world.mark();
        self.down = true;
        self.function(index, Some(downgrade));
        // A downgrade that is empty or raises is a finding of its own, and leaves every object.
        if downgrade.acts && downgrade.raises.is_none() {
            self.compare(index, &before, &after, &made, downgrade);
        }
        self.world.roll_back(&after);
        self.down = false;
    }

    fn function(&mut self, revision: usize, function: Option<&'a Function>) {
        let mut again: Vec<&Deed> = Vec::new();
        for deed in deeds(function) {
            self.at = At { revision, line: deed.line };
            let silent = self.check_immutable(deed) == Some(false);
            if silent && matches!(deed.effect, Effect::Immutable { .. }) {
                again.push(deed);
            }
            self.apply(deed);
        }
        // Columns that are defined after the expression are known only now.
        for deed in again {
            if let Effect::Immutable { spot: Spot::GeneratedColumn | Spot::PartitionKey, .. } =
                deed.effect
            {
                self.at = At { revision, line: deed.line };
                self.check_immutable(deed);
            }
        }
        self.passing_over = None;
    }

    /// Records an event for an expression that is not immutable. `Some(false)`: it was checked and
    /// is immutable.
    fn check_immutable(&mut self, deed: &Deed) -> Option<bool> {
        let Effect::Immutable { spot, owner, table, text } = &deed.effect else { return None };
        let world = &self.world;
        let known = sql::immutability::Known {
            column: &|name| world.column_type(table, name),
            function: &|name| world.function_is_immutable(name),
            is_enum: &|name| world.has_enum(name),
        };
        let offender = sql::immutability::offender(text, &known);
        let Some(offender) = offender else { return Some(false) };
        self.push(What::NotImmutable { spot: *spot, owner: owner.clone(), offender });
        Some(true)
    }

    pub(crate) fn push(&mut self, what: What) {
        self.events.push(Event { at: self.at, down: self.down, what });
    }
}
