//! A way as it is judged: its facts, and the names and sizes of its relations.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{self, Facts, whole};
use super::sizes::{Extent, Sizes, Work};
use super::statements::Ran;
use model::production::{Catalog, Oid, Rehearsal, Relation, Way};

/// The number of rows from which work on a table takes noticeable time.
const SMALL: u64 = 100;

/// A way, its facts, and the setting of its judgement.
pub(super) struct View<'a> {
    pub(super) way: &'a Way,
    pub(super) facts: Facts,
    pub(super) sizes: Option<&'a Sizes>,
    first: &'a Catalog,
    /// The tables that the gate gave rows.
    filled: &'a BTreeSet<String>,
    relations: BTreeMap<Oid, &'a Relation>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        (rehearsal, way): (&'a Rehearsal, &'a Way),
        sizes: Option<&'a Sizes>,
        filled: &'a BTreeSet<String>,
    ) -> View<'a> {
        let relations = way.before.catalog.relations.iter().map(|r| (r.oid, r)).collect();
        let facts = Facts::default();
        let first = &rehearsal.first;
        let mut view = View { way, facts, sizes, first, filled, relations };
        view.facts = Facts::of(way, |relation| view.is_small(relation));
        view
    }

    pub(super) fn relation(&self, oid: Oid) -> Option<&'a Relation> {
        self.relations.get(&oid).copied()
    }

    /// The name that it had before the change.
    pub(super) fn name(&self, oid: Oid) -> String {
        let then = self.first.relations.iter().find(|r| r.oid == oid);
        then.or(self.relation(oid)).map(|r| r.name.clone()).unwrap_or_default()
    }

    /// The table that it is a part of, else itself.
    pub(super) fn whole(&self, oid: Oid) -> Oid {
        whole(&self.relations, oid)
    }

    /// Whether the object existed before the change. Objects that the change itself made are not
    /// judged.
    pub(super) fn is_old(&self, oid: Oid) -> bool {
        self.first.relations.iter().any(|r| r.oid == oid)
    }

    pub(super) fn blocking(&self, ran: &Ran) -> BTreeSet<Oid> {
        facts::blocking(ran, &self.relations)
    }

    fn is_small(&self, relation: &Relation) -> bool {
        if relation.kind == 'v' {
            return false;
        }
        !self.is_old(relation.oid)
            || matches!(self.extent(relation.oid), Extent::Known(size) if size.rows < SMALL)
    }

    pub(super) fn is_big(&self, oid: Oid) -> bool {
        self.relation(oid).is_some_and(|relation| !self.is_small(relation))
    }

    /// How large a table is, with its parts.
    pub(super) fn extent(&self, oid: Oid) -> Extent {
        let parts: Vec<Oid> =
            self.relations.values().filter(|r| r.parent == Some(oid)).map(|r| r.oid).collect();
        if !parts.is_empty() {
            return parts
                .into_iter()
                .map(|part| self.extent(part))
                .reduce(Extent::with)
                .unwrap_or(Extent::Unknown);
        }
        let name = self.name(oid);
        if let Some(size) = self.sizes.and_then(|sizes| sizes.of(&name)) {
            return Extent::Known(size);
        }
        let rows = self.way.before.rows.get(&oid).copied().unwrap_or_default();
        match rows {
            1..SMALL if self.sizes.is_none() && !self.filled.contains(&name) => {
                Extent::Seeded(rows)
            }
            _ => Extent::Unknown,
        }
    }

    /// The duration of a statement's work, and its tables; `None`: a size is unknown.
    pub(super) fn seconds(&self, ran: &Ran) -> Option<f64> {
        let mut all = 0.0;
        for (oid, work) in self.work(ran) {
            all += self.sizes?.seconds_of(work, self.extent(oid))?;
        }
        Some(all)
    }

    /// The scans and rewrites of a statement.
    pub(super) fn work(&self, ran: &Ran) -> Vec<(Oid, Work)> {
        let is_table = |oid: &&Oid| self.relation(**oid).is_some_and(|r| "rm".contains(r.kind));
        let old = |oid: &&Oid| self.is_old(**oid);
        let mut work = BTreeMap::new();
        for oid in ran.scanned.iter().filter(old) {
            work.insert(*oid, self.kind_of_scan(*oid, ran));
        }
        for (oid, changed) in ran.changed.iter().filter(|(oid, _)| self.is_old(**oid)) {
            let rows = self.way.before.rows.get(oid).copied().unwrap_or_default();
            if changed * 2 >= rows && rows > 0 {
                work.insert(*oid, Work::Update);
            }
        }
        for oid in ran.rewritten.iter().filter(is_table).filter(old) {
            if !self.facts.lost.contains(oid) {
                work.insert(*oid, Work::Rewrite);
            }
        }
        work.into_iter().collect()
    }

    /// Why a table was read: an index that is new, a foreign key that is new, or a check.
    fn kind_of_scan(&self, oid: Oid, ran: &Ran) -> Work {
        let (was, is) = (&self.way.before.catalog, &self.way.after.catalog);
        let rebuilt = |r: &&Relation| r.of == Some(oid) && self.facts.rebuilt.contains(&r.oid);
        let known = |r: &Relation| was.relations.iter().any(|old| old.oid == r.oid);
        if is.relations.iter().any(|r| r.of == Some(oid) && !known(r))
            || was.relations.iter().any(|r| rebuilt(&r))
        {
            return Work::Index;
        }
        let is_new = |key: &(Oid, Oid, Oid)| {
            let (_, from, to) = key;
            [*from, *to].contains(&oid) && ran.scanned.contains(from) && !was.foreign.contains(key)
        };
        if is.foreign.iter().any(is_new) { Work::ForeignKey } else { Work::Scan }
    }
}
