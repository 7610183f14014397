//! State of the database at a point of the chain.

use rustc_hash::{FxHashMap, FxHashSet};

use super::event::At;
use crate::effect::{Detail, Kind, Object};

/// Names that cannot be used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Tables, views, sequences and indexes share their names.
    Relation,
    /// Everything else has names of its own.
    Of(Kind),
}

/// Key by which an object is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Among which names.
    pub space: Space,
    /// The table that the name belongs to, where it does.
    pub table: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of(object: &Object) -> Key {
        let table = object.table.clone().unwrap_or_default();
        let relation = |name: String| Key { space: Space::Relation, table: String::new(), name };
        match object.kind {
            Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence => {
                relation(object.name.clone())
            }
            // An index lies in the schema of its table.
            Kind::Index => match table.rsplit_once('.') {
                Some((schema, _)) if !object.name.contains('.') => {
                    relation(format!("{schema}.{}", object.name))
                }
                _ => relation(object.name.clone()),
            },
            kind => Key { space: Space::Of(kind), table, name: object.name.clone() },
        }
    }
}

/// What shows that an object was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    /// A statement that makes it.
    Itself,
    /// One that makes another object with it: the index of a constraint.
    Other,
    /// Nothing but its drop.
    Drop,
}

/// Entry of one object, existing or dropped.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object.
    pub object: Object,
    /// Its further properties.
    pub detail: Detail,
    /// Whether it exists.
    pub alive: bool,
    /// Whether that is certain: no conditional code made or dropped it.
    pub certain: bool,
    /// What shows that it was made.
    pub shown_by: ShownBy,
    /// Where it was made.
    pub made: At,
    /// Where a rename gave it its name, and the name that it had before.
    pub renamed: Option<(At, String)>,
    /// Where it went.
    pub dropped: Option<At>,
    /// When that was, in deeds from the start.
    pub since: u64,
}

/// Objects in the database.
#[derive(Default)]
pub struct World {
    entries: FxHashMap<Key, Entry>,
    /// The objects that were ever on a table, and its partitions.
    children: FxHashMap<String, Vec<Key>>,
    journal: Vec<(Key, Option<Entry>)>,
    /// Words of code that could not be followed, with the time of the last such code.
    mentioned: FxHashMap<String, u64>,
    mentions: Vec<(String, Option<u64>)>,
    /// The last time at which code ran whose effect is unknown.
    unknown: Option<u64>,
    /// The last `CASCADE`, which may take more with it than is known.
    cascade: Option<u64>,
    now: u64,
}

/// Columns that every table has.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// A point that one can go back to.
pub struct Mark {
    journal: usize,
    mentions: usize,
    unknown: Option<u64>,
    cascade: Option<u64>,
    /// When it was.
    pub now: u64,
}

impl World {
    /// A point that one can go back to.
    pub fn mark(&self) -> Mark {
        Mark {
            journal: self.journal.len(),
            mentions: self.mentions.len(),
            unknown: self.unknown,
            cascade: self.cascade,
            now: self.now,
        }
    }

    /// Goes back to a point.
    pub fn roll_back(&mut self, mark: &Mark) {
        while self.journal.len() > mark.journal {
            if let Some((key, before)) = self.journal.pop() {
                match before {
                    Some(entry) => self.entries.insert(key, entry),
                    None => self.entries.remove(&key),
                };
            }
        }
        while self.mentions.len() > mark.mentions {
            if let Some((word, before)) = self.mentions.pop() {
                match before {
                    Some(time) => self.mentioned.insert(word, time),
                    None => self.mentioned.remove(&word),
                };
            }
        }
        (self.unknown, self.cascade) = (mark.unknown, mark.cascade);
    }

    /// The objects touched since a point, each in its state at that point.
    pub fn touched_since(&self, mark: &Mark) -> Vec<(Key, Option<Entry>)> {
        let mut seen = FxHashSet::default();
        let since = self.journal.get(mark.journal..).unwrap_or_default();
        since.iter().filter(|(key, _)| seen.insert(key.clone())).cloned().collect()
    }

    /// The objects that existed at some time since a point although their creation was not seen.
    pub fn unseen_since(&self, mark: &Mark) -> FxHashSet<Key> {
        let since = self.journal.get(mark.journal..).unwrap_or_default();
        let unseen = since
            .iter()
            .filter(|(_, was)| was.as_ref().is_some_and(|was| was.shown_by == ShownBy::Drop));
        unseen.map(|(key, _)| key.clone()).collect()
    }

    /// Advances the time.
    pub fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// An object, existing or dropped.
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Replaces the object of a key.
    pub fn put(&mut self, key: Key, entry: Entry) {
        let parents = entry.object.table.iter().chain(&entry.detail.parent);
        for parent in parents {
            let children = self.children.entry(parent.clone()).or_default();
            if !children.contains(&key) {
                children.push(key.clone());
            }
        }
        let before = self.entries.insert(key.clone(), entry);
        self.journal.push((key, before));
    }

    /// Changes an existing object.
    pub fn change(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(key) {
            self.journal.push((key.clone(), Some(entry.clone())));
            change(entry);
        }
    }

