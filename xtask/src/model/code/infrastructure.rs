//! The gate itself could not do its work: `MG900` to `MG999`. They say nothing about a migration.

use super::{Code, INFRASTRUCTURE};

/// The gate lacks something that it needs, or it could not use it.
pub static CANNOT_WORK: Code = Code {
    id: "MG900",
    title: "the gate could not do its work",
    symptom: "a message that names what is missing",
    why: "The gate lacks Postgres, Python, a package, a folder or a right that it needs. Nothing is said about the migrations.",
    remedy: &["mend what the message names, then run the gate again"],
    ..INFRASTRUCTURE
};

/// The Postgres server died while it was needed.
pub static SERVER_DIED: Code = Code {
    id: "MG901",
    title: "the Postgres server died",
    symptom: "the server's process ends during a step",
    why: "The server was killed or crashed. What the migrations did until then says nothing.",
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
    symptom: "SQLSTATE 53100, 53200 or class 58",
    why: "The disk is full, or memory ran out.",
    remedy: &[
        "free some disk or memory, or name a temporary folder with more room with TMPDIR",
        "then run the gate again: this says nothing about the migration",
    ],
    ..INFRASTRUCTURE
};
