//! What a look at a schema has seen, and what of it the next look need not read again.
//!
//! A look costs what there is to read, and a migration changes little of it. Postgres says of which
//! relations a row of a catalogue was written since or is gone ([`super::stamps`]), and need not look at
//! rows whose pages were not written ([`super::pages`]); those relations alone are read again, and views,
//! whose text follows from columns elsewhere. What belongs to no relation is read again together, but
//! for what is read each time. Where something has another name now, or is new, that definitions of
//! relations may name, everything is read.
//!
//! What belongs to a relation lies in one of 256 parts, by the relation's oid: what schemas share of it,
//! nobody compares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::schema::{ObjectId, Objects, Schema, without_public};

use super::pages::{Lsn, Written};
use super::stamps::{NAMED, NONE, Owner, Place, Stamps};

/// How many parts there are of what belongs to relations.
const PARTS: usize = 256;
/// The part of what belongs to none.
const OTHERS: usize = PARTS;
/// The part that is read each time.
const EACH_TIME: usize = PARTS + 1;
/// The address of what is in it.
pub(super) const READ_EACH_TIME: &str = "each time";
/// A row as its columns with their names.
pub(super) type Row = Vec<(String, String)>;
/// A relation's oid, and what tells one of its objects from another.
type Address = (Owner, u32);

/// A schema as it was seen.
#[derive(Clone)]
pub struct Seen {
    /// What the catalogues said then; of all pages.
    stamps: Stamps,
    /// What belongs to relations, then what does not, then what is read each time.
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    objects: Arc<Objects>,
    /// What other definitions may name.
    names: Arc<BTreeMap<Address, ObjectId>>,
    /// Those that are views.
    views: Arc<Vec<Owner>>,
}

/// What is read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The oids of relations; `None`: all.
    pub(super) relations: Option<BTreeSet<Owner>>,
    /// What belongs to none.
    pub(super) others: bool,
}

impl Wanted {
    /// All.
    pub(super) const ALL: Wanted = Wanted { relations: None, others: true };
    /// What is read each time, and no more.
    pub(super) const LEAST: Wanted = Wanted { relations: Some(BTreeSet::new()), others: false };
    /// What belongs to no relation.
    pub(super) const OTHERS: Wanted = Wanted { relations: Some(BTreeSet::new()), others: true };

    /// Whether a relation may be among it.
    pub(super) fn has_relations(&self) -> bool {
        self.relations.as_ref().is_none_or(|oids| !oids.is_empty())
    }
}

/// What one look has read.
pub(super) struct Looked {
    pub(super) stamps: Stamps,
    /// What the rows are of.
    pub(super) wanted: Wanted,
    pub(super) rows: Vec<Row>,
}

impl Seen {
    /// Of a look that read all.
    pub(super) fn of(all: Looked) -> Seen {
        Seen { stamps: all.stamps, parts: sort(all.rows) }
    }

    /// The same of a copy of the database that was made since.
    pub(super) fn of_copy(&self) -> Seen {
        let mut seen = self.clone();
        seen.stamps.database = None;
        seen
    }

    /// The transaction since which something may have changed.
    pub(super) fn began(&self) -> &str {
        &self.stamps.began
    }

    /// The schema.
    pub(super) fn schema(&self) -> Schema {
        Schema::of(self.parts.iter().map(|part| Arc::clone(&part.objects)).collect())
    }

    /// The place in the log since which pages may have been written; `None`: that is not known.
    pub(super) fn lsn(&self) -> Option<Lsn> {
        self.stamps.lsn
    }

    /// Whether not all pages were read.
    #[cfg(test)]
    pub(super) fn is_of_pages(&self) -> bool {
        self.stamps.read.is_some()
    }

    /// Whether each page with rows that count is still there.
    pub(super) fn is_within(&self, now: &Written) -> bool {
        let length =
            |number: u16| now.lengths.get(usize::from(number)).copied().unwrap_or_default();
        self.stamps.sums.keys().all(|(number, page)| *page < length(*number))
    }

