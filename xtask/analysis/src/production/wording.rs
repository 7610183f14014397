//! Sentences of a finding about a change in production, read from the text or seen in a rehearsal.

use std::collections::BTreeSet;

use super::breaks::Kind;
use super::setting::Text;
use super::sizes::{Extent, Sizes, Work, about, amount};
use super::view::View;
use super::waits::Stand;
use crate::schema_diff::mentions;
use model::production::{Blocked, Oid};

/// Why a table may be blocked that a revision locks itself.
pub(crate) const CHOSEN: &str = "the revision locks the table itself, with `LOCK TABLE`";

/// MG500: the statements that cannot run, and for how long.
pub(crate) fn blocked(
    what: &str,
    table: &str,
    more: &str,
    seconds: Option<f64>,
    size: &str,
) -> String {
    format!("nobody can {what} `{table}`{more} {}", lasting(seconds, size))
}

/// MG503: rows that are gone.
pub(crate) fn lost(which: &str, table: &str) -> String {
    format!("{which}rows of `{table}` are lost")
}

/// MG503: rows for which other writers wait.
pub(crate) fn locked(which: &str, table: &str, how_long: &str) -> String {
    format!("{which} rows of `{table}` are locked {how_long}; other writers of these rows wait")
}

/// How long work takes.
pub(crate) fn lasting(seconds: Option<f64>, size: &str) -> String {
    match seconds {
        Some(seconds) => format!("for {}", about(seconds)),
        None => format!("for a time that grows with {size}"),
    }
}

/// How large the table is in production, and how much it is used.
pub(crate) fn there(sizes: Option<&Sizes>, extent: Extent) -> Option<String> {
    match extent {
        Extent::Known(size) => Some(format!(
            "{} and {} of indexes, {} reads and {} writes a second (production.csv of {})",
            amount(size.bytes),
            amount(size.index_bytes),
            size.reads.round(),
            size.writes.round(),
            sizes.map(|sizes| sizes.on.clone()).unwrap_or_default()
        )),
        Extent::Seeded(rows) => Some(format!(
            "{rows} rows, which the migrations themselves put there; production.csv would say how many there are"
        )),
        Extent::Unknown => None,
    }
}

/// The size that determines the time: for the target of a foreign key, that of the table that
/// points to it.
pub(super) fn grows_with(view: &View<'_>, stand: &Stand) -> String {
    let foreign = &view.way.after.catalog.foreign;
    let is_key = |on: &Oid| stand.work.contains(&(*on, Work::ForeignKey));
    let is_target =
        |(_, from, to): &(Oid, Oid, Oid)| *to == stand.table && from != to && is_key(from);
    let is_pointed_to = is_key(&stand.table) && foreign.iter().any(is_target);
    let has_own = stand.work.iter().any(|(on, _)| *on == stand.table);
    let others = stand.work.iter().filter(|(on, _)| *on != stand.table);
    let others: BTreeSet<String> = others.map(|(on, _)| format!("`{}`", view.name(*on))).collect();
    match others.is_empty() || has_own && !is_pointed_to {
        true => "its size".to_owned(),
        false => format!("the size of {}", others.into_iter().collect::<Vec<_>>().join(" and ")),
    }
}

/// The statements that wait because of a table.
pub(super) fn also(view: &View<'_>, table: Oid) -> Option<String> {
    let waits = view.facts.through.iter().flat_map(|(oid, all)| {
        all.iter().filter(move |(_, on)| view.whole(*on) == table).map(move |(what, _)| {
            let is_view = view.relation(*oid).is_some_and(|r| "vm".contains(r.kind));
            let (what, why) = match (is_view, what) {
                (true, _) => ("reads of", "it reads"),
                (_, Blocked::Reads) => ("reads of", "it is a part of"),
                _ => ("writes to", "its foreign key asks"),
            };
            format!("{what} `{}` wait, {why} `{}`", view.name(*oid), view.name(table))
        })
    });
    let waits: Vec<String> = waits.collect();
    (!waits.is_empty()).then(|| waits.join("; "))
}

/// The effect of the way back on the table of a finding.
pub(super) fn of_back(stand: &Stand, back: &[Stand], down: Option<&View<'_>>) -> String {
    let Some(down) = down else { return "the downgrade was not rehearsed".to_owned() };
    let same = back.iter().find(|other| other.table == stand.table);
    match same {
        Some(other) if other.work == stand.work => "the downgrade does the same".to_owned(),
        Some(other) => format!("the downgrade too: {}", other.seen(down)),
        None => "the downgrade does not block it".to_owned(),
    }
}

