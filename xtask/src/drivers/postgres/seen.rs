//! What a look at a schema has seen, and what of it the next look need not read again.
//!
//! A look costs what there is to read, and a migration changes little of it. What belongs to a relation
//! lies in one of 256 parts, by the relation's oid. Postgres says in which of them a row of a catalogue
//! was written since or is gone (`stamps.sql`); those alone are read again, and those with views, whose
//! text follows from columns elsewhere. What belongs to no relation is one part more, but for what is
//! read each time. Where something has another name now, or is new, that definitions of relations may
//! name, everything is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};

use model::schema::{ObjectId, Objects, Schema, without_public};

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
type Address = (u32, u32);

/// A schema as it was seen.
#[derive(Clone)]
pub struct Seen {
    stamps: Stamps,
    /// What belongs to relations, then what does not, then what is read each time.
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    objects: Arc<Objects>,
    /// What other definitions may name.
    names: Arc<BTreeMap<Address, ObjectId>>,
    /// Whether a view is among them.
    has_view: bool,
}

/// What `stamps.sql` says.
#[derive(Clone)]
pub(super) struct Stamps {
    /// The oid of the database: another one of that name has another.
    database: String,
    /// Whether it was a superuser who looked.
    pub(super) superuser: bool,
    /// The oldest transaction whose effects a look may not have seen.
    began: String,
    /// For each part the sum of the places of its rows, and whether one of them is new.
    places: BTreeMap<usize, (String, bool)>,
    /// How many there are of all else that definitions may name.
    names: String,
    /// Whether one of them is new, or was changed.
    renamed: bool,
}

/// Which parts are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Those of relations, a bit for each.
    relations: [u8; PARTS / 8],
    /// What belongs to none.
    pub(super) others: bool,
}

impl Wanted {
    /// All.
    pub(super) const ALL: Wanted = Wanted { relations: [u8::MAX; PARTS / 8], others: true };
    /// What is read each time, and no more.
    pub(super) const LEAST: Wanted = Wanted { relations: [0; PARTS / 8], others: false };
    /// What belongs to no relation.
    pub(super) const OTHERS: Wanted = Wanted { others: true, ..Wanted::LEAST };

    /// What one or the other wants.
    pub(super) fn or(mut self, other: Wanted) -> Wanted {
        let both = self.relations.iter_mut().zip(other.relations);
        both.for_each(|(bits, others)| *bits |= others);
        Wanted { others: self.others || other.others, ..self }
    }

    /// Whether a relation may be among it.
    pub(super) fn has_relations(self) -> bool {
        self.relations.iter().any(|bits| *bits != 0)
    }

    /// As `get_bit` counts.
    fn add(&mut self, part: usize) {
        match part {
            OTHERS => self.others = true,
            part => self.relations[part / 8] |= 1 << (part % 8),
        }
    }

    fn has(self, part: usize) -> bool {
        match part {
            EACH_TIME => true,
            OTHERS => self.others,
            part => self.relations[part / 8] & (1 << (part % 8)) != 0,
        }
    }

    /// Those of relations, as a literal.
    pub(super) fn sql(self) -> String {
        let bytes: String = self.relations.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("'\\x{bytes}'::bytea")
    }
}

impl Stamps {
    /// Of the one row that the query returns.
    pub(super) fn of(rows: &[Row]) -> Result<Stamps> {
        let row = rows.first().context("no row says what has changed in the catalogues")?;
        let cell =
            |name: &str| row.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let place = |line: &str| {
            let mut words = line.split(' ');
            let (part, sum) = (words.next()?, words.next()?.to_owned());
            let part = if part == "none" { OTHERS } else { part.parse().ok()? };
            Some((part, (sum, words.next().is_some())))
        };
        Ok(Stamps {
            database: cell("database").context("no row says which database it is")?.to_owned(),
            superuser: cell("superuser") == Some("t"),
            began: cell("began").context("no row says when a look began")?.to_owned(),
            places: cell("relations").unwrap_or_default().lines().filter_map(place).collect(),
            names: cell("names").unwrap_or_default().to_owned(),
            renamed: cell("renamed") == Some("t"),
        })
    }
}

/// What one look has read.
pub(super) struct Looked {
    pub(super) stamps: Stamps,
    /// The parts that the rows are of.
    pub(super) wanted: Wanted,
    pub(super) rows: Vec<Row>,
}

impl Seen {
    /// Of a look that read all.
    pub(super) fn of(all: Looked) -> Seen {
        Seen { stamps: all.stamps, parts: sort(all.rows) }
    }

    /// The transaction since which something may have changed.
    pub(super) fn began(&self) -> &str {
        &self.stamps.began
    }

    /// The schema.
    pub(super) fn schema(&self) -> Schema {
        Schema::of(self.parts.iter().map(|part| Arc::clone(&part.objects)).collect())
    }

    /// The parts that must be read again.
    pub(super) fn changed(&self, now: &Stamps) -> Wanted {
        let before = &self.stamps;
        if now.database != before.database || now.renamed || now.names != before.names {
            return Wanted::ALL;
        }
        let mut wanted = Wanted::LEAST;
        for part in 0..EACH_TIME {
            let is_same = match (before.places.get(&part), now.places.get(&part)) {
                (Some((was, _)), Some((is, is_new))) => was == is && !is_new,
                (was, is) => was.is_none() && is.is_none(),
            };
            if !is_same || self.parts[part].has_view {
                wanted.add(part);
            }
        }
        wanted
    }

