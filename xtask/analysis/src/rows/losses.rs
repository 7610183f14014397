//! Losses of a round trip among the earlier rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::rows::{Cells, Contents, Held};
use serde_json::Value as Json;

/// The longest value that is shown, in characters.
const SHOWN: usize = 60;

/// The effect of one revision's upgrade and downgrade on earlier rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The table, or the table and the column, by its name after the upgrade.
    pub what: String,
    /// The same, by its name before the upgrade.
    pub formerly: String,
    /// The number of rows or values.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// Their fate.
    pub fate: Fate,
    /// Whether they were lost in the upgrade already: the downgrade then only failed to restore
    /// them.
    pub by_upgrade: bool,
    /// Whether the upgrade made one value of several, which no downgrade can tell apart.
    pub merged: bool,
    /// The least and the greatest new value, where each of these rows changed in another column too.
    pub range: Option<[String; 2]>,
}

/// Fate of rows or values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Rows that no longer exist.
    RowsLost,
    /// Values that are NULL now.
    Lost {
        /// One of them.
        example: String,
    },
    /// Values that are others now.
    Changed {
        /// One of them.
        was: String,
        /// Its value now.
        is: String,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { what, count, of, fate, .. } = self;
        match fate {
            Fate::RowsLost => write!(f, "{what}: {count} of {of} rows lost"),
            Fate::Lost { example } => {
                write!(f, "{what}: {count} of {of} values lost, {example} for one")
            }
            Fate::Changed { was, is } => {
                write!(f, "{what}: {count} of {of} values changed, {was} to {is} for one")
            }
        }
    }
}

impl Loss {
    /// Whether the new values are times between two others: the row was changed otherwise too, and
    /// its time stamp says when.
    pub fn is_stamp(&self, [since, until]: &[String; 2]) -> bool {
        self.range.as_ref().is_some_and(|[least, most]| since <= least && most <= until)
    }

    /// Whether it is about a table, or a column of it, by either name.
    pub fn is_of(&self, what: &str) -> bool {
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with('.');
        [&self.what, &self.formerly]
            .iter()
            .any(|name| name.strip_prefix(what).is_some_and(is_below))
    }
}

/// Data from before the upgrade that is missing or different after the downgrade, although the
/// schema does not show that: the losses of columns and tables that the upgrade drops are in
/// [`gone_with_drops`]. A value in place of NULL is no loss, and a row with NULL in one of the
/// columns that the upgrade fills cannot stay.
pub fn losses(
    before: &Contents,
    between: &Contents,
    after: &Contents,
    filled: &BTreeSet<String>,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    let renumbered: Vec<&Held> = before
        .iter()
        .filter_map(|(table, was)| is_renumbered(was, after.get(table)?).then_some(was))
        .collect();
    for (table, was) in before {
        // The comparison of the schemas covers a dropped table.
        let (Some(is), Some(held)) = (after.get(table), between.get(table)) else { continue };
        let mut could_stay = was.clone();
        if !was.primary.is_empty() && was.primary == is.primary {
            let is_filled = |column: &str| filled.contains(&format!("{table}.{column}"));
            let stays = |row: &Cells| !row.iter().any(|(c, value)| value.is_none() && is_filled(c));
            could_stay.rows.retain(stays);
        }
        losses.extend(rows_lost(table, &could_stay, is, held));
        let columns = was.rows.first().map(|row| row.keys().cloned().collect::<Vec<_>>());
        for column in columns.unwrap_or_default() {
            let named = name_in(held, was, &column);
            let is_there = held.rows.first().is_none_or(|row| row.contains_key(named));
            let is_number = was.primary.contains(&column) && is_renumbered(was, is)
                || renumbered.iter().any(|to| points_to(was, &column, to));
            if is_there && !is_number {
                losses.extend(values_lost((table, &column, named), was, is, held));
            }
        }
    }
    losses
}

/// The data of columns and tables that an upgrade drops, which its downgrade cannot restore: each
/// with its number of values or rows.
pub fn gone_with_drops(before: &Contents, between: &Contents, after: &Contents) -> Vec<String> {
    let mut told = Vec::new();
    for (table, was) in before {
        let Some(held) = between.get(table) else {
            // A table that does not come back is a difference of the schemas, or has another name.
            if after.get(table).is_some_and(|is| is.rows.len() < was.rows.len()) {
                told.push(format!("{table} ({} rows)", was.rows.len()));
            }
            continue;
        };
        let Some(row) = held.rows.first() else { continue };
        let known = was.rows.first().into_iter().flat_map(|row| row.keys());
        for column in known.filter(|column| !row.contains_key(name_in(held, was, column))) {
            let values = |held: &Held| {
                let cells = held.rows.iter().filter_map(|row| row.get(column)?.clone());
                let mut cells: Vec<String> = cells.collect();
                cells.sort();
                cells
            };
            let (had, has) = (values(was), after.get(table).map(values).unwrap_or_default());
            if had != has && !had.is_empty() {
                told.push(format!("{table}.{column} ({} values)", had.len()));
            }
        }
    }
    told
}

