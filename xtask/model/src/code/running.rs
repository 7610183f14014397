//! Codes of faults that the gate sees when it runs a step, beyond the runbook's six modes: `MG100`
//! to `MG199`.

use super::bodies::NO_WAY_BACK;
use super::entry::{Code, Example, MIGRATION, Owner, Severity};

/// A call to Alembic that failed, and no recogniser knows why.
pub static MIGRATION_FAILED: Code = Code {
    id: "MG100",
    title: "the migration failed",
    symptom: "any exception that no other code stands for",
    why: "The exception is of a type, or has a SQLSTATE, that the gate does not know. All of its output is printed.",
    example: Some(Example {
        bad: "raise ValueError(\"unexpected\")",
        good: "# a migration that returns",
    }),
    remedy: &["read the exception and fix the line of the migration that it names"],
    ..MIGRATION
};

/// A step that reported success without its intended effect.
pub static NOT_AS_ASKED: Code = Code {
    id: "MG101",
    title: "alembic exited 0, but the database is not at the revision that was asked for",
    symptom: "a step that exits with status 0, and an `alembic_version` that does not hold what was asked for",
    why: "Something ended the migration without an error: `sys.exit(0)`, a swallowed exception, a transaction of its own. An exit status alone would have been green.",
    example: Some(Example {
        bad: "try:\n    op.create_table(\"orders\", …)\nexcept Exception:\n    pass",
        good: "op.create_table(\"orders\", …)",
    }),
    remedy: &[
        "check that env.py connects to the database that the gate gives it",
        "look for what ends the migration early (`sys.exit`, a swallowed exception, a `COMMIT` of \
         its own) or writes to `alembic_version` itself",
    ],
    ..MIGRATION
};

/// A supply that could not be created.
pub static SUPPLY_FAILED: Code = Code {
    id: "MG102",
    title: "the supply could not be created",
    owner: Owner::Sre,
    symptom: "an error in the seed or the role step",
    why: "The table of the row is missing or has other columns at that point of the chain, or the role could not be created: a revision changed what the supply relies on.",
    example: Some(Example {
        bad: "INSERT INTO admins (id, mail) VALUES (…)",
        good: "INSERT INTO admins (id, email, …) VALUES (…) ON CONFLICT (email) DO NOTHING",
    }),
    remedy: &[
        "check that the tables it needs exist at that point of the chain",
        "change the supply in `xtask/src/recipes` in the same pull request as the migration",
    ],
    remedy_elsewhere: &[
        "check that the tables it needs exist at that point of the chain, and that the SQL can run \
         twice (`IF NOT EXISTS`, `ON CONFLICT DO NOTHING`)",
        "correct the file that the section `[migration-gate]` of the ini names",
    ],
    ..MIGRATION
};

/// A step that was still running at its deadline.
pub static TIMED_OUT: Code = Code {
    id: "MG103",
    title: "the step took longer than it may (`--timeout`)",
    symptom: "a step that is ended at `--timeout`",
    why: "The migration loops, sleeps, or waits for a lock that it never gets, most often one that a second connection of the migration itself holds.",
    example: Some(Example {
        bad: "while not ready():\n    pass",
        good: "# a migration that does its work and returns",
    }),
    remedy: &[
        "where the revision had run for a short time only, or its work takes that long, allow more: `--timeout SECONDS`",
        "else look at the statement that was in flight: it loops, sleeps or waits",
    ],
    ..MIGRATION
};

/// A migration that ended its own process.
pub static PROCESS_ENDED: Code = Code {
    id: "MG104",
    title: "the migration ended its own process",
    symptom: "a step whose process is gone before Alembic returned",
    why: "The migration called `sys.exit` or `os._exit`, or a signal ended the process. Plain Alembic is green with nothing applied when the status is 0.",
    example: Some(Example { bad: "sys.exit(0)", good: "return" }),
    remedy: &[
        "take out what exits (`sys.exit`, `os._exit`, `os.kill`): a migration returns or raises",
    ],
    ..MIGRATION
};

