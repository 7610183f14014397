//! The runbook's failure modes A to F: `MG001` to `MG006`.

use super::entry::{Code, Example, MIGRATION, Owner};

/// What follows a new supply.
pub const LISTED: &str =
    "write the runbook anew, which lists what is supplied: `cargo gate runbook`";

/// A row that a migration looks up and an empty database lacks (runbook, failure mode A).
pub static MISSING_ROW: Code = Code {
    id: "MG001",
    title: "a row that the migration needs is missing",
    mode: Some('A'),
    owner: Owner::Sre,
    symptom: "`RuntimeError: … not found in the admins table.`, a `NoResultFound`, or a foreign key that points at nothing",
    why: "The migration looks up a row that production has. The database that the gate makes starts empty, so only what the chain and the recipe put there is found.",
    example: Some(Example {
        bad: "row = bind.execute(sa.text(\"SELECT id FROM admins WHERE email = :e\"), {\"e\": email}).first()\nif row is None:\n    raise RuntimeError(\"operator not found in the admins table.\")",
        good: "// xtask/src/recipes/console.rs\nsteps.upgrade(\"0015\", \"pre-seed\")?;\nsteps.seed(&KRIS_ADMIN_ROW)?;",
    }),
    remedy: &[
        "check that the supply is there and comes before the revision that needs it: the recipe in \
         `xtask/src/recipes` says so",
        "where the need is new: add a `Row` there, with `ON CONFLICT … DO NOTHING`, an `upgrade` to the \
         revision before and a `seed`, in the same pull request as the migration",
        LISTED,
    ],
    remedy_elsewhere: &[
        "where production has the row, supply it: write it as SQL that can run twice (`INSERT … ON \
         CONFLICT DO NOTHING`) into a file, and name the file in the section `[migration-gate]` of the \
         ini, for the revision that needs it: `before.REVISION = rows.sql`",
        "else insert the row in an earlier revision, or do without it where it is not there",
    ],
    verify: "the seed step must pass, and the 'alembic upgrade head' after it",
    ..MIGRATION
};

/// A role that a migration names and the cluster lacks (runbook, failure mode B).
pub static MISSING_ROLE: Code = Code {
    id: "MG002",
    title: "a role that the migration needs is missing",
    mode: Some('B'),
    owner: Owner::Sre,
    symptom: "`psycopg2.errors.UndefinedObject: role \"…\" does not exist`",
    why: "The migration grants to a role that production got outside of Alembic. A fresh cluster has only the roles that the recipe creates.",
    example: Some(Example {
        bad: "op.execute(\"GRANT SELECT ON orders TO raptor_reader\")",
        good: "// xtask/src/recipes/raptor.rs\nsteps.create_role(&RAPTOR_READER)?;",
    }),
    remedy: &[
        "add a `Role` to the tree's recipe in `xtask/src/recipes`, `NOLOGIN` and with the `IF NOT \
         EXISTS` guard, and a `create_role` before the upgrade, in the same pull request",
        LISTED,
    ],
    remedy_elsewhere: &[
        "where production has the role, supply it: write it as SQL that can run twice into a file \
         (`DO $$ BEGIN CREATE ROLE app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`), and \
         name the file in the section `[migration-gate]` of the ini: `before = roles.sql`",
        "else create the role in a revision before, in the same way",
    ],
    verify: "the new role step must pass, and the 'alembic upgrade head' after it",
    ..MIGRATION
};

