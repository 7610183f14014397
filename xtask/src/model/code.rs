//! The one table of codes. A code once published keeps its meaning.
//!
//! `MG001` to `MG006` are the runbook's failure modes A to F and get their names from a diagnosis;
//! `MG1xx` are what the gate sees when it runs a step; `MG9xx` say that the gate itself could not
//! do its work. Codes of one subject lie in a file of their own below `code`.

mod schema;

pub use schema::*;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It keeps the gate from being green.
    Error,
    /// It is worth knowing.
    Note,
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

/// A call to Alembic that failed, not yet named by a diagnosis.
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
    &MULTIPLE_HEADS,
    &MIGRATION_FAILED,
    &NOT_AS_ASKED,
    &SUPPLY_FAILED,
    &TIMED_OUT,
    &PROCESS_ENDED,
    &LEFT_BEHIND,
    &NOT_RESTORED,
    &CHANGED,
    &NOT_REPEATABLE,
    &SUPPLY_LOST,
    &IRREVERSIBLE,
    &KEPT,
    &COLUMN_AT_END,
    &IRREVERSIBLE_DECLARED,
    &IMPURE,
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
