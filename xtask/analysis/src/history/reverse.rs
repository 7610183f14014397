//! Reversal: whether `downgrade()` takes back the effects of `upgrade()`, and no others.

use rustc_hash::FxHashSet;

use super::apply::goes_with_others;
use super::chain::Chain;
use super::event::{At, Event, What};
use super::world::{Entry, Key, Mark, ShownBy};
use crate::body::Function;
use crate::effect::{Effect, Kind, Object};

impl Chain<'_> {
    /// The objects that certainly exist now and did not at an earlier point.
    pub(super) fn made_since(&self, before: &Mark) -> FxHashSet<Key> {
        let touched = self.world.touched_since(before).into_iter();
        let was_gone = touched.filter(|(_, was)| !was.as_ref().is_some_and(|was| was.alive));
        let is_there = |key: &Key| self.world.get(key).is_some_and(|e| e.alive && e.certain);
        let unseen = self.world.unseen_since(before);
        was_gone.map(|(key, _)| key).filter(is_there).filter(|key| !unseen.contains(key)).collect()
    }

    /// Compares the database before `upgrade()` with that after `downgrade()`, which is the current
    /// one.
    pub(super) fn compare(
        &mut self,
        revision: usize,
        before: &Mark,
        after: &Mark,
        made: &FxHashSet<Key>,
        downgrade: &Function,
    ) {
        let left: Vec<Object> = made
            .iter()
            .filter_map(|key| self.left(key, after))
            .filter(|object| !self.is_said_by_table(object, made))
            .filter(|object| !makes(downgrade, object))
            .collect();
        for object in left {
            let key = Key::of(&object);
            let Some(made) = self.world.get(&key).map(|entry| entry.made) else { continue };
            // An object that an earlier revision made under another name was renamed by this one.
            let (line, from) = match made.revision == revision {
                true => (made.line, None),
                false => match self.renamed(revision, &object) {
                    Some((line, from)) => (line, Some(from)),
                    None => continue,
                },
            };
            // A line that fails makes no object.
            let mut own = self.events.iter().rev().take_while(|e| e.at.revision == revision);
            if !own.any(|event| !event.down && event.at.line == line && !event.what.is_left()) {
                self.event(revision, line, false, What::Left { object, from });
            }
        }
        let others: Vec<(Object, At, At)> = self
            .world
            .touched_since(after)
            .into_iter()
            .filter_map(|(key, was)| {
                let was =
                    was.filter(|was| was.alive && was.certain && was.shown_by != ShownBy::Other)?;
                let entry = self.world.get(&key).filter(|entry| !entry.alive && entry.certain)?;
                // The object was made by this upgrade, or existed before it: the latter does not
                // concern the upgrade.
                let known = was.made.revision != revision && self.is_old(&was, before);
                let certain = !self.world.is_uncertain_since(&key, was.since);
                let twice = [Some(&was.object.name), was.object.table.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|name| self.twice.contains(name));
                let dropped = entry.dropped?;
                (known && certain && !twice).then_some((was.object, was.made, dropped))
            })
            .collect();
        let roots: FxHashSet<String> =
            others.iter().map(|(object, ..)| object.name.clone()).collect();
        for (object, made, dropped) in others {
            // The event of a dropped table or column covers the objects on it.
            let with_table = object.table.as_ref().is_some_and(|table| roots.contains(table));
            let by_itself = downgrade.deeds.iter().any(|deed| deed.line == dropped.line);
            if !with_table && by_itself && object.kind != Kind::Extension {
                self.event(revision, dropped.line, true, What::DropsOther { object, made });
            }
        }
    }

    /// The line in which `upgrade()` gives an object its name, and the name that it had.
    fn renamed(&self, revision: usize, object: &Object) -> Option<(u32, String)> {
        let upgrade = self.revisions.get(revision)?.body.upgrade.as_ref()?;
        upgrade.deeds.iter().rev().find_map(|deed| match &deed.effect {
            Effect::Rename { object: old, to, .. }
                if old.table == object.table && *to == object.name =>
            {
                Some((deed.line, old.name.clone()))
            }
            _ => None,
        })
    }

    fn event(&mut self, revision: usize, line: u32, down: bool, what: What) {
        self.events.push(Event { at: At { revision, line }, down, what });
    }

    /// Whether an object had its name before the upgrade.
    fn is_old(&self, entry: &Entry, before: &Mark) -> bool {
        entry.since <= before.now
    }

    /// The object, if it certainly still exists after the downgrade.
    fn left(&self, key: &Key, after: &Mark) -> Option<Object> {
        let entry =
            self.world.get(key).filter(|e| e.alive && e.certain && e.shown_by != ShownBy::Other)?;
        let kind = entry.object.kind;
        if matches!(kind, Kind::Extension | Kind::Schema) {
            return None;
        }
        let may_have_gone = goes_with_others(kind) && self.world.cascaded_since(after.now);
        let uncertain = may_have_gone || self.world.is_uncertain_since(key, after.now);
        (!uncertain).then(|| entry.object.clone())
    }

    /// The event of a table that is left, or was made twice, covers the objects on it.
    fn is_said_by_table(&self, object: &Object, made: &FxHashSet<Key>) -> bool {
        let Some(table) = &object.table else { return false };
        let key = Key::of(&Object::new(Kind::Table, table));
        let is_left = made.contains(&key) && self.world.get(&key).is_some_and(|e| e.alive);
        // An index of a column that is left, and was made with it.
        let column_left = matches!(object.kind, Kind::Index | Kind::Constraint)
            && self.world.get(&Key::of(object)).is_some_and(|entry| {
                entry.detail.columns.iter().any(|column| {
                    let column = Key::of(&Object::on(table, Kind::Column, column));
                    made.contains(&column) && self.world.get(&column).is_some_and(|e| e.alive)
                })
            });
        let is_missing = self.reported.has(&(key, false));
        is_left || is_missing || column_left || self.twice.contains(table)
    }
}

/// Whether a downgrade makes an object itself, which restores an earlier one.
fn makes(downgrade: &Function, object: &Object) -> bool {
    let key = Key::of(object);
    downgrade
        .deeds
        .iter()
        .any(|deed| matches!(&deed.effect, Effect::Create(made, _) if Key::of(made) == key))
}
