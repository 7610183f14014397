//! Tables of a chain while its text is read: the old ones, the ones that the change makes, and
//! their known properties.

use std::collections::{HashMap, HashSet};

use crate::effect::{Deed, Detail, Effect, Kind, Object, Whole};
use crate::production::{Extent, Sizes};
use crate::schema_diff::mentions;

/// Known properties of the tables before a statement.
#[derive(Default)]
pub(super) struct Tables {
    /// The tables from before the change.
    old: HashSet<String>,
    /// Tables and columns that the change makes, or gives their names.
    made: HashSet<(Option<String>, String)>,
    /// Views, materialized or not.
    pub(super) views: HashSet<String>,
    /// The type of each column, and whether it takes no NULL.
    pub(super) columns: HashMap<(String, String), (Option<String>, bool)>,
    /// Parts and their wholes.
    pub(super) parts: HashMap<String, String>,
    /// The tables into which migrations insert rows.
    pub(super) seeded: HashSet<String>,
    /// The tables on which a role has a privilege; `None`: no role has any.
    granted: Option<HashSet<String>>,
    /// The tables that the current statement names, and whether it grants on future ones.
    named: (u32, Vec<String>),
}

impl Tables {
    /// Records an effect.
    pub(super) fn take(&mut self, deed: &Deed, is_new: bool) {
        if self.named.0 != deed.line {
            self.named = (deed.line, Vec::new());
        }
        match &deed.effect {
            Effect::Create(object, detail) => self.create(object, detail, is_new),
            Effect::Alter { object: Object { table: Some(table), name, .. }, type_, .. } => {
                if let (Some(type_), Some(known)) =
                    (type_, self.columns.get_mut(&(table.clone(), name.clone())))
                {
                    known.0 = Some(type_.clone());
                }
            }
            Effect::Rename { object, to, .. } => self.rename(object, to, is_new),
            Effect::Attach { child, parent } => match parent {
                Some(parent) => drop(self.parts.insert(child.clone(), parent.clone())),
                None => drop(self.parts.remove(child)),
            },
            Effect::Whole { table, work: Whole::NotNull(column) } => self.fill(table, column),
            Effect::Insert(rows) => drop(self.seeded.insert(rows.table.clone())),
            Effect::Use(object) if object.kind == Kind::Table => {
                self.named.1.push(object.name.clone());
            }
            Effect::Role { command, .. } if command == "GRANT" && !is_new => {
                let granted = self.granted.get_or_insert_default();
                match self.named.1.is_empty() {
                    // On all existing tables.
                    true => granted.extend(self.old.iter().chain(&self.views).cloned()),
                    false => granted.extend(self.named.1.iter().cloned()),
                }
            }
            Effect::Opaque(Some(text)) if mentions(&text.to_uppercase(), "GRANT") => {
                self.granted.get_or_insert_default();
            }
            _ => {}
        }
    }

    fn create(&mut self, object: &Object, detail: &Detail, is_new: bool) {
        let name = object.name.clone();
        if is_new {
            self.made.insert((object.table.clone(), name.clone()));
        }
        match (object.kind, &object.table) {
            (Kind::Table, _) => {
                if !is_new {
                    self.old.insert(name.clone());
                }
                self.parts.extend(detail.parent.clone().map(|parent| (name, parent)));
            }
            (Kind::View | Kind::MaterializedView, _) => drop(self.views.insert(name)),
            (Kind::Column, Some(table)) => {
                let known = (detail.type_.clone(), detail.not_null);
                self.columns.insert((table.clone(), name), known);
            }
            // The constraint may be a primary key.
            (Kind::Constraint, Some(table)) if detail.indexed => {
                detail.columns.iter().for_each(|column| self.fill(table, column));
            }
            _ => {}
        }
    }

    fn fill(&mut self, table: &str, column: &str) {
        if let Some(known) = self.columns.get_mut(&(table.to_owned(), column.to_owned())) {
            known.1 = true;
        }
    }

    fn rename(&mut self, object: &Object, to: &str, is_new: bool) {
        if is_new {
            self.made.insert((object.table.clone(), to.to_owned()));
        }
        let moved: Vec<_> = match (&object.table, object.kind) {
            (Some(table), Kind::Column) => vec![(table.clone(), object.name.clone())],
            (None, Kind::Table) => {
                let of = |(table, _): &&(String, String)| *table == object.name;
                self.columns.keys().filter(of).cloned().collect()
            }
            _ => Vec::new(),
        };
        for (table, column) in moved {
            let known = self.columns.remove(&(table.clone(), column.clone())).unwrap_or_default();
            let now = match &object.table {
                Some(_) => (table, to.to_owned()),
                None => (to.to_owned(), column),
            };
            self.columns.insert(now, known);
        }
        if !is_new && self.old.remove(&object.name) {
            self.old.insert(to.to_owned());
        }
    }

    /// Whether a table existed before the change, under this name.
    pub(super) fn is_old(&self, table: Option<&str>, name: &str) -> bool {
        !self.made.contains(&(table.map(str::to_owned), name.to_owned()))
    }

    /// Whether the running version may use a table.
    pub(super) fn is_used(&self, table: &str) -> bool {
        self.granted.as_ref().is_none_or(|granted| granted.contains(table))
    }

    /// How large a table is, with its parts.
    pub(super) fn extent(&self, table: &str, sizes: Option<&Sizes>) -> Extent {
        let parts = self.parts.iter().filter(|(_, whole)| *whole == table);
        let all = parts.map(|(part, _)| self.extent(part, sizes)).reduce(Extent::with);
        let own = || sizes.and_then(|sizes| sizes.of(table)).map_or(Extent::Unknown, Extent::Known);
        all.unwrap_or_else(own)
    }
}
