//! What the gate sees when it runs a step, beyond the runbook's six modes: `MG105` to `MG119`.

use super::{Code, MIGRATION, Owner};

/// An error before the revision at which the seed row goes in (runbook, decision tree).
pub static BEFORE_SEED: Code = Code {
    id: "MG105",
    title: "a migration fails before the seed",
    remedy: &[
        "look at the revision that the finding names: it lies at or before the pre-seed revision",
        "its author mends it; no supply is missing yet at that point",
    ],
    verify: "the step 'alembic upgrade to 0015 (pre-seed)' must pass",
    ..MIGRATION
};

/// A downgrade that fails.
pub static DOWNGRADE_FAILED: Code = Code {
    id: "MG106",
    title: "the downgrade failed",
    remedy: &[
        "mend the revision's `downgrade()`: it must take back exactly what `upgrade()` did, in the \
         opposite order",
    ],
    verify: "the step 'downgrade -1 (reversibility check)' must pass, and the upgrade after it",
    ..MIGRATION
};

/// env.py raises before any revision runs.
pub static ENV_FAILED: Code = Code {
    id: "MG107",
    title: "env.py fails",
    remedy: &["mend env.py at the line that the finding names; no migration ran"],
    ..MIGRATION
};

/// A Python package that the lock file does not bring.
pub static MISSING_PACKAGE: Code = Code {
    id: "MG108",
    title: "a Python package is missing",
    remedy: &[
        "take out the import: a migration and env.py need Alembic, SQLAlchemy and the driver, and \
         nothing of the application",
        "where it is needed, add it to `requirements.in` and write `requirements.txt` anew",
    ],
    ..MIGRATION
};

/// A revision file that Python cannot read.
pub static NOT_PYTHON: Code = Code {
    id: "MG109",
    title: "a file is not readable Python",
    remedy: &["mend the file where the finding points; look for what an unfinished merge left"],
    ..MIGRATION
};

/// SQLSTATE 42P01, 42703, 42704, 42883 and their kin.
pub static UNDEFINED_OBJECT: Code = Code {
    id: "MG110",
    title: "something that the migration needs does not exist",
    remedy: &[
        "create it earlier in the chain, or mend its name; on an empty database only what the \
         chain has created is there",
    ],
    ..MIGRATION
};

/// SQLSTATE 42710, 42701, 42723 and their kin, and 42P07 for anything but a table.
pub static DUPLICATE_OBJECT: Code = Code {
    id: "MG111",
    title: "something is created twice",
    remedy: &[
        "find the revision that created it first; drop it there or here, or do not create it again",
        "in a round trip, the `downgrade()` left it behind: drop it there (an enum type, most often)",
    ],
    ..MIGRATION
};

/// SQLSTATE class 23.
pub static CONSTRAINT_VIOLATED: Code = Code {
    id: "MG112",
    title: "a row breaks a constraint",
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
    remedy: &[
        "let the migration do without it, or have the role that deploys be granted the right first",
    ],
    ..MIGRATION
};

/// Any other error that Postgres raises.
pub static REFUSED: Code = Code {
    id: "MG114",
    title: "Postgres refuses the statement",
    remedy: &["mend the statement: the finding has it in full, with Postgres's own words"],
    ..MIGRATION
};

/// SQLSTATE 55P03, 40P01, 57014.
pub static LOCKED: Code = Code {
    id: "MG115",
    title: "the statement waited for a lock, or for too long",
    remedy: &["look for two connections in one migration: the second waits for the first for ever"],
    ..MIGRATION
};

/// The migration's connection is gone while the server lives.
pub static CONNECTION_ENDED: Code = Code {
    id: "MG116",
    title: "the migration's connection was ended",
    remedy: &["take out what ends connections (`pg_terminate_backend`, `DROP DATABASE … FORCE`)"],
    ..MIGRATION
};

/// A downgrade that raises `NotImplementedError`.
pub static IRREVERSIBLE: Code = Code {
    id: "MG117",
    title: "the downgrade says that it cannot be done",
    remedy: &["write the `downgrade()`: all migrations must be reversible"],
    verify: "the step 'downgrade -1 (reversibility check)' must pass, and the upgrade after it",
    ..MIGRATION
};
