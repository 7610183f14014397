//! Facts of a way up or down: locks, work, and waits.

use std::collections::{BTreeMap, BTreeSet};

use super::statements::{Ran, statements};
use model::production::{ACCESS_EXCLUSIVE, Blocked, Oid, Relation, SHARE, Way};

/// The longest pause of a session that does not count while tables are blocked, in seconds.
const IDLE: f64 = 0.4;

/// A transaction, by its session, when it began, and, outside of one, the place of its statement.
type Unit = (i32, String, usize);

/// Plain data: observations of a way.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The statements, in order.
    pub statements: Vec<Ran>,
    /// The strongest lock on each relation.
    pub locks: BTreeMap<Oid, u8>,
    /// The tables that were written anew.
    pub rewrites: BTreeSet<Oid>,
    /// The tables that were read from one end to the other while they were blocked.
    pub scans: BTreeSet<Oid>,
    /// Blocked tables, each with others that were read or written anew meanwhile.
    pub held_over: BTreeMap<Oid, BTreeSet<Oid>>,
    /// The tables that were blocked while the session was idle.
    pub idle: BTreeSet<Oid>,
    /// The indexes that were built anew where their tables were not.
    pub rebuilt: BTreeSet<Oid>,
    /// The statements that each relation blocks.
    pub blocks: BTreeMap<Oid, Blocked>,
    /// The statements on a relation that wait because another one is blocked.
    pub through: BTreeMap<Oid, BTreeSet<(Blocked, Oid)>>,
    /// The tables most of whose rows were changed in one transaction.
    pub row_locks: BTreeSet<Oid>,
    /// The tables that are blocked by different statements of one transaction, with those statements.
    pub two_steps: Vec<Vec<(usize, Oid)>>,
    /// The tables that have fewer rows than before.
    pub lost: BTreeSet<Oid>,
    /// The setting when the first blocking lock was asked for.
    pub lock_timeout: Option<String>,
}

impl Facts {
    /// The facts of a way. Work on small tables takes no time and is left out.
    pub fn of(way: &Way, is_small: impl Fn(&Relation) -> bool) -> Facts {
        let mut facts = Facts { statements: statements(way), ..Facts::default() };
        let relations: BTreeMap<Oid, &Relation> =
            way.before.catalog.relations.iter().map(|r| (r.oid, r)).collect();
        let big: BTreeSet<Oid> = relations
            .values()
            .filter(|r| "rpmv".contains(r.kind) && !is_small(r))
            .map(|r| r.oid)
            .collect();
        facts.compare_ends(way, &relations);
        facts.read_statements(way, &relations, &big);
        for wait in &way.trace.waits {
            match wait.through {
                None => {
                    let known = facts.blocks.entry(wait.relation).or_insert(wait.what);
                    *known = (*known).max(wait.what);
                }
                Some(through) => {
                    facts.through.entry(wait.relation).or_default().insert((wait.what, through));
                }
            }
        }
        // Rows that are only locked are known by a scan.
        let held = |oid: &Oid| {
            facts.blocks.get(oid) == Some(&Blocked::Rows)
                && facts.statements.iter().any(|ran| ran.scanned.contains(oid))
                && !facts.statements.iter().any(|ran| ran.changed.contains_key(oid))
        };
        let held: Vec<Oid> = big.iter().copied().filter(held).collect();
        facts.row_locks.extend(held);
        facts
    }

    fn compare_ends(&mut self, way: &Way, relations: &BTreeMap<Oid, &Relation>) {
        let after: BTreeMap<Oid, &Relation> =
            way.after.catalog.relations.iter().map(|r| (r.oid, r)).collect();
        for (oid, rows) in &way.before.rows {
            let is_one = relations.get(oid).is_some_and(|r| "rm".contains(r.kind));
            // A table whose partitions were moved elsewhere has lost no rows.
            let now = || {
                way.after.rows.get(oid).copied().unwrap_or_else(|| match after.get(oid) {
                    Some(now) if !now.populated => 0,
                    Some(_) => *rows,
                    None => self.namesake(relations, *oid, way),
                })
            };
            if is_one && now() < *rows {
                self.lost.insert(*oid);
            }
        }
        for (oid, was) in relations {
            match (was.kind, after.get(oid)) {
                ('r' | 'm', Some(now)) if now.node != was.node => {
                    self.rewrites.insert(*oid);
                }
                _ => {}
            }
        }
        for was in relations.values().filter(|r| r.kind == 'i') {
            let same = |now: &&&Relation| now.of == was.of && now.name == was.name;
            let now = after.values().find(same);
            let of = was.of.unwrap_or_default();
            if now.is_some_and(|now| now.node != was.node) && !self.rewrites.contains(&of) {
                self.rebuilt.insert(was.oid);
            }
        }
    }

