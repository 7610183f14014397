//! `MG4xx`: differences of schema and data after a migration was taken back.

use super::entry::{Code, Example, MIGRATION, Severity};

const UNDO: &str =
    "change `downgrade()` so that it undoes all that the message and the lines below it name";

const REVERSAL: Code = Code {
    remedy: &[
        UNDO,
        "or leave it so on purpose: say so in the revision (`# migration-gate: keeps KIND NAME, REASON`)",
    ],
    verify: "run the gate again: the schema must be the same before the upgrade and after the \
             downgrade",
    ..MIGRATION
};

/// The downgrade left an object that the upgrade made.
pub static REMAINS: Code = Code {
    id: "MG400",
    title: "the downgrade leaves something behind",
    symptom: "`left behind: type order_side (enum: buy, sell)`, or a second upgrade that finds it there already",
    why: "`downgrade()` takes back less than `upgrade()` made. An enum type survives the table that used it.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"orders\")",
        good: "def downgrade():\n    op.drop_table(\"orders\")\n    order_side.drop(op.get_bind())",
    }),
    remedy: &[
        UNDO,
        "or keep it on purpose: say so in the revision (`# migration-gate: keeps KIND NAME, REASON`), and make `upgrade()` accept that it is there (`IF NOT EXISTS`, `checkfirst=True`)",
    ],
    ..REVERSAL
};

/// The downgrade did not bring back an object that the upgrade dropped.
pub static NOT_RESTORED: Code = Code {
    id: "MG401",
    title: "the downgrade does not restore something",
    symptom: "`not restored: index ix_orders_created_at`",
    why: "`upgrade()` dropped the object and `downgrade()` does not create it again.",
    example: Some(Example {
        bad: "def downgrade():\n    pass   # the upgrade dropped an index",
        good: "def downgrade():\n    op.create_index(\"ix_orders_created_at\", \"orders\", [\"created_at\"])",
    }),
    ..REVERSAL
};

/// The downgrade left an object different from its state before the upgrade.
pub static CHANGED: Code = Code {
    id: "MG402",
    title: "the downgrade does not restore what was changed",
    symptom: "`changed: table orders, column note: NOT NULL was lost`",
    why: "`downgrade()` restores the object, but not as it was.",
    example: Some(Example {
        bad: "op.add_column(\"orders\", sa.Column(\"note\", sa.Text))",
        good: "op.add_column(\"orders\", sa.Column(\"note\", sa.Text, nullable=False))",
    }),
    ..REVERSAL
};

/// The schema after the second upgrade differs from the schema after the first.
pub static NOT_REPEATABLE: Code = Code {
    id: "MG403",
    title: "the second upgrade makes another schema than the first",
    symptom: "the round trip ends with another schema than the first upgrade",
    why: "What `upgrade()` makes depends on what it finds, and the downgrade left something else than there was at first.",
    example: Some(Example {
        bad: "op.execute(\"CREATE TABLE IF NOT EXISTS orders (id int)\")",
        good: "op.create_table(\"orders\", …)",
    }),
    remedy: &[
        "look for what `upgrade()` does only where something is missing (`IF NOT EXISTS`, \
         `checkfirst`), and for what `downgrade()` does not drop, or should not drop",
        "take out what depends on the time, the environment, a random number, or the order of a set",
    ],
    verify: "run the gate again: both upgrades must give the same schema",
    ..MIGRATION
};

/// A supply is missing after a round trip.
pub static SUPPLY_LOST: Code = Code {
    id: "MG404",
    title: "the migration removes what was supplied",
    symptom: "a seed row or a role that is missing after the downgrade or the second upgrade",
    why: "A revision deletes a row or a role that production has from elsewhere.",
    example: Some(Example {
        bad: "def downgrade():\n    op.execute(\"DELETE FROM admins\")",
        good: "def downgrade():\n    op.execute(\"DELETE FROM rbac_user_groups WHERE …\")",
    }),
    remedy: &["take out of the revision what deletes it: production keeps this row or role"],
    verify: "run the gate again: what was supplied must still be there",
    ..MIGRATION
};

