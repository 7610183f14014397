//! Contents of databases that are held against each other: the rows of their tables, in any order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Rows by their container: `rows of orders`.
pub type Contents = BTreeMap<String, Vec<Map<String, Value>>>;

/// Rows that were read as JSON, sorted.
pub fn rows(texts: &[String]) -> Vec<Map<String, Value>> {
    let mut rows: Vec<Map<String, Value>> =
        texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    sort(&mut rows);
    rows
}

/// The columns that differ between two runs of the same.
pub fn noise(one: &Contents, other: &Contents) -> BTreeSet<(String, String)> {
    let mut noise = BTreeSet::new();
    for (name, rows) in one {
        let others = other.get(name).map(Vec::as_slice).unwrap_or_default();
        let columns = columns_that_differ(rows, others).into_iter();
        noise.extend(columns.map(|column| (name.clone(), column)));
    }
    noise
}

/// Takes some columns out.
pub fn without(contents: &mut Contents, noise: &BTreeSet<(String, String)>) {
    for (name, column) in noise {
        for row in contents.get_mut(name).into_iter().flatten() {
            row.remove(column);
        }
    }
    contents.values_mut().for_each(|rows| sort(rows));
}

/// The containers whose rows differ, with the columns whose values differ: `rows of orders
/// (total)`.
pub fn differences(one: &Contents, other: &Contents) -> Vec<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differs = |name: &&String| one.get(*name) != other.get(*name);
    let told = |name: &String| {
        let of = |all: &Contents| all.get(name).cloned().unwrap_or_default();
        match columns_that_differ(&of(one), &of(other)).as_slice() {
            _ if !name.starts_with("rows") => name.clone(),
            [] => name.clone(),
            columns => format!("{name} ({})", columns.join(", ")),
        }
    };
    names.into_iter().filter(differs).map(told).collect()
}

fn columns_that_differ(one: &[Map<String, Value>], other: &[Map<String, Value>]) -> Vec<String> {
    let columns: BTreeSet<&String> = one.iter().chain(other).flat_map(Map::keys).collect();
    let values = |rows: &[Map<String, Value>], column: &String| {
        let mut values: Vec<Option<String>> =
            rows.iter().map(|row| row.get(column).map(ToString::to_string)).collect();
        values.sort();
        values
    };
    let differs = |column: &&String| values(one, column) != values(other, column);
    columns.into_iter().filter(differs).cloned().collect()
}

fn sort(rows: &mut [Map<String, Value>]) {
    rows.sort_by_cached_key(|row| Value::Object(row.clone()).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&str]) -> Contents {
        let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        Contents::from([("rows of t".to_owned(), super::rows(&rows))])
    }

    #[test]
    fn rows_differ_by_columns_or_by_which_values_go_together() {
        let one = table(&[r#"{"id": 1, "n": 1}"#, r#"{"id": 2, "n": 2}"#]);
        let turned = table(&[r#"{"id": 2, "n": 2}"#, r#"{"id": 1, "n": 1}"#]);
        assert_eq!(differences(&one, &turned), [""; 0]);
        let swapped = table(&[r#"{"id": 1, "n": 2}"#, r#"{"id": 2, "n": 1}"#]);
        assert_eq!(differences(&one, &swapped), ["rows of t"]);
        let other = table(&[r#"{"id": 1, "n": 1}"#, r#"{"id": 2, "n": 3}"#]);
        assert_eq!(differences(&one, &other), ["rows of t (n)"]);
    }

    #[test]
    fn differences_between_runs_of_one_order_do_not_count() {
        let mut first = table(&[r#"{"n": 1, "at": "9:00"}"#]);
        let noise = noise(&first, &table(&[r#"{"n": 1, "at": "9:01"}"#]));
        let mut other = table(&[r#"{"n": 2, "at": "9:02"}"#]);
        for contents in [&mut first, &mut other] {
            without(contents, &noise);
        }
        assert_eq!(differences(&first, &other), ["rows of t (n)"]);
    }
}