    /// The number of rows of the table that took the name of a dropped one.
    fn namesake(&self, relations: &BTreeMap<Oid, &Relation>, oid: Oid, way: &Way) -> u64 {
        let name = relations.get(&oid).map(|r| &r.name);
        let now = way.after.catalog.relations.iter().find(|r| Some(&r.name) == name);
        now.and_then(|now| way.after.rows.get(&now.oid)).copied().unwrap_or_default()
    }

    fn read_statements(
        &mut self,
        way: &Way,
        relations: &BTreeMap<Oid, &Relation>,
        big: &BTreeSet<Oid>,
    ) {
        let is_table = |oid: &Oid| is_of(relations, *oid, "rpmv");
        let mut first: BTreeMap<Unit, BTreeMap<Oid, (usize, Oid)>> = BTreeMap::new();
        let mut changed: BTreeMap<(Unit, Oid), u64> = BTreeMap::new();
        let mut before: Option<(&Ran, BTreeSet<Oid>)> = None;
        for (i, ran) in self.statements.iter().enumerate() {
            for (oid, mode) in &ran.locks {
                let known = self.locks.entry(*oid).or_default();
                *known = (*known).max(*mode);
            }
            let blocking = blocking(ran, relations);
            if let (true, Some((known, held))) = (ran.idle >= IDLE, &before)
                && known.transaction == ran.transaction
            {
                self.idle.extend(held & big);
            }
            if !blocking.is_empty() {
                self.lock_timeout.get_or_insert_with(|| ran.lock_timeout.clone());
            }
            let rewritten = ran.rewritten.iter().copied().filter(|oid| !self.lost.contains(oid));
            let work: BTreeSet<Oid> =
                ran.scanned.iter().copied().chain(rewritten).filter(is_table).collect();
            self.scans.extend(work.intersection(&blocking).filter(|oid| ran.scanned.contains(oid)));
            let unit = ran.unit(i);
            for held in &blocking & big {
                let others = (&work & big).into_iter().filter(|other| *other != held);
                let others: Vec<Oid> = others.collect();
                if !others.is_empty() {
                    self.held_over.entry(held).or_default().extend(others);
                }
                if is_of(relations, held, "rpm") {
                    let whole = whole(relations, held);
                    let steps = first.entry(unit.clone()).or_default();
                    steps.entry(whole).or_insert((i, held));
                }
            }
            for (oid, rows) in &ran.changed {
                *changed.entry((unit.clone(), *oid)).or_default() += rows;
            }
            before = Some((ran, blocking));
        }
        for ((_, oid), rows) in changed {
            let all = way.before.rows.get(&oid).copied().unwrap_or_default();
            if big.contains(&oid) && rows * 2 >= all && all > 0 {
                self.row_locks.insert(oid);
            }
        }
        for steps in first.into_values() {
            let mut steps: Vec<(usize, Oid)> = steps.into_values().collect();
            steps.sort_unstable();
            if steps.first().map(|(i, _)| i) != steps.last().map(|(i, _)| i) {
                self.two_steps.push(steps);
            }
        }
    }
}

fn is_of(relations: &BTreeMap<Oid, &Relation>, oid: Oid, kinds: &str) -> bool {
    relations.get(&oid).is_some_and(|relation| kinds.contains(relation.kind))
}

/// The statements that a transaction blocks. No statement writes to a materialized view.
pub(super) fn blocking(ran: &Ran, relations: &BTreeMap<Oid, &Relation>) -> BTreeSet<Oid> {
    let is = |oid: &Oid, mode: u8| {
        let kind = relations.get(oid).map(|r| r.kind);
        kind.is_some() && mode >= SHARE && (mode == ACCESS_EXCLUSIVE || kind != Some('m'))
    };
    ran.locks.iter().filter(|(oid, mode)| is(oid, **mode)).map(|(oid, _)| *oid).collect()
}

/// The table that a part belongs to in the end.
pub(super) fn whole(relations: &BTreeMap<Oid, &Relation>, oid: Oid) -> Oid {
    let mut at = oid;
    while let Some(parent) = relations.get(&at).and_then(|r| r.parent) {
        at = parent;
    }
    at
}
