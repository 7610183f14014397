//! Needs of an effect, and whether they are met.

use super::chain::Chain;
use super::event::{At, What, deeds};
use super::world::Key;
use crate::effect::{Deed, Effect, Kind, Object};

impl Chain<'_> {
    /// Whether it is a column that its table never had.
    pub(super) fn never_had(&self, object: &Object) -> bool {
        let table = object.table.as_ref().filter(|_| object.kind == Kind::Column);
        table.is_some_and(|table| self.world.never_had(table, &object.name))
    }

    /// Records an event if one of these columns is missing.
    pub(super) fn needs_columns(&mut self, table: &str, columns: &[String]) {
        for column in columns {
            self.needs(&Object::on(table, Kind::Column, column), false);
        }
    }

    /// Records an event if a used object is missing.
    pub(super) fn needs(&mut self, object: &Object, is_enum: bool) {
        let key = Key::of(object);
        let Some(entry) = self.world.get(&key).cloned() else {
            self.needs_made(key, object, is_enum);
            return;
        };
        // The event of the table covers the objects on it.
        if self.is_said_by_its_table(object) {
            return;
        }
        let certain = entry.certain && !self.world.is_uncertain_since(&key, entry.since);
        if let Some(dropped) = entry.dropped.filter(|_| certain && !entry.alive)
            && self.reported.gone.insert((key, self.down))
        {
            let object = Object { kind: entry.object.kind, ..object.clone() };
            let later = self.made_further_down(&object);
            self.push(match later {
                Some(_) => What::UsedBeforeMade { object, later },
                None => What::UsedAfterDrop { object, dropped },
            });
        }
    }

    /// Where the function at hand makes it after the line at hand.
    fn made_further_down(&self, object: &Object) -> Option<At> {
        let body = self.revisions.get(self.at.revision)?.body;
        let function = if self.down { &body.downgrade } else { &body.upgrade };
        let made = |deed: &&Deed| {
            let is_it = matches!(&deed.effect, Effect::Create(made, _) if made == object);
            is_it && deed.line > self.at.line && !deed.conditional
        };
        let deed = deeds(function.as_ref()).find(made)?;
        Some(At { line: deed.line, ..self.at })
    }

    /// Whether the table of the object has an event already.
    fn is_said_by_its_table(&self, object: &Object) -> bool {
        let Some(table) = &object.table else { return false };
        let key = (Key::of(&Object::new(Kind::Table, table)), self.down);
        self.reported.has(&key)
    }

    fn needs_made(&mut self, key: Key, object: &Object, is_enum: bool) {
        let later: Option<At> = self.made.get(&key).copied();
        // Functions may come from extensions and other unseen sources, and so may most columns.
        let never_is_certain = matches!(object.kind, Kind::Table | Kind::MaterializedView)
            || is_enum
            || self.never_had(object);
        // An object that was made before and is missing disappeared through code that was not
        // followed.
        let comes = |later: At| {
            later.revision > self.at.revision
                || (later.revision == self.at.revision && later.line > self.at.line && !self.down)
        };
        let known = later.map_or(never_is_certain, comes) && is_ours(&key);
        if !known || self.world.is_uncertain_since(&key, 0) {
            return;
        }
        if self.is_said_by_its_table(object) {
            return;
        }
        if self.reported.unmade.insert((key, self.down)) {
            self.push(What::UsedBeforeMade { object: object.clone(), later });
        }
    }
}

/// Whether a name is the chain's to make: neither the catalogue's nor Alembic's, and not in a
/// schema that may have been made elsewhere.
pub(super) fn is_ours(key: &Key) -> bool {
    let name = if key.table.is_empty() { &key.name } else { &key.table };
    !(name.starts_with("pg_") || name == "alembic_version" || name.contains('.'))
}