    /// What must be read again, and no less than this.
    pub(super) fn changed(&self, now: &Stamps, least: &Wanted) -> Wanted {
        let before = &self.stamps;
        let mut owners = now.written.clone();
        let mut compare = |place: &Place| {
            let sums = |stamps: &Stamps| -> BTreeSet<(Owner, i64)> {
                stamps.sums.get(place).into_iter().flatten().copied().collect()
            };
            owners.extend(sums(before).symmetric_difference(&sums(now)).map(|(owner, _)| *owner));
        };
        match &now.read {
            Some(pages) => pages.iter().for_each(&mut compare),
            None => before.sums.keys().chain(now.sums.keys()).for_each(&mut compare),
        }
        let is_another = before.database.is_some() && now.database != before.database;
        if is_another || now.names != before.names || owners.contains(&NAMED) {
            return Wanted::ALL;
        }
        let others = owners.remove(&NONE) || now.follows || least.others;
        owners.extend(self.parts.iter().flat_map(|part| part.views.iter().copied()));
        Wanted { relations: Some(owners), others }
    }

    /// Takes in what was read again. Says no where something has another name now: then what else
    /// names it is no longer what was seen.
    #[must_use]
    pub(super) fn update(&mut self, looked: Looked) -> bool {
        let mut sums = std::mem::take(&mut self.stamps.sums);
        self.stamps = looked.stamps;
        if let Some(pages) = &self.stamps.read {
            sums.retain(|place, _| !pages.contains(place));
            sums.append(&mut self.stamps.sums);
            self.stamps.sums = sums;
        }
        let mut is_renamed = false;
        let relations = looked.wanted.relations.as_ref();
        let parts = relations.map(|oids| BTreeSet::from_iter(oids.iter().map(|oid| part_of(*oid))));
        for (at, read) in sort(looked.rows).into_iter().enumerate() {
            let known = &mut self.parts[at];
            match (relations, &parts) {
                (Some(relations), Some(parts)) if parts.contains(&at) => {
                    let is_another =
                        |(address, id)| known.names.get(address).is_some_and(|was| was != id);
                    is_renamed |= read.names.iter().any(is_another);
                    known.replace(relations, read);
                }
                // All are read.
                (None, _) => known.become_now(read),
                _ if at == EACH_TIME || at == OTHERS && looked.wanted.others => {
                    known.become_now(read);
                }
                _ => {}
            }
        }
        !is_renamed
    }
}

impl Part {
    fn of(objects: Objects, names: BTreeMap<Address, ObjectId>) -> Part {
        let is_view = |(_, id): &(&Address, &ObjectId)| id.kind.ends_with("view");
        let views = names.iter().filter(is_view).map(|((oid, _), _)| *oid).collect();
        Part { objects: Arc::new(objects), names: Arc::new(names), views: Arc::new(views) }
    }

    /// Puts what was read of some relations in the place of what was known of them.
    fn replace(&mut self, relations: &BTreeSet<Owner>, read: Part) {
        let (mut objects, mut names) = ((*self.objects).clone(), (*self.names).clone());
        names.retain(|(oid, _), id| {
            let stays = !relations.contains(oid);
            if !stays {
                objects.remove(id);
            }
            stays
        });
        objects.extend((*read.objects).clone());
        names.extend((*read.names).clone());
        self.become_now(Part::of(objects, names));
    }

    /// What is the same stays shared, so that nobody compares it.
    fn become_now(&mut self, now: Part) {
        (self.names, self.views) = (now.names, now.views);
        if self.objects != now.objects {
            self.objects = now.objects;
        }
    }
}

/// Where a relation lies.
fn part_of(relation: Owner) -> usize {
    relation as usize % PARTS
}

