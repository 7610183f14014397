//! What the lints see in what revisions do: `MG220` to `MG259`. What they see of the failure modes
//! has the modes' own codes.

use super::{Code, Example, MIGRATION, Severity};

const LINT: Code =
    Code { verify: "`cargo xtask migration-gate lint` must not find it again", ..MIGRATION };

const WARNING: Code = Code { severity: Severity::Warning, ..LINT };

/// Anything else that is created twice.
pub static CREATED_TWICE: Code = Code {
    id: "MG220",
    title: "created twice",
    symptom: "SQLSTATE 42710, 42P07 or 42701",
    why: "Two revisions of the chain create it, or one does twice, and nothing drops it in between.",
    example: Some(Example {
        bad: "op.create_index(\"ix_a\", \"orders\", [\"a\"])   # 0012 has it",
        good: "op.drop_index(\"ix_a\", table_name=\"orders\")\nop.create_index(\"ix_a\", \"orders\", [\"a\"])",
    }),
    remedy: &["drop the earlier one first, or give the later one another name, or delete it"],
    ..LINT
};

/// Something that is dropped and is not there.
pub static DROPPED_NOT_THERE: Code = Code {
    id: "MG221",
    title: "dropped, though it is not there",
    symptom: "SQLSTATE 42704 or 42P01",
    why: "By then an earlier revision has dropped it, or none ever created it.",
    example: Some(Example {
        bad: "op.drop_table(\"alert\")   # it is called `alerts`",
        good: "op.drop_table(\"alerts\")",
    }),
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
    symptom: "SQLSTATE 42P01 or 42703",
    why: "An earlier revision dropped it.",
    example: Some(Example {
        bad: "op.add_column(\"paper_orders_old\", …)",
        good: "op.add_column(\"paper_orders\", …)",
    }),
    remedy: &["move the use before the drop, or take it out"],
    ..LINT
};

/// Something that is used before it is created.
pub static USED_BEFORE_MADE: Code = Code {
    id: "MG223",
    title: "used before it exists",
    symptom: "SQLSTATE 42P01 or 42703",
    why: "Nothing in the chain has created it by then.",
    example: Some(Example {
        bad: "op.create_index(\"ix_a\", \"order\", [\"a\"])",
        good: "op.create_index(\"ix_a\", \"orders\", [\"a\"])",
    }),
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
    symptom: "`AttributeError: … has no attribute 'downgrade'`",
    why: "Without a `downgrade()` the revision cannot be taken back.",
    example: Some(Example {
        bad: "def upgrade():\n    …",
        good: "def upgrade():\n    …\n\n\ndef downgrade():\n    …",
    }),
    remedy: &["write one that undoes `upgrade()`, in reverse order: all migrations are reversible"],
    ..LINT
};

/// A `downgrade()` that does nothing.
pub static EMPTY_DOWNGRADE: Code = Code {
    id: "MG231",
    title: "`downgrade()` does nothing",
    symptom: "a downgrade that ends well, and a next upgrade that finds everything there already",
    why: "`upgrade()` changes the schema and `downgrade()` takes nothing back.",
    example: Some(Example {
        bad: "def downgrade():\n    pass",
        good: "def downgrade():\n    op.drop_table(\"alerts\")",
    }),
    remedy: &["undo in it what `upgrade()` does, in reverse order: all migrations are reversible"],
    ..LINT
};

/// A `downgrade()` that always raises.
pub static RAISING_DOWNGRADE: Code = Code {
    id: "MG232",
    title: "`downgrade()` raises",
    symptom: "an exception from `downgrade()`",
    why: "The downgrade raises before it has done anything. All migrations must be reversible.",
    example: Some(Example {
        bad: "def downgrade():\n    raise NotImplementedError",
        good: "def downgrade():\n    op.drop_column(\"orders\", \"note\")",
    }),
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
    symptom: "`DuplicateObject` in the second upgrade, most often of an enum type",
    why: "`drop_table` takes a table's columns, indexes and constraints along, but not its enum types, functions or what stands elsewhere.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"orders\")",
        good: "def downgrade():\n    op.drop_table(\"orders\")\n    order_side.drop(op.get_bind())",
    }),
    remedy: &["drop it in `downgrade()`; the type of an enum column does not go with its table"],
    ..LINT
};

/// A `downgrade()` that drops what `upgrade()` did not create.
pub static DROPS_OTHERS: Code = Code {
    id: "MG234",
    title: "`downgrade()` drops what `upgrade()` did not create",
    symptom: "an `UndefinedTable` in another revision's downgrade",
    why: "The downgrade takes away what an earlier revision made.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"accounts\")   # 0001 made it",
        good: "def downgrade():\n    op.drop_table(\"alerts\")",
    }),
    remedy: &["take the drop out, or correct the name: it belongs to another revision"],
    ..LINT
};

/// Something that cannot run inside a transaction.
pub static OUTSIDE_TRANSACTION: Code = Code {
    id: "MG240",
    title: "cannot run inside a transaction",
    symptom: "SQLSTATE 25001: `CREATE INDEX CONCURRENTLY cannot run inside a transaction block`",
    why: "Alembic runs each revision in a transaction, and Postgres refuses this statement in one.",
    example: Some(Example {
        bad: "op.create_index(…, postgresql_concurrently=True)",
        good: "with op.get_context().autocommit_block():\n    op.create_index(…, postgresql_concurrently=True)",
    }),
    remedy: &["put it into `with op.get_context().autocommit_block():`"],
    ..LINT
};

/// A label of an enum that is used in the transaction that adds it.
pub static LABEL_TOO_EARLY: Code = Code {
    id: "MG241",
    title: "a new enum value is used in the transaction that adds it",
    symptom: "SQLSTATE 55P04: `unsafe use of new value`",
    why: "A value that `ALTER TYPE … ADD VALUE` adds can be used only after its transaction.",
    example: Some(Example {
        bad: "op.execute(\"ALTER TYPE s ADD VALUE 'x'\")\nop.execute(\"UPDATE t SET s = 'x'\")",
        good: "# add the value in one revision, use it in the next",
    }),
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
    symptom: "a revision that fails halfway and stays half applied",
    why: "`COMMIT` ends the transaction that Alembic began; what follows runs without one.",
    example: Some(Example {
        bad: "op.execute(\"COMMIT\")",
        good: "with op.get_context().autocommit_block():\n    …",
    }),
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
    symptom: "`alembic heads` that is slow, or fails without the network",
    why: "Alembic imports every revision file at each call, so what stands at the top level runs each time.",
    example: Some(Example {
        bad: "RATES = requests.get(URL).json()",
        good: "def upgrade():\n    …",
    }),
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
    symptom: "`ModuleNotFoundError`, or an old revision that breaks when a model changes",
    why: "A revision runs for years; the application's code is another one by then.",
    example: Some(Example {
        bad: "from app.models import Order",
        good: "orders = sa.table(\"orders\", sa.column(\"id\"))",
    }),
    remedy: &[
        "copy what it needs into the revision: the application changes, the revision must not, and \
         migrations run in an environment without it",
    ],
    ..WARNING
};
