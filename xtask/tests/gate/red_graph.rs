//! What is wrong with a tree as a whole: heads, parents, files that Python cannot read, env.py.

use serde_json::json;

use crate::support::report::{Report, assert_holds};
use crate::support::root::{ADDED, Revision, Root, Tree};

/// Gates both trees, of which Raptor is sound.
#[track_caller]
fn red_console(root: &Root, statuses: &str) -> Report {
    let ended = root.gate().run();
    ended.assert_code(1);
    root.sandbox.assert_empty(&ended.traces);
    let report = ended.report();
    assert_eq!(report.verdict(), "fail");
    assert_eq!(report.statuses("console"), statuses, "{:#}", report.0);
    report.assert_green("raptor");
    report
}

const EMPTY: Revision<'_> =
    Revision { id: ADDED, parents: &[], upgrade: "pass", downgrade: "pass" };

#[test]
fn two_heads_are_counted_and_named() {
    let root = Root::copy();
    let (head, parent) = (root.head(Tree::Console), root.before_head(Tree::Console));
    let file = root.add(Tree::Console, &Revision { parents: &[&parent], ..EMPTY });
    let report = red_console(&root, "passed passed failed failed skipped skipped");
    assert_eq!(report.tree("console")["heads"], json!([head, ADDED]));
    let [upgrade, heads] = report.findings() else { panic!("{:#}", report.0) };
    assert_holds(upgrade, &json!({"step": "Console — alembic upgrade head"}));
    assert_holds(
        heads,
        &json!({
            "code": "MG003", "mode": "C", "step": "Console — assert single head",
            "revision": ADDED, "file": file,
        }),
    );
    let message = heads["message"].as_str().unwrap();
    let said = "Console alembic has 2 heads — expected exactly 1.";
    assert!(message.starts_with(said) && message.contains(&head), "{message}");
}

#[test]
fn two_heads_read_as_in_the_runbook() {
    let root = Root::copy();
    let parent = root.before_head(Tree::Console);
    root.add(Tree::Console, &Revision { parents: &[&parent], ..EMPTY });
    let ended = root.gate_for_a_person().arg("console").run();
    ended.assert_code(1);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    for line in
        ["Console head count: 2", "ERROR: Console alembic has 2 heads — expected exactly 1."]
    {
        assert!(lines.contains(&line), "{line} in:\n{}", ended.stdout);
    }
}

#[test]
fn two_heads_in_one_tree_leave_the_other_single() {
    let root = Root::copy();
    let parent = root.before_head(Tree::Raptor);
    root.add(Tree::Raptor, &Revision { parents: &[&parent], ..EMPTY });
    let ended = root.gate().run();
    ended.assert_code(1);
    let report = ended.report();
    report.assert_green("console");
    assert_eq!(report.statuses("raptor"), "passed failed failed skipped skipped");
}

#[test]
fn a_parent_that_does_not_exist_is_named() {
    let root = Root::copy();
    root.add(Tree::Console, &Revision { parents: &["0999"], ..EMPTY });
    let report = red_console(&root, "failed skipped skipped failed skipped skipped");
    for finding in report.findings() {
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("0999"), "{message}");
    }
}

#[test]
fn a_revision_that_was_removed_is_missed_by_its_child() {
    let root = Root::copy();
    root.remove("console/migrations/versions/0020_webhooks.py");
    let report = red_console(&root, "failed skipped skipped failed skipped skipped");
    for finding in report.findings() {
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("0020"), "{message}");
    }
}

#[test]
fn two_revisions_in_a_circle_are_not_green() {
    let root = Root::copy();
    root.add(Tree::Console, &Revision { id: "9001", parents: &["9002"], ..EMPTY });
    root.add(Tree::Console, &Revision { id: "9002", parents: &["9001"], ..EMPTY });
    red_console(&root, "failed skipped skipped failed skipped skipped");
}

