//! Revisions that collide are moved only where both orders were tried and leave the same.

use std::fs;
use std::process::Stdio;

use crate::repository::{Ended, Ids, Repository};

/// A repository whose `main` has a revision with the first body, and `origin/main` one with the second
/// on it; the branch at hand one with the third, and what `origin/main` has.
fn colliding(base: &str, [alpha, beta]: [&str; 2], down: [&str; 2]) -> Repository {
    let repository = Repository::with_origin(Ids::Numbers);
    repository.revision("base", "0003", &["0002"], base);
    repository.commit("base");
    for (name, id, upgrade, downgrade) in
        [("alpha", "0004", alpha, down[0]), ("beta", "0005", beta, down[1])]
    {
        repository.git(&["checkout", "--quiet", "-b", name, "main"]);
        repository.revision(name, id, &["0003"], "UP");
        let file = format!("{id}_{name}.py");
        let text = fs::read_to_string(repository.file(&file)).unwrap();
        let text = text.replace("UP", upgrade).replace("op.execute('SELECT 1')", downgrade);
        fs::write(repository.file(&file), text).unwrap();
        repository.commit(name);
    }
    repository.git(&["push", "--quiet", "origin", "alpha:main"]);
    repository.git(&["fetch", "--quiet", "origin"]);
    repository.git(&["merge", "--quiet", "--no-edit", "origin/main"]);
    repository
}

const TABLE: &str =
    "op.execute('CREATE TABLE t (id serial PRIMARY KEY, n int, at timestamptz DEFAULT now())')";

#[test]
fn orders_that_differ_or_cannot_be_tried_change_nothing() {
    for (base, ups, downs, told) in [
        // The tables of a fresh copy are empty: only generated rows show it.
        (
            TABLE,
            ["op.execute('UPDATE t SET n = n + 1')", "op.execute('UPDATE t SET n = n * 2')"],
            ["op.execute('UPDATE t SET n = n - 1')", "op.execute('UPDATE t SET n = n / 2')"],
            "rows of t (n), by the later first",
        ),
        (
            TABLE,
            [
                "op.execute('INSERT INTO t (n) VALUES (7)')",
                "op.execute('INSERT INTO t (n) VALUES (8)')",
            ],
            ["op.execute('DELETE FROM t WHERE n = 7')", "op.execute('DELETE FROM t WHERE n = 8')"],
            "rows of t, by the later first",
        ),
        (
            "op.execute('CREATE SEQUENCE s')",
            ["op.execute(\"SELECT setval('s', 10)\")", "op.execute(\"SELECT setval('s', 20)\")"],
            ["pass", "pass"],
            "sequence public.s, by the later first",
        ),
        (
            "pass",
            [
                "op.execute('CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$')",
                "op.execute('CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$')",
            ],
            ["op.execute('DROP FUNCTION f()')", "pass"],
            "SELECT 1 $function$, by the later first",
        ),
        (
            "pass",
            [
                "op.execute('CREATE TABLE users (id int)')",
                "op.execute('CREATE TABLE users (id int)')",
            ],
            ["op.execute('DROP TABLE users')", "pass"],
            "no order passes: the earlier first fails: tree — alembic upgrade head: \
             psycopg2.errors.DuplicateTable",
        ),
    ] {
        let repository = colliding(base, ups, downs);
        // Neither does what only shows the change.
        let shows = if ups[0].contains("UPDATE") { &["--dry-run"][..] } else { &[] };
        let ended = repository.gate(&[&["renumber"], shows].concat());
        ended.says(1, &["nothing was changed", told]);
        assert_eq!(ended.out, "");
        assert_eq!(repository.git(&["status", "--short"]), "");
    }
}

#[test]
fn orders_that_differ_in_columns_or_times_alone_commute() {
    let add = |column: &str| format!("op.execute('ALTER TABLE t ADD {column} text')");
    let drop = |column: &str| format!("op.execute('ALTER TABLE t DROP {column}')");
    let (x, y) = (add("x"), add("y") + "\n    op.execute('UPDATE t SET at = clock_timestamp()')");
    let repository = colliding(TABLE, [&x, &y], [&drop("x"), &drop("y")]);
    let order = "the same schema and rows but for the order of the columns of table t: the later";
    repository.gate(&["renumber"]).says(0, &[order, "edited tree/versions/0005_beta.py"]);
}

#[test]
fn orders_without_postgres_are_not_tried_and_nothing_is_moved() {
    let repository = colliding("pass", ["pass", "pass"], ["pass", "pass"]);
    let mut command = repository.command(&["renumber"]);
    let ended = Ended::of(command.env("MIGRATION_GATE_POSTGRES_BIN", "/nowhere"));
    ended.says(
        1,
        &[
            "nothing was changed",
            "cannot try whether the order matters",
            "nothing at /nowhere",
            "doctor",
        ],
    );
    assert_eq!(repository.git(&["status", "--short"]), "");
}

#[test]
fn fix_never_orders_revisions_whose_order_matters() {
    let repository = colliding(
        &format!("{TABLE}\n    op.execute('INSERT INTO t (n) VALUES (1)')"),
        ["op.execute('UPDATE t SET n = n + 1')", "op.execute('UPDATE t SET n = n * 2')"],
        ["op.execute('UPDATE t SET n = n - 1')", "op.execute('UPDATE t SET n = n / 2')"],
    );
    let mut command = repository.command(&["--no-cache", "--fix"]);
    let ended = Ended::of(command.stdin(Stdio::null()));
    ended.says(
        1,
        &[
            "the two orders give different results",
            "rows of t (n)",
            "no remedy turned the gate green",
        ],
    );
    assert!(!ended.said().contains("verified"), "{}", ended.said());
    assert_eq!(repository.git(&["status", "--short"]), "");
}
