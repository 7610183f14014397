//! Losses of small tables.

use std::collections::BTreeSet;

use super::{Fate, Loss, gone_with_columns, gone_with_drops, losses};
use model::rows::{Contents, Held};

fn held(key: &str, rows: &[&[(&str, Option<&str>)]]) -> Contents {
    let cell = |(name, value): &(&str, Option<&str>)| ((*name).into(), value.map(str::to_owned));
    let rows = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let primary = key.split_whitespace().map(str::to_owned).collect();
    Contents::from([("orders".to_owned(), Held { primary, rows, ..Held::default() })])
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
fn time_of_a_change_is_a_stamp() {
    let row =
        |rights, at| held("id", &[&[("id", Some("1")), ("rights", rights), ("at", Some(at))]]);
    let was = row(Some("a"), "2026-01-01T10:00:00+00:00");
    let is_stamp = |between: &Contents, after: &Contents| {
        let told = losses(&was, between, after, &BTreeSet::new());
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].is_stamp(&["2026-01-01T10:05:00".into(), "2026-01-01T10:06:00".into()])
    };
    let (up, down) = ("2026-01-01T10:05:10+00:00", "2026-01-01T10:05:20+00:00");
    assert!(is_stamp(&row(Some("b"), up), &row(Some("a"), down)));
    assert!(is_stamp(&row(Some("b"), up), &row(Some("a"), up)));
    // The time alone was changed.
    assert!(!is_stamp(&row(Some("a"), up), &row(Some("a"), up)));
    // It is not the time of the change.
    let moved = "2026-01-01T12:00:00+00:00";
    assert!(!is_stamp(&row(Some("b"), moved), &row(Some("a"), moved)));
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
        Contents::from([(
            "orders".to_owned(),
            Held { primary: vec!["id".into()], rows, ..Held::default() },
        )])
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
fn json_that_keeps_its_members_is_no_loss() {
    let data = |text: &str| held("id", &[&[("id", Some("1")), ("data", Some(text))]]);
    let lost = |was: &str, is: &str| {
        !losses(&data(was), &data(is), &data(is), &BTreeSet::new()).is_empty()
    };
    for (was, is) in [
        ("{}", r#"{"a": 1}"#),
        (r#"{"b": [1], "c": {}}"#, r#"{"c": {"d": 1}, "a": null, "b": [1, 2]}"#),
        ("[1, 2]", "[2, 3, 1]"),
    ] {
        assert!(!lost(was, is), "{was}, {is}");
    }
    for (was, is) in [
        (r#"{"a": 1}"#, r#"{"a": 2}"#),
        (r#"{"a": 1}"#, "{}"),
        ("[1, 1]", "[1, 2]"),
        ("[1]", r#"{"a": [1]}"#),
        ("1", "1.0"),
        ("[a]", "[a] "),
    ] {
        assert!(lost(was, is), "{was}, {is}");
    }
    let (grown, without) = (data(r#"{"a": 1, "b": 2}"#), data(r#"{"b": 2}"#));
    let told =
        r#"orders.data: 1 of 1 values changed, '{"a": 1}' to '{"b": 2}' for one by the downgrade"#;
    check(&data(r#"{"a": 1}"#), &grown, &without, &[told]);
}

#[test]
fn upgrade_that_makes_one_value_of_several_is_known() {
    let notes = |key: &str, notes: &[Option<&str>]| {
        let ids: Vec<String> = (0..notes.len()).map(|id| id.to_string()).collect();
        let row = |(id, note)| [("id".to_owned(), Some(id)), ("note".to_owned(), note)].into();
        let notes = notes.iter().map(|note| note.map(str::to_owned));
        let rows = ids.into_iter().zip(notes).map(row).collect();
        let primary = key.split_whitespace().map(str::to_owned).collect();
        Contents::from([("orders".to_owned(), Held { primary, rows, ..Held::default() })])
    };
    let merged = |key: &str, was: &[Option<&str>], is: &[Option<&str>]| {
        let (was, is) = (notes(key, was), notes(key, is));
        losses(&was, &is, &is, &BTreeSet::new()).iter().all(|loss| loss.merged)
    };
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    for (was, is, of_rows, of_values) in [
        ([a, b, None], [a, a, None], true, true),
        ([a, b, None], [a, None, None], true, true),
        ([a, a, b], [b, b, a], false, false),
        ([a, a, b], [a, b, b], true, false),
        ([a, b, None], [b, c, None], false, false),
    ] {
        assert_eq!(merged("id", &was, &is), of_rows, "{was:?}, {is:?}");
        assert_eq!(merged("", &was, &is), of_values, "{was:?}, {is:?}");
    }
}

#[test]
fn statement_that_loses_something_is_known() {
    let rows = Loss {
        range: None,
        what: "orders".to_owned(),
        formerly: "orders".to_owned(),
        count: 2,
        of: 4,
        fate: Fate::RowsLost,
        by_upgrade: true,
        merged: false,
    };
    let fate = Fate::Lost { example: "a".to_owned() };
    let named = || "orders.note".to_owned();
    let notes = Loss { what: named(), formerly: named(), fate, ..rows.clone() };
    for (sql, written, may_be) in [
        ("DELETE FROM orders o USING customers c WHERE o.customer_id = c.id", true, true),
        ("DELETE FROM customers WHERE id > %(id)s", false, true),
        ("UPDATE orders SET note = NULL WHERE id > 2", false, true),
        ("DROP TABLE orders", false, true),
        ("SELECT note FROM orders", false, false),
    ] {
        let told = (rows.is_written_by(sql), rows.may_be_by(sql));
        assert_eq!(told, (written, may_be), "{sql}");
    }
    for (sql, written, may_be) in [
        ("UPDATE orders SET note=%(note)s WHERE orders.id = %(id)s", true, true),
        ("UPDATE orders SET state = 'old' WHERE note IS NULL", false, true),
        ("ALTER TABLE orders ALTER note TYPE int USING 1", false, true),
        ("ALTER TABLE orders ALTER state TYPE int USING 1", false, false),
        ("DO $$ BEGIN EXECUTE 'UPDATE ' || 'orders'; END $$", false, true),
        ("SELECT note FROM orders", false, false),
    ] {
        let told = (notes.is_written_by(sql), notes.may_be_by(sql));
        assert_eq!(told, (written, may_be), "{sql}");
    }
    // A directive and a statement may name a renamed column either way.
    let renamed = Loss { what: "orders.title".into(), ..notes };
    for column in ["note", "title"] {
        assert!(renamed.is_of(&format!("orders.{column}")), "{column}");
        assert!(renamed.is_written_by(&format!("UPDATE orders SET {column} = 'a'")), "{column}");
    }
    assert!(!renamed.is_of("orders.tit"));
}

#[test]
fn renamed_column_is_named_as_after_the_upgrade() {
    let orders = |columns: &[(&str, &str, &str)]| {
        let mut contents = held("id", &[]);
        let orders = contents.get_mut("orders").unwrap();
        let own = |(name, identity, _): &(&str, &str, &str)| ((*name).into(), (*identity).into());
        orders.columns = columns.iter().map(own).collect();
        let cell = |(name, _, value): &(&str, &str, &str)| ((*name).into(), Some((*value).into()));
        orders.rows = vec![columns.iter().map(cell).collect()];
        contents
    };
    let id = ("id", "7.1", "1");
    let before = orders(&[id, ("note", "7.2", "a")]);
    // `note` becomes `title`, and another `note` is added.
    let between = orders(&[id, ("title", "7.2", "a"), ("note", "7.3", "new")]);
    check(&before, &between, &before, &[]);
    assert_eq!(gone_with_drops(&before, &between, &before), [""; 0]);
    let added = gone_with_columns(&before, &between, &between);
    assert_eq!(added, ["orders.note (1 of 1 rows; 1 after the second upgrade)"]);
    let after = orders(&[id, ("note", "7.3", "new")]);
    let told = "orders.title: 1 of 1 values changed, 'a' to 'new' for one by the downgrade";
    check(&before, &between, &after, &[told]);
}
