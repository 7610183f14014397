//! What the lints see in what revisions do: the failure modes A, B, D and F before they happen, and
//! `MG220` to `MG259`.

use super::{Code, MIGRATION, Owner, Severity};

const LINT: Code =
    Code { verify: "`cargo xtask migration-gate lint` must not find it again", ..MIGRATION };

const WARNING: Code = Code { severity: Severity::Warning, ..LINT };

/// A row that a revision cannot do without, and nobody supplies (runbook, failure mode A).
pub static MISSING_ROW: Code = Code {
    id: "MG001",
    title: "missing seed row",
    mode: Some('A'),
    owner: Owner::Sre,
    remedy: &[
        "add the row to the tree's recipe in `xtask/src/recipes`, in the same pull request as the \
         migration: upgrade to the revision before, insert it, go on",
        "insert it with `ON CONFLICT … DO NOTHING`, so that the second upgrade finds it",
    ],
    verify: "the step that seeds the row and `alembic upgrade head` after it must both pass",
    ..MIGRATION
};

/// A role that a revision names, and nobody makes (runbook, failure mode B).
pub static MISSING_ROLE: Code = Code {
    id: "MG002",
    title: "missing Postgres role",
    mode: Some('B'),
    owner: Owner::Sre,
    remedy: &[
        "add the role to the tree's recipe in `xtask/src/recipes`, in the same pull request as the \
         migration, before `alembic upgrade head`",
        "create it `NOLOGIN` and only where it does not exist: the migrations grant it its rights",
    ],
    verify: "the step that creates the role and `alembic upgrade head` after it must both pass",
    ..MIGRATION
};

/// An index predicate or the like that is not immutable (runbook, failure mode D).
pub static NOT_IMMUTABLE: Code = Code {
    id: "MG004",
    title: "an expression that Postgres demands to be immutable",
    mode: Some('D'),
    remedy: &[
        "use immutable expressions only: fixed literals, columns, functions marked IMMUTABLE",
        "where an index is to be bounded in time, use a fixed timestamp, or make the time the key \
         and compare it in the query",
        "a time with time zone becomes immutable by naming the zone: `at AT TIME ZONE 'UTC'`",
    ],
    verify: "`alembic upgrade head` must pass; `SELECT indexname, indexdef FROM pg_indexes WHERE \
             tablename = '…'` shows the index with the predicate that was meant",
    ..MIGRATION
};

/// A table that two revisions create (runbook, failure mode F).
pub static TABLE_TWICE: Code = Code {
    id: "MG006",
    title: "a table created twice",
    mode: Some('F'),
    remedy: &[
        "where the later revision replaces the table: drop its indexes and the table at the top of \
         its `upgrade()`, and create the earlier schema again in its `downgrade()`",
        "where it is the same table: delete the later `create_table` and leave a comment that says \
         which revision creates it",
    ],
    verify: "`alembic upgrade head` must pass on a fresh Postgres, and the columns in \
             `information_schema.columns` must be the later revision's",
    ..MIGRATION
};

/// Anything else that is created twice.
pub static CREATED_TWICE: Code = Code {
    id: "MG220",
    title: "created twice",
    remedy: &["drop the earlier one first, or give the later one another name, or delete it"],
    ..LINT
};

/// Something that is dropped and is not there.
pub static DROPPED_NOT_THERE: Code = Code {
    id: "MG221",
    title: "dropped, though it is not there",
    remedy: &[
        "delete the second drop, or correct the name",
        "what goes with something else (an index with its table) is dropped before it or not at all",
    ],
    ..LINT
};

/// Something that is used after it was dropped.
pub static USED_AFTER_DROP: Code = Code {
    id: "MG222",
    title: "used after it was dropped",
    remedy: &["move the use before the drop, or take it out"],
    ..LINT
};

/// Something that is used before it is created.
pub static USED_BEFORE_MADE: Code = Code {
    id: "MG223",
    title: "used before it exists",
    remedy: &[
        "move it behind the revision that creates it, or correct the name",
        "what production has and no revision creates belongs into a revision, or into the recipe",
    ],
    ..LINT
};

/// A revision without `downgrade()`.
pub static NO_DOWNGRADE: Code = Code {
    id: "MG230",
    title: "no `downgrade()`",
    remedy: &["write one that undoes `upgrade()`, in reverse order: all migrations are reversible"],
    ..LINT
};

/// A `downgrade()` that does nothing.
pub static EMPTY_DOWNGRADE: Code = Code {
    id: "MG231",
    title: "`downgrade()` does nothing",
    remedy: &["undo in it what `upgrade()` does, in reverse order: all migrations are reversible"],
    ..LINT
};

/// A `downgrade()` that always raises.
pub static RAISING_DOWNGRADE: Code = Code {
    id: "MG232",
    title: "`downgrade()` raises",
    remedy: &[
        "undo in it what `upgrade()` does, as far as it can be undone: all migrations are reversible",
        "what is lost for good (rows that were deleted) is no reason to keep the schema",
    ],
    ..LINT
};

/// A `downgrade()` that leaves what `upgrade()` created.
pub static LEFT_BEHIND: Code = Code {
    id: "MG233",
    title: "`downgrade()` leaves what `upgrade()` created",
    remedy: &["drop it in `downgrade()`; the type of an enum column does not go with its table"],
    ..LINT
};

/// A `downgrade()` that drops what `upgrade()` did not create.
pub static DROPS_OTHERS: Code = Code {
    id: "MG234",
    title: "`downgrade()` drops what `upgrade()` did not create",
    remedy: &["take the drop out, or correct the name: it belongs to another revision"],
    ..LINT
};

/// Something that cannot run inside a transaction.
pub static OUTSIDE_TRANSACTION: Code = Code {
    id: "MG240",
    title: "cannot run inside a transaction",
    remedy: &["put it into `with op.get_context().autocommit_block():`"],
    ..LINT
};

/// A label of an enum that is used in the transaction that adds it.
pub static LABEL_TOO_EARLY: Code = Code {
    id: "MG241",
    title: "a new enum value is used in the transaction that adds it",
    remedy: &[
        "use it in the next revision",
        "or add it in `with op.get_context().autocommit_block():`, and use it behind that",
    ],
    ..LINT
};

/// A revision that ends Alembic's transaction.
pub static ENDS_TRANSACTION: Code = Code {
    id: "MG242",
    title: "ends the transaction that Alembic began",
    remedy: &[
        "take it out: Alembic commits, and a revision that fails halfway is then undone whole",
        "what must run outside of it goes into `with op.get_context().autocommit_block():`",
    ],
    ..LINT
};

/// Code that touches the world when a revision is imported.
pub static TOUCHES_AT_IMPORT: Code = Code {
    id: "MG250",
    title: "touches the world when it is imported",
    remedy: &[
        "move it into `upgrade()`: Alembic imports every revision for every command, `heads` too",
        "better, write into the revision what it needs: it must do the same next year",
    ],
    ..WARNING
};

/// A revision that imports the application.
pub static IMPORTS_APPLICATION: Code = Code {
    id: "MG251",
    title: "imports application code",
    remedy: &[
        "copy what it needs into the revision: the application changes, the revision must not, and \
         migrations run in an environment without it",
    ],
    ..WARNING
};
