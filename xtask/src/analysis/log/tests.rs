//! What is read out of logs.

use super::*;

#[track_caller]
fn one(text: &str) -> Failure {
    let mut found = failures(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

const ROLE: &str = r#"INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, paper orders
Traceback (most recent call last):
  File "/x/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec
    self.dialect.do_execute(
psycopg2.errors.UndefinedObject: role "raptor_app" does not exist


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/backend_v2/alembic/versions/0002_paper_orders.py", line 42, in upgrade
    op.execute("GRANT SELECT ON paper_orders TO raptor_app")
sqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedObject) role "raptor_app" does not exist

[SQL: GRANT SELECT ON paper_orders TO raptor_app]
(Background on this error at: somewhere)
"#;

#[test]
fn a_traceback_gives_class_statement_revision_and_line() {
    let said = one(ROLE).said;
    assert_eq!(said.sqlstate(), Some("42704"));
    assert_eq!(said.statement.as_deref(), Some("GRANT SELECT ON paper_orders TO raptor_app"));
    assert_eq!(said.revision.unwrap().id, "0002");
    assert_eq!((said.frames.len(), said.frames[0].line), (1, 42));
    assert_eq!(said.exceptions.len(), 2);
}

#[test]
fn a_github_log_is_the_same_without_its_columns() {
    let job = "migration-gate\tRaptor — alembic upgrade head\t2026-05-11T10:00:00.1234567Z ";
    let text: String =
        ROLE.lines().map(|line| format!("{job}\u{1b}[36;1m{line}\u{1b}[0m\n")).collect();
    let failure = one(&text);
    assert_eq!(failure.step.as_deref(), Some("Raptor — alembic upgrade head"));
    assert_eq!(failure.said.exceptions, one(ROLE).said.exceptions);
}

#[test]
fn psql_and_alembics_own_errors_are_read() {
    let said =
        one("ERROR:  relation \"admins\" does not exist\nLINE 1: INSERT INTO admins (id)\n").said;
    assert_eq!(said.sqlstate(), Some("42P01"));
    assert_eq!(said.statement.as_deref(), Some("INSERT INTO admins (id)"));
    let said = one("FAILED: Multiple head revisions are present for given argument 'head'").said;
    assert!(said.exceptions[0].kind.ends_with("MultipleHeads"));
}

#[test]
fn words_in_the_output_are_no_failure() {
    assert_eq!(
        failures("NOTICE: relation already exists, skipping\nall good: already exists\n"),
        []
    );
    assert_eq!(failures(""), []);
    assert_eq!(failures("Traceback (most recent call last):").len(), 1);
}

#[test]
fn a_step_is_known_by_its_name() {
    let step = |line: &str| step_named_in(line);
    assert_eq!(
        step("FAIL [  0.1s] Console — seed kris@ admin row (required by 0016)").as_deref(),
        Some("Console — seed kris@ admin row (required by 0016)")
    );
    assert_eq!(
        step("x Raptor — alembic upgrade head ok").as_deref(),
        Some("Raptor — alembic upgrade head")
    );
    assert_eq!(step("Other — alembic upgrade head"), None);
}