/// The data that the upgrade put into its new columns: it is necessarily lost with them. For each
/// column the number of values, and the number after the second upgrade.
pub fn gone_with_columns(before: &Contents, between: &Contents, again: &Contents) -> Vec<String> {
    let values = |held: Option<&Held>, column: &str| {
        let rows = held.map(|held| held.rows.as_slice()).unwrap_or_default();
        rows.iter().filter(|row| row.get(column).is_some_and(Option::is_some)).count()
    };
    let mut told = Vec::new();
    for (table, held) in between {
        let (Some(was), Some(row)) = (before.get(table), held.rows.first()) else { continue };
        let known = was.rows.first().into_iter().flat_map(|row| row.keys());
        let known: BTreeSet<&str> = known.map(|column| name_in(held, was, column)).collect();
        let added = row.keys().filter(|column| !known.contains(column.as_str()));
        for column in added {
            let (had, has) = (values(Some(held), column), values(again.get(table), column));
            if had > 0 {
                let of = held.rows.len();
                told.push(format!(
                    "{table}.{column} ({had} of {of} rows; {has} after the second upgrade)"
                ));
            }
        }
    }
    told
}

fn rows_lost(table: &str, was: &Held, is: &Held, meanwhile: &Held) -> Option<Loss> {
    let count = was.rows.len().saturating_sub(present(was, is));
    (count > 0).then(|| Loss {
        what: table.to_owned(),
        formerly: table.to_owned(),
        count,
        of: was.rows.len(),
        fate: Fate::RowsLost,
        by_upgrade: present(was, meanwhile) < was.rows.len(),
        merged: false,
        range: None,
    })
}

/// The number of rows that still exist: by their key, or by their count where there is no key or nothing
/// but a key.
fn present(was: &Held, is: &Held) -> usize {
    let is_all_key = was.rows.iter().all(|row| row.keys().all(|c| was.primary.contains(c)));
    if is_all_key || !has_matches(was, is) {
        return was.rows.len().min(is.rows.len());
    }
    let there = by_key(is);
    was.rows.iter().filter(|row| there.contains_key(&key(row, &was.primary))).count()
}

fn values_lost(
    (table, column, named): (&str, &str, &str),
    was: &Held,
    is: &Held,
    meanwhile: &Held,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    let pairs = pairs(was, is, [column, column]);
    let of = pairs.iter().filter(|(was, _)| was.is_some()).count();
    let lost: Vec<_> = pairs.iter().filter(|(was, is)| was.is_some() && is.is_none()).collect();
    let changed: Vec<_> =
        pairs.iter().filter(|(was, is)| is.is_some() && !is_kept(was, is)).collect();
    // If the upgrade left the data unchanged, the downgrade is to blame.
    let kept = self::pairs(was, meanwhile, [column, named]);
    let by_upgrade = kept.len() < pairs.len() || kept.iter().any(|(was, held)| !is_kept(was, held));
    let merged = by_upgrade && merges(&kept, has_matches(was, meanwhile));
    let loss = |count, of, fate| {
        let (what, formerly) = (format!("{table}.{named}"), format!("{table}.{column}"));
        Loss { what, formerly, count, of, fate, by_upgrade, merged, range: None }
    };
    if let Some((example, _)) = lost.first() {
        losses.push(loss(lost.len(), of, Fate::Lost { example: shown(example.as_deref()) }));
    }
    if let Some((old, new)) = changed.first() {
        let fate = Fate::Changed { was: shown(old.as_deref()), is: shown(new.as_deref()) };
        let range = range_beside([column, named], [was, is, meanwhile]);
        losses.push(Loss { range, ..loss(changed.len(), of, fate) });
    }
    losses
}

/// The least and the greatest new value of a column, where the upgrade changed each of its rows in
/// another column too.
fn range_beside(
    [column, named]: [&str; 2],
    [was, is, meanwhile]: [&Held; 3],
) -> Option<[String; 2]> {
    if !has_matches(was, is) || !has_matches(was, meanwhile) {
        return None;
    }
    let (is, meanwhile) = (by_key(is), by_key(meanwhile));
    let mut values = BTreeSet::new();
    for row in &was.rows {
        let key = key(row, &was.primary);
        let Some(new) = is.get(&key).filter(|new| new.get(column) != row.get(column)) else {
            continue;
        };
        let held = meanwhile.get(&key)?;
        let is_other = |(name, value): (&String, &Option<String>)| {
            name != named && row.get(name) != Some(value)
        };
        held.iter().any(is_other).then_some(())?;
        values.insert(new.get(column)?.clone()?);
    }
    Some([values.first()?.clone(), values.last()?.clone()])
}

