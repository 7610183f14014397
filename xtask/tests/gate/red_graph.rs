//! What is wrong with a tree as a whole: heads, parents, files that Python cannot read, env.py.

use serde_json::json;

use crate::red::{DOWN, UNREAD, UP, red};
use crate::support::report::{Report, assert_holds};
use crate::support::root::{ADDED, Revision, Root, Tree};

const EMPTY: Revision<'_> =
    Revision { id: ADDED, parents: &[], upgrade: "pass", downgrade: "pass" };

/// Beside a merge revision, which steps down to exactly its parents.
#[test]
fn two_heads_are_counted_and_named() {
    let root = Root::copy();
    merge_branches(&root);
    let (head, parent) = (root.head(Tree::Console), root.before_head(Tree::Console));
    let file = root.add(Tree::Console, &Revision { parents: &[&parent], ..EMPTY });
    let json = root.path().join("report.json");
    let ended = root.gate_for_a_person().arg(format!("--report=json={}", json.display())).run();
    ended.assert_code(1);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    for line in [
        "Raptor head count: 1",
        "Console head count: 2",
        "ERROR: Console alembic has 2 heads — expected exactly 1.",
    ] {
        assert!(lines.contains(&line), "{line} in:\n{}", ended.stdout);
    }
    let report = Report::parse(&root.read("report.json"));
    report.assert_green("raptor");
    assert_eq!(report.tree("raptor")["heads"], json!(["9004"]));
    assert_eq!(report.statuses("console"), UNREAD);
    assert_eq!(report.tree("console")["heads"], json!([head, ADDED]));
    let [heads] = report.findings() else { panic!("{:#}", report.0) };
    assert_holds(
        heads,
        &json!({
            "code": "MG003", "mode": "C", "step": "Console — assert single head",
            "revision": ADDED, "file": file,
            "says": ["Console alembic has 2 heads — expected exactly 1.", &head],
        }),
    );
}

#[test]
fn circle_and_a_top_level_that_raises_are_not_green() {
    let root = Root::copy();
    root.add(Tree::Console, &Revision { id: "9001", parents: &["9002"], ..EMPTY });
    root.add(Tree::Console, &Revision { id: "9002", parents: &["9001"], ..EMPTY });
    let file = root.add_head(Tree::Raptor, "pass", "pass");
    root.edit(&file, "from alembic import op", "from alembic import operator_tools");
    let line = root.line_of(&file, "operator_tools");
    let raised = json!({"code": "MG100", "file": file, "line": line});
    let expected = [("console", UNREAD, json!({})), ("raptor", UNREAD, raised)];
    red(&root, "", expected);
}

#[test]
fn revision_that_python_cannot_read_is_named_with_its_line() {
    let root = Root::copy();
    let broken = root.add_head(Tree::Console, "pass", "pass");
    root.edit(&broken, "def upgrade():", "def upgrade(:");
    let latin = root.add_head(Tree::Raptor, "pass", "pass");
    let text = root.read(&latin).replace("import os", "CAFE = 'caf?'\nimport os");
    let bytes: Vec<u8> = text.bytes().map(|b| if b == b'?' { 0xe9 } else { b }).collect();
    root.write(&latin, bytes);
    let says = ["SyntaxError: "];
    let line = root.line_of(&broken, "def upgrade(:");
    let expected = [
        ("console", UNREAD, json!({"code": "MG109", "file": broken, "line": line, "says": says})),
        ("raptor", UNREAD, json!({"code": "MG109", "file": latin, "says": says})),
    ];
    red(&root, "", expected);
}

/// Beside a merge revision that steps down to other revisions than its parents.
#[test]
fn env_py_that_does_not_import_is_named_with_its_line() {
    let root = Root::copy();
    let file = "console/migrations/env.py";
    let import = "from alembic import context\n";
    root.edit(file, import, &format!("{import}import nosuchmodule\n"));
    let finding = json!({
        "code": "MG108", "file": file, "line": root.line_of(file, "nosuchmodule"),
        "message": "ModuleNotFoundError: No module named 'nosuchmodule'", "revision": null,
    });
    let head = root.head(Tree::Raptor);
    root.add(Tree::Raptor, &Revision { id: "9001", parents: &[&head], ..EMPTY });
    root.add(Tree::Raptor, &Revision { id: "9002", parents: &[&head], ..EMPTY });
    let downgrade = "op.execute(\"INSERT INTO alembic_version VALUES ('0007')\")";
    let parents = &["9001", "9002"];
    root.add(Tree::Raptor, &Revision { id: "9003", parents, downgrade, ..EMPTY });
    let wrong = json!({"says": ["holds 0007, 9001, 9002, expected 9001, 9002"]});
    red(&root, "", [("console", UP, finding), ("raptor", DOWN, wrong)]);
}

/// One branch is longer than the other.
fn merge_branches(root: &Root) {
    let head = root.head(Tree::Raptor);
    for (id, parent) in [("9001", head.as_str()), ("9002", &head), ("9003", "9002")] {
        let upgrade = &format!("op.execute('CREATE TABLE branch_{id} ()')");
        let downgrade = &format!("op.execute('DROP TABLE branch_{id}')");
        root.add(Tree::Raptor, &Revision { id, parents: &[parent], upgrade, downgrade });
    }
    root.add(Tree::Raptor, &Revision { id: "9004", parents: &["9003", "9001"], ..EMPTY });
}
