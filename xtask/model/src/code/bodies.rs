//! Codes of faults that the lints see in the bodies of revisions: `MG220` to `MG259`. Faults of the
//! failure modes have the codes of their modes.

use super::entry::{Code, Example, MIGRATION, Severity};

const LINT: Code = Code { verify: "`cargo gate lint` must not find it again", ..MIGRATION };

const WARNING: Code = Code { severity: Severity::Warning, ..LINT };

/// An object other than a table that is created twice.
pub static CREATED_TWICE: Code = Code {
    id: "MG220",
    title: "something is created twice in the chain",
    symptom: "SQLSTATE 42710, 42P07 or 42701",
    why: "Two revisions of the chain create the object, or one revision creates it twice, and nothing drops it in between.",
    example: Some(Example {
        bad: "op.create_index(\"ix_a\", \"orders\", [\"a\"])   # 0012 has it",
        good: "op.drop_index(\"ix_a\", table_name=\"orders\")\nop.create_index(\"ix_a\", \"orders\", [\"a\"])",
    }),
    remedy: &[
        "delete the second creation, give its object another name, or drop the first object before it",
    ],
    ..LINT
};

/// A drop of an object that does not exist.
pub static DROPPED_NOT_THERE: Code = Code {
    id: "MG221",
    title: "something is dropped that does not exist",
    symptom: "SQLSTATE 42704 or 42P01",
    why: "An earlier revision has dropped the object already, or no revision ever created it.",
    example: Some(Example {
        bad: "op.drop_table(\"alert\")   # it is called `alerts`",
        good: "op.drop_table(\"alerts\")",
    }),
    remedy: &[
        "correct the name, or, where the object went before, delete this drop",
        "drop an index before its table or not at all: it goes with the table; so does whatever else belongs to a dropped object",
    ],
    ..LINT
};

/// A use of an object after its drop.
pub static USED_AFTER_DROP: Code = Code {
    id: "MG222",
    title: "something is used after it was dropped",
    symptom: "SQLSTATE 42P01 or 42703",
    why: "An earlier revision dropped the object.",
    example: Some(Example {
        bad: "op.add_column(\"paper_orders_old\", …)",
        good: "op.add_column(\"paper_orders\", …)",
    }),
    remedy: &["move the use before the drop, or take it out"],
    ..LINT
};

/// A use of an object before its creation.
pub static USED_BEFORE_MADE: Code = Code {
    id: "MG223",
    title: "something is used before it is created",
    symptom: "SQLSTATE 42P01 or 42703",
    why: "No revision up to this point has created the object.",
    example: Some(Example {
        bad: "op.create_index(\"ix_a\", \"order\", [\"a\"])",
        good: "op.create_index(\"ix_a\", \"orders\", [\"a\"])",
    }),
    remedy: &[
        "use it only after what creates it, or correct the name",
        "where production has it and no revision creates it, create it in a revision, or supply it in the recipe",
    ],
    remedy_elsewhere: &[
        "use it only after what creates it, or correct the name",
        "where production has it and no revision creates it, create it in a revision, or in a file that the \
         section `[migration-gate]` of the ini names: `before = base.sql`",
    ],
    ..LINT
};

/// A call of `drop_constraint` that raises in any database.
pub static NAMELESS_DROP: Code = Code {
    id: "MG224",
    title: "`drop_constraint` without a name or a table",
    symptom: "`CompileError: Can't emit DROP CONSTRAINT for constraint …; it has no name`, or `TypeError`",
    why: "SQLAlchemy cannot write `DROP CONSTRAINT` without the constraint's name, nor `ALTER TABLE` without the table's. `--autogenerate` writes `None` where the model gives no name.",
    example: Some(Example {
        bad: "op.drop_constraint(None, \"fills\", type_=\"foreignkey\")",
        good: "op.drop_constraint(\"fills_order_id_fkey\", \"fills\", type_=\"foreignkey\")",
    }),
    remedy: &[
        "give the constraint a name in `upgrade()`, and the same name and its table here",
        "a constraint that exists already has the name that the `naming_convention` of `target_metadata` \
         gave it; where there is no convention, Postgres named it: `t_a_fkey` for a foreign key, `t_a_key` for a unique constraint, `t_a_check` for a check, `t_pkey` for the primary key",
    ],
    ..LINT
};

