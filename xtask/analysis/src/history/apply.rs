//! Application of one effect to the state of the database, and why that fails.

use super::chain::Chain;
use super::event::What;
use super::needs::is_ours;
use super::world::{Entry, Key, ShownBy};
use crate::effect::{Deed, Detail, Effect, Kind, Object};

impl Chain<'_> {
    /// Does it.
    pub(super) fn apply(&mut self, deed: &Deed) {
        self.world.tick();
        match &deed.effect {
            Effect::Create(object, detail) => {
                if let Some(table) = &object.table
                    && !(deed.conditional || detail.guarded)
                    && self.passing_over.as_ref() != Some(table)
                {
                    self.needs_columns(table, &detail.columns);
                }
                self.create(object, detail, deed.conditional);
            }
            Effect::Drop { object, guarded, cascade } => {
                if *cascade {
                    self.world.cascaded();
                }
                self.drop(object, *guarded, deed.conditional);
            }
            Effect::Alter { object, guarded, type_ } => {
                if !guarded && !deed.conditional {
                    // An extension may define a type that a column names in SQL. It does not define
                    // one that is altered, or that Python declares as an enum.
                    self.needs(object, object.kind == Kind::Type);
                }
                if let Some(type_) = type_.clone() {
                    let type_ = Some(if deed.conditional { "?".to_owned() } else { type_ });
                    self.world.change(&Key::of(object), |entry| entry.detail.type_ = type_);
                }
            }
            Effect::Use(object) if !deed.conditional => self.needs(object, false),
            Effect::Rename { object, to, guarded } => {
                self.rename(object, to, *guarded, deed.conditional);
            }
            Effect::Attach { child, parent } => {
                let key = Key::of(&Object::new(Kind::Table, child));
                if let Some(mut entry) = self.world.get(&key).cloned() {
                    entry.detail.parent.clone_from(parent);
                    self.world.put(key, entry);
                }
            }
            Effect::Opaque(text) => self.world.opaque(text.as_deref()),
            // The effect of this drop is unknown.
            Effect::DropWithout(_) => self.world.opaque(None),
            _ => {}
        }
    }

    fn create(&mut self, object: &Object, detail: &Detail, conditional: bool) {
        if object.kind == Kind::Table {
            self.passing_over = None;
        } else if object.table.is_some() && object.table == self.passing_over {
            return;
        }
        if object.name.is_empty() {
            self.world.may_be_back(object.table.as_deref().unwrap_or_default());
            return;
        }
        if detail.temporary {
            // It hides objects of its name until it is dropped automatically.
            self.world.mention(&object.name);
            return;
        }
        let key = Key::of(object);
        let before = self.world.get(&key).filter(|entry| entry.alive).cloned();
        if let Some(before) = &before {
            if detail.guarded || conditional {
                // Its parts are not made either.
                if object.kind == Kind::Table {
                    self.passing_over = Some(object.name.clone());
                }
                return;
            }
            self.created_twice((&key, object, None), detail, before);
            if object.kind == Kind::Table {
                self.passing_over = Some(object.name.clone());
                return;
            }
        }
        // Overloads of a function are not distinguished afterwards.
        let overloads = object.kind == Kind::Function
            && before.as_ref().is_some_and(|before| before.detail.type_ != detail.type_);
        let made = match &before {
            Some(before) if detail.replaces => before.made,
            _ => self.at,
        };
        let entry = Entry {
            object: object.clone(),
            detail: detail.clone(),
            alive: true,
            certain: !(conditional || overloads),
            shown_by: ShownBy::Itself,
            made,
            renamed: None,
            dropped: None,
            since: self.world.tick(),
        };
        if object.kind == Kind::Table {
            self.world.forget_parts(&object.name);
        }
        if detail.indexed && object.kind == Kind::Constraint {
            let index = Object { kind: Kind::Index, ..object.clone() };
            let entry = Entry { object: index.clone(), shown_by: ShownBy::Other, ..entry.clone() };
            self.world.put(Key::of(&index), entry);
        }
        self.world.put(key, entry);
    }

    /// `from`: the name of the object until a rename gives it that of the other one.
    fn created_twice(
        &mut self,
        (key, object, from): (&Key, &Object, Option<String>),
        detail: &Detail,
        before: &Entry,
    ) {
        let on_twice = object.table.as_ref().is_some_and(|table| self.twice.contains(table));
        // Functions of one name may differ in their arguments.
        let other_function = object.kind == Kind::Function && before.detail.type_ != detail.type_;
        let made_once = detail.with_table && before.detail.with_table;
        let may_have_gone =
            goes_with_others(object.kind) && self.world.cascaded_since(before.since);
        let is_fine = detail.replaces
            || may_have_gone
            || other_function
            || made_once
            || on_twice
            || !before.certain
            || self.world.is_uncertain_since(key, before.since);
        if is_fine {
            return;
        }
        if object.kind == Kind::Table {
            self.twice.insert(object.name.clone());
        }
        let (first, first_from) = match before.renamed.clone() {
            Some((at, name)) => (at, Some(name)),
            None => (before.made, None),
        };
        self.push(What::CreatedTwice { object: object.clone(), from, first, first_from });
    }

    fn drop(&mut self, object: &Object, guarded: bool, conditional: bool) {
        self.passing_over = None;
        if object.name.is_empty() {
            self.world.may_be_gone(object.table.as_deref().unwrap_or_default());
            return;
        }
        let key = Key::of(object);
        let Some(entry) = self.world.get(&key).cloned() else {
            // Other objects are made implicitly: sequences of serial columns, constraints without a
            // name, and their indexes.
            let always_seen = matches!(
                object.kind,
                Kind::Table
                    | Kind::View
                    | Kind::MaterializedView
                    | Kind::Type
                    | Kind::Function
                    | Kind::Trigger
                    | Kind::Policy
            );
            let certain = !guarded && !conditional && !self.world.is_uncertain_since(&key, 0);
            let always_seen = always_seen || self.never_had(object);
            if always_seen
                && certain
                && is_ours(&key)
                && self.reported.unmade.insert((key.clone(), self.down))
            {
                self.push(What::NeverMade(object.clone()));
            } else if !conditional {
                self.drop_unseen(key, object);
            }
            return;
        };
        if entry.alive {
            self.kill(&key, conditional);
            return;
        }
        if matches!(object.kind, Kind::Constraint | Kind::Index) && !conditional {
            self.may_be_named_so(object);
        }
        let certain = entry.certain && !self.world.is_uncertain_since(&key, entry.since);
        if let Some(first) = entry.dropped.filter(|_| certain && !guarded && !conditional) {
            self.push(What::DroppedTwice { object: object.clone(), first });
        }
    }

    /// An object on the same table may have this name in fact, by a naming convention.
    fn may_be_named_so(&mut self, object: &Object) {
        let Some(table) = &object.table else { return };
        for key in self.world.children_of(table) {
            self.world.change(&key, |entry| {
                let (one, other) = (&entry.object.name, &object.name);
                let alike = one.ends_with(other.as_str()) || other.ends_with(one.as_str());
                let by_itself = entry.detail.by_itself;
                entry.certain &= entry.object.kind != object.kind || !(alike || by_itself);
            });
        }
    }

    /// Records that an object existed whose creation was not seen, and that it is dropped.
    fn drop_unseen(&mut self, key: Key, object: &Object) {
        if matches!(object.kind, Kind::Constraint | Kind::Index) {
            self.may_be_named_so(object);
        }
        let entry = Entry {
            object: object.clone(),
            detail: Detail::default(),
            alive: true,
            certain: false,
            shown_by: ShownBy::Drop,
            made: self.at,
            renamed: None,
            dropped: None,
            since: self.world.tick(),
        };
        self.world.put(key.clone(), entry.clone());
        self.world.change(&key, |entry| entry.alive = false);
        for key in self.goes_with(&entry) {
            self.kill(&key, false);
        }
    }

    /// Drops an existing object, and the objects on it. The depth is that of partitions of
    /// partitions.
    fn kill(&mut self, key: &Key, conditional: bool) {
        let (at, mut pending) = (self.at, vec![key.clone()]);
        while let Some(key) = pending.pop() {
            let Some(entry) = self.world.get(&key).filter(|entry| entry.alive).cloned() else {
                continue;
            };
            let since = self.world.tick();
            self.world.change(&key, |entry| {
                if conditional {
                    entry.certain = false;
                } else {
                    (entry.alive, entry.dropped, entry.since) = (false, Some(at), since);
                }
            });
            pending.extend(self.goes_with(&entry));
        }
    }

    /// The objects that are dropped with an object.
    fn goes_with(&mut self, entry: &Entry) -> Vec<Key> {
        let object = &entry.object;
        match object.kind {
            Kind::Table | Kind::MaterializedView | Kind::View => {
                self.world.children_of(&object.name)
            }
            Kind::Schema => self.world.in_schema(&object.name),
            Kind::Constraint if entry.detail.indexed => {
                vec![Key::of(&Object { kind: Kind::Index, ..object.clone() })]
            }
            Kind::Column => {
                let Some(table) = object.table.clone() else { return Vec::new() };
                let mut with_it = Vec::new();
                for key in self.world.children_of(&table) {
                    let Some(other) = self.world.get(&key) else { continue };
                    let columns = &other.detail.columns;
                    if other.object.kind == Kind::Sequence {
                        self.world.change(&key, |entry| entry.certain = false);
                        continue;
                    }
                    let is_on_columns = matches!(other.object.kind, Kind::Index | Kind::Constraint);
                    if !is_on_columns {
                        continue;
                    }
                    if columns.contains(&object.name) {
                        with_it.push(key);
                    } else if columns.is_empty() || other.object.kind == Kind::Index {
                        // A check, a predicate or an expression may be about the column.
                        self.world.change(&key, |entry| entry.certain = false);
                    }
                }
                with_it
            }
            _ => Vec::new(),
        }
    }

    fn rename(&mut self, object: &Object, to: &str, guarded: bool, conditional: bool) {
        let key = Key::of(object);
        let Some(entry) = self.world.get(&key).cloned().filter(|entry| entry.alive) else {
            if !guarded && !conditional {
                self.needs(object, object.kind == Kind::Type);
            }
            return;
        };
        let name = match object.name.rsplit_once('.') {
            Some((schema, _)) if object.kind != Kind::Column => format!("{schema}.{to}"),
            _ => to.to_owned(),
        };
        // `ALTER TABLE … RENAME` renames views and indexes as well.
        let renamed = Object { name: name.clone(), ..entry.object.clone() };
        let new_key = Key::of(&renamed);
        if let Some(before) = self.world.get(&new_key).filter(|entry| entry.alive).cloned()
            && !conditional
        {
            let from = Some(object.name.clone());
            self.created_twice((&new_key, &renamed, from), &Detail::default(), &before);
        }
        if conditional {
            self.world.mention(&object.name);
            self.world.mention(to);
            return;
        }
        let is_table =
            matches!(entry.object.kind, Kind::Table | Kind::View | Kind::MaterializedView);
        let children = if is_table { self.world.children_of(&object.name) } else { Vec::new() };
        if entry.object.kind == Kind::Constraint && entry.detail.indexed {
            let index = Object { kind: Kind::Index, ..entry.object.clone() };
            self.rename(&index, to, true, false);
        }
        if let (Kind::Column, Some(table)) = (entry.object.kind, &entry.object.table) {
            self.rename_in_columns(&table.clone(), &object.name, &name);
        }
        if is_table {
            self.world.forget_parts(&name);
        }
        let named = Entry { renamed: Some((self.at, object.name.clone())), ..entry };
        self.move_to(&key, &named, renamed);
        for child in children {
            if let Some(entry) = self.world.get(&child).cloned() {
                let mut moved = entry.clone();
                if moved.detail.parent.as_deref() == Some(&object.name) {
                    moved.detail.parent = Some(name.clone());
                }
                let mut renamed = entry.object.clone();
                if renamed.table.as_deref() == Some(&object.name) {
                    renamed.table = Some(name.clone());
                }
                self.move_to(&child, &moved, renamed);
            }
        }
    }

    fn rename_in_columns(&mut self, table: &str, old: &str, new: &str) {
        for key in self.world.children_of(table) {
            self.world.change(&key, |entry| {
                for column in entry.detail.columns.iter_mut().filter(|column| *column == old) {
                    new.clone_into(column);
                }
            });
        }
    }

    /// Gives an object another key.
    fn move_to(&mut self, from: &Key, entry: &Entry, object: Object) {
        let (at, since) = (self.at, self.world.tick());
        let to = Key::of(&object);
        if to != *from {
            self.world.change(from, |entry| {
                (entry.alive, entry.dropped, entry.since) = (false, Some(at), since);
            });
        }
        self.world.put(to, Entry { object, since, ..entry.clone() });
    }
}

/// Whether `CASCADE` may drop objects of this kind along with another object.
pub(super) fn goes_with_others(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Constraint
            | Kind::View
            | Kind::MaterializedView
            | Kind::Trigger
            | Kind::Function
            | Kind::Column
            | Kind::Policy
    )
}
