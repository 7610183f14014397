//! Comparison of two schemas: objects that were left behind, are missing, or were changed.
//!
//! Differences that are not faults:
//!
//! - the version table, if it did not exist before: Alembic makes it and never drops it;
//! - a constraint that is valid now and was not before: rows that satisfy it still do;
//! - the order of a table's columns: Postgres adds a column only at the end. It is reported as a
//!   note.

mod blame;
mod difference;
mod done_before;
mod identity;
mod origin;
mod privileges;
mod python;
pub mod rename;

use std::collections::BTreeSet;

use model::schema::{Attributes, ObjectId, Schema, attribute, without_public};

pub use self::blame::{
    filled, is_made_anew, is_made_on_condition, is_of_downgrade, line_of_downgrade,
    may_have_held_rows, retyped,
};
pub use self::difference::{Change, Difference};
pub use self::done_before::{created_by, made_elsewhere, made_in, may_have_been_done};
pub(crate) use self::origin::mentions;
pub use self::origin::{Declaration, Origin, Sources, declared, impure, line_of, line_that_names};
pub use self::python::line as python_line;

/// The differences. Those that follow from another one, such as the columns of a table, are left
/// out, and so is the version table with this name.
pub fn compare(expected: &Schema, found: &Schema, version_table: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    let (expected, found) = (expected.objects(), found.objects());
    let ids: BTreeSet<&ObjectId> = expected.keys().chain(found.keys()).collect();
    for id in ids {
        let difference = |change| Difference { object: id.clone(), change };
        match (expected.get(id), found.get(id)) {
            (None, Some(now)) => differences.push(difference(Change::LeftBehind(now.clone()))),
            (Some(was), None) => differences.push(difference(Change::Missing(was.clone()))),
            (Some(was), Some(now)) => differences.extend(changes(id, was, now)),
            (None, None) => {}
        }
    }
    differences.retain(|d| !is_of_version_table(d, version_table));
    let whole: Vec<Difference> = differences
        .iter()
        .filter(|d| !matches!(d.change, Change::Changed { .. }))
        .cloned()
        .collect();
    let inherits_anew: BTreeSet<String> = differences
        .iter()
        .filter(
            |d| matches!(&d.change, Change::Changed { attribute, .. } if attribute == "parents"),
        )
        .map(|d| d.object.identity.clone())
        .collect();
    differences.retain(|d| !follows(d, &whole) && !follows_parents(d, &inherits_anew));
    differences
}

fn changes(id: &ObjectId, was: &Attributes, now: &Attributes) -> Vec<Difference> {
    let mut names: Vec<&str> = was.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(now.iter().map(|(name, _)| name.as_str()).filter(|n| attribute(was, n).is_none()));
    names
        .into_iter()
        .filter(|name| attribute(was, name) != attribute(now, name))
        .filter(|name| *name != "column order" || order_differs(was, now))
        .filter(|name| *name != "privileges" || privileges_differ(was, now))
        .filter(|name| *name != "definition" || !is_validated(was, now))
        // The index of a constraint follows from its definition.
        .filter(|name| {
            *name != "index" || attribute(was, "definition") == attribute(now, "definition")
        })
        // The number of labels follows from the labels.
        .filter(|name| *name != "labels" || attribute(was, "enum") == attribute(now, "enum"))
        .map(|name| Difference {
            object: id.clone(),
            change: Change::Changed {
                attribute: name.to_owned(),
                expected: attribute(was, name).map(str::to_owned),
                found: attribute(now, name).map(str::to_owned),
            },
        })
        .collect()
}

/// Whether a constraint was validated, which needs no way back.
fn is_validated(was: &Attributes, now: &Attributes) -> bool {
    let was = attribute(was, "definition").and_then(|text| text.strip_suffix(" NOT VALID"));
    was.is_some() && was == attribute(now, "definition")
}

/// Whether the columns that both have are in another order; other columns are differences
/// themselves.
fn order_differs(was: &Attributes, now: &Attributes) -> bool {
    let columns = |attributes: &Attributes| -> Vec<String> {
        let order = attribute(attributes, "column order").unwrap_or_default();
        order.split(", ").map(str::to_owned).collect()
    };
    let (was, now) = (columns(was), columns(now));
    let kept: Vec<&String> = was.iter().filter(|c| now.contains(c)).collect();
    let found: Vec<&String> = now.iter().filter(|c| was.contains(c)).collect();
    kept != found
}