/// An error before the revision at which the seed row is inserted (runbook, decision tree).
pub static BEFORE_SEED: Code = Code {
    id: "MG105",
    title: "a migration fails before the seed",
    symptom: "the step 'alembic upgrade to 0015 (pre-seed)' fails",
    why: "A revision at or before the pre-seed revision fails. No supply is missing yet: the fault is in the revision.",
    example: Some(Example {
        bad: "op.add_column(\"admin\", …)   # the table is `admins`",
        good: "op.add_column(\"admins\", …)",
    }),
    remedy: &[
        "look at the revision that the finding names: it lies at or before the pre-seed revision",
        "the author of that revision fixes it; at that point of the chain no supply is missing yet",
    ],
    verify: "the step 'alembic upgrade to 0015 (pre-seed)' must pass",
    ..MIGRATION
};

/// A downgrade that fails.
pub static DOWNGRADE_FAILED: Code = Code {
    id: "MG106",
    title: "the downgrade failed",
    symptom: "the step 'downgrade -1 (reversibility check)' fails",
    why: "The revision's `downgrade()` does not fit what its `upgrade()` made.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"alert\")   # the upgrade made `alerts`",
        good: "def downgrade():\n    op.drop_table(\"alerts\")",
    }),
    remedy: &[
        "fix the revision's `downgrade()`: it must undo exactly what `upgrade()` did, in the \
         opposite order",
    ],
    verify: "the step 'downgrade -1 (reversibility check)' must pass, and the upgrade after it",
    ..MIGRATION
};

/// env.py raises before any revision runs.
pub static ENV_FAILED: Code = Code {
    id: "MG107",
    title: "env.py fails",
    symptom: "an exception from env.py, before any revision runs",
    why: "env.py runs at each call of Alembic. It reads a setting that is missing, or imports a module that is not there.",
    example: Some(Example {
        bad: "url = os.environ[\"PROD_URL\"]",
        good: "url = os.environ[\"DATABASE_URL\"]",
    }),
    remedy: &[
        "fix env.py at the line that the finding names; no migration was run",
        "env.py runs without the caller's environment: a variable that it reads is told with `--set-env \
         NAME=TEMPLATE` where it leads to the database, and passed with `--pass-env NAME` where not",
    ],
    ..MIGRATION
};

/// A Python package that the lock file does not bring.
pub static MISSING_PACKAGE: Code = Code {
    id: "MG108",
    title: "a Python package is missing",
    symptom: "`ModuleNotFoundError: No module named '…'`",
    why: "A revision or env.py imports a module that the environment lacks: code of the application, most often, or a package that the lock file does not name.",
    example: Some(Example {
        bad: "from app.models import Order",
        good: "# the table as the revision needs it\norders = sa.table(\"orders\", sa.column(\"id\"))",
    }),
    remedy: &[
        "take out the import: a migration and env.py need Alembic, SQLAlchemy and the driver, and \
         nothing of the application",
        "where it is needed, add it to `requirements.in` and write `requirements.txt` anew",
    ],
    remedy_elsewhere: &[
        "where the environment of your project has the package, let the gate take that one: activate \
         it, call the gate by `uv run` or `poetry run`, or name its interpreter with `--python`",
        "where the module is your project's own: `prepend_sys_path = .` in the ini, and `--cwd` with \
         the folder that the module lies in",
        "else take out the import: what a revision imports must be there for years",
    ],
    ..MIGRATION
};

/// A revision file that Python cannot read.
pub static NOT_PYTHON: Code = Code {
    id: "MG109",
    title: "a file is not readable Python",
    symptom: "`SyntaxError`, or a file that is not UTF-8",
    why: "Alembic imports every file in `versions/`, so one that Python cannot read stops the whole tree.",
    example: Some(Example {
        bad: "<<<<<<< HEAD\nrevision = \"0031\"",
        good: "revision = \"0031\"",
    }),
    remedy: &[
        "fix the syntax at this line; look for conflict markers of an unfinished merge (`<<<<<<<`)",
    ],
    ..MIGRATION
};