/// A chain that begins with tables that it never creates.
pub static BASE_NOT_EMPTY: Code = Code {
    id: "MG225",
    title: "the chain needs tables that no revision creates",
    symptom: "SQLSTATE 42P01 in the first revision that alters or refers to one of them",
    why: "The first revision was written for a database that had tables already. On an empty one (a new installation, a test, CI) the chain fails.",
    example: Some(Example {
        bad: "down_revision = None\n\n\ndef upgrade():\n    op.add_column(\"users\", …)   # nobody creates `users`",
        good: "down_revision = None\n\n\ndef upgrade():\n    op.create_table(\"users\", …)\n    op.add_column(\"users\", …)",
    }),
    remedy: &[
        "create the tables in the first revision: `pg_dump --schema-only` of the database as it was then shows them",
        "or supply them: write them as SQL that can run twice (`CREATE TABLE IF NOT EXISTS …`) \
         into a file, and name it in the ini's section `[migration-gate]`: `before = base.sql`",
    ],
    ..LINT
};

/// The remedy of a revision that is not to be taken back.
pub(super) const IRREVERSIBLE_BY_DIRECTIVE: &str =
    "where there is no way back, say so in the revision: `# migration-gate: irreversible, REASON`";

/// The same, and for all revisions of a tree that have no `downgrade()` or one that raises.
pub(super) const NO_WAY_BACK: &str = "where there is no way back, say so in the revision: `# migration-gate: irreversible, REASON`; \
     for all such revisions of a tree given with `--ini`: `irreversible = REASON` in its section `[migration-gate]`";

/// A revision without `downgrade()`.
pub static NO_DOWNGRADE: Code = Code {
    id: "MG230",
    title: "the revision has no `downgrade()`",
    symptom: "`AttributeError: … has no attribute 'downgrade'`",
    why: "Without a `downgrade()` the revision cannot be taken back.",
    example: Some(Example {
        bad: "def upgrade():\n    …",
        good: "def upgrade():\n    …\n\n\ndef downgrade():\n    …",
    }),
    remedy: &[
        "write a `downgrade()` that undoes `upgrade()`, in reverse order: all migrations are reversible",
        NO_WAY_BACK,
    ],
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
    remedy: &[
        "make `downgrade()` undo what `upgrade()` does, in reverse order: all migrations are reversible",
        IRREVERSIBLE_BY_DIRECTIVE,
    ],
    ..LINT
};

/// A `downgrade()` that always raises.
pub static RAISING_DOWNGRADE: Code = Code {
    id: "MG232",
    title: "`downgrade()` always raises",
    symptom: "an exception from `downgrade()`",
    why: "The downgrade raises before it has done anything. All migrations must be reversible.",
    example: Some(Example {
        bad: "def downgrade():\n    raise NotImplementedError",
        good: "def downgrade():\n    op.drop_column(\"orders\", \"note\")",
    }),
    remedy: &[
        "make `downgrade()` undo what `upgrade()` does, as far as that is possible: all migrations are reversible",
        "what is lost for good (rows that were deleted) is no reason to keep the schema",
        NO_WAY_BACK,
    ],
    ..LINT
};

/// A `downgrade()` that leaves objects that `upgrade()` created.
pub static LEFT_BEHIND: Code = Code {
    id: "MG233",
    title: "`downgrade()` leaves what `upgrade()` created",
    symptom: "`DuplicateObject` in the second upgrade, most often of an enum type",
    why: "`drop_table` drops the columns, indexes and constraints of the table, but not enum types, functions or other objects that `upgrade()` created.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"orders\")",
        good: "def downgrade():\n    op.drop_table(\"orders\")\n    order_side.drop(op.get_bind())",
    }),
    remedy: &[
        "drop it in `downgrade()` too: a constraint with `op.drop_constraint`, a type with `sa.Enum(name=\"…\").drop(op.get_bind())`; a table does not take its enum types along",
    ],
    ..LINT
};

/// A `downgrade()` that drops objects that `upgrade()` did not create.
pub static DROPS_OTHERS: Code = Code {
    id: "MG234",
    title: "`downgrade()` drops what `upgrade()` did not create",
    symptom: "an `UndefinedTable` in another revision's downgrade",
    why: "The downgrade drops an object that an earlier revision created.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"accounts\")   # 0001 made it",
        good: "def downgrade():\n    op.drop_table(\"alerts\")",
    }),
    remedy: &["delete the drop, or correct the name: the object belongs to another revision"],
    ..LINT
};

/// A statement that cannot run inside a transaction.
pub static OUTSIDE_TRANSACTION: Code = Code {
    id: "MG240",
    title: "the statement cannot run inside a transaction",
    symptom: "SQLSTATE 25001: `CREATE INDEX CONCURRENTLY cannot run inside a transaction block`",
    why: "Alembic runs each revision in a transaction, and Postgres refuses this statement inside of a transaction.",
    example: Some(Example {
        bad: "op.create_index(…, postgresql_concurrently=True)",
        good: "with op.get_context().autocommit_block():\n    op.create_index(…, postgresql_concurrently=True)",
    }),
    remedy: &["put the statement into `with op.get_context().autocommit_block():`"],
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
        "use the value in the next revision",
        "or add the value in `with op.get_context().autocommit_block():`, and use it after that block",
    ],
    ..LINT
};