/// Whether privileges differ by more than the owner's name: a new owner takes over the privileges
/// and grants of the old one.
fn privileges_differ(was: &Attributes, now: &Attributes) -> bool {
    let of = |attributes, name| attribute(attributes, name).unwrap_or_default().to_owned();
    let owners = (of(was, "owner"), of(now, "owner"));
    let taken_over = of(was, "privileges")
        .lines()
        .map(|item| {
            let item = match item.strip_prefix(&format!("{}=", owners.0)) {
                Some(rest) => format!("{}={rest}", owners.1),
                None => item.to_owned(),
            };
            match item.strip_suffix(&format!("/{}", owners.0)) {
                Some(rest) => format!("{rest}/{}", owners.1),
                None => item,
            }
        })
        .collect::<BTreeSet<String>>();
    taken_over != of(now, "privileges").lines().map(str::to_owned).collect()
}

/// Whether a difference follows from a table's new or lost parents: its bound, and whether its
/// columns, constraints and triggers are inherited.
fn follows_parents(difference: &Difference, tables: &BTreeSet<String>) -> bool {
    let Change::Changed { attribute, .. } = &difference.change else { return false };
    let identity = &difference.object.identity;
    match attribute.as_str() {
        "partition bound" => tables.contains(identity),
        "inheritance" => identity.rsplit_once('.').is_some_and(|(table, _)| tables.contains(table)),
        _ => false,
    }
}

fn is_of_version_table(difference: &Difference, table: &str) -> bool {
    if table.is_empty() {
        return false;
    }
    let identity = difference.object.identity.as_str();
    let whole = !matches!(difference.change, Change::Changed { .. });
    // In a schema of its own it has that before its name.
    identity.split('.').any(|part| part == table) && whole
}

/// Whether a difference is a part of another: of a table that is left behind or missing, or of a
/// partition's copy of its parent's object.
fn follows(difference: &Difference, whole: &[Difference]) -> bool {
    let id = &difference.object;
    let own = match &difference.change {
        Change::LeftBehind(own) | Change::Missing(own) => own,
        Change::Changed { .. } | Change::Renamed { .. } => return false,
    };
    let same_way = |other: &Difference| {
        std::mem::discriminant(&other.change) == std::mem::discriminant(&difference.change)
    };
    let is_owner = |kind: &str, identity: &str| {
        whole.iter().any(|other| {
            other.object.kind == kind && other.object.identity == identity && same_way(other)
        })
    };
    let holds = ["table", "view", "materialized view", "foreign table", "domain"];
    let parent = id.identity.rsplit_once('.').map(|(parent, _)| parent);
    let of = attribute(own, "of").map(without_public);
    let owned = attribute(own, "owned by").map(without_public);
    let owned = owned.as_deref().map(|by| by.trim_start_matches("identity of "));
    let part = ["column", "constraint", "trigger", "rule", "policy"].contains(&id.kind.as_str());
    let of_table = |table: &str| holds.iter().any(|kind| is_owner(kind, table));
    (part && parent.is_some_and(of_table))
        || of.as_deref().is_some_and(of_table)
        || owned.is_some_and(|column| {
            is_owner("column", column)
                || column.rsplit_once('.').is_some_and(|(table, _)| of_table(table))
        })
        || attribute(own, "inheritance") == Some("inherited")
        || (id.kind == "index" && attribute(own, "parents").is_some())
}

/// A difference between two environments, the found one the other, for a reader.
pub fn describe_apart(difference: &Difference) -> String {
    let Difference { object, change } = difference;
    match change {
        Change::LeftBehind(own) => format!("only there: {object}{}", summary(own)),
        Change::Missing(own) => format!("not there: {object}{}", summary(own)),
        Change::Changed { .. } | Change::Renamed { .. } => describe(difference),
    }
}

/// A difference for a reader.
pub fn describe(difference: &Difference) -> String {
    let Difference { object, change } = difference;
    match change {
        Change::LeftBehind(own) => format!("left behind: {object}{}", summary(own)),
        Change::Missing(own) => format!("not restored: {object}{}", summary(own)),
        Change::Renamed { to, .. } => {
            let name = to.rsplit('.').next().unwrap_or(to);
            format!("not renamed back: {object} is `{name}` now")
        }
        Change::Changed { attribute, expected, found } => {
            let what = subject(object);
            if attribute == "privileges" {
                let told = privileges::describe(expected.as_deref(), found.as_deref());
                return format!("changed: {what}: {told}");
            }
            if attribute == "column order" {
                let (was, now) = (shown(expected.as_deref()), shown(found.as_deref()));
                return format!("column order: {what}: was {was}, is {now}");
            }
            let (was, now) = (expected.as_deref(), found.as_deref());
            match (was, now) {
                (Some(was), None) => {
                    format!("changed: {what}: {} was lost", phrase(attribute, was))
                }
                (None, Some(now)) => {
                    format!("changed: {what}: {} stayed", phrase(attribute, now))
                }
                (Some(was), Some(now)) if was.contains('\n') || now.contains('\n') => {
                    format!("changed: {what}: {attribute}\n{}", line_diff(was, now))
                }
                _ => format!("changed: {what}: {attribute} was {}, is {}", shown(was), shown(now)),
            }
        }
    }
}