/// The rows by their parts.
fn sort(rows: Vec<Row>) -> Vec<Part> {
    let mut all: Vec<(Objects, BTreeMap<Address, ObjectId>)> =
        vec![Default::default(); EACH_TIME + 1];
    for row in rows {
        let mut cells = row.into_iter().peekable();
        let (Some((_, kind)), Some((_, identity))) = (cells.next(), cells.next()) else { continue };
        let id = ObjectId { kind, identity: without_public(&identity) };
        let address = cells.next_if(|(name, _)| name == "address").map(|(_, value)| value);
        let of_relation = address.as_deref().and_then(|text| text.split_once(' '));
        let of_relation =
            of_relation.and_then(|(oid, number)| Some((oid.parse().ok()?, number.parse().ok()?)));
        let part = match of_relation {
            Some((oid, _)) => part_of(oid),
            None if address.as_deref() == Some(READ_EACH_TIME) => EACH_TIME,
            None => OTHERS,
        };
        let (objects, names) = &mut all[part];
        if let Some(address) = of_relation {
            names.insert(address, id.clone());
        }
        let attributes = objects.entry(id).or_default();
        for (name, value) in cells.filter(|(_, value)| !value.is_empty()) {
            let value = if name == "privileges" { in_order(&value) } else { value };
            attributes.push((name, value));
        }
    }
    all.into_iter().map(|(objects, names)| Part::of(objects, names)).collect()
}