/// MG501: the change of an object that the running version uses. `said` is Postgres's own message.
pub(crate) fn fails(name: &str, kind: &Kind, said: &str) -> String {
    format!("the running version fails: {}", change(name, kind, said))
}

fn change(name: &str, kind: &Kind, said: &str) -> String {
    match kind {
        Kind::TableRenamed { to } => format!("`{name}` is renamed to `{to}`"),
        Kind::TableDropped | Kind::ViewDropped => format!("`{name}` is dropped"),
        Kind::TypeGone => format!("the type `{name}` is dropped or renamed"),
        Kind::ColumnRenamed { column, to } => format!("`{name}.{column}` is renamed to `{to}`"),
        Kind::ColumnDropped { column } => format!("`{name}.{column}` is dropped"),
        Kind::NotNull { column } if column.is_empty() => format!("`{name}`: {said}"),
        Kind::NotNull { column } => {
            format!("`{name}.{column}` must be given a value, and it gives none")
        }
        Kind::Refused { constraint } => {
            format!("`{constraint}` refuses rows of `{name}` that were allowed")
        }
        Kind::NoRight { act: None } => {
            format!("the application's role may not use `{name}` any more")
        }
        Kind::NoRight { act: Some(act) } => {
            // A trigger may need a privilege on another object.
            let bare = name.rsplit('.').next().unwrap_or_default().trim_matches('"');
            let why = if mentions(said, bare) { String::new() } else { format!(": {said}") };
            format!("the application's role may not {act} `{name}` any more{why}")
        }
        Kind::RowRefused => format!("row security refuses its rows of `{name}`"),
        Kind::RowsHidden => format!("row security hides all rows of `{name}` from it"),
        Kind::NoKey { columns, now: Some(now), .. } => {
            format!("`ON CONFLICT ({columns})` fails: the key of `{name}` is now ({now})")
        }
        Kind::NoKey { columns, now: None, .. } => format!(
            "`ON CONFLICT ({columns})` fails: `{name}` has no unique index on ({columns}) now"
        ),
        Kind::LabelGone { label } => format!("`{name}` has no label '{label}' any more"),
        Kind::TypeChanged { column, from, to } => {
            format!("`{name}.{column}` was {from} and is {to}")
        }
        Kind::GeneratedAlways => {
            format!("the application sets a column of `{name}` that accepts no value any more")
        }
        Kind::Trigger => format!("a trigger of `{name}` refuses: {said}"),
        Kind::Other { message, .. } => format!("`{name}`: {message}"),
    }
}

/// The statements that wait for a moment, and the number of statements of the running version that
/// still work.
pub(super) fn sound(
    revisions: &[Text],
    up: &View<'_>,
    down: Option<&View<'_>>,
    tried: usize,
) -> Vec<String> {
    let ids: Vec<&str> = revisions.iter().map(|text| text.revision.as_str()).collect();
    let works = match tried {
        0 => "no statement of the running version could be tried".to_owned(),
        _ => format!("the running version keeps working ({tried} statements tried)"),
    };
    let mut lines = vec![
        format!("{} on a database in use: {}", ids.join(", "), moments(up)),
        format!("no large table is read whole or rewritten while others wait; {works}"),
    ];
    lines.extend(down.map(|down| format!("back: {}", moments(down))));
    lines
}

/// The statements that wait for a moment.
fn moments(view: &View<'_>) -> String {
    let of = |wanted: Blocked| -> Vec<String> {
        let all =
            view.facts.blocks.iter().filter(|(oid, what)| **what == wanted && view.is_old(**oid));
        all.map(|(oid, _)| format!("`{}`", view.name(*oid))).collect()
    };
    let (reads, writes) = (of(Blocked::Reads), of(Blocked::Writes));
    let mut told = Vec::new();
    if !reads.is_empty() {
        told.push(format!("{}: reads and writes wait for a moment", reads.join(", ")));
    }
    if !writes.is_empty() {
        told.push(format!("{}: writes wait for a moment, reads pass", writes.join(", ")));
    }
    if told.is_empty() { "nobody waits".to_owned() } else { told.join("; ") }
}