#[test]
fn a_revision_that_is_no_python_is_named_with_its_line() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "pass", "pass");
    root.edit(&file, "def upgrade():", "def upgrade(:");
    let report = red_console(&root, "failed skipped skipped failed skipped skipped");
    for finding in report.findings() {
        let line = root.line_of(&file, "def upgrade(:");
        assert_holds(finding, &json!({"code": "MG109", "file": file, "line": line}));
        assert!(finding["message"].as_str().unwrap().starts_with("SyntaxError: "));
    }
}

#[test]
fn a_revision_that_is_not_utf_8_is_named() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "pass", "pass");
    let text = root.read(&file).replace("import os", "CAFE = 'caf?'\nimport os");
    let latin_1: Vec<u8> = text.bytes().map(|b| if b == b'?' { 0xe9 } else { b }).collect();
    root.write(&file, latin_1);
    let report = red_console(&root, "failed skipped skipped failed skipped skipped");
    for finding in report.findings() {
        assert_holds(finding, &json!({"code": "MG109", "file": file}));
        assert!(finding["message"].as_str().unwrap().starts_with("SyntaxError: "));
    }
}

#[test]
fn a_revision_whose_top_level_raises_is_named_with_its_line() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "pass", "pass");
    root.edit(&file, "from alembic import op", "from alembic import operator_tools");
    let report = red_console(&root, "failed skipped skipped failed skipped skipped");
    for finding in report.findings() {
        let line = root.line_of(&file, "operator_tools");
        assert_holds(finding, &json!({"code": "MG100", "file": file, "line": line}));
    }
}

#[test]
fn an_env_py_that_does_not_import_is_named_with_its_line() {
    let root = Root::copy();
    let file = "console/migrations/env.py";
    root.edit(
        file,
        "from alembic import context\n",
        "from alembic import context\nimport nosuchmodule\n",
    );
    let report = red_console(&root, "failed skipped skipped passed skipped skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG108", "file": file, "line": root.line_of(file, "nosuchmodule"),
            "message": "ModuleNotFoundError: No module named 'nosuchmodule'", "revision": null,
        }),
    );
}

#[test]
fn a_merge_revision_steps_down_to_exactly_its_parents() {
    let root = Root::copy();
    let head = root.head(Tree::Console);
    let table = |name: &str| {
        (
            format!("op.execute('CREATE TABLE {name} ()')"),
            format!("op.execute('DROP TABLE {name}')"),
        )
    };
    // One branch is longer than the other.
    for (id, parent) in [("9001", head.as_str()), ("9002", &head), ("9003", "9002")] {
        let (upgrade, downgrade) = table(&format!("branch_{id}"));
        let (upgrade, downgrade) = (&upgrade, &downgrade);
        root.add(Tree::Console, &Revision { id, parents: &[parent], upgrade, downgrade });
    }
    root.add(Tree::Console, &Revision { id: "9004", parents: &["9003", "9001"], ..EMPTY });
    let ended = root.gate().arg("console").run();
    ended.assert_code(0);
    ended.report().assert_green("console");
    assert_eq!(ended.report().tree("console")["heads"], json!(["9004"]));
}

#[test]
fn merge_revision_with_wrong_version_rows_is_red() {
    let root = Root::copy();
    let head = root.head(Tree::Console);
    root.add(Tree::Console, &Revision { id: "9001", parents: &[&head], ..EMPTY });
    root.add(Tree::Console, &Revision { id: "9002", parents: &[&head], ..EMPTY });
    let downgrade = "op.execute(\"INSERT INTO alembic_version VALUES ('0007')\")";
    root.add(
        Tree::Console,
        &Revision { id: "9003", parents: &["9001", "9002"], downgrade, ..EMPTY },
    );
    let report = red_console(&root, "passed passed passed passed failed skipped");
    let message = report.finding()["message"].as_str().unwrap();
    assert!(message.ends_with("holds 0007, 9001, 9002, expected 9001, 9002"), "{message}");
}