/// Privileges are a set: in which order they were granted means nothing.
fn in_order(privileges: &str) -> String {
    let mut lines: Vec<&str> = privileges.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(told: &[(&str, &str, &str)]) -> Vec<Row> {
        let cell = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let row = |(kind, identity, address): &(&str, &str, &str)| {
            let cells = [("kind", *kind), ("identity", *identity), ("address", *address)];
            cells.into_iter().filter(|(_, value)| !value.is_empty()).map(cell).collect()
        };
        told.iter().map(row).collect()
    }

    /// Of the catalogue 0: lines of page, part, sum of places, and what is new.
    fn stamps(lines: &str, names: &str, written: Option<&Written>) -> Stamps {
        let lines: Vec<String> = lines.lines().map(|line| format!("0 {line}")).collect();
        let cells = [
            ("database", "16384".to_owned()),
            ("began", "7".to_owned()),
            ("names", names.to_owned()),
            ("stamps", lines.join("\n")),
        ];
        let row = cells.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Stamps::of(&[row], written, Some(100)).unwrap()
    }

    const SEEN: &str = "0 257 10\n0 258 20\n1 258 2\n1 259 30\n1 0 5";

    /// Two tables, 257 and 258, a view, 259, a function, and a role.
    fn seen() -> Seen {
        let told = [
            ("table", "public.a", "257 0"),
            ("column", "public.a.x", "257 1"),
            ("table", "public.b", "258 0"),
            ("view", "public.v", "259 0"),
            ("function", "f()", ""),
            ("role", "r", READ_EACH_TIME),
        ];
        let rows = rows(&told);
        Seen::of(Looked { stamps: stamps(SEEN, "r", None), wanted: Wanted::ALL, rows })
    }

    fn wanted(relations: &[Owner], others: bool) -> Wanted {
        Wanted { relations: Some(relations.iter().copied().collect()), others }
    }

    #[track_caller]
    fn check_changed(seen: &Seen, now: &Stamps, expected: &Wanted) {
        let changed = seen.changed(now, &Wanted::LEAST);
        assert_eq!((&changed.relations, changed.others), (&expected.relations, expected.others));
    }

    #[test]
    fn what_was_written_or_is_gone_is_read_again_and_views_always() {
        let check = |lines: &str, relations: &[Owner], others: bool| {
            check_changed(&seen(), &stamps(lines, "r", None), &wanted(relations, others));
        };
        check(SEEN, &[259], false);
        check(&format!("{SEEN}\n0 257 - new"), &[257, 259], false);
        check("0 257 10\n0 258 19\n1 258 2\n1 259 30\n1 0 5", &[258, 259], false);
        check("0 257 10\n1 258 2\n1 259 30\n1 0 5", &[258, 259], false);
        check(&format!("{SEEN}\n2 300 5 new"), &[259, 300], false);
        check("0 257 10\n0 258 20\n1 258 2\n1 259 30\n1 0 5 new", &[259], true);
    }

    #[test]
    fn a_page_that_was_not_written_is_as_it_was() {
        let page = |number| Written { lengths: vec![2], pages: vec![vec![(number, 9)]] };
        let now = |lines: &str, number| stamps(lines, "r", Some(&page(number)));
        let mut seen = seen();
        let check = |seen: &Seen, lines: &str, number, relations: &[Owner], others: bool| {
            check_changed(seen, &now(lines, number), &wanted(relations, others));
        };
        check(&seen, "1 258 2\n1 259 30\n1 0 5", 1, &[259], false);
        check(&seen, "1 258 2\n1 259 30", 1, &[259], true);
        check(&seen, "1 258 3 new\n1 259 30\n1 0 5", 1, &[258, 259], false);
        // What is known of the other page stays known.
        let now = now("1 300 1 new", 1);
        let wanted = seen.changed(&now, &Wanted::LEAST);
        assert!(seen.update(Looked { stamps: now, wanted, rows: Vec::new() }));
        check(&seen, "0 257 10\n0 258 20", 0, &[], false);
        check(&seen, "0 257 10", 0, &[258], false);
        check(&seen, "1 300 1", 1, &[], false);
        assert!(!seen.is_within(&Written { lengths: vec![1], pages: vec![Vec::new()] }));
        assert!(seen.is_within(&page(1)));
    }

    #[test]
    fn all_is_read_again_where_a_name_may_be_another() {
        let check = |now: &Stamps| check_changed(&seen(), now, &Wanted::ALL);
        check(&stamps(&format!("{SEEN}\n0 1 - new"), "r", None));
        check(&stamps(SEEN, "other", None));
    }

    #[test]
    fn what_was_not_read_stays() {
        let mut seen = seen();
        let before = seen.schema();
        // 513 lies in the same part as 257.
        let read = [
            ("table", "public.a", "257 0"),
            ("table", "public.c", "513 0"),
            ("role", "s", READ_EACH_TIME),
        ];
        let stamps_now = || stamps("0 257 11 new\n0 258 20\n1 259 30", "rs", None);
        let wanted = |oids| wanted(oids, false);
        let looked = |wanted, rows| Looked { stamps: stamps_now(), wanted, rows };
        assert!(seen.update(looked(wanted(&[257, 513]), rows(&read))));
        let after = seen.schema();
        assert!(after.get("table", "b").is_some() && after.get("view", "v").is_some());
        assert!(after.get("column", "a.x").is_none() && after.get("function", "f()").is_some());
        assert!(after.get("role", "r").is_none() && after.get("role", "s").is_some());
        let [was, is] = before.unshared(&after);
        assert!(was.keys().chain(is.keys()).all(|id| id.identity != "b" && id.identity != "v"));
        assert!(seen.update(looked(wanted(&[257]), Vec::new())));
        let after = seen.schema();
        assert!(after.get("table", "a").is_none() && after.get("table", "c").is_some());
    }

    #[test]
    fn another_name_at_the_same_address_is_told() {
        let read = |identity: &str, address: &str| {
            let rows = rows(&[("table", "public.a", "257 0"), ("column", identity, address)]);
            let wanted = wanted(&[257], false);
            seen().update(Looked { stamps: stamps("0 257 11", "r", None), wanted, rows })
        };
        assert!(read("public.a.x", "257 1"));
        assert!(!read("public.a.y", "257 1"), "a renamed column");
        assert!(read("public.a.y", "257 2"), "a dropped one and another one");
    }
}
