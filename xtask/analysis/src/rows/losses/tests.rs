//! Losses of small tables.

use std::collections::BTreeSet;

use super::{Fate, Loss, gone_with_columns, gone_with_drops, losses};
use model::rows::{Contents, Held};

fn held(key: &str, rows: &[&[(&str, Option<&str>)]]) -> Contents {
    let cell = |(name, value): &(&str, Option<&str>)| ((*name).into(), value.map(str::to_owned));
    let rows = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let primary = key.split_whitespace().map(str::to_owned).collect();
    Contents::from([("orders".to_owned(), Held { primary, rows })])
}

#[track_caller]
fn check(before: &Contents, between: &Contents, after: &Contents, expected: &[&str]) {
    let told = losses(before, between, after, &BTreeSet::new()).into_iter();
    let told = told.map(|loss| {
        format!("{loss} by the {}", if loss.by_upgrade { "upgrade" } else { "downgrade" })
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn equal_contents_are_no_loss() {
    let rows = held("id", &[&[("id", Some("1")), ("note", Some("a"))]]);
    check(&rows, &held("id", &[]), &rows, &[]);
    let filled = held("id", &[&[("id", Some("1")), ("note", Some("a")), ("at", Some("now"))]]);
    let empty = held("id", &[&[("id", Some("1")), ("note", Some("a")), ("at", None)]]);
    check(&empty, &filled, &filled, &[]);
}

#[test]
fn a_row_that_cannot_stay_is_no_loss() {
    let (owned, free) = (("owner", Some("a")), ("owner", None));
    let rows = |rows: &[&[(&str, Option<&str>)]]| held("id", rows);
    let before = rows(&[&[("id", Some("1")), owned], &[("id", Some("2")), free]]);
    let one = rows(&[&[("id", Some("1")), owned]]);
    let told = |after: &Contents, filled: &[&str]| {
        let filled = filled.iter().map(|column| (*column).to_owned()).collect();
        losses(&before, after, after, &filled).iter().map(ToString::to_string).collect()
    };
    let lost: [Vec<String>; 3] =
        [told(&one, &["orders.owner"]), told(&one, &[]), told(&rows(&[]), &["orders.owner"])];
    let expected = [&[][..], &["orders: 1 of 2 rows lost"], &["orders: 1 of 1 rows lost"]];
    assert_eq!(lost, expected);
}

#[test]
fn values_and_rows_are_counted_and_blamed() {
    let before = held(
        "id",
        &[
            &[("id", Some("1")), ("note", Some("a"))],
            &[("id", Some("2")), ("note", None)],
            &[("id", Some("3")), ("note", Some("c"))],
        ],
    );
    let without = held("id", &[&[("id", Some("1"))], &[("id", Some("2"))], &[("id", Some("3"))]]);
    let nulls = held(
        "id",
        &[&[("id", Some("1")), ("note", None)], &[("id", Some("2")), ("note", Some("b"))]],
    );
    check(&before, &without, &nulls, &["orders: 1 of 3 rows lost by the downgrade"]);
    assert_eq!(gone_with_drops(&before, &without, &nulls), ["orders.note (2 values)"]);
    assert_eq!(gone_with_drops(&before, &without, &before), [""; 0]);
    let (all, none) = (before.clone(), Contents::new());
    assert_eq!(gone_with_drops(&all, &none, &nulls), ["orders (3 rows)"]);
    // It may have another name by then.
    assert_eq!(gone_with_drops(&all, &none, &none), [""; 0]);
    check(&before, &none, &nulls, &[]);
    check(
        &before,
        &before,
        &nulls,
        &[
            "orders: 1 of 3 rows lost by the downgrade",
            "orders.note: 1 of 1 values lost, 'a' for one by the downgrade",
        ],
    );
    check(&before, &before, &without, &[]);
}

#[test]
fn keys_that_are_numbered_anew_are_no_loss() {
    let both = |orders: &[[&str; 3]]| {
        let row = |[id, note, parent]: &[&str; 3]| {
            let cells = [("id", id), ("note", note), ("parent", parent)];
            cells.map(|(name, value)| (name.to_owned(), Some((*value).to_owned()))).into()
        };
        let rows = orders.iter().map(row).collect();
        Contents::from([("orders".to_owned(), Held { primary: vec!["id".into()], rows })])
    };
    let before = both(&[["1", "a", "1"], ["2", "b", "1"]]);
    let uuids = both(&[["x", "a", "x"], ["y", "b", "x"]]);
    check(&before, &uuids, &uuids, &[]);
    // Nothing but a key says that it is another row.
    let pairs = |of: &str| held("a b", &[&[("a", Some("1")), ("b", Some(of))]]);
    check(&pairs("1"), &pairs("2"), &pairs("2"), &[]);
    // If no other column identifies the rows, they are different ones.
    let others = both(&[["x", "c", "x"], ["y", "d", "x"]]);
    check(&before, &others, &others, &["orders: 2 of 2 rows lost by the upgrade"]);
}

#[test]
fn values_lost_with_a_column_are_counted() {
    let before = held("id", &[&[("id", Some("1"))], &[("id", Some("2"))]]);
    let between = held(
        "id",
        &[&[("id", Some("1")), ("note", Some("a"))], &[("id", Some("2")), ("note", Some("b"))]],
    );
    let told = gone_with_columns(&before, &between, &before);
    assert_eq!(told, ["orders.note (2 of 2 rows; 0 after the second upgrade)"]);
    assert!(gone_with_columns(&between, &between, &between).is_empty());
}

#[test]
fn without_a_key_values_are_compared_as_a_bag() {
    let before = held("", &[&[("a", Some("1"))], &[("a", Some("2"))]]);
    let turned = held("", &[&[("a", Some("2"))], &[("a", Some("1"))]]);
    check(&before, &turned, &turned, &[]);
    let less = held("", &[&[("a", Some("2"))]]);
    check(&before, &before, &less, &["orders: 1 of 2 rows lost by the downgrade"]);
}

#[test]
fn rows_that_a_condition_chooses_are_meant() {
    let loss = |count| Loss {
        what: "orders".to_owned(),
        count,
        of: 4,
        fate: Fate::RowsLost,
        by_upgrade: true,
    };
    for (sql, count, chosen) in [
        ("DELETE FROM orders WHERE customer_id IS NULL", 2, true),
        ("DELETE FROM orders o USING customers c WHERE o.customer_id = c.id", 2, true),
        ("DELETE FROM orders WHERE customer_id IS NULL", 4, false),
        ("DELETE FROM orders", 2, false),
        ("DELETE FROM customers WHERE id > 2", 2, false),
        ("UPDATE orders SET note = NULL WHERE id > 2", 2, false),
    ] {
        assert_eq!(loss(count).is_chosen_by(sql), chosen, "{sql}, {count}");
    }
    let example = "a".to_owned();
    let emptied = Loss { what: "orders.note".into(), fate: Fate::Lost { example }, ..loss(2) };
    assert!(emptied.is_chosen_by("UPDATE orders SET note = NULL WHERE state = 'old'"));
    assert!(!emptied.is_chosen_by("UPDATE orders SET note = NULL"));
    assert!(!emptied.is_chosen_by("UPDATE orders SET state = 'old' WHERE note IS NULL"));
}
