//! The change that the gate offers in SARIF fixes what it found: made by a program, the next run is
//! green.

use serde_json::Value;

use crate::support::shop::Shop;

/// Makes the first change that a SARIF log offers, by the rules of the format, and returns how many
/// results offer one.
fn fix(shop: &Shop, log: &str) -> usize {
    let log: Value = serde_json::from_str(log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let fixes: Vec<&Value> = results.iter().filter(|result| !result["fixes"].is_null()).collect();
    let change = &fixes[0]["fixes"][0]["artifactChanges"][0];
    let file = change["artifactLocation"]["uri"].as_str().unwrap();
    let replacement = &change["replacements"][0];
    let region = &replacement["deletedRegion"];
    let text = shop.read(file);
    let at = |line: &str, column: &str| {
        let number = |name: &str| usize::try_from(region[name].as_u64().unwrap()).unwrap() - 1;
        let before: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        let columns = text[before..].chars().take(number(column)).map(char::len_utf8);
        before + columns.sum::<usize>()
    };
    let (start, end) = (at("startLine", "startColumn"), at("endLine", "endColumn"));
    let inserted = replacement["insertedContent"]["text"].as_str().unwrap();
    shop.write(file, format!("{}{inserted}{}", &text[..start], &text[end..]));
    fixes.len()
}

#[track_caller]
fn fixes(shop: &Shop) {
    let file = shop.path().join("gate.sarif");
    let report = format!("sarif={}", file.display());
    shop.gate().arg("--report").arg(&report).run().assert_code(1);
    assert_eq!(fix(shop, &std::fs::read_to_string(&file).unwrap()), 1);
    shop.gate().run().assert_code(0);
}

#[test]
fn missing_downgrade_lines_are_added_in_working_order() {
    let shop = Shop::on_a_branch();
    let upgrade = "op.execute(\"CREATE TYPE mood AS ENUM ('good', 'bad')\")\n\
                   op.execute('CREATE TABLE moods (id int PRIMARY KEY, mood mood)')\n\
                   op.execute('CREATE VIEW good AS SELECT id FROM moods')";
    shop.add("c3", "b2", upgrade, "pass");
    fixes(&shop);
}

#[test]
fn a_second_head_is_put_on_the_first() {
    let shop = Shop::new();
    shop.add_sound("c3", "b2");
    // The first is merged, so it is the second that may move.
    shop.merge();
    shop.add_sound("d4", "b2");
    fixes(&shop);
}

#[test]
fn statement_outside_transactions_is_put_outside() {
    let shop = Shop::on_a_branch();
    let upgrade = "op.execute('CREATE TABLE many (id int)')\n\
                   op.execute('CREATE INDEX CONCURRENTLY by_id ON many (id)')";
    shop.add("c3", "b2", upgrade, "op.execute('DROP TABLE many')");
    fixes(&shop);
}