/// An object that a revision declares as not restored.
pub static KEPT: Code = Code {
    id: "MG406",
    title: "the downgrade leaves a difference that is no fault",
    symptom: "a note beside a green step",
    why: "A comment `# migration-gate: keeps …` says so, with its reason; or the object is an extension, a schema or an enum label that the revision creates `IF NOT EXISTS`, so that production may have had it before; or a label that no downgrade can remove and the second upgrade accepts; or a constraint that was made again has another name.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"orders\")",
        good: "# migration-gate: keeps type order_side, the archive uses it",
    }),
    severity: Severity::Note,
    remedy: &["nothing to do while the reason holds"],
    verify: "read the reason",
    ..MIGRATION
};

/// A column that was dropped and is now the last of its table.
pub static COLUMN_AT_END: Code = Code {
    id: "MG407",
    title: "columns of a table, or labels of an enum, stand in another order",
    symptom: "a note: the columns stand in another order",
    why: "Postgres adds a column at the end, so one that was dropped and restored stands there; only a rebuilt table has the old order.",
    example: Some(Example {
        bad: "op.drop_column(\"orders\", \"note\")   # not the last one",
        good: "# drop only the last column, or live with the order",
    }),
    severity: Severity::Note,
    remedy: &["nothing to do, unless something reads the columns by their place (`SELECT *`)"],
    verify: "check that nothing reads the columns by their place",
    ..MIGRATION
};

/// A revision that is declared as irreversible, with a reason.
pub static IRREVERSIBLE_DECLARED: Code = Code {
    id: "MG408",
    title: "the revision declares that it cannot be taken back",
    symptom: "a note beside a green step",
    why: "A comment `# migration-gate: irreversible, …` says so, with its reason.",
    example: Some(Example {
        bad: "def downgrade():\n    raise NotImplementedError",
        good: "# migration-gate: irreversible, the old ids are gone",
    }),
    severity: Severity::Note,
    remedy: &["nothing to do while the reason holds"],
    verify: "read the reason",
    ..MIGRATION
};

/// A schema that depends on the environment of the run.
pub static IMPURE: Code = Code {
    id: "MG409",
    title: "the schema depends on the environment",
    symptom: "two runs in two environments that end with two schemas",
    why: "The revision reads the time zone, the day, the locale or something else of the machine, or loops over a set, whose order differs between processes.",
    example: Some(Example {
        bad: "op.execute(f\"… DEFAULT '{datetime.now()}'\")",
        good: "op.execute(\"… DEFAULT now()\")",
    }),
    remedy: &[
        "take out what depends on the time zone, the locale, the clock or the environment: a schema \
         is the same wherever it is made",
        "loop over `sorted(…)` in place of a set",
    ],
    verify: "run the gate again with `--stairway`: a second run in another environment must give \
             the same schema",
    ..MIGRATION
};

/// A revision that makes the newest schema with code from outside its file.
pub static SCHEMA_OF_TODAY: Code = Code {
    id: "MG420",
    title: "an early revision makes the schema of today",
    symptom: "later revisions that ask `has_table` or `IF NOT EXISTS` and do nothing on an empty database",
    why: "`metadata.create_all` makes the tables as the models are today, not as they were when the revision was written. Later revisions find their work done, so an empty database does not show what they do to production, and an index or a default that the models do not name is missing there.",
    example: Some(Example {
        bad: "def upgrade():\n    Base.metadata.create_all(op.get_bind())",
        good: "def upgrade():\n    op.create_table(\"orders\", sa.Column(\"id\", sa.Integer, primary_key=True))",
    }),
    severity: Severity::Warning,
    remedy: &[
        "write what the revision made at its time into it: on the commit that brought it, let \
         `alembic revision --autogenerate` compare the models with an empty database, and put the \
         `op.create_table` calls in place of the call",
    ],
    verify: "run the gate again: the later revisions must be tried",
    ..MIGRATION
};
