//! Protocol between the gate and `worker.py`: a JSON object a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use model::production::Look;
use model::transcript;

/// A call, gate to worker.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    /// `describe`, `upgrade`, `downgrade` or `check`.
    pub(super) op: &'a str,
    pub(super) revision: Option<&'a str>,
    pub(super) ini: &'a Utf8Path,
    pub(super) cwd: &'a Utf8Path,
    /// The words after `alembic`, for an env.py that asks for its options.
    pub(super) argv: &'a [String],
    pub(super) env: BTreeMap<&'a str, String>,
    /// `sqlalchemy.url`, where the config gets it.
    pub(super) config_url: Option<String>,
    /// The same of further sections.
    pub(super) section_urls: BTreeMap<&'a str, String>,
    /// The server, and the databases on it, that may be connected to.
    pub(super) server: Target<'a>,
    /// Revisions: before the upgrade to the first of them that is reached, the call waits for a word.
    pub(super) pause_before: &'a [String],
    /// Whether the graph is wanted as this call reads it.
    pub(super) describe: bool,
    /// Whether it reports the locks of its sessions around each statement.
    pub(super) looks: bool,
    /// The folder for compiled files.
    pub(super) pycache: &'a Utf8Path,
    /// The folders whose frames of a traceback are wanted.
    pub(super) within: [&'a Utf8Path; 2],
}

/// The databases that a call may connect to.
#[derive(Serialize)]
pub(super) struct Target<'a> {
    /// Each the folder of the socket, or the name of the host, and the port.
    pub(super) addresses: Vec<(String, String)>,
    pub(super) databases: &'a [String],
}

/// An event, worker to gate.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Ready(Hello),
    Unusable {
        python: String,
        message: String,
    },
    Graph {
        value: Description,
    },
    VersionTable {
        name: String,
        schema: Option<String>,
        database: Option<String>,
        /// Whether env.py has `target_metadata`.
        models: bool,
    },
    Models {
        operations: Vec<String>,
    },
    Revision {
        id: String,
        direction: String,
    },
    RevisionsDone,
    Paused {
        carries: Vec<String>,
    },
    Refused {
        host: Option<String>,
        port: Option<String>,
        database: Option<String>,
        frames: Vec<Frame>,
    },
    Begun {
        frames: Vec<Frame>,
    },
    Statement {
        sql: String,
        #[serde(default)]
        line: Option<u32>,
        /// Whether it runs on another connection than Alembic's.
        #[serde(default)]
        apart: bool,
    },
    StatementDone {
        seconds: f64,
    },
    Look(Look),
    Result {
        ok: bool,
        #[serde(default)]
        value: Option<Description>,
        #[serde(default)]
        exceptions: Vec<Exception>,
        #[serde(default)]
        frames: Vec<Frame>,
    },
    Used {
        files: Vec<Utf8PathBuf>,
        folders: Vec<Utf8PathBuf>,
        doubts: Vec<String>,
    },
    Ended(CallEnd),
    #[serde(other)]
    Unknown,
}

/// Facts of the interpreter.
#[derive(Clone, Deserialize)]
pub(super) struct Hello {
    pub(super) python: String,
    pub(super) alembic: String,
    pub(super) sqlalchemy: String,
    pub(super) drivers: Vec<String>,
    /// The seed of its hashes, as `PYTHONHASHSEED` takes it.
    pub(super) hash_seed: String,
}

/// How the process of a call ended.
#[derive(Deserialize)]
pub(super) struct CallEnd {
    pub(super) status: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) output: String,
    /// Whether processes that had left the call were ended after it.
    #[serde(default)]
    pub(super) orphaned: bool,
}

/// A tree's revision graph as Alembic reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Description {
    /// Its heads, sorted.
    pub heads: Vec<String>,
    /// Its revisions.
    pub revisions: Arc<[Revision]>,
    /// The ids that several files claim. Alembic only warns, and drops all files but one.
    #[serde(default)]
    pub repeated: Vec<DuplicateRevision>,
}

/// A revision id that several files claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DuplicateRevision {
    /// The id.
    pub revision: String,
    /// The files, absolute and sorted.
    pub files: Vec<Utf8PathBuf>,
}

/// One revision as Alembic reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Revision {
    /// Its id.
    pub revision: String,
    /// Its parents.
    pub down_revision: Vec<String>,
    /// The revisions that it depends on besides (`depends_on`).
    #[serde(default)]
    pub requires: Vec<String>,
    /// Its file, absolute.
    pub file: Utf8PathBuf,
}

#[derive(Deserialize)]
pub(super) struct Exception {
    kind: String,
    raised_in: String,
    message: String,
    sqlstate: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    table: Option<String>,
    column: Option<String>,
}

impl From<Exception> for transcript::Exception {
    fn from(e: Exception) -> Self {
        let Exception { kind, raised_in, message, sqlstate, detail, hint, table, column } = e;
        let message = transcript::without_addresses(&message);
        transcript::Exception { kind, raised_in, message, sqlstate, detail, hint, table, column }
    }
}

#[derive(Deserialize)]
pub(super) struct Frame {
    file: Utf8PathBuf,
    line: u32,
    function: String,
    source: Option<String>,
}

impl From<Frame> for transcript::Frame {
    fn from(f: Frame) -> Self {
        let Frame { file, line, function, source } = f;
        transcript::Frame { file, line, function, source }
    }
}