/// SQLSTATE 42P01, 42703, 42704, 42883 and their kin.
pub static UNDEFINED_OBJECT: Code = Code {
    id: "MG110",
    title: "an object that the migration needs does not exist",
    symptom: "SQLSTATE 42P01, 42703, 42704 or 42883",
    why: "The statement names a table, column, type or function that nothing in the chain has created by then.",
    example: Some(Example {
        bad: "op.create_foreign_key(None, \"fills\", \"order\", …)",
        good: "op.create_foreign_key(None, \"fills\", \"orders\", …)",
    }),
    remedy: &[
        "create it earlier in the chain, or correct its name; on an empty database only what the \
         chain has created is there",
    ],
    ..MIGRATION
};

/// SQLSTATE 42710, 42701, 42723 and similar ones, and 42P07 for any object but a table.
pub static DUPLICATE_OBJECT: Code = Code {
    id: "MG111",
    title: "something is created twice",
    symptom: "SQLSTATE 42710, 42701 or 42P07",
    why: "The object is there already: an earlier revision made it, or a downgrade left it behind. An enum type survives `drop_table`.",
    example: Some(Example {
        bad: "def downgrade():\n    op.drop_table(\"orders\")",
        good: "def downgrade():\n    op.drop_table(\"orders\")\n    order_side.drop(op.get_bind())",
    }),
    remedy: &[
        "find the revision that created it first; drop it there or here, or do not create it again",
        "where this revision alone creates it, its `downgrade()` left it behind: drop it there (an enum type, most often)",
    ],
    ..MIGRATION
};

/// SQLSTATE class 23.
pub static CONSTRAINT_VIOLATED: Code = Code {
    id: "MG112",
    title: "a row breaks a constraint",
    symptom: "SQLSTATE class 23",
    why: "Rows that the chain itself inserted do not fit a constraint that the migration adds or meets.",
    example: Some(Example {
        bad: "op.alter_column(\"alerts\", \"channel\", nullable=False)",
        good: "op.execute(\"UPDATE alerts SET channel = 'email' WHERE channel IS NULL\")\nop.alter_column(\"alerts\", \"channel\", nullable=False)",
    }),
    remedy: &[
        "make the rows fit before the constraint holds: backfill, then `SET NOT NULL`; remove \
         duplicates, then `UNIQUE`",
    ],
    ..MIGRATION
};

/// SQLSTATE 42501.
pub static NO_PRIVILEGE: Code = Code {
    id: "MG113",
    title: "the role that runs the migrations may not do this",
    owner: Owner::Sre,
    symptom: "SQLSTATE 42501",
    why: "The role that runs the migration lacks a right that a superuser has.",
    example: Some(Example {
        bad: "op.execute(\"CREATE EXTENSION adminpack\")",
        good: "# have the extension installed where the server is set up",
    }),
    remedy: &[
        "change the migration so that it does not need the right, or have the right granted to the role that deploys first",
    ],
    ..MIGRATION
};

/// Any other error that Postgres raises.
pub static REFUSED: Code = Code {
    id: "MG114",
    title: "Postgres refuses the statement",
    symptom: "any other SQLSTATE",
    why: "Postgres does not accept the statement: its syntax, a type, a limit.",
    example: Some(Example {
        bad: "op.execute(\"ALTER TABLE orders ADD COLUM note text\")",
        good: "op.execute(\"ALTER TABLE orders ADD COLUMN note text\")",
    }),
    remedy: &["fix the SQL statement that the finding shows, by Postgres's message"],
    ..MIGRATION
};