    /// Takes in what was read again. Says no where something has another name now: then what else
    /// names it is no longer what was seen.
    #[must_use]
    pub(super) fn update(&mut self, looked: Looked) -> bool {
        self.stamps = looked.stamps;
        let (mut is_renamed, is_all) = (false, looked.wanted == Wanted::ALL);
        for (at, read) in sort(looked.rows).into_iter().enumerate() {
            if !looked.wanted.has(at) {
                continue;
            }
            let known = &mut self.parts[at];
            let other = |(address, id)| known.names.get(address).is_some_and(|was| was != id);
            is_renamed |= read.names.iter().any(other);
            (known.names, known.has_view) = (read.names, read.has_view);
            // What is the same stays shared, so that nobody compares it.
            if known.objects != read.objects {
                known.objects = read.objects;
            }
        }
        is_all || !is_renamed
    }
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
        let (relation, number) = match address.as_deref() {
            Some(text) => text.split_once(' ').unwrap_or((text, "")),
            None => ("", ""),
        };
        let (relation, number) = (relation.parse::<u32>().ok(), number.parse().ok());
        let part = match relation {
            Some(oid) => oid as usize % PARTS,
            None if address.as_deref() == Some(READ_EACH_TIME) => EACH_TIME,
            None => OTHERS,
        };
        let (objects, names) = &mut all[part];
        if let Some(address) = relation.zip(number) {
            names.insert(address, id.clone());
        }
        let attributes = objects.entry(id).or_default();
        for (name, value) in cells.filter(|(_, value)| !value.is_empty()) {
            let value = if name == "privileges" { in_order(&value) } else { value };
            attributes.push((name, value));
        }
    }
    let part = |(objects, names): (Objects, BTreeMap<Address, ObjectId>)| {
        let has_view = names.values().any(|id| id.kind.ends_with("view"));
        Part { objects: Arc::new(objects), names: Arc::new(names), has_view }
    };
    all.into_iter().map(part).collect()
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

    fn stamps(relations: &str, names: &str, renamed: &str) -> Stamps {
        let cells = [
            ("database", "16384"),
            ("began", "7"),
            ("relations", relations),
            ("names", names),
            ("renamed", renamed),
        ];
        Stamps::of(&[cells.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()])
            .unwrap()
    }

    /// Two tables and a view in the parts 1, 2 and 3, and a role.
    fn seen() -> Seen {
        let told = [
            ("table", "public.a", "257 0"),
            ("column", "public.a.x", "257 1"),
            ("table", "public.b", "258 0"),
            ("view", "public.v", "259 0"),
            ("function", "f()", ""),
            ("role", "r", READ_EACH_TIME),
        ];
        let stamps = stamps("1 10\n2 20\n3 30\nnone 5", "role r1", "f");
        let rows = rows(&told);
        Seen::of(Looked { stamps, wanted: Wanted::ALL, rows })
    }

    #[track_caller]
    fn check_wanted(now: &Stamps, expected: &[usize]) {
        let wanted = seen().changed(now);
        let parts: Vec<usize> = (0..EACH_TIME).filter(|part| wanted.has(*part)).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn what_was_written_or_is_gone_is_read_again_and_views_always() {
        let check = |relations: &str, parts: &[usize]| {
            check_wanted(&stamps(relations, "role r1", "f"), parts);
        };
        check("1 10\n2 20\n3 30\nnone 5", &[3]);
        check("1 10 new\n2 20\n3 30\nnone 5", &[1, 3]);
        check("1 10\n2 19\n3 30\nnone 5", &[2, 3]);
        check("1 10\n3 30\n9 5 new\nnone 5", &[2, 3, 9]);
        check("1 10\n2 20\n3 30\nnone 5 new", &[3, OTHERS]);
    }

    #[test]
    fn all_is_read_again_where_a_name_may_be_another() {
        let all: Vec<usize> = (0..EACH_TIME).collect();
        check_wanted(&stamps("1 10\n2 20\n3 30", "role r1", "t"), &all);
        check_wanted(&stamps("1 10\n2 20\n3 30", "role other1", "f"), &all);
    }

    #[test]
    fn a_part_that_was_not_read_stays() {
        let (mut seen, mut wanted) = (seen(), Wanted::LEAST);
        wanted.add(1);
        let before = seen.schema();
        let read = [("table", "public.a", "257 0"), ("role", "s", READ_EACH_TIME)];
        let stamps = stamps("1 11 new\n2 20\n3 30", "role r1role s1", "f");
        assert!(seen.update(Looked { stamps, wanted, rows: rows(&read) }));
        let after = seen.schema();
        assert!(after.get("table", "b").is_some() && after.get("view", "v").is_some());
        assert!(after.get("column", "a.x").is_none() && after.get("function", "f()").is_some());
        assert!(after.get("role", "r").is_none() && after.get("role", "s").is_some());
        let [was, is] = before.unshared(&after);
        assert!(was.keys().chain(is.keys()).all(|id| id.identity != "b" && id.identity != "v"));
    }

    #[test]
    fn another_name_at_the_same_address_is_told() {
        let read = |identity: &str, address: &str| {
            let (mut seen, mut wanted) = (seen(), Wanted::LEAST);
            wanted.add(1);
            let rows = rows(&[("table", "public.a", "257 0"), ("column", identity, address)]);
            seen.update(Looked { stamps: stamps("1 11", "role r1", "f"), wanted, rows })
        };
        assert!(read("public.a.x", "257 1"));
        assert!(!read("public.a.y", "257 1"), "a renamed column");
        assert!(read("public.a.y", "257 2"), "a dropped one and another one");
    }

    #[test]
    fn a_bit_stands_where_get_bit_looks_for_it() {
        let mut wanted = Wanted::LEAST;
        wanted.add(0);
        wanted.add(9);
        assert!(wanted.sql().starts_with("'\\x010200"), "{}", wanted.sql());
    }
}
