//! What is wrong with a migration is seen, named, and decides its own tree alone.
//!
//! A run holds a fault in each tree, so that each shows how little the other disturbs it.

use serde_json::{Value, json};

use crate::support::report::{Report, assert_holds};
use crate::support::root::{ADDED, Root, Tree};
use crate::support::run::Ended;

/// How the steps of the trees end: where the way up to the head fails, where the way down does, and
/// where the tree cannot be read.
pub const UP: &str = "failed passed skipped skipped";
pub const DOWN: &str = "passed passed failed skipped";
pub const UNREAD: &str = "failed failed skipped skipped";

/// A tree, how its steps end, and what each finding about it holds, beside those of lints. `null`: it
/// is sound.
pub type Expected<'a> = (&'a str, &'a str, Value);

/// Gates both trees, and sees that the report says what is wrong and that the run left nothing.
#[track_caller]
pub fn red(root: &Root, args: &str, expected: [Expected<'_>; 2]) -> (Ended, Report) {
    let ended = root.gate().args(args).run();
    ended.assert_code(1);
    root.sandbox.assert_empty(&ended.traces);
    let report = ended.report();
    assert_eq!(report.verdict(), "fail");
    for (tree, statuses, holds) in expected {
        if holds.is_null() {
            report.assert_green(tree);
            continue;
        }
        assert_eq!(report.statuses(tree), statuses, "{tree}: {:#}", report.0);
        let findings = report.findings_of(tree);
        assert!(!findings.is_empty() || holds == json!({}), "{tree}: {:#}", report.0);
        findings.iter().for_each(|finding| assert_holds(finding, &holds));
    }
    (ended, report)
}

/// Fails unless a step's reason for being skipped names the step that failed.
#[track_caller]
fn assert_skipped_because_of(report: &Report, tree: &str, failed: &str) {
    let steps = report.steps(tree).iter().filter(|step| step["status"] == "skipped");
    let reasons: Vec<&str> = steps.map(|step| step["reason"].as_str().unwrap()).collect();
    assert!(!reasons.is_empty());
    for reason in reasons {
        assert_eq!(reason, format!("`{failed}` failed"));
    }
}

#[test]
fn missing_row_and_role_are_named_by_their_revisions() {
    let root = Root::copy();
    let seed = "console/migrations/versions/0016_raxx_platform_owners_group.py";
    root.edit(seed, "= \"kris@moosequest.net\"", "= \"lex@moosequest.net\"");
    let grant = "GRANT SELECT ON accounts TO raptor_reader";
    let file = root.add_head(Tree::Raptor, &format!("op.execute('{grant}')"), "pass");
    let console = json!({
        "code": "MG001", "severity": "error", "tree": "console",
        "revision": "0016",
        "file": seed, "line": root.line_of(seed, "raise RuntimeError("),
        "message": "RuntimeError: 0016 migration: operator 'lex@moosequest.net' not found in \
                    the admins table.",
        "sqlstate": null, "statement": null,
    });
    let raptor = json!({
        "code": "MG002", "mode": "B", "tree": "raptor", "step": "Raptor — alembic upgrade head",
        "revision": ADDED, "file": file, "line": root.line_of(&file, "GRANT"),
        "message": "psycopg2.errors.UndefinedObject: role \"raptor_reader\" does not exist",
        "sqlstate": "42704", "statement": grant,
    });
    let expected = [("console", UP, console), ("raptor", UP, raptor)];
    let (_, report) = red(&root, "", expected);
    // The recipe says in which upgrade 0016 comes.
    let mut steps = report.steps("console").iter();
    let failed = &steps.find(|step| step["status"] == "failed").unwrap()["name"];
    assert_eq!(report.findings_of("console")[0]["step"], *failed);
    assert_has_each_field(report.findings_of("raptor")[0]);
    assert_skipped_because_of(&report, "console", failed.as_str().unwrap());
    assert_skipped_because_of(&report, "raptor", "Raptor — alembic upgrade head");
}

/// The fields of a finding, each with a value where that is due.
#[track_caller]
fn assert_has_each_field(finding: &Value) {
    let mut expected: Vec<&str> =
        "code title severity mode owner sev2 tree step revision direction \
        merged file line message also sqlstate statement remedy verified patch verify"
            .split_whitespace()
            .collect();
    expected.sort_unstable();
    assert!(finding.as_object().unwrap().keys().eq(expected), "{finding:#}");
    for text in ["title", "owner", "verify"] {
        assert!(!finding[text].as_str().unwrap().is_empty(), "{text}");
    }
    assert!(!finding["remedy"].as_array().unwrap().is_empty());
    assert!(finding["sev2"].is_boolean());
}

#[test]
fn downgrade_that_raises_or_ends_elsewhere_is_red() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "pass", "raise NotImplementedError('one way')");
    let wrong = "op.execute(\"INSERT INTO alembic_version VALUES ('0001')\")";
    root.add_head(Tree::Raptor, "pass", wrong);
    let head = root.head(Tree::Raptor);
    let console = json!({
        "code": "MG117", "step": "Console — downgrade -1 (reversibility check)",
        "revision": ADDED, "file": file, "line": root.line_of(&file, "raise"),
        "message": "NotImplementedError: one way",
    });
    let raptor = json!({
        "code": "MG101", "step": "Raptor — downgrade -1 (reversibility check)",
        "message": format!("`alembic -c alembic.ini downgrade -1` exited 0, but \
                            alembic_version holds 0001, {head}, expected {head}"),
    });
    let expected = [("console", DOWN, console), ("raptor", DOWN, raptor)];
    red(&root, "", expected);
}

