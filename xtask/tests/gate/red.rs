//! What is wrong with a migration is seen, named, and stops its own tree alone.

use serde_json::json;

use crate::support::report::{Report, assert_holds};
use crate::support::root::{ADDED, Root, Tree};

/// Gates both trees, of which one is at fault, and sees that the run left nothing.
#[track_caller]
fn red(root: &Root) -> Report {
    let ended = root.gate().run();
    ended.assert_code(1);
    root.sandbox.assert_empty(&ended.traces);
    let report = ended.report();
    assert_eq!(report.verdict(), "fail");
    report
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
fn missing_seed_row_fails_the_revision_that_needs_it() {
    let root = Root::copy();
    let file = "console/migrations/versions/0016_raxx_platform_owners_group.py";
    root.edit(file, "= \"kris@moosequest.net\"", "= \"lex@moosequest.net\"");
    let report = red(&root);
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "passed passed failed passed skipped skipped");
    assert_skipped_because_of(&report, "console", "Console — alembic upgrade head");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG001", "severity": "error", "tree": "console",
            "step": "Console — alembic upgrade head", "revision": "0016",
            "file": file, "line": root.line_of(file, "raise RuntimeError("),
            "message": "RuntimeError: 0016 migration: operator 'lex@moosequest.net' not found in \
                        the admins table.",
            "sqlstate": null, "statement": null,
        }),
    );
}

#[test]
fn a_finding_has_every_field_of_the_contract() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "raise ValueError('no')", "pass");
    let report = red(&root);
    let finding = report.finding();
    let keys: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec![
        "code",
        "title",
        "severity",
        "mode",
        "owner",
        "sev2",
        "tree",
        "step",
        "revision",
        "merged",
        "file",
        "line",
        "message",
        "also",
        "sqlstate",
        "statement",
        "remedy",
        "verify",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    for text in ["title", "owner", "verify"] {
        assert!(!finding[text].as_str().unwrap().is_empty(), "{text}");
    }
    assert!(!finding["remedy"].as_array().unwrap().is_empty());
    assert!(finding["mode"].is_null() && finding["sev2"].is_boolean());
}

#[test]
fn a_role_that_is_left_out_is_missed_by_the_grant_that_needs_it() {
    let root = Root::copy();
    let grant = "GRANT SELECT ON accounts TO raptor_reader";
    let file = root.add_head(Tree::Raptor, &format!("op.execute('{grant}')"), "pass");
    let report = red(&root);
    report.assert_green("console");
    assert_eq!(report.statuses("raptor"), "passed failed passed skipped skipped");
    assert_skipped_because_of(&report, "raptor", "Raptor — alembic upgrade head");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG002", "tree": "raptor", "step": "Raptor — alembic upgrade head",
            "revision": ADDED, "file": file, "line": root.line_of(&file, "GRANT"),
            "message": "psycopg2.errors.UndefinedObject: role \"raptor_reader\" does not exist",
            "sqlstate": "42704", "statement": grant,
        }),
    );
}

#[test]
fn admins_without_seed_columns_fails_the_seed_step() {
    let root = Root::copy();
    let file = "console/migrations/versions/0015_rbac_membership_expiry.py";
    let rename = "def upgrade() -> None:\n    op.alter_column('admins', 'email', \
                  new_column_name='mail')\n";
    root.edit(file, "def upgrade() -> None:\n", rename);
    let report = red(&root);
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "passed failed skipped passed skipped skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG102", "owner": "sre", "sqlstate": "42703",
            "step": "Console — seed kris@ admin row (required by 0016)",
        }),
    );
}

#[test]
fn a_downgrade_that_raises_fails_the_reversibility_check() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "pass", "raise NotImplementedError('one way')");
    let report = red(&root);
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "passed passed passed passed failed skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG117", "step": "Console — downgrade -1 (reversibility check)",
            "revision": ADDED, "file": file, "line": root.line_of(&file, "raise"),
            "message": "NotImplementedError: one way",
        }),
    );
}

#[test]
fn downgrade_that_leaves_objects_fails_reversibility() {
    let root = Root::copy();
    let file = root.add_head(Tree::Console, "op.execute('CREATE TABLE left_over ()')", "pass");
    let report = red(&root);
    assert_eq!(report.statuses("console"), "passed passed passed passed failed skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG400", "step": "Console — downgrade -1 (reversibility check)",
            "revision": ADDED, "file": file, "statement": "CREATE TABLE left_over ()",
        }),
    );
}

#[test]
fn downgrade_to_a_wrong_version_is_red() {
    let root = Root::copy();
    let wrong = "op.execute(\"INSERT INTO alembic_version VALUES ('0001')\")";
    root.add_head(Tree::Raptor, "pass", wrong);
    let report = red(&root);
    report.assert_green("console");
    assert_eq!(report.statuses("raptor"), "passed passed passed failed skipped");
    let head = root.head(Tree::Raptor);
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG101", "step": "Raptor — downgrade -1 (reversibility check)",
            "message": format!("`alembic -c alembic.ini downgrade -1` exited 0, but \
                                alembic_version holds 0001, {head}, expected {head}"),
        }),
    );
}

#[test]
fn an_env_py_that_runs_no_migration_is_not_green() {
    let root = Root::copy();
    let file = "console/migrations/env.py";
    let text = root.read(file).replace("context.run_migrations()", "pass");
    root.write(file, text);
    let report = red(&root);
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "failed skipped skipped passed skipped skipped");
    let finding = report.finding();
    assert_holds(finding, &json!({"code": "MG101"}));
    let message = finding["message"].as_str().unwrap();
    assert!(message.ends_with("alembic_version holds nothing, expected 0015"), "{message}");
}

#[test]
fn an_exception_of_postgres_that_is_swallowed_is_not_green() {
    let root = Root::copy();
    let swallow = "try:\n    op.execute('SELECT 1 / 0')\nexcept Exception:\n    pass";
    root.add_head(Tree::Console, swallow, "pass");
    let report = red(&root);
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "passed passed failed passed skipped skipped");
    assert_holds(
        report.finding(),
        &json!({"code": "MG114", "revision": ADDED, "sqlstate": "25P02"}),
    );
}

#[test]
fn a_commit_in_a_migration_does_not_hide_the_exception_after_it() {
    let root = Root::copy();
    let file = root.add_head(Tree::Raptor, "op.execute('COMMIT')\nraise OSError('late')", "pass");
    let report = red(&root);
    assert_eq!(report.statuses("raptor"), "passed failed passed skipped skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG100", "revision": ADDED, "file": file,
            "line": root.line_of(&file, "raise"), "message": "OSError: late",
        }),
    );
}

#[test]
fn migration_that_ends_its_connection_is_red() {
    let root = Root::copy();
    let file = root.add_head(
        Tree::Raptor,
        "op.execute('SELECT pg_terminate_backend(pg_backend_pid())')",
        "pass",
    );
    let report = red(&root);
    report.assert_green("console");
    assert_eq!(report.statuses("raptor"), "passed failed passed skipped skipped");
    assert_holds(
        report.finding(),
        &json!({
            "code": "MG116", "revision": ADDED, "file": file,
            "line": root.line_of(&file, "terminate"),
            "statement": "SELECT pg_terminate_backend(pg_backend_pid())",
        }),
    );
}

#[test]
fn migration_that_ends_other_connections_is_green() {
    let root = Root::copy();
    let end_all = "op.execute('SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()')";
    root.add_head(Tree::Raptor, end_all, end_all);
    let ended = root.gate().run();
    ended.assert_code(0);
    ended.report().assert_green("raptor");
}