/// Several heads (runbook, failure mode C).
pub static MULTIPLE_HEADS: Code = Code {
    id: "MG003",
    title: "multiple heads",
    mode: Some('C'),
    symptom: "`… head count: 2`, or `Multiple head revisions are present`",
    why: "Two revisions name the same parent, or carry the same id: two pull requests were merged one after the other without a rebase in between.",
    example: Some(Example {
        bad: "# 0024_admin_login_attempts.py\ndown_revision = \"0022\"   # as 0023 has it",
        good: "# 0024_admin_login_attempts.py\ndown_revision = \"0023\"",
    }),
    remedy: &[
        "run `cargo gate renumber`: it puts the revision that was merged later on \
         top of the other one (its file gets the next unused number, `revision` and `down_revision` \
         follow)",
        "where both are merged already, neither may move: `cargo gate renumber --merge` \
         writes a revision that merges them",
        "commit and push; a reviewer from SRE checks that the gate is green before approving",
    ],
    remedy_elsewhere: &[
        "run `cargo gate renumber --ini …`: it puts the revision that was merged later \
         on top of the other one",
        "where both are merged already, neither may move: `renumber --merge` writes a revision that \
         merges them",
        "where the tree means to have several heads, say so: `--target heads`",
    ],
    verify: "the step 'assert single head' must report `head count: 1`",
    ..MIGRATION
};

/// An index predicate or expression, a generated column or a partition key that is not immutable
/// (runbook, failure mode D).
pub static NOT_IMMUTABLE: Code = Code {
    id: "MG004",
    title: "an index or column expression is not immutable",
    mode: Some('D'),
    symptom: "`functions in index predicate must be marked IMMUTABLE`, SQLSTATE 42P17",
    why: "Postgres evaluates an index predicate when a row is written and never again, so it must give the same answer for ever; `now()` does not.",
    example: Some(Example {
        bad: "op.create_index(\"ix_sessions_live\", \"sessions\", [\"id\"],\n                postgresql_where=sa.text(\"expires_at > now()\"))",
        good: "op.create_index(\"ix_sessions_live\", \"sessions\", [\"id\"],\n                postgresql_where=sa.text(\"revoked_at IS NULL\"))",
    }),
    remedy: &[
        "use immutable expressions alone: a literal, a column, an IMMUTABLE function; not `now()` \
         or `CURRENT_TIMESTAMP`",
        "where a bound in time is really needed, write it as a literal, or filter in the query",
    ],
    verify: "`SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '…'` shows the index",
    ..MIGRATION
};

/// A `down_revision` that names no revision (runbook, failure mode E).
pub static BROKEN_POINTER: Code = Code {
    id: "MG005",
    title: "`down_revision` names a revision that does not exist",
    mode: Some('E'),
    symptom: "`Can't locate revision identified by '…'`, or a bare `KeyError: '…'` from Alembic 1.20",
    why: "The `down_revision` names a revision that is in no file: it was deleted or renamed, it is still in another pull request, or a file name was written instead of the id.",
    example: Some(Example {
        bad: "down_revision = \"0029_billing_refund_permission\"",
        good: "down_revision = \"0029\"",
    }),
    remedy: &[
        "set `down_revision` to the revision that was meant to come before; only the author knows \
         which, so nothing guesses it",
        "where it names a revision of another pull request, wait for that one or rebase on it",
    ],
    verify: "`cargo gate graph` must show one chain without a gap",
    ..MIGRATION
};

/// A table created twice (runbook, failure mode F).
pub static TABLE_TWICE: Code = Code {
    id: "MG006",
    title: "a table is created twice",
    mode: Some('F'),
    symptom: "`psycopg2.errors.DuplicateTable: relation \"…\" already exists`",
    why: "Two revisions of one chain both create the table. On a database where only one of them ever ran it went unnoticed; on a fresh one both run.",
    example: Some(Example {
        bad: "# 0022, while 0002 created the table already\nop.create_table(\"paper_orders\", …)",
        good: "op.drop_index(\"ix_paper_orders_account_id\", table_name=\"paper_orders\")\nop.drop_table(\"paper_orders\")\nop.create_table(\"paper_orders\", …)",
    }),
    remedy: &[
        "where the later revision replaces the table: drop its indexes and the table at the top of \
         the later `upgrade()`, and create the earlier one again in its `downgrade()`",
        "where both are the same: take out the later `create_table`, and say in a comment which \
         revision creates it",
    ],
    verify: "'alembic upgrade head' must pass, and `information_schema.columns` must show the later \
             revision's columns",
    ..MIGRATION
};