/// Whether a value is still there: the same, or a JSON array or object with all its former members.
fn is_kept(was: &Option<String>, is: &Option<String>) -> bool {
    fn holds(was: &Json, is: &Json) -> bool {
        match (was, is) {
            (Json::Object(was), Json::Object(is)) => {
                was.iter().all(|(key, was)| is.get(key).is_some_and(|is| holds(was, is)))
            }
            (Json::Array(was), Json::Array(is)) => {
                let mut rest: Vec<&Json> = is.iter().collect();
                was.iter().all(|was| {
                    let at = rest.iter().position(|is| holds(was, is));
                    at.map(|at| rest.remove(at)).is_some()
                })
            }
            _ => was == is,
        }
    }
    let (Some(was), Some(is)) = (was, is) else { return was.is_none() };
    let json = |text: &String| serde_json::from_str::<Json>(text).ok();
    let grown = || Some(holds(&json(was)?, &json(is)?));
    was == is || was.starts_with(['[', '{']) && grown() == Some(true)
}

/// Whether several values became one; of rows that cannot be matched, only the number of values says so.
fn merges(pairs: &[(Option<String>, Option<String>)], is_matched: bool) -> bool {
    let each: BTreeSet<_> = pairs.iter().collect();
    let was: BTreeSet<_> = pairs.iter().map(|(was, _)| was).collect();
    let is: BTreeSet<_> = pairs.iter().map(|(_, is)| is).collect();
    is.len() < if is_matched { each.len() } else { was.len() }
}

/// Whether each row can be found again by its key.
fn has_matches(was: &Held, is: &Held) -> bool {
    !was.primary.is_empty() && was.primary == is.primary && !is_renumbered(was, is)
}

/// Whether a table has as many rows as before, and other keys: then they were renumbered, and rows
/// are matched by their unchanged columns.
fn is_renumbered(was: &Held, is: &Held) -> bool {
    let keys = |held: &Held| {
        let mut keys: Vec<_> = held.rows.iter().map(|row| key(row, &was.primary)).collect();
        keys.sort();
        keys
    };
    !was.primary.is_empty()
        && was.rows.len() == is.rows.len()
        && keys(was) != keys(is)
        && !unchanged(was, is).is_empty()
}

/// Whether a column holds only keys of a table that was renumbered.
fn points_to(held: &Held, column: &str, to: &Held) -> bool {
    let [primary] = to.primary.as_slice() else { return false };
    let keys: BTreeSet<_> = to.rows.iter().filter_map(|row| row.get(primary)).collect();
    let mut cells = held.rows.iter().filter_map(|row| row.get(column)).peekable();
    cells.peek().is_some() && cells.all(|cell| cell.is_none() || keys.contains(cell))
}

/// The columns beside the key that hold the same values as before, each as often.
fn unchanged(was: &Held, is: &Held) -> Vec<String> {
    let bag = |held: &Held, column: &String| {
        let mut cells: Vec<_> = held.rows.iter().map(|row| row.get(column).cloned()).collect();
        cells.sort();
        cells
    };
    let columns = was.rows.first().into_iter().flat_map(|row| row.keys());
    let same =
        |column: &&String| !was.primary.contains(column) && bag(was, column) == bag(is, column);
    columns.filter(same).cloned().collect()
}

/// The name that a column has in another state of its table.
fn name_in<'c>(held: &'c Held, was: &Held, column: &'c str) -> &'c str {
    let own = was.columns.get(column);
    let now = held.columns.iter().find(|(_, identity)| Some(*identity) == own);
    now.map_or(column, |(name, _)| name)
}

/// A column's values in rows that both have, by its name in each; empty where one does not have it.
fn pairs(was: &Held, is: &Held, names: [&str; 2]) -> Vec<(Option<String>, Option<String>)> {
    let value = |row: &Cells, name: &str| row.get(name).cloned();
    if !has_matches(was, is) {
        // Without a key, only the values and their frequency count.
        let all = |held: &Held, name: &str| {
            held.rows.iter().map(|row| value(row, name)).collect::<Option<Vec<_>>>()
        };
        let (Some(mut was), Some(mut is)) = (all(was, names[0]), all(is, names[1])) else {
            return Vec::new();
        };
        if was.len() != is.len() {
            // The lost rows cannot be identified.
            return Vec::new();
        }
        was.sort();
        is.sort();
        return was.into_iter().zip(is).collect();
    }
    let there = by_key(is);
    let both = was.rows.iter().filter_map(|row| {
        let other = there.get(&key(row, &was.primary))?;
        Some((value(row, names[0])?, value(other, names[1])?))
    });
    both.collect()
}

fn by_key(held: &Held) -> BTreeMap<Vec<Option<String>>, &Cells> {
    held.rows.iter().map(|row| (key(row, &held.primary), row)).collect()
}

fn key(row: &Cells, primary: &[String]) -> Vec<Option<String>> {
    primary.iter().map(|column| row.get(column).cloned().flatten()).collect()
}

fn shown(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.chars().count() > SHOWN => {
            format!("'{}…'", text.chars().take(SHOWN).collect::<String>())
        }
        Some(text) => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests;
