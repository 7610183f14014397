//! Codes of faults of env.py and of Alembic's own bookkeeping: `MG130` to `MG139`, `MG906` and `MG907`.

use super::entry::{Code, Example, INFRASTRUCTURE, MIGRATION, Severity};

/// A transaction that env.py began before Alembic, which keeps Alembic from committing.
pub static NOT_COMMITTED: Code = Code {
    id: "MG130",
    title: "env.py begins a transaction and does not commit it",
    symptom: "`alembic upgrade` ends well and the database is as it was; or a bare `AssertionError` from `autocommit_block()`",
    why: "Any statement on a connection of SQLAlchemy 2 begins a transaction. Where env.py runs one before `context.configure()`, Alembic takes that transaction for the caller's: `context.begin_transaction()` begins and commits none, and all is rolled back when the connection closes.",
    example: Some(Example {
        bad: "connection.execute(text(\"SET search_path TO app\"))\ncontext.configure(connection=connection)",
        good: "connection.execute(text(\"SET search_path TO app\"))\nconnection.commit()\ncontext.configure(connection=connection)",
    }),
    remedy: &[
        "write `connection.commit()` after the last statement that env.py runs before `context.configure()`",
        "or run it in an engine event, `connect`, which is outside any transaction of the connection",
    ],
    ..MIGRATION
};

/// Alembic cannot write the revision into its version table.
pub static NOT_STORED: Code = Code {
    id: "MG131",
    title: "Alembic cannot store the revision",
    symptom: "`value too long for type character varying(32)`, or `relation \"alembic_version\" does not exist`, from a statement of Alembic's own",
    why: "After each revision Alembic writes its id into the version table. The id is longer than the column, or the revision left the connection without the schema of that table: a dump from pg_dump empties `search_path`, a revision drops or locks the table.",
    example: Some(Example {
        bad: "revision = \"0002_item_ownership_and_public_channel\"",
        good: "revision = \"0002_item_ownership\"",
    }),
    remedy: &[
        "where the value is too long: shorten `revision` to 32 characters, and `down_revision` of the one after it",
        "where the table is not found: take `SELECT pg_catalog.set_config('search_path', '', false)` out of the dump that the revision runs, or set `search_path` back at its end",
    ],
    ..MIGRATION
};

/// Models of env.py that differ from the schema of the migrations.
pub static MODELS_DIFFER: Code = Code {
    id: "MG132",
    title: "the models do not match the migrations",
    severity: Severity::Warning,
    symptom: "`alembic check` ends with `New upgrade operations detected`",
    why: "The models that env.py names in `target_metadata` were changed without a revision, or a revision makes something else than they say. The next `alembic revision --autogenerate` writes the difference into a revision that is about something else.",
    example: Some(Example {
        bad: "note: Mapped[str | None]   # and no revision adds the column",
        good: "op.add_column(\"orders\", sa.Column(\"note\", sa.String(), nullable=True))",
    }),
    remedy: &[
        "make the revision that is missing: `alembic revision --autogenerate -m \"what it does\"`, and read what it wrote",
        "or change the models to what the migrations make",
        "where the database holds more than the models on purpose, leave it out in env.py: `include_name` or `include_object`",
    ],
    verify: "run the gate again: `models match migrations` must say nothing",
    ..MIGRATION
};

/// The env.py of an `--ini` tree wants a setting that the gate does not know.
pub static NOT_TOLD: Code = Code {
    id: "MG906",
    title: "env.py lacks a setting that it reads",
    symptom: "env.py, or what it imports, raises or exits before any statement: a `KeyError`, or another complaint about a setting",
    why: "A tree given with `--ini` gets the gate's database in `sqlalchemy.url` and in the variable `DATABASE_URL`, and an environment that holds nothing of the caller's. Its env.py reads something else.",
    remedy: &[
        "for a variable: `--set-env NAME=TEMPLATE`, made of {url}, {host}, {port}, {user}, {password}, {database}",
        "for an env.py that takes the URL apart, or wants a host in it: `--set-env 'DATABASE_URL=postgresql://{user}:{password}@{host}:{port}/{database}'`",
        "for an argument of `alembic -x`: `-x KEY=VALUE`",
        "both may stand in the ini, section `[migration-gate]`; the README's table 'How env.py gets its URL' has the lines",
    ],
    ..INFRASTRUCTURE
};

/// env.py or a revision writes a file of the checkout, which is read-only for migrations.
pub static NOT_WRITABLE: Code = Code {
    id: "MG907",
    title: "the migration cannot write a file here",
    symptom: "`Read-only file system`, or `Permission denied` below the root",
    why: "A migration is code from a pull request, so the gate lets it read the checkout and write to its home and temporary folders alone. Plain Alembic may well write the file: this says nothing about the migrations.",
    remedy: &[
        "log to stderr, or to a file below `tempfile.gettempdir()`",
        "take the path from a variable: `os.environ.get(\"ALEMBIC_LOG\", \"/dev/stderr\")`",
    ],
    ..INFRASTRUCTURE
};
