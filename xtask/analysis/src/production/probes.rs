//! Probes: statements that wait for a lock of a session.

use std::collections::BTreeSet;

use model::production::{Act, Blocked, Catalog, Oid, Relation, Use};

/// A statement that waits for a lock of another session.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The statement.
    pub used: Use,
    /// The kind of statement that waits with it.
    pub what: Blocked,
}

/// The probes of the relations near those that a session holds: themselves, those that reference
/// them, the views that read them, the wholes and the parts, and the tables whose triggers may do
/// anything.
pub fn probes(catalog: &Catalog, uses: &[Use], held: &BTreeSet<Oid>) -> Vec<Probe> {
    let near = near(catalog, held);
    let relations = catalog.relations.iter().filter(|r| near.contains(&r.oid));
    let own = relations.filter(|r| "rpvm".contains(r.kind)).flat_map(|r| of(r, uses));
    own.chain(pointers(catalog, held)).collect()
}

/// The check of an insert on the row that it references, for tables where the copy of a row would
/// fail before.
fn pointers(catalog: &Catalog, held: &BTreeSet<Oid>) -> Vec<Probe> {
    let required = |of: Oid, name: &String| {
        catalog.columns.iter().any(|c| c.of == of && c.name == *name && c.required)
    };
    let copies = |of: Oid| {
        let mut keys = catalog.keys.iter().filter(|key| key.of == of);
        keys.any(|key| key.columns.iter().all(|name| required(of, name)))
    };
    let pointing = catalog
        .foreign
        .iter()
        .filter(|(_, from, to)| held.contains(to) && !held.contains(from) && copies(*from));
    // Two keys between the same tables ask once.
    let pointing: BTreeSet<(Oid, Oid)> = pointing.map(|(_, from, to)| (*from, *to)).collect();
    let probe = |(from, to): (Oid, Oid)| {
        let to = catalog.relations.iter().find(|r| r.oid == to)?;
        let sql = format!("SELECT 1 FROM {} LIMIT 0 FOR KEY SHARE", to.name);
        let used = Use { role: None, relation: from, column: None, act: Act::Insert, sql };
        Some(Probe { used, what: Blocked::Writes })
    };
    pointing.into_iter().filter_map(probe).collect()
}

fn near(catalog: &Catalog, held: &BTreeSet<Oid>) -> BTreeSet<Oid> {
    let tables = catalog.relations.iter().filter(|r| held.contains(&r.oid));
    let mut near: BTreeSet<Oid> = tables.map(|r| r.of.unwrap_or(r.oid)).collect();
    let pointing = catalog.foreign.iter().filter(|(_, _, to)| near.contains(to));
    let pointing: Vec<Oid> = pointing.map(|(_, from, _)| *from).collect();
    near.extend(pointing);
    near.extend(&catalog.triggered);
    loop {
        let parts = catalog.relations.iter().filter_map(|r| Some((r.oid, r.parent?)));
        let wholes = parts.clone().map(|(part, whole)| (whole, part));
        let links = parts.chain(wholes).chain(catalog.reads.iter().copied());
        let more: Vec<Oid> = links
            .filter(|(of, on)| near.contains(on) && !near.contains(of))
            .map(|(of, _)| of)
            .collect();
        if more.is_empty() {
            return near;
        }
        near.extend(more);
    }
}

fn of(relation: &Relation, uses: &[Use]) -> Vec<Probe> {
    let (oid, name) = (relation.oid, &relation.name);
    // The relation may have been renamed.
    let names_it = |used: &Use| used.sql.split_whitespace().any(|word| word == name);
    let is = |used: &Use, act| used.relation == oid && used.act == act && names_it(used);
    let own = |act: Act| uses.iter().find(|used| is(used, act)).cloned();
    let plain = |sql: String| Use { role: None, relation: oid, column: None, act: Act::Count, sql };
    let read = Use {
        sql: format!("SELECT 1 FROM {name} LIMIT 1"),
        ..own(Act::Count).unwrap_or_else(|| plain(String::new()))
    };
    let mut probes = vec![Probe { used: read, what: Blocked::Reads }];
    if "rp".contains(relation.kind) {
        let insert = own(Act::Insert);
        let insert = insert
            .unwrap_or_else(|| plain(format!("INSERT INTO {name} SELECT * FROM {name} LIMIT 0")));
        probes.push(Probe { used: insert, what: Blocked::Writes });
        probes.extend(own(Act::Update).map(|used| Probe { used, what: Blocked::Rows }));
    }
    probes
}
