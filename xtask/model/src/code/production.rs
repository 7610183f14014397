//! `MG50x`: effects of a revision on a database in use: sessions that wait, and statements of the
//! running version that break.

use super::entry::{Code, Example, MIGRATION, Severity};

/// The sizes of production decide the weight of each finding: see [`Finding::severity`].
///
/// [`Finding::severity`]: crate::finding::Finding::severity
const PRODUCTION: Code = Code {
    severity: Severity::Warning,
    verify: "run the gate again: it must not report this any more",
    ..MIGRATION
};

/// Tables that no session can read, or write, during a slow statement.
pub static WHO_WAITS: Code = Code {
    id: "MG500",
    title: "a table cannot be used while the revision works",
    symptom: "requests that hang while a migration runs, and a connection pool with no connection left",
    why: "A lock that readers or writers wait for is held while a table is read or written from one end to the other, an index is built, or Python does something else. On small tables nobody notices; the time grows with the table.",
    example: Some(Example {
        bad: "op.create_index(\"ix_orders_ref\", \"orders\", [\"ref\"])",
        good: "with op.get_context().autocommit_block():\n    op.create_index(\"ix_orders_ref\", \"orders\", [\"ref\"], postgresql_concurrently=True)",
    }),
    remedy: &[
        "an index: `postgresql_concurrently=True` in an `autocommit_block()`",
        "a check or a foreign key: `postgresql_not_valid=True`, and `ALTER TABLE … VALIDATE CONSTRAINT` in an `autocommit_block()` or a later revision",
        "NOT NULL: a check `IS NOT NULL` as above first, then `nullable=False`, then drop the check",
        "another type: a new column, filled in batches, swapped in a later revision",
        "where the table may be unusable meanwhile: `# migration-gate: blocks TABLE, reason` in the revision",
    ],
    ..PRODUCTION
};

/// Statements of the running version that fail once the revision is applied.
pub static BREAKS_RUNNING: Code = Code {
    id: "MG501",
    title: "the running version breaks",
    symptom: "errors of the application from the migration on until the new version runs everywhere",
    why: "While a revision is applied, the version before it still runs. Statements made from the schema as it was before are run after the revision; some of them fail.",
    example: Some(Example {
        bad: "op.alter_column(\"orders\", \"note\", new_column_name=\"remark\")",
        good: "op.add_column(\"orders\", sa.Column(\"remark\", sa.Text))   # both are written for one release, `note` is dropped later",
    }),
    remedy: &[
        "expand first and contract later: add what is new, release a version that uses it, take the old away in a later revision",
        "a column that must be given: give it a `server_default`, or make it NOT NULL in a later revision",
        "what no version uses any more: `# migration-gate: unused TABLE.COLUMN, reason` in the revision",
    ],
    ..PRODUCTION
};

/// Two tables that are blocked one after the other.
pub static DEADLOCK: Code = Code {
    id: "MG502",
    title: "the revision and the application can wait for each other",
    symptom: "SQLSTATE 40P01 (deadlock_detected), in the migration or in the application",
    why: "One transaction blocks two tables by different statements. An application that uses them in the other order holds the second and waits for the first.",
    example: Some(Example {
        bad: "op.add_column(\"orders\", sa.Column(\"a\", sa.Text))\nop.add_column(\"customers\", sa.Column(\"a\", sa.Text))",
        good: "op.add_column(\"orders\", sa.Column(\"a\", sa.Text))   # `customers` in a revision of its own",
    }),
    // Whether an application takes the tables in that order is not known.
    severity: Severity::Note,
    remedy: &[
        "one revision a table, where env.py gives each a transaction (`transaction_per_migration=True`)",
        "or lock both at once, first: `LOCK TABLE FIRST, SECOND IN ACCESS EXCLUSIVE MODE`",
    ],
    ..PRODUCTION
};

/// Rows of a whole table in one transaction.
pub static WHOLE_TABLE: Code = Code {
    id: "MG503",
    title: "one transaction locks or deletes most rows of a table",
    symptom: "requests that write the same rows hang until the commit; replicas lag",
    why: "A backfill, a delete or a truncate in one transaction holds every row that it touches until the commit, and takes as long as the table is large.",
    example: Some(Example {
        bad: "op.execute(\"UPDATE orders SET total = 0 WHERE total IS NULL\")",
        good: "with op.get_context().autocommit_block():\n    while op.get_bind().execute(sa.text(\n        \"UPDATE orders SET total = 0 WHERE id IN (SELECT id FROM orders WHERE total IS NULL LIMIT 5000)\"\n    )).rowcount:\n        pass",
    }),
    remedy: &[
        "in batches, each with a commit of its own, outside of the transaction",
        "where the table may be unusable meanwhile: `# migration-gate: blocks TABLE, reason` in the revision",
    ],
    ..PRODUCTION
};

/// A lock that is waited for without limit.
pub static NO_LOCK_TIMEOUT: Code = Code {
    id: "MG504",
    title: "the revision waits for a lock without a limit",
    symptom: "a migration waits for one long query, and every request behind the migration waits with it",
    why: "Every later statement on the table waits behind the migration, however short its own lock would be. With `lock_timeout` the migration gives up instead and can be run again.",
    example: Some(Example {
        bad: "connection = engine.connect()",
        good: "connection.execute(sa.text(\"SET lock_timeout = '5s'\"))   # in env.py, before context.configure()\nconnection.commit()",
    }),
    severity: Severity::Note,
    remedy: &[
        "set `lock_timeout` once, in env.py, before `context.configure()`, and write `connection.commit()` after it: Alembic commits no transaction that was begun before",
    ],
    ..PRODUCTION
};

/// The sizes of the tables are unknown.
pub static SIZES: Code = Code {
    id: "MG505",
    title: "the sizes of the tables are unknown or out of date",
    symptom: "a finding about production that names no time",
    why: "How long a table is blocked depends on its size, which only production knows. Without the sizes a finding is a warning and no error.",
    example: Some(Example {
        bad: "# no production.csv",
        good: "psql \"$PRODUCTION\" -qAtf tables.sql > migrations/production.csv",
    }),
    severity: Severity::Note,
    remedy: &[
        "export the names and sizes of the tables (no rows) beside the folder `versions`, and commit the file: `psql \"$PRODUCTION\" -qAtf xtask/src/production/tables.sql > migrations/production.csv`",
    ],
    verify: "run the gate again: findings about production name a time",
    ..PRODUCTION
};
