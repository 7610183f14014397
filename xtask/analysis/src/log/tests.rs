//! Contents read from logs. `tests/explain.rs` compares them with logs of real runs.

use super::*;
use model::finding::Finding;

/// Two trees with a step of each kind.
fn courses() -> Vec<Course> {
    let revision = |id: &str, title: &str, file: &str| Revision {
        id: id.into(),
        title: title.into(),
        file: file.into(),
    };
    let steps = |label: &str, first: &[&str]| -> Vec<String> {
        let last = [
            "alembic upgrade head",
            "assert single head",
            "downgrade -1 (reversibility check)",
            "alembic upgrade head (round trip)",
        ];
        first.iter().chain(&last).map(|name| format!("{label} — {name}")).collect()
    };
    let console = Course {
        tree: "console".into(),
        label: "Console".into(),
        database: "console_ci".into(),
        ini: "migrations/alembic.ini".into(),
        cwd: "console".into(),
        steps: steps(
            "Console",
            &["alembic upgrade to 0002 (pre-seed)", "seed a row (required by 0003)"],
        ),
        supplies: vec![(
            "Console — seed a row (required by 0003)".into(),
            "INSERT INTO admins (id)\nVALUES (1);",
        )],
        revisions: vec![
            revision("0001", "admins", "console/migrations/versions/0001_admins.py"),
            revision("0002", "sessions", "console/migrations/versions/0002_sessions.py"),
            revision("0003", "operator", "console/migrations/versions/0003_operator.py"),
        ],
    };
    let raptor = Course {
        tree: "raptor".into(),
        label: "Raptor".into(),
        database: "raptor_ci".into(),
        ini: "alembic.ini".into(),
        cwd: "backend_v2".into(),
        steps: steps("Raptor", &["create raptor_app role (required by 0002+)"]),
        supplies: vec![(
            "Raptor — create raptor_app role (required by 0002+)".into(),
            "CREATE ROLE raptor_app NOLOGIN;",
        )],
        revisions: vec![
            revision("0001", "accounts", "backend_v2/alembic/versions/0001_accounts.py"),
            revision("0002", "paper orders", "backend_v2/alembic/versions/0002_paper_orders.py"),
        ],
    };
    vec![console, raptor]
}

fn all(text: &str) -> Vec<Finding> {
    read(text, &courses()).findings
}

