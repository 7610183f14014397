//! The one table of codes. A code once published keeps its meaning.
//!
//! `MG001` to `MG006` are the runbook's failure modes A to F and get their names from a diagnosis;
//! `MG1xx` are what the gate sees when it runs a step; `MG9xx` say that the gate itself could not
//! do its work.

mod running;

pub use running::*;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It keeps the gate from being green.
    Error,
}

/// Who mends it (runbook, 'Escalation').
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Site reliability: supplies, collisions, infrastructure.
    Sre,
    /// The author of the migration.
    FeatureDev,
}

/// What is the same for every finding of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MG003`.
    pub id: &'static str,
    /// A few words, lower case.
    pub title: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The runbook's failure mode, `A` to `F`.
    pub mode: Option<char>,
    /// Who mends it.
    pub owner: Owner,
    /// How, step by step.
    pub remedy: &'static [&'static str],
    /// How one sees that it is mended.
    pub verify: &'static str,
    /// Whether it says that the gate could not do its work, rather than that a migration is wrong.
    pub infrastructure: bool,
}

const MIGRATION: Code = Code {
    id: "",
    title: "",
    severity: Severity::Error,
    mode: None,
    owner: Owner::FeatureDev,
    remedy: &[],
    verify: "run the gate again: the step must pass",
    infrastructure: false,
};

const INFRASTRUCTURE: Code = Code {
    owner: Owner::Sre,
    remedy: &[],
    verify: "run the gate again: every step must run",
    infrastructure: true,
    ..MIGRATION
};

/// A row that a migration looks up and an empty database lacks (runbook, failure mode A).
pub static MISSING_ROW: Code = Code {
    id: "MG001",
    title: "a row that the migration needs is missing",
    mode: Some('A'),
    owner: Owner::Sre,
    remedy: &[
        "see that the supply is there and comes before the revision that needs it: the recipe in \
         `xtask/src/recipes` says so",
        "a new need: add a `Row` there, with `ON CONFLICT … DO NOTHING`, an `upgrade` to the \
         revision before and a `seed`, in the same pull request as the migration",
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
    remedy: &[
        "add a `Role` to the tree's recipe in `xtask/src/recipes`, `NOLOGIN` and with the `IF NOT \
         EXISTS` guard, and a `create_role` before the upgrade, in the same pull request",
    ],
    verify: "the new role step must pass, and the 'alembic upgrade head' after it",
    ..MIGRATION
};

/// Several heads (runbook, failure mode C).
pub static MULTIPLE_HEADS: Code = Code {
    id: "MG003",
    title: "multiple heads",
    mode: Some('C'),
    remedy: &[
        "find the two revisions that name the same `down_revision`",
        "renumber the one that was merged later: rename its file to the next unused number, set \
         `revision` to it and `down_revision` to the head before it",
        "commit it to the pull request's branch; SRE checks the gate before approving",
    ],
    verify: "the step 'assert single head' must report `head count: 1`",
    ..MIGRATION
};

/// An index predicate or expression, a generated column or a partition key that is not immutable
/// (runbook, failure mode D).
pub static NOT_IMMUTABLE: Code = Code {
    id: "MG004",
    title: "an expression that is not immutable",
    mode: Some('D'),
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
    title: "a `down_revision` that does not exist",
    mode: Some('E'),
    remedy: &[
        "set `down_revision` to the revision that was meant to come before; only the author knows \
         which, so nothing guesses it",
        "where it names a revision of another pull request, wait for that one or rebase on it",
    ],
    verify: "`alembic history --verbose` must show a contiguous chain with no gaps",
    ..MIGRATION
};

/// A table created twice (runbook, failure mode F).
pub static TABLE_TWICE: Code = Code {
    id: "MG006",
    title: "a table is created twice",
    mode: Some('F'),
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

/// A call to Alembic that failed, and no recogniser knows why.
pub static MIGRATION_FAILED: Code = Code {
    id: "MG100",
    title: "migration failed",
    remedy: &["read the exception and the line it points at, and mend the migration"],
    ..MIGRATION
};

/// A step that ended well and did something else than it was asked to.
pub static NOT_AS_ASKED: Code = Code {
    id: "MG101",
    title: "the step ended well, but the database is not where it should be",
    remedy: &[
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
    remedy: &[
        "check that the tables it needs exist at that point of the chain",
        "change the supply in `xtask/src/recipes` in the same pull request as the migration",
    ],
    ..MIGRATION
};

/// A step that was still running at its deadline.
pub static TIMED_OUT: Code = Code {
    id: "MG103",
    title: "the step ran past its time",
    remedy: &[
        "look at the revision and the statement that were in flight",
        "where the work is honest and long, allow more with `--timeout SECONDS`",
    ],
    ..MIGRATION
};

/// A migration that ended the process that it ran in.
pub static PROCESS_ENDED: Code = Code {
    id: "MG104",
    title: "the migration ended its own process",
    remedy: &[
        "take out what exits (`sys.exit`, `os._exit`, `os.kill`): a migration returns or raises",
    ],
    ..MIGRATION
};

/// The gate lacks something that it needs, or it could not use it.
pub static CANNOT_WORK: Code = Code {
    id: "MG900",
    title: "the gate could not do its work",
    remedy: &["mend what the message names, then run the gate again"],
    ..INFRASTRUCTURE
};

/// The Postgres server died while it was needed.
pub static SERVER_DIED: Code = Code {
    id: "MG901",
    title: "the Postgres server died",
    remedy: &[
        "re-run the job once",
        "if it happens again, file a `type:reliability` issue with the end of the server's log",
    ],
    ..INFRASTRUCTURE
};

/// The server ran out of disk or memory, or its disk failed: SQLSTATE classes 53 and 58.
pub static OUT_OF_RESOURCES: Code = Code {
    id: "MG902",
    title: "the machine ran out of disk or memory",
    remedy: &[
        "free some disk or memory, or name a temporary folder with more room with TMPDIR",
        "then run the gate again: this says nothing about the migration",
    ],
    ..INFRASTRUCTURE
};

/// Every code, in order.
#[cfg(test)]
pub static ALL: &[&Code] = &[
    &MISSING_ROW,
    &MISSING_ROLE,
    &MULTIPLE_HEADS,
    &NOT_IMMUTABLE,
    &BROKEN_POINTER,
    &TABLE_TWICE,
    &MIGRATION_FAILED,
    &NOT_AS_ASKED,
    &SUPPLY_FAILED,
    &TIMED_OUT,
    &PROCESS_ENDED,
    &BEFORE_SEED,
    &DOWNGRADE_FAILED,
    &ENV_FAILED,
    &MISSING_PACKAGE,
    &NOT_PYTHON,
    &UNDEFINED_OBJECT,
    &DUPLICATE_OBJECT,
    &CONSTRAINT_VIOLATED,
    &NO_PRIVILEGE,
    &REFUSED,
    &LOCKED,
    &CONNECTION_ENDED,
    &IRREVERSIBLE,
    &CANNOT_WORK,
    &SERVER_DIED,
    &OUT_OF_RESOURCES,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_code_is_whole_and_stands_once() {
        for code in ALL {
            assert!(!code.title.is_empty() && !code.remedy.is_empty() && !code.verify.is_empty());
        }
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id), "in order, each once");
    }
}
