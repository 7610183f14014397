//! `MG41x`: failures and losses in tables that have rows, which an empty database hides.

use super::entry::{Code, Example, MIGRATION, Severity};

const ROWS: Code = Code {
    verify: "run the gate again: the revision must go up, down and up again on tables with rows",
    ..MIGRATION
};

/// A NULL in a row where the revision wants a value, or a new column without a value for old rows.
pub static NULLS_IN_ROWS: Code = Code {
    id: "MG410",
    title: "adding NOT NULL fails on existing rows",
    symptom: "SQLSTATE 23502 (not_null_violation) on a table that has rows",
    why: "A column becomes NOT NULL, or is added so, and rows that the schema allowed until then have no value for it. On an empty table nothing is wrong.",
    example: Some(Example {
        bad: "op.add_column(\"orders\", sa.Column(\"note\", sa.Text, nullable=False))",
        good: "op.add_column(\"orders\", sa.Column(\"note\", sa.Text, nullable=False, server_default=\"\"))",
    }),
    remedy: &[
        "give the rows a value before: `UPDATE TABLE SET COLUMN = … WHERE COLUMN IS NULL`, then `SET NOT NULL`; add a new column nullable first, or with a `server_default`",
        "where production has no such row, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// Several rows with a value that must be unique from now on.
pub static DUPLICATES_IN_ROWS: Code = Code {
    id: "MG411",
    title: "adding a unique constraint fails on existing rows",
    symptom: "SQLSTATE 23505 (unique_violation) or 23P01 (exclusion_violation) on a table that has rows",
    why: "A unique index or constraint is added to columns in which the schema allowed the same value twice.",
    example: Some(Example {
        bad: "op.create_unique_constraint(\"uq_users_email\", \"users\", [\"email\"])",
        good: "op.execute(\"DELETE FROM users a USING users b WHERE a.email = b.email AND a.id > b.id\")\nop.create_unique_constraint(\"uq_users_email\", \"users\", [\"email\"])",
    }),
    remedy: &[
        "merge, change or remove the duplicates in the same revision, before the constraint",
        "where production has none, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// Rows that point to a missing row.
pub static ORPHANS_IN_ROWS: Code = Code {
    id: "MG412",
    title: "adding a foreign key fails on existing rows",
    symptom: "SQLSTATE 23503 (foreign_key_violation) on a table that has rows",
    why: "A foreign key is added and validated over values that nothing has held to it until then, or rows that others point to are taken away.",
    example: Some(Example {
        bad: "op.create_foreign_key(\"fk_orders_user\", \"orders\", \"users\", [\"user_id\"], [\"id\"])",
        good: "op.execute(\"UPDATE orders SET user_id = NULL WHERE user_id NOT IN (SELECT id FROM users)\")\nop.create_foreign_key(\"fk_orders_user\", \"orders\", \"users\", [\"user_id\"], [\"id\"])",
    }),
    remedy: &[
        "correct or remove such rows in the same revision, before the foreign key",
        "where production has none, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// Values that a check or a type does not take.
pub static VALUES_IN_ROWS: Code = Code {
    id: "MG413",
    title: "the revision fails on a value in an existing row",
    symptom: "SQLSTATE 23514 (check_violation) or class 22 (data exception) on a table that has rows",
    why: "A check is validated, a type is changed, or a value is computed, and the schema allowed values until then that do not fit.",
    example: Some(Example {
        bad: "op.create_check_constraint(\"ck_orders_amount\", \"orders\", \"amount > 0\")",
        good: "op.execute(\"DELETE FROM orders WHERE amount <= 0\")\nop.create_check_constraint(\"ck_orders_amount\", \"orders\", \"amount > 0\")",
    }),
    remedy: &[
        "convert or correct what does not fit in the same revision: a `USING` that takes every value, or an `UPDATE` before",
        "where production has no such value, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// Any other failure that needs tables with rows.
pub static FAILS_ON_ROWS: Code = Code {
    id: "MG414",
    title: "the revision fails on tables that have rows",
    symptom: "an upgrade or downgrade that passes on an empty database and fails on a filled one",
    why: "The revision does something with existing rows that works only on an empty table.",
    example: Some(Example {
        bad: "for row in op.get_bind().execute(sa.text(\"SELECT note FROM orders\")):\n    row.note.strip()   # a note may be NULL",
        good: "for row in op.get_bind().execute(sa.text(\"SELECT note FROM orders WHERE note IS NOT NULL\")):\n    row.note.strip()",
    }),
    remedy: &[
        "have the revision work on every row that the schema allows: production may have such rows",
        "where production cannot have such rows, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// A failure that only extreme values cause.
pub static FAILS_ON_EXTREMES: Code = Code {
    id: "MG415",
    title: "the revision fails on the largest or longest values",
    symptom: "a warning: the revision fails only on the largest numbers, the earliest and latest dates or the longest texts",
    why: "The schema before the revision allows values that the schema after it does not hold. Ordinary rows pass.",
    example: Some(Example {
        bad: "op.execute(\"ALTER TABLE invoices ALTER cents TYPE integer USING (amount * 100)::integer\")",
        good: "op.execute(\"ALTER TABLE invoices ALTER cents TYPE bigint USING (amount * 100)::bigint\")",
    }),
    severity: Severity::Warning,
    remedy: &[
        "choose a type that holds every value, or check that production has none that large",
        "where it has none, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    ..ROWS
};

/// Data from before the upgrade that the downgrade does not bring back.
pub static DATA_LOST: Code = Code {
    id: "MG416",
    title: "the round trip loses what rows held before",
    symptom: "`orders.note: 40 of 40 values lost`",
    why: "`upgrade()` changes data that `downgrade()` does not bring back, or `downgrade()` changes what the upgrade left; after a rollback in production the data would be gone as well. What an upgrade drops, or deletes by name, is a line of the step. It is a note where an `UPDATE` makes one value of several, which no downgrade can tell apart.",
    example: Some(Example {
        bad: "def upgrade():\n    op.execute(\"UPDATE orders SET cents = cents * 100\")",
        good: "def downgrade():\n    op.execute(\"UPDATE orders SET cents = cents / 100\")",
    }),
    severity: Severity::Warning,
    remedy: &[
        "bring the data back in `downgrade()`, or keep it as long as a rollback may be needed: copy it now, drop it in a later revision",
        "where the loss is intended, say so in the revision: `# migration-gate: loses TABLE.COLUMN, reason`",
    ],
    verify: "run the gate again: what the rows held before must be there after the downgrade",
    ..MIGRATION
};

/// A table that no row could be made for.
pub static NOT_FILLED: Code = Code {
    id: "MG417",
    title: "no rows, or few, could be generated for a table",
    symptom: "a note that names the table, and why no row could be made or only some",
    why: "Rows are generated from the schema alone; a condition or a trigger may ask for more than the schema says. So the revision was not tried on rows of that table, or only on rows with the values that the revision itself names: labels of an enum, the list of a check, a type that texts are cast to.",
    example: Some(Example {
        bad: "CHECK (checksum = secret_hash(body))",
        good: "# migration-gate: rows documents, they are written by the archive alone",
    }),
    severity: Severity::Note,
    remedy: &[
        "try the revision on a copy of real rows",
        "where that was done, say so in the revision: `# migration-gate: rows TABLE, reason`",
    ],
    verify: "read the reason",
    ..MIGRATION
};

/// Directives of a revision about the rows of a table.
pub static ROWS_DECLARED: Code = Code {
    id: "MG418",
    title: "the revision declares what its rows may do",
    symptom: "a note beside a green step",
    why: "A comment `# migration-gate: rows …` (no rows are generated) or `# migration-gate: loses …` (a loss is intended) says so, with its reason.",
    example: Some(Example {
        bad: "op.create_unique_constraint(\"uq_users_email\", \"users\", [\"email\"])",
        good: "# migration-gate: rows users, the sign-up refuses an e-mail that is known",
    }),
    severity: Severity::Note,
    remedy: &["nothing to do while the reason holds"],
    verify: "read the reason",
    ..MIGRATION
};