#[track_caller]
fn one(text: &str) -> Finding {
    let mut found = all(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn step(finding: &Finding) -> &str {
    finding.step.as_deref().unwrap_or_default()
}

const ROLE: &str = r#"INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.
INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, paper orders
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
fn a_traceback_gives_class_statement_revision_step_and_line() {
    let finding = one(ROLE);
    assert_eq!((finding.code.id, step(&finding)), ("MG002", "Raptor — alembic upgrade head"));
    let place = finding.place.unwrap();
    assert_eq!(place.file, "backend_v2/alembic/versions/0002_paper_orders.py");
    assert_eq!(place.line, Some(42));
    let said = finding.transcript.unwrap();
    assert_eq!(said.sqlstate(), Some("42704"));
    assert_eq!(said.statement.as_deref(), Some("GRANT SELECT ON paper_orders TO raptor_app"));
    assert_eq!(said.revision.unwrap().id, "0002");
    assert_eq!(said.exceptions.len(), 2);
}

#[test]
fn a_statement_ends_with_its_bracket_whatever_brackets_it_holds() {
    let text = ROLE.replace(
        "[SQL: GRANT SELECT ON paper_orders TO raptor_app]",
        "[SQL: \nCREATE TABLE t (\n\ttags TEXT[]\n, a INT[]\n)\n\n]\n[parameters: ()]",
    );
    let said = one(&text).transcript.unwrap();
    assert_eq!(said.statement.as_deref(), Some("CREATE TABLE t (\n\ttags TEXT[]\n, a INT[]\n)"));
}

/// Columns, time stamps, colours, carriage returns, services, and the marks of pytest.
#[test]
fn prefixes_of_log_lines_make_no_difference() {
    let dressed = |prefix: &str, end: &str| -> String {
        ROLE.lines().map(|line| format!("{prefix}{line}{end}\n")).collect()
    };
    let stamp = "2026-05-11T10:00:00.1234567Z ";
    for (prefix, end) in [
        ("\u{1b}[36;1m", "\u{1b}[0m\r"),
        (stamp, ""),
        ("job\tRaptor — alembic upgrade head\t2026-05-11T10:00:00.1234567Z ", ""),
        ("migrate-1  | ", ""),
        ("\u{1b}[33mmigrate-1  | \u{1b}[0m2026-05-11T10:00:00.123456789Z ", "\r"),
    ] {
        let (plain, finding) = (one(ROLE), one(&dressed(prefix, end)));
        assert_eq!((plain.code.id, step(&plain)), (finding.code.id, step(&finding)), "{prefix}");
        assert_eq!(plain.place, finding.place, "{prefix}");
    }
}

#[test]
fn services_that_write_in_turns_are_read_apart() {
    let mut text = String::new();
    for (number, line) in ROLE.lines().enumerate() {
        text += &format!("migrate-1  | {line}\ndb-1       | 2026-05-11 09:26:5{number} UTC [77] ");
        text += "ERROR:  role \"raptor_app\" does not exist\n";
    }
    assert_eq!(one(&text).revision.as_deref(), Some("0002"));
}

#[test]
fn pytest_shows_the_exception_in_lines_of_its_own() {
    let text = "\
    def upgrade():
>       op.execute(\"GRANT SELECT ON paper_orders TO raptor_app\")
E   sqlalchemy.exc.ProgrammingError: (psycopg.errors.UndefinedObject) role \"raptor_app\" does not exist
E   [SQL: GRANT SELECT ON paper_orders TO raptor_app]
E   (Background on this error at: somewhere)
FAILED tests/test_migrations.py::test_upgrade - sqlalchemy.exc.ProgrammingError
";
    let finding = one(text);
    assert_eq!(finding.code.id, "MG002");
    let statement = finding.transcript.unwrap().statement;
    assert_eq!(statement.as_deref(), Some("GRANT SELECT ON paper_orders TO raptor_app"));
}

#[test]
fn the_servers_own_log_counts_only_where_nothing_else_was_said() {
    let log = "\
2026-05-11 09:26:50.000 UTC [60] FATAL:  role \"root\" does not exist
2026-05-11 09:26:53.123 UTC [77] ERROR:  relation \"admins\" already exists
2026-05-11 09:26:53.123 UTC [77] STATEMENT:  CREATE TABLE admins (id INT)
";
    assert_eq!(one(log).code.id, "MG006");
    assert_eq!(one(&format!("{log}{ROLE}")).code.id, "MG002");
    // A health check without a name of a role, in every service container's log.
    assert!(all(log.lines().next().unwrap()).is_empty());
    let end = "2026-05-11 09:26:50 UTC [1] FATAL:  could not access file \"x\": No such file
2026-05-11 09:26:50 UTC [1] LOG:  database system is shut down";
    assert_eq!(one(end).code.id, "MG903");
}

#[test]
fn psql_is_known_by_what_it_runs() {
    let finding =
        one("ERROR:  relation \"admins\" does not exist\nLINE 1: INSERT INTO admins (id)\n");
    let seed = "Console — seed a row (required by 0003)";
    assert_eq!((finding.code.id, step(&finding)), ("MG102", seed));
    let finding = one("psql:.ci/role.sql:5: ERROR:  permission denied to create role
CONTEXT:  SQL statement \"CREATE ROLE raptor_app NOLOGIN\"
PL/pgSQL function inline_code_block line 3 at SQL statement");
    let role = "Raptor — create raptor_app role (required by 0002+)";
    assert_eq!((finding.code.id, step(&finding)), ("MG102", role));
}

#[test]
fn unclear_step_is_not_guessed() {
    let refused = "psql: error: connection to server at \"localhost\" (127.0.0.1), port 5432 failed: \
                   Connection refused\n\tIs the server running on that host?\n";
    let finding = one(refused);
    assert_eq!((finding.code.id, finding.step), ("MG903", None));
    assert!(finding.message.contains("`Console — seed a row (required by 0003)` or `Raptor — "));
    let finding = one(&format!("$ PGDATABASE=raptor_ci psql -f role.sql\n{refused}"));
    assert!(step(&finding).starts_with("Raptor — create "));
}

#[test]
fn a_server_that_answers_has_started() {
    let refuses = |why: &str| {
        one(&format!("psql: error: connection to server at \"db\", port 5432 failed: {why}"))
            .code
            .id
    };
    assert_eq!(refuses("FATAL:  database \"x\" is not currently accepting connections"), "MG904");
    assert_eq!(refuses("Connection refused"), "MG903");
    let text =
        "createdb: error: database creation failed: ERROR:  permission denied to create database";
    assert_eq!(one(text).code.id, "MG900");
}

#[test]
fn alembic_error_is_one_failure() {
    let text = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.
ERROR [alembic.util.messaging] Multiple head revisions are present for given argument 'head'
FAILED: Multiple head revisions are present for given argument 'head'";
    assert_eq!(one(text).code.id, "MG003");
    let text = "FAILED: Can't locate revision identified by 'abc'";
    assert_eq!(one(text).code.id, "MG005");
}

#[test]
fn id_of_two_files_is_named_in_the_finding_of_heads() {
    let warning = "/x/site-packages/alembic/script/revision.py:208: UserWarning: Revision 0038 is \
                   present more than once\n  util.warn(\n";
    let finding = one(&format!("Console head count: 1\n{warning}{warning}"));
    assert_eq!((finding.code.id, step(&finding)), ("MG003", "Console — assert single head"));
    let count = "ERROR: Console alembic has 2 heads — expected exactly 1.";
    let finding = one(&format!("{warning}Console head count: 2\n{count}\n"));
    assert!(finding.message.contains("2 heads — expected exactly 1; two files carry"));
}

#[test]
fn silent_end_of_an_upgrade_is_a_failure() {
    let up = |from: &str, to: &str, title: &str| {
        format!("INFO  [alembic.runtime.migration] Running upgrade {from} -> {to}, {title}\n")
    };
    let run = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.\n";
    let text = [run, &up("", "0001", "admins"), &up("0001", "0002", "sessions"), "INSERT 0 1\n"];
    let text = text.concat();
    assert!(all(&text).is_empty(), "the log may end there");
    // Started again: it was never done.
    let again = format!("{text}{run}{}", up("0001", "0002", "sessions"));
    let finding = one(&again);
    let (code, step) = (finding.code.id, step(&finding));
    assert_eq!((code, step), ("MG104", "Console — alembic upgrade to 0002 (pre-seed)"));
    assert_eq!(finding.revision.as_deref(), Some("0002"));
    // The second run continued from the revision, which was therefore reached.
    assert!(all(&format!("{text}{run}{}", up("0002", "0003", "operator"))).is_empty());
    // Two databases.
    let two = format!("{run}{0}{run}{0}", up("", "0001", "admins"));
    assert!(all(&two).is_empty());
}

#[test]
fn a_killed_process_is_known_by_its_exit_status() {
    let text = "##[group]Run alembic upgrade head\n##[endgroup]
INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, paper orders
##[error]Process completed with exit code 137.";
    let finding = one(text);
    assert_eq!((finding.code.id, step(&finding)), ("MG104", "Raptor — alembic upgrade head"));
    assert!(finding.message.contains("SIGKILL"), "{}", finding.message);
    let finding = one(&text.replace("137", "1"));
    assert_eq!(finding.code.id, "MG100");
    assert!(finding.message.contains("does not say why"), "{}", finding.message);
}

#[test]
fn a_failure_that_is_no_migrations_is_a_note() {
    let text = "##[group]Run npm test\nnot ok\n##[error]Process completed with exit code 1.";
    let reading = read(text, &courses());
    assert!(reading.findings.is_empty());
    assert!(reading.notes[0].contains("`npm test` failed with exit status 1"));
}

#[test]
fn words_in_the_output_are_no_failure() {
    assert!(
        all("NOTICE: relation already exists, skipping\nall good: already exists\n").is_empty()
    );
    assert!(all("").is_empty());
    assert!(
        all("the docs say psycopg2.errors.UndefinedObject: role \"x\" does not exist").is_empty()
    );
    assert!(all("Run the tests\n+ added role \"x\" does not exist\n").is_empty());
}

#[test]
fn the_end_of_a_log_is_enough() {
    let lines: Vec<&str> = ROLE.lines().collect();
    for first in 0..=lines.len() - 4 {
        let finding = one(&lines[first..].join("\n"));
        assert_eq!(finding.code.id, "MG002", "from line {first}");
        // From this line on, no line identifies the tree.
        let known = first < 12;
        assert_eq!(finding.revision.is_some(), known, "from line {first}");
        assert_eq!(finding.step.is_some(), known, "from line {first}");
    }
}

#[test]
fn failure_of_each_tree_is_named() {
    let console = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.
INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, sessions
Traceback (most recent call last):
  File \"/x/console/migrations/versions/0002_sessions.py\", line 3, in upgrade
ValueError: no
";
    let found = all(&format!("{console}{ROLE}"));
    let names: Vec<_> = found.iter().map(|f| (f.code.id, step(f))).collect();
    let first = ("MG105", "Console — alembic upgrade to 0002 (pre-seed)");
    assert_eq!(names, [first, ("MG002", "Raptor — alembic upgrade head")]);
}

#[test]
fn findings_of_the_gate_are_taken_as_they_are() {
    let text = "FAIL [  0.431s] Console — alembic upgrade head

error[MG003]: multiple heads (failure mode C)
  --> console/migrations/versions/0044_b.py:9
    |
  9 |     down_revision = \"0043\"
    |     ^^^^^^^^^^^^^^^^^^^^^^
             Console alembic has 2 heads — expected exactly 1. They are 0044,
             0044b.
       step: Console — assert single head
   revision: 0044b
      owner: feature-dev

FAIL  7 of 11 steps passed";
    let finding = one(text);
    assert_eq!((finding.code.id, step(&finding)), ("MG003", "Console — assert single head"));
    let message = "Console alembic has 2 heads — expected exactly 1. They are 0044, 0044b.";
    assert_eq!(finding.message, message);
    assert_eq!(finding.place.unwrap().line, Some(9));
    assert_eq!(finding.tree.as_deref(), Some("console"));
}

/// Another role than the first: the script says which, and without one both are possible.
#[test]
fn step_of_two_supplies_is_the_one_that_the_script_gives() {
    let mut courses = courses();
    let step = "Raptor — create reporting role (required by 0002+)";
    let raptor = courses.last_mut().unwrap();
    raptor.steps.insert(0, step.to_owned());
    raptor.supplies.insert(0, (step.to_owned(), "CREATE ROLE reporting NOLOGIN;"));
    let failed = "psql: error: connection to server at \"localhost\" (127.0.0.1), port 5432 failed: \
                  Connection refused\n";
    let script = format!(
        "$ psql <<'SQL'\n> DO $$ BEGIN\n> CREATE ROLE raptor_app NOLOGIN;\n> SQL\n{failed}"
    );
    let found = read(&script, &courses).findings;
    let known = "Raptor — create raptor_app role (required by 0002+)";
    assert_eq!(found[0].step.as_deref(), Some(known));
    let found = read(failed, &courses).findings;
    assert!(found[0].message.contains(step) && found[0].message.contains(known), "{found:#?}");
    let of_tree =
        failed.replace("Connection refused", "FATAL:  database \"raptor_ci\" is not there");
    let found = read(&of_tree, &courses).findings;
    assert!(found[0].step.is_none() && found[0].message.contains(known), "{found:#?}");
}