/// SQLSTATE 55P03, 40P01, 57014.
pub static LOCKED: Code = Code {
    id: "MG115",
    title: "the statement waited for a lock, or for too long",
    symptom: "SQLSTATE 55P03, 40P01 or 57014",
    why: "The statement waited for a lock longer than `lock_timeout` allows, met a deadlock, or ran past `statement_timeout`.",
    example: Some(Example {
        bad: "engine.connect().execute(…)   # a second connection",
        good: "op.get_bind().execute(…)",
    }),
    remedy: &[
        "use one connection in a revision, `op.get_bind()`: a second one waits for ever for a lock of the first",
        "where no lock is in the way, do the work in batches, or raise `statement_timeout` in the revision",
    ],
    ..MIGRATION
};

/// The migration's connection was closed while the server lives.
pub static CONNECTION_ENDED: Code = Code {
    id: "MG116",
    title: "the migration's connection was ended",
    symptom: "`server closed the connection unexpectedly`, while the server lives",
    why: "The migration ended its own connection, or all of its database.",
    example: Some(Example {
        bad: "op.execute(\"SELECT pg_terminate_backend(pid) FROM pg_stat_activity\")",
        good: "# leave connections alone",
    }),
    remedy: &["take out what ends connections (`pg_terminate_backend`, `DROP DATABASE … FORCE`)"],
    ..MIGRATION
};

/// A downgrade that raises because it is irreversible.
pub static IRREVERSIBLE: Code = Code {
    id: "MG117",
    title: "the downgrade refuses to run",
    symptom: "`NotImplementedError` from a `downgrade()`, or another exception with which it ends",
    why: "The revision says that it cannot be taken back. All migrations must be reversible.",
    example: Some(Example {
        bad: "def downgrade():\n    raise NotImplementedError",
        good: "def downgrade():\n    op.drop_column(\"orders\", \"note\")",
    }),
    remedy: &["write the `downgrade()`: all migrations must be reversible", NO_WAY_BACK],
    verify: "the step 'downgrade -1 (reversibility check)' must pass, and the upgrade after it",
    ..MIGRATION
};

/// The graph that the lints read from the text is another than Alembic's.
pub static READ_DIFFERENTLY: Code = Code {
    id: "MG118",
    title: "the lints read the graph differently than Alembic",
    severity: Severity::Warning,
    owner: Owner::Sre,
    symptom: "the gate says that its own reading of the revision files and Alembic's differ",
    why: "A revision says what it is in a way that the gate's reader does not understand, or computes it. Alembic's reading decides; the lints on the graph may be wrong.",
    example: Some(Example { bad: "revision = make_id(__file__)", good: "revision = \"0045\"" }),
    remedy: &[
        "write `revision` and `down_revision` as literals",
        "where they are literals, report it: it is a bug in the gate's reader",
    ],
    verify: "run the gate again: it must not say so",
    ..MIGRATION
};

/// A revision that asks for a database which the gate did not make.
pub static FOREIGN_DATABASE: Code = Code {
    id: "MG119",
    title: "the revision connects to a database that is not the gate's",
    symptom: "`the gate refused a connection to a database that is not its own`",
    why: "The revision opens a connection of its own, to a host, port or database that is not the one the gate made. The gate refuses it before its first statement: migrations from a pull request reach no other database.",
    example: Some(Example {
        bad: "create_engine(\"postgresql://app@db.example/app\").execute(…)",
        good: "op.get_bind().execute(…)",
    }),
    remedy: &["use the connection that Alembic hands to the revision: `op.get_bind()`"],
    ..MIGRATION
};

/// A revision that does some of its work on a connection of its own.
pub static SECOND_CONNECTION: Code = Code {
    id: "MG120",
    title: "the revision works on a second connection",
    symptom: "`relation … does not exist` of what was just created, or a step that waits until `--timeout`",
    why: "A connection beside Alembic's, as from `op.get_bind().engine`, is a session of its own. It does not see what Alembic's transaction has not committed, and waits for ever for the locks that this transaction holds.",
    example: Some(Example {
        bad: "with op.get_bind().engine.connect() as connection:\n    connection.execute(…)",
        good: "op.get_bind().execute(…)",
    }),
    remedy: &["use the connection that Alembic hands to the revision: `op.get_bind()`"],
    ..MIGRATION
};