/// `table orders, column note`; others by their kind and name.
fn subject(object: &ObjectId) -> String {
    match object.identity.rsplit_once('.') {
        Some((table, name))
            if ["column", "constraint", "trigger", "policy", "rule"]
                .contains(&object.kind.as_str()) =>
        {
            format!("table {table}, {} {name}", object.kind)
        }
        _ => object.to_string(),
    }
}

/// A flag is shown as its value alone; any other attribute with its name.
fn phrase(attribute: &str, value: &str) -> String {
    if ["nullability", "validity", "clustered", "cycle", "persistence", "identity"]
        .contains(&attribute)
    {
        value.to_owned()
    } else {
        format!("{attribute} {}", shown(Some(value)))
    }
}

fn shown(value: Option<&str>) -> String {
    let Some(value) = value else { return "nothing".into() };
    let text = without_public(value.trim());
    if text.contains('\n') || text.chars().count() > 200 {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = line.chars().take(200).collect();
        let more = if cut.len() < line.len() { " …" } else { "" };
        return format!("`{cut}{more}`");
    }
    format!("`{text}`")
}

/// The lines that only one of two texts has, those of both by turns: the first few show both.
fn line_diff(was: &str, now: &str) -> String {
    const LINES_SHOWN: usize = 12;
    let only = |of: &str, other: &str, sign: char| -> Vec<String> {
        let lines = of.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("  {sign} {}", without_public(line))).collect()
    };
    let (lost, new) = (only(was, now, '-'), only(now, was, '+'));
    let turns = 0..lost.len().max(new.len());
    let lines = turns.flat_map(|at| [lost.get(at), new.get(at)]).flatten().cloned();
    let lines: Vec<String> = lines.take(LINES_SHOWN).collect();
    if lines.is_empty() {
        return "  the same lines in another order".into();
    }
    lines.join("\n")
}

/// The most telling attributes of an object, in brackets.
fn summary(own: &Attributes) -> String {
    let told = ["enum", "composite", "range", "type", "definition", "column order", "version"];
    let first = told.iter().find_map(|name| Some((name, attribute(own, name)?)));
    match first {
        Some((name @ (&"enum" | &"composite" | &"range"), value)) => {
            format!(" ({name}: {})", without_public(value))
        }
        Some((&"column order", value)) => format!(" (columns: {value})"),
        Some((_, value)) => format!(" ({})", shown(Some(value)).trim_matches('`')),
        None => String::new(),
    }
}

/// Whether a difference is only the order of a table's columns, or of an enum's labels, which few
/// programs depend on.
pub fn is_order(difference: &Difference) -> bool {
    let Change::Changed { attribute, expected: Some(was), found: Some(is) } = &difference.change
    else {
        return false;
    };
    let labels = |text: &str| text.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    is_column_order(difference) || (attribute == "enum" && labels(was) == labels(is))
}

/// Whether a difference is only the order of a table's columns.
pub fn is_column_order(difference: &Difference) -> bool {
    matches!(&difference.change, Change::Changed { attribute, .. } if attribute == "column order")
}

/// Whether a difference is an object that was made only if missing, and that cannot or should not
/// be removed: an extension or a schema that others may use by then, or the label of an enum.
pub fn is_shared(difference: &Difference, made_by: &str) -> bool {
    let words: Vec<String> = made_by.split_whitespace().map(str::to_lowercase).collect();
    let is_left = matches!(difference.change, Change::LeftBehind(_))
        && ["extension", "schema"].contains(&difference.object.kind.as_str());
    (is_left || adds_labels(difference))
        && words.windows(3).any(|three| three == ["if", "not", "exists"])
}

/// Whether a statement does its work only where the catalogue says so: `DO $$ … IF NOT EXISTS …`.
pub fn is_conditional(made_by: &str) -> bool {
    let part = |c: char| c.is_whitespace() || c == '(';
    let words: Vec<String> =
        made_by.split(part).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|own| own == word);
    let asks = |at: usize| is(at, "if") && (is(at + 1, "exists") || is(at + 2, "exists"));
    is(0, "do") && (0..words.len()).any(asks)
}

/// Whether a difference is labels that an enum has beside those that it should have.
pub fn adds_labels(difference: &Difference) -> bool {
    match &difference.change {
        Change::Changed { attribute, expected, found: Some(is) } if attribute == "enum" => {
            let (was, mut labels) =
                (expected.iter().flat_map(|was| was.split(", ")), is.split(", "));
            { was }.all(|label| label.is_empty() || labels.any(|other| other == label))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
