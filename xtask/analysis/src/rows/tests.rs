use super::{Draft, parents_first};
use model::rows::{Check, Choice, Column, ForeignKey, Table};

fn column(name: &str, base: &str, not_null: bool) -> Column {
    Column {
        name: name.into(),
        type_name: base.into(),
        base: base.into(),
        modifier: -1,
        not_null,
        ..Column::default()
    }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table { name: name.into(), columns, ..Table::default() }
}

fn check(expression: &str, columns: &[&str]) -> Check {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    Check { expression: expression.into(), columns }
}

fn key(to: &str, columns: &[&str]) -> ForeignKey {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ForeignKey { to: to.into(), columns: names(columns), referenced: names(&["id"]) }
}

#[test]
fn first_row_is_null_and_last_rows_are_extreme() {
    let table = table("t", vec![column("a", "integer", true), column("b", "text", false)]);
    let inserts = Draft::new(&table).inserts(Vec::new()).unwrap();
    assert_eq!(inserts.head, "INSERT INTO t (\"a\", \"b\") VALUES ");
    assert_eq!(inserts.plain[0], "('1', NULL)");
    assert!(inserts.plain.iter().skip(1).any(|row| !row.contains("NULL")));
    assert!(!inserts.plain.iter().any(|row| row.contains("2147483647")));
    assert!(inserts.extreme.iter().any(|row| row.contains("2147483647")));
}

#[test]
fn columns_tied_by_a_condition_are_asked_together() {
    let mut table = table(
        "t",
        vec![
            column("low", "integer", true),
            column("note", "text", true),
            column("high", "integer", true),
            column("top", "integer", false),
        ],
    );
    table.checks = vec![
        check("(low < high)", &["low", "high"]),
        check("(high < top)", &["high", "top"]),
        check("(c.counted > 0)", &["counted"]),
    ];
    let draft = Draft::new(&table);
    let questions = draft.questions();
    assert_eq!(questions.len(), 1, "{questions:?}");
    let tied = "((low < high)) IS NOT FALSE AND ((high < top)) IS NOT FALSE";
    assert!(questions[0][0].contains(tied), "{}", questions[0][0]);
    let none: Vec<Vec<Choice>> = vec![Vec::new()];
    let why = draft.inserts(none).unwrap_err();
    assert!(why.contains("(low < high) and (high < top)"), "{why}");
    let one = vec![vec![vec![Some("1".into()), Some("2".into()), None]]];
    let inserts = draft.inserts(one).unwrap();
    assert!(inserts.plain[0].contains("'1', '2', NULL"), "{}", inserts.plain[0]);
}

#[test]
fn a_unique_column_has_many_values_and_another_repeats_few() {
    let mut table = table("t", vec![column("a", "uuid", true), column("b", "uuid", true)]);
    table.keys = vec![vec!["a".into()]];
    let inserts = Draft::new(&table).inserts(Vec::new()).unwrap();
    let plain = inserts.plain;
    let different = |part: usize| {
        let cells = plain.iter().filter_map(|row| row.split('\'').nth(part));
        cells.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(different(1), plain.len());
    assert!(different(3) < 8, "{}", different(3));
}

#[test]
fn references_take_existing_keys_and_identities_are_left_out() {
    let counted = Column { counted: true, ..column("id", "integer", true) };
    let mut child = table("child", vec![counted, column("p", "integer", true)]);
    child.foreign = vec![key("parent", &["p"])];
    let parent = table("parent", vec![column("id", "integer", true)]);
    let inserts = Draft::new(&child).inserts(Vec::new()).unwrap();
    assert_eq!(inserts.head, "INSERT INTO child (\"p\") VALUES ");
    assert!(inserts.plain[1].starts_with("((SELECT \"id\" FROM parent"), "{}", inserts.plain[1]);
    let tables = [child, parent];
    let order: Vec<&str> = parents_first(&tables).iter().map(|table| table.name.as_str()).collect();
    assert_eq!(order, ["parent", "child"]);
}

#[test]
fn tables_that_point_to_each_other_have_an_order_too() {
    let mut one = table("one", vec![column("id", "integer", true), column("p", "integer", false)]);
    one.foreign = vec![key("two", &["p"]), key("one", &["p"])];
    let mut two = table("two", vec![column("id", "integer", true), column("p", "integer", true)]);
    two.foreign = vec![key("one", &["p"])];
    // One whose rows may point to nothing comes first, and what only points to a cycle comes last.
    let (p, id) = (column("p", "integer", true), column("id", "integer", true));
    let mut beside = table("beside", vec![id, p]);
    beside.foreign = vec![key("two", &["p"])];
    let tables = [beside, two, one];
    let order = parents_first(&tables).into_iter().map(|table| table.name.as_str());
    assert_eq!(order.collect::<Vec<_>>(), ["one", "two", "beside"]);
    let mut own = table("own", vec![column("id", "integer", true), column("p", "integer", true)]);
    own.foreign = vec![key("own", &["p"])];
    let inserts = Draft::new(&own).inserts(Vec::new()).unwrap();
    assert_eq!(inserts.plain[2], "('3', '3')");
    // Only columns that the server fills.
    let counted = Column { counted: true, ..column("id", "integer", true) };
    let alone = table("alone", vec![counted]);
    let inserts = Draft::new(&alone).inserts(Vec::new()).unwrap();
    assert_eq!(
        (inserts.head.as_str(), inserts.plain[0].as_str()),
        ("INSERT INTO alone (\"id\") VALUES ", "(DEFAULT)")
    );
}
