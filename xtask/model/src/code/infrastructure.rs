//! Codes for a gate that could not do its own work: `MG900` to `MG999`. They say nothing about a
//! migration.

use super::entry::{Code, INFRASTRUCTURE};

/// The gate lacks a tool that it needs, or could not use that tool.
pub static CANNOT_WORK: Code = Code {
    id: "MG900",
    title: "the gate could not do its work",
    symptom: "a message that names what is missing",
    why: "The gate lacks Postgres, Python, a package, a folder or a right that it needs. This says nothing about the migrations.",
    // The message names the missing tool and the fix.
    remedy: &[],
    ..INFRASTRUCTURE
};

/// The Postgres server died while it was needed.
pub static SERVER_DIED: Code = Code {
    id: "MG901",
    title: "the Postgres server died",
    symptom: "the server's process ends during a step",
    why: "The server was killed or crashed, so this run says nothing about the migrations.",
    remedy: &[
        "re-run the job once",
        "if it happens again, file a `type:reliability` issue with the end of the server's log",
    ],
    ..INFRASTRUCTURE
};

/// The error text of a full disk, as every program repeats it.
pub const DISK_FULL: &str = "No space left on device";

/// The machine ran out of disk or memory, or its disk failed.
pub static OUT_OF_RESOURCES: Code = Code {
    id: "MG902",
    title: "the machine ran out of disk or memory",
    symptom: "SQLSTATE 53100, 53200, 58000 or 58030, or `No space left on device`",
    why: "The disk is full, or memory ran out.",
    remedy: &[
        "free some disk or memory, or name a temporary folder with more room with TMPDIR",
        "then run the gate again: this says nothing about the migration",
    ],
    ..INFRASTRUCTURE
};

/// The server did not start, or does not answer (runbook, 'Escalation': a transient failure of the
/// CI's infrastructure).
pub static SERVER_NOT_STARTED: Code = Code {
    id: "MG903",
    title: "the Postgres server would not start",
    symptom: "`cannot start Postgres: the server ended with …`, or `Postgres does not answer`",
    why: "The server ended before it took a connection, or nothing answers at its address. No migration has run, so this run says nothing about the migrations.",
    remedy: &[
        "re-run the job once: it is a fault of the infrastructure, and most often it goes away",
        "if it fails a second time, file a `type:reliability` issue with the end of the server's log, \
         which the finding holds",
        "where every pull request fails so, tell the operator",
    ],
    remedy_elsewhere: &[
        "run it once more: it is a fault of the infrastructure, and most often it goes away",
    ],
    ..INFRASTRUCTURE
};

/// The connection to a server that lives could not be made, or was lost (runbook, decision tree: the
/// role step that fails for want of connectivity).
pub static CONNECTION_FAILED: Code = Code {
    id: "MG904",
    title: "the connection to the Postgres server failed",
    symptom: "`cannot connect to …`, or a seed or role step whose connection is lost while the server lives",
    why: "The server takes no connection, or ended one of the gate's own. The cause is the service container or the network, most often for a moment; this says nothing about the migrations.",
    remedy: &[
        "check that the server is healthy: in CI, the service container's log",
        "re-run the job once; if it fails a second time, file a `type:reliability` issue",
        "where a server was given with `--postgres-url`, check its address, user and password",
    ],
    ..INFRASTRUCTURE
};

/// env.py asks for a database which the gate did not make: no migration has run.
pub static ENV_FOREIGN_DATABASE: Code = Code {
    id: "MG905",
    title: "env.py connects to a database that is not the gate's",
    symptom: "`… asks for a database that is not the gate's: host …, port …, database …`",
    why: "env.py takes its URL from somewhere else than the variable in which the gate hands it over: a fixed text, a default in settings, a `.env` file, another variable or section. The connection was refused before its first statement, and no migration ran.",
    remedy: &[
        "name the variable that env.py reads with `--url-env NAME`, or several and parts with \
         `--set-env NAME=TEMPLATE`",
        "where env.py reads `alembic -x`, add `-x KEY=VALUE`; where it reads another section of the ini, add \
         `--name SECTION`",
        "where env.py connects to `postgres` in order to create its database: connect to the database itself first (the \
         gate has made it), and create it only where that fails",
    ],
    ..INFRASTRUCTURE
};
