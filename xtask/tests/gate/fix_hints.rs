//! The change that the gate offers in SARIF fixes what it found: made by a program, the next run is
//! green.

use serde_json::Value;

use crate::support::root::{Root, Tree};

/// Makes the first change that a SARIF log offers, by the rules of the format, and returns how many
/// results offer one.
fn fix(root: &Root, log: &str) -> usize {
    let log: Value = serde_json::from_str(log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let fixes: Vec<&Value> = results.iter().filter(|result| !result["fixes"].is_null()).collect();
    let change = &fixes[0]["fixes"][0]["artifactChanges"][0];
    let file = change["artifactLocation"]["uri"].as_str().unwrap();
    let replacement = &change["replacements"][0];
    let region = &replacement["deletedRegion"];
    let text = root.read(file);
    let at = |line: &str, column: &str| {
        let number = |name: &str| usize::try_from(region[name].as_u64().unwrap()).unwrap() - 1;
        let before: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        let columns = text[before..].chars().take(number(column)).map(char::len_utf8);
        before + columns.sum::<usize>()
    };
    let (start, end) = (at("startLine", "startColumn"), at("endLine", "endColumn"));
    let inserted = replacement["insertedContent"]["text"].as_str().unwrap();
    root.write(file, format!("{}{inserted}{}", &text[..start], &text[end..]));
    fixes.len()
}

#[track_caller]
fn fixes(root: &Root) {
    let file = root.path().join("gate.sarif");
    let report = format!("sarif={}", file.display());
    let red = root.gate().arg("raptor").arg("--report").arg(&report).run();
    red.assert_code(1);
    assert_eq!(fix(root, &std::fs::read_to_string(&file).unwrap()), 1);
    root.gate().arg("raptor").run().assert_code(0);
}

#[test]
fn missing_downgrade_lines_are_added_in_working_order() {
    let root = Root::copy();
    let upgrade = "op.execute(\"CREATE TYPE mood AS ENUM ('good', 'bad')\")\n\
                   op.execute('CREATE TABLE moods (id int PRIMARY KEY, mood mood)')\n\
                   op.execute('CREATE VIEW good AS SELECT id FROM moods')";
    root.add_head(Tree::Raptor, upgrade, "pass");
    fixes(&root);
}

#[test]
fn a_second_head_is_put_on_the_first() {
    let root = Root::copy();
    let first = root.add_head(
        Tree::Raptor,
        "op.execute('CREATE TABLE one (id int)')",
        "op.execute('DROP TABLE one')",
    );
    // The first is merged, so it is the second that may move.
    root.git("init --quiet --initial-branch main");
    root.git("add console backend_v2");
    root.git("commit --quiet --message base");
    let second = first.replace(".py", "_two.py");
    let text = root.read(&first).replace("one", "two").replace("revision = \"", "revision = \"2");
    // The parent stays the one that the first has.
    root.write(&second, text.replace("down_revision = \"2", "down_revision = \""));
    fixes(&root);
}

#[test]
fn statement_outside_transactions_is_put_outside() {
    let root = Root::copy();
    let upgrade = "op.execute('CREATE TABLE many (id int)')\n\
                   op.execute('CREATE INDEX CONCURRENTLY by_id ON many (id)')";
    root.add_head(Tree::Raptor, upgrade, "op.execute('DROP TABLE many')");
    fixes(&root);
}
