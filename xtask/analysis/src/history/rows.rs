//! Rows that are looked up and roles that are named, and whether the chain or a supply provides
//! them.

use rustc_hash::FxHashSet;

use super::event::{At, Event, MissingRow, Revision, What, deeds};
use crate::effect::{Deed, Effect, Lookup, Rows, Value};
use crate::sql;
use model::supply::{Given, Supply};

/// Whether a supply that is given after a revision exists when the revision at `index` runs.
fn is_there(revisions: &[Revision<'_>], given: &Given, index: usize) -> bool {
    let Some(after) = &given.after else { return true };
    // No supply can be given after a revision that is not in the chain.
    revisions.iter().position(|revision| revision.id == after).is_some_and(|at| at < index)
}

/// Whether an event may be about an object that a file supplies: the contents of such a file are
/// not followed.
pub fn is_supplied(revisions: &[Revision<'_>], given: &[Given], event: &Event) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    given.iter().any(|given| {
        let Supply::Script(script) = &given.what else { return false };
        let before = |id: &String| revisions.iter().position(|revision| revision.id == id);
        let there = script
            .required_by
            .as_ref()
            .is_none_or(|id| before(id).is_some_and(|at| at <= event.at.revision));
        let mut words = script.sql.split(|c| !is_word(c));
        there && words.any(|word| event.what.missed().iter().any(|n| n.eq_ignore_ascii_case(word)))
    })
}

/// Roles that no revision makes, each at its first use.
pub fn roles(revisions: &[Revision<'_>], given: &[Given]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut made: FxHashSet<String> = FxHashSet::default();
    let mut said: FxHashSet<String> = FxHashSet::default();
    let mut opaque = Vec::new();
    for (index, revision) in revisions.iter().enumerate() {
        for (down, function) in [(false, &revision.body.upgrade), (true, &revision.body.downgrade)]
        {
            for deed in deeds(function.as_ref()) {
                match &deed.effect {
                    Effect::CreateRole(name) => {
                        made.insert(name.clone());
                    }
                    Effect::Opaque(text) => opaque.push(text.clone()),
                    Effect::Role { name, command } => {
                        if deed.conditional || made.contains(name) || said.contains(name) {
                            continue;
                        }
                        let supplied = given.iter().any(|given| {
                            matches!(&given.what, Supply::Role(role) if role.name == name)
                                && is_there(revisions, given, index)
                        });
                        let perhaps = opaque.iter().any(|text| makes_role(text.as_deref(), name));
                        if supplied || perhaps {
                            continue;
                        }
                        said.insert(name.clone());
                        let at = At { revision: index, line: deed.line };
                        let (role, command) = (name.clone(), command.clone());
                        let what = What::NoRole { role, command };
                        events.push(Event { at, down, what });
                    }
                    _ => {}
                }
            }
        }
    }
    events
}

/// Whether code that could not be followed may make a role.
fn makes_role(text: Option<&str>, role: &str) -> bool {
    let Some(text) = text else { return true };
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    let creates = words.windows(2).any(|pair| {
        pair[0].eq_ignore_ascii_case("create")
            && ["role", "user", "group"].iter().any(|w| pair[1].eq_ignore_ascii_case(w))
    });
    creates && words.iter().any(|word| word.eq_ignore_ascii_case(role))
}

/// Rows put into a table at some point.
struct Put<'a> {
    rows: Rows,
    /// The supply that gives them; `None`: a revision inserts them.
    given: Option<&'a Given>,
}

/// Lookups that raise if no row is found, of rows that no revision inserts.
pub fn rows(revisions: &[Revision<'_>], given: &[Given]) -> Vec<Event> {
    let supplied: Vec<Put<'_>> = given.iter().flat_map(supplied_rows).collect();
    let mut put: Vec<Rows> = Vec::new();
    let mut unknown = false;
    let mut events = Vec::new();
    for (index, revision) in revisions.iter().enumerate() {
        for deed in deeds(revision.body.upgrade.as_ref()) {
            match &deed.effect {
                Effect::Insert(rows) => put.push(rows.clone()),
                // A row that is changed may have become the one that is looked for.
                Effect::Write(table) => put.push(Rows { table: table.clone(), rows: None }),
                Effect::Opaque(_) => unknown = true,
                Effect::Lookup(lookup) if lookup.raises && !unknown => {
                    let there = |put: &&Put<'_>| {
                        put.given.is_none_or(|given| is_there(revisions, given, index))
                    };
                    let by_chain = put.iter().any(|rows| may_hold(rows, lookup));
                    let by_recipe =
                        supplied.iter().filter(there).any(|put| may_hold(&put.rows, lookup));
                    if by_chain || by_recipe || !is_made(revisions, index, deed, &lookup.table) {
                        continue;
                    }
                    let late = supplied.iter().find(|put| may_hold(&put.rows, lookup));
                    let too_late = late.and_then(|put| put.given?.after.clone());
                    let what = What::NoRow(MissingRow { lookup: lookup.clone(), too_late });
                    let at = At { revision: index, line: deed.line };
                    events.push(Event { at, down: false, what });
                }
                _ => {}
            }
        }
    }
    events
}

fn supplied_rows(given: &Given) -> Vec<Put<'_>> {
    let Supply::Row(row) = &given.what else { return Vec::new() };
    let effects = sql::read(row.insert).into_iter().map(|(_, effect)| effect);
    let rows = effects.filter_map(|effect| match effect {
        Effect::Insert(rows) => Some(Put { rows, given: Some(given) }),
        _ => None,
    });
    rows.collect()
}

/// Whether the chain makes the table before: a table from elsewhere may hold any rows.
fn is_made(revisions: &[Revision<'_>], index: usize, deed: &Deed, table: &str) -> bool {
    let makes = |deed: &Deed| {
        matches!(&deed.effect, Effect::Create(object, detail)
            if object.table.is_none() && object.name == table && !detail.temporary)
    };
    let earlier = revisions.iter().take(index);
    earlier.flat_map(|revision| deeds(revision.body.upgrade.as_ref())).any(makes)
        || deeds(revisions[index].body.upgrade.as_ref())
            .take_while(|other| *other != deed)
            .any(makes)
}

/// Whether rows may be among those of a lookup: no known value differs.
fn may_hold(rows: &Rows, lookup: &Lookup) -> bool {
    if rows.table != lookup.table {
        return false;
    }
    let Some(rows) = &rows.rows else { return true };
    rows.iter().any(|row| {
        lookup.conditions.iter().all(|(column, wanted)| {
            let Value::Known(wanted) = wanted else { return true };
            match row.iter().find(|(own, _)| own == column) {
                Some((_, Value::Known(value))) => value == wanted,
                // A column with a default, or one whose value is computed.
                _ => true,
            }
        })
    })
}