    /// The objects that are now on a table, and its partitions.
    pub fn children_of(&self, table: &str) -> Vec<Key> {
        let on_it = |key: &&Key| {
            self.entries.get(key).is_some_and(|entry| {
                let parents = [entry.object.table.as_deref(), entry.detail.parent.as_deref()];
                entry.alive && parents.contains(&Some(table))
            })
        };
        let children = self.children.get(table);
        children.into_iter().flatten().filter(on_it).cloned().collect()
    }

    /// A table of this name is another one from here on: drops on the old one do not concern it.
    pub fn forget_parts(&mut self, table: &str) {
        for key in self.children.get(table).cloned().unwrap_or_default() {
            let is_part = |entry: &Entry| entry.object.table.as_deref() == Some(table);
            if self.entries.get(&key).is_some_and(|entry| entry.certain && is_part(entry)) {
                self.change(&key, |entry| entry.certain = false);
            }
        }
    }

    /// A constraint was made under a name that is not known: it may be that of one that went.
    pub fn may_be_back(&mut self, table: &str) {
        for key in self.children.get(table).cloned().unwrap_or_default() {
            let is_gone = |entry: &Entry| {
                !entry.alive && matches!(entry.object.kind, Kind::Constraint | Kind::Index)
            };
            if self.entries.get(&key).is_some_and(is_gone) {
                self.change(&key, |entry| entry.certain = false);
            }
        }
    }

    /// A constraint or an index went whose name is not known: it may be any of the table's.
    pub fn may_be_gone(&mut self, table: &str) {
        for key in self.children_of(table) {
            let is_one =
                |entry: &Entry| matches!(entry.object.kind, Kind::Constraint | Kind::Index);
            if self.entries.get(&key).is_some_and(is_one) {
                self.change(&key, |entry| entry.certain = false);
            }
        }
    }

    /// The objects that are now in a schema.
    pub fn in_schema(&self, schema: &str) -> Vec<Key> {
        let inside =
            |name: &str| name.strip_prefix(schema).is_some_and(|rest| rest.starts_with('.'));
        let alive = self.entries.iter().filter(|(_, entry)| entry.alive);
        alive
            .filter(|(key, _)| inside(&key.name) || inside(&key.table))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Whether a table certainly exists, and certainly never had a column of this name.
    pub fn never_had(&self, table: &str, column: &str) -> bool {
        let of_table = Key::of(&Object::new(Kind::Table, table));
        let of_column = Key::of(&Object::on(table, Kind::Column, column));
        let is_known = self.entries.get(&of_table).is_some_and(|entry| {
            entry.alive
                && entry.certain
                && entry.detail.whole
                && !self.is_uncertain_since(&of_table, 0)
        });
        is_known
            && !SYSTEM_COLUMNS.contains(&column)
            && !self.entries.contains_key(&of_column)
            && !self.is_uncertain_since(&of_column, 0)
    }

    /// Records code that could not be followed. SQL that is put together from parts may concern
    /// objects that it does not name.
    pub fn opaque(&mut self, text: Option<&str>) {
        let now = self.now;
        let put_together = |text: &&str| ["format(", "||"].iter().any(|part| text.contains(part));
        let Some(text) = text.filter(|text| !put_together(text)) else {
            self.unknown = Some(now);
            return;
        };
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if !word.is_empty() {
                self.mention(&word.to_lowercase());
            }
        }
    }

    /// Marks a name that may refer to another object from now on.
    pub fn mention(&mut self, word: &str) {
        let before = self.mentioned.insert(word.to_owned(), self.now);
        self.mentions.push((word.to_owned(), before));
    }

    /// A `CASCADE` happened.
    pub fn cascaded(&mut self) {
        self.cascade = Some(self.now);
    }

    /// Whether a `CASCADE` happened since.
    pub fn cascaded_since(&self, time: u64) -> bool {
        self.cascade.is_some_and(|at| at > time)
    }

    /// Whether code that could not be followed may have made or dropped an object since.
    pub fn is_uncertain_since(&self, key: &Key, time: u64) -> bool {
        let bare = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let after = |word: &str| self.mentioned.get(&bare(word)).is_some_and(|at| *at > time);
        self.unknown.is_some_and(|at| at > time) || after(&key.name)
    }

    /// The type of a column, where it is known.
    pub fn column_type(&self, table: &str, column: &str) -> Option<String> {
        let key = Key::of(&Object::on(table, Kind::Column, column));
        let entry = self.entries.get(&key).filter(|entry| entry.alive && entry.certain)?;
        if self.is_uncertain_since(&key, entry.since) {
            return None;
        }
        entry.detail.type_.clone().filter(|type_| type_ != "?")
    }

    /// Whether a function of the chain is declared immutable.
    pub fn function_is_immutable(&self, name: &str) -> Option<bool> {
        let entry = self.entries.get(&Key::of(&Object::new(Kind::Function, name)))?;
        (entry.alive && entry.certain).then_some(entry.detail.immutable)
    }

    /// Whether the chain made a type of this name that is an enum.
    pub fn has_enum(&self, name: &str) -> bool {
        let entry = self.entries.get(&Key::of(&Object::new(Kind::Type, name)));
        entry.is_some_and(|entry| entry.alive && entry.detail.is_enum)
    }
}
