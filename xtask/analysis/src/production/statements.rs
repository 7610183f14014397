//! Statements of a change, put together from the looks before and after each.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use model::production::{Held, Look, Oid, Relation, Way};

/// The mode that a statement which writes takes at least.
const ROW_EXCLUSIVE: u8 = 3;

/// Plain data: a statement and its effects on the relations that existed before the change.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The revision that ran it.
    pub revision: Option<String>,
    /// Its text; `None`: only its effects are known.
    pub sql: Option<String>,
    /// The lines of the tree that asked for it, innermost first.
    pub lines: Vec<(Utf8PathBuf, u32)>,
    /// Its transaction.
    pub transaction: (i32, String),
    /// Whether it is no part of a transaction with others.
    pub autocommit: bool,
    /// The setting when it was done.
    pub lock_timeout: String,
    /// The idle time right before it, in seconds.
    pub idle: f64,
    /// The locks that its transaction held then.
    pub locks: BTreeMap<Oid, u8>,
    /// The relations that it read in full.
    pub scanned: BTreeSet<Oid>,
    /// The relations that it rewrote.
    pub rewritten: BTreeSet<Oid>,
    /// The number of rows that it changed.
    pub changed: BTreeMap<Oid, u64>,
}

/// The statements of a way, in order.
pub(super) fn statements(way: &Way) -> Vec<Ran> {
    let known: BTreeMap<Oid, &Relation> =
        way.before.catalog.relations.iter().map(|r| (r.oid, r)).collect();
    let mut nodes: BTreeMap<Oid, u64> = known.iter().map(|(oid, r)| (*oid, r.node)).collect();
    let mut last: BTreeMap<i32, &Look> = BTreeMap::new();
    let mut all: Vec<Ran> = Vec::new();
    for (number, look) in way.trace.looks.iter().enumerate() {
        let before = last.insert(look.pid, look);
        if before.is_some_and(|before| before.began != look.began) && look.when != "after" {
            continue;
        }
        let Some(before) = before else { continue };
        let mut ran = Ran {
            revision: look.revision.as_ref().map(|revision| revision.id.clone()),
            sql: look.sql.clone().filter(|_| look.when == "after"),
            // The lines of a later look belong to another statement.
            lines: if look.when == "after" { look.lines.clone() } else { Vec::new() },
            transaction: (look.pid, look.began.clone()),
            autocommit: look.autocommit,
            lock_timeout: look.lock_timeout.clone(),
            idle: if look.when == "after" { before.idle } else { look.idle },
            ..Ran::default()
        };
        compare(&mut ran, way, before, look);
        let files = way.trace.nodes.get(&number);
        let in_session = look.relations.iter().filter(|h| h.mode > 0).map(|h| (h.oid, h.node));
        let seen: BTreeMap<Oid, u64> = files.cloned().unwrap_or_else(|| in_session.collect());
        for (oid, node) in seen {
            // Relations that did not exist before the change are left out.
            if node != 0 && nodes.get(&oid).is_some_and(|known| *known != node) {
                nodes.insert(oid, node);
                ran.rewritten.insert(oid);
            }
        }
        if look.autocommit {
            ran.locks = way.trace.caught.get(&number).cloned().unwrap_or_default();
            for (oid, mode) in ran
                .scanned
                .iter()
                .map(|oid| (*oid, 1))
                .chain(ran.changed.keys().map(|oid| (*oid, ROW_EXCLUSIVE)))
            {
                let known = ran.locks.entry(oid).or_default();
                *known = (*known).max(mode);
            }
        } else {
            ran.locks = locks(look);
        }
        ran.locks.retain(|oid, _| known.contains_key(oid));
        let is_new = look.when == "after" || ran.did_something(all.last());
        if is_new {
            all.push(ran);
        }
    }
    all
}

impl Ran {
    /// Its transaction, or itself where it is no part of one: it is the `number`-th statement.
    pub(super) fn unit(&self, number: usize) -> (i32, String, usize) {
        let (pid, began) = self.transaction.clone();
        (pid, began, if self.autocommit { number + 1 } else { 0 })
    }

    /// Whether an effect occurred since the previous statement without a known statement for it.
    fn did_something(&self, before: Option<&Ran>) -> bool {
        let known = before.filter(|before| before.transaction == self.transaction);
        let held = known.map(|before| &before.locks);
        let more =
            |(oid, mode): (&Oid, &u8)| held.and_then(|h| h.get(oid)).is_none_or(|h| h < mode);
        self.locks.iter().any(more) || !self.scanned.is_empty() || !self.changed.is_empty()
    }
}

fn locks(look: &Look) -> BTreeMap<Oid, u8> {
    look.relations.iter().filter(|h| h.mode > 0).map(|h| (h.oid, h.mode)).collect()
}

/// Adds the reads and writes between two looks.
fn compare(ran: &mut Ran, way: &Way, before: &Look, after: &Look) {
    for held in &after.relations {
        let Some(relation) = way.before.catalog.relations.iter().find(|r| r.oid == held.oid) else {
            continue;
        };
        if !"rm".contains(relation.kind) {
            continue;
        }
        let was = before.relations.iter().find(|h| h.oid == held.oid);
        let was = was.copied().unwrap_or(Held::default());
        let rows = way.before.rows.get(&held.oid).copied().unwrap_or_default();
        let returned = u64::try_from(held.returned - was.returned).unwrap_or_default();
        let read = match rows {
            0 => held.scans > was.scans,
            rows => returned >= rows,
        };
        if read {
            ran.scanned.insert(held.oid);
        }
        if let Some(changed) = u64::try_from(held.written - was.written).ok().filter(|n| *n > 0) {
            ran.changed.insert(held.oid, changed);
        }
    }
}