/// A revision that ends Alembic's transaction.
pub static ENDS_TRANSACTION: Code = Code {
    id: "MG242",
    title: "the revision ends Alembic's transaction",
    symptom: "a revision that fails halfway and stays half applied",
    why: "`COMMIT` ends the transaction that Alembic began; what follows runs without one.",
    example: Some(Example {
        bad: "op.execute(\"COMMIT\")",
        good: "with op.get_context().autocommit_block():\n    …",
    }),
    remedy: &[
        "delete the `COMMIT`: Alembic commits, and undoes the whole revision where it fails halfway; where \
         checks are still pending (55006), `SET CONSTRAINTS ALL IMMEDIATE` makes them run",
        "put statements that must run outside of the transaction into `with op.get_context().autocommit_block():`",
    ],
    ..LINT
};

/// A `COMMIT` whose only purpose is a statement that cannot run inside a transaction.
pub static COMMIT_BEFORE_CONCURRENTLY: Code = Code {
    id: "MG243",
    title: "`COMMIT` in place of an autocommit block",
    symptom: "`CREATE INDEX CONCURRENTLY` right after a `COMMIT`",
    why: "`COMMIT` ends Alembic's transaction behind its back. What came before is kept even where the rest fails, and Alembic writes the new version without a transaction.",
    example: Some(Example {
        bad: "op.execute(\"COMMIT\")\nop.execute(\"CREATE INDEX CONCURRENTLY …\")",
        good: "with op.get_context().autocommit_block():\n    op.execute(\"CREATE INDEX CONCURRENTLY …\")",
    }),
    remedy: &[
        "delete the `COMMIT` and put what follows into `with op.get_context().autocommit_block():`",
    ],
    ..WARNING
};

/// A loop over a set that runs SQL.
pub static SET_ORDER: Code = Code {
    id: "MG244",
    title: "the revision runs SQL in the order of a set",
    symptom: "a revision that passes in one run and fails in the next, or columns in another order on each server",
    why: "The order of strings in a set differs between runs: Python picks a new hash seed each time it starts.",
    example: Some(Example {
        bad: "for table in {\"fills\", \"orders\"}:\n    op.drop_table(table)",
        good: "for table in (\"fills\", \"orders\"):\n    op.drop_table(table)",
    }),
    remedy: &["loop over a tuple or a list in the right order, or over `sorted(…)`"],
    ..WARNING
};

/// Code that has side effects when a revision is imported.
pub static TOUCHES_AT_IMPORT: Code = Code {
    id: "MG250",
    title: "the revision does work when it is imported",
    symptom: "`alembic heads` that is slow, or fails without the network",
    why: "Alembic imports every revision file at each call, so what stands at the top level runs each time.",
    example: Some(Example {
        bad: "RATES = requests.get(URL).json()",
        good: "def upgrade():\n    …",
    }),
    remedy: &[
        "move the code into `upgrade()`: Alembic imports every revision for every command, `heads` too",
        "better: write the data into the revision, so that it does the same next year",
    ],
    ..WARNING
};

/// A revision that imports the application.
pub static IMPORTS_APPLICATION: Code = Code {
    id: "MG251",
    title: "the revision imports application code",
    symptom: "`ModuleNotFoundError`, or an old revision that breaks when a model changes",
    why: "A revision is run for years, and the application's code changes meanwhile.",
    example: Some(Example {
        bad: "from app.models import Order",
        good: "orders = sa.table(\"orders\", sa.column(\"id\"))",
    }),
    remedy: &[
        "copy what the revision needs into it: the application changes, the revision must not, and \
         migrations run in an environment without the application",
    ],
    severity: Severity::Note,
    ..WARNING
};

/// A revision that waits for input.
pub static ASKS: Code = Code {
    id: "MG252",
    title: "the revision waits for input from a terminal",
    symptom: "`EOFError: EOF when reading a line`, or a deployment that stands still",
    why: "Nobody sits at the terminal of a migration: it runs in CI, in a container, in a deployment.",
    example: Some(Example {
        bad: "days = int(input(\"Keep how many days? \"))",
        good: "days = int(context.get_x_argument(as_dictionary=True).get(\"days\", \"30\"))",
    }),
    remedy: &[
        "take the value from `-x NAME=VALUE` (`context.get_x_argument`) or the environment, with a default",
    ],
    ..LINT
};