#[test]
fn remains_and_faults_hidden_by_a_commit_are_seen() {
    let root = Root::copy();
    let left = root.add_head(Tree::Console, "op.execute('CREATE TABLE left_over ()')", "pass");
    let late = root.add_head(Tree::Raptor, "op.execute('COMMIT')\nraise OSError('late')", "pass");
    let console = json!({
        "code": "MG400", "step": "Console — downgrade -1 (reversibility check)",
        "revision": ADDED, "file": left, "statement": "CREATE TABLE left_over ()",
    });
    let raptor = json!({
        "code": "MG100", "revision": ADDED, "file": late,
        "line": root.line_of(&late, "raise"), "message": "OSError: late",
    });
    red(&root, "", [("console", DOWN, console), ("raptor", UP, raptor)]);
}

#[test]
fn failed_seed_and_lost_connection_are_red() {
    let root = Root::copy();
    let seeded = "console/migrations/versions/0015_rbac_membership_expiry.py";
    let rename = "def upgrade() -> None:\n    op.alter_column('admins', 'email', \
                  new_column_name='mail')\n";
    root.edit(seeded, "def upgrade() -> None:\n", rename);
    let ends = "SELECT pg_terminate_backend(pg_backend_pid())";
    let file = root.add_head(Tree::Raptor, &format!("op.execute('{ends}')"), "pass");
    let seed = json!({
        "code": "MG102", "mode": null, "owner": "sre", "sqlstate": "42703",
        "step": "Console — seed kris@ admin row (required by 0016)",
    });
    let raptor = json!({
        "code": "MG116", "revision": ADDED, "file": file,
        "line": root.line_of(&file, "terminate"), "statement": ends,
    });
    red(&root, "", [("console", UP, seed), ("raptor", UP, raptor)]);
}

#[test]
fn swallowed_exception_of_postgres_is_red() {
    let root = Root::copy();
    let swallow = "try:\n    op.execute('SELECT 1 / 0')\nexcept Exception:\n    pass";
    let file = root.add_head(Tree::Console, swallow, "pass");
    root.add_head(Tree::Raptor, "os.kill(os.getppid(), 9)", "pass");
    let console = json!({
        "code": "MG114", "revision": ADDED, "sqlstate": "25P02", "file": file,
        "line": root.line_of(&file, "1 / 0"), "says": ["division by zero"],
    });
    let expected = [("console", UP, console), ("raptor", UP, json!({"code": "MG104"}))];
    red(&root, "", expected);
}
