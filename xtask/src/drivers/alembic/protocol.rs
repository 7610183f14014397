//! What the gate and `worker.py` say to each other, a JSON object a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::ahead::Ahead;
use model::transcript;

/// A call, gate to worker.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    /// `describe`, or the name of a function of `alembic.command`.
    pub(super) op: &'a str,
    pub(super) revision: Option<&'a str>,
    pub(super) ini: &'a Utf8Path,
    pub(super) cwd: &'a Utf8Path,
    /// The words after `alembic`, for an env.py that asks for its options.
    pub(super) argv: &'a [String],
    pub(super) env: BTreeMap<&'a str, &'a str>,
    /// `sqlalchemy.url`, where the config gets it.
    pub(super) config_url: Option<&'a str>,
    /// The revision before whose upgrade the call waits for a word.
    pub(super) pause_before: Option<&'a str>,
    /// Where compiled files go.
    pub(super) pycache: &'a Utf8Path,
    /// Where `describe` keeps what Alembic asks of every revision file, for the calls after it.
    pub(super) known: &'a Utf8Path,
    #[serde(flatten)]
    pub(super) ahead: Ahead<'a>,
    /// The folders whose frames of a traceback are wanted.
    pub(super) within: [&'a Utf8Path; 2],
}

/// Where a walk goes next, gate to worker; nothing: it ends.
#[derive(Serialize)]
pub(super) struct Order<'a> {
    pub(super) go: Option<Errand<'a>>,
}

/// One command of a walk.
#[derive(Serialize)]
pub(super) struct Errand<'a> {
    pub(super) op: &'a str,
    pub(super) revision: &'a str,
}

/// An event, worker to gate.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Ready(Hello),
    IsReady,
    NotReady,
    Stale,
    Described {
        value: Description,
    },
    Unusable {
        python: String,
        message: String,
    },
    VersionTable {
        name: String,
        schema: Option<String>,
    },
    Revision {
        id: String,
        direction: String,
    },
    RevisionsDone,
    Paused,
    Arrived,
    Statement {
        sql: String,
    },
    StatementDone {
        seconds: f64,
    },
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
    Ended(Ended),
    #[serde(other)]
    Unknown,
}

/// What the interpreter is.
#[derive(Deserialize)]
pub(super) struct Hello {
    pub(super) python: String,
    pub(super) alembic: String,
    pub(super) sqlalchemy: String,
    pub(super) drivers: Vec<String>,
}

/// How the process of a call ended.
#[derive(Deserialize)]
pub(super) struct Ended {
    pub(super) status: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) output: String,
}

/// A tree's revision graph as Alembic reads it.
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    /// Its heads, sorted.
    pub heads: Vec<String>,
    /// Its revisions.
    pub revisions: Arc<[Revision]>,
    /// The ids that several files claim. Alembic only warns, and drops all files but one.
    #[serde(default)]
    pub repeated: Vec<Repeated>,
}

/// A revision id that several files claim.
#[derive(Clone, Debug, Deserialize)]
pub struct Repeated {
    /// The id.
    pub revision: String,
    /// The files, absolute and sorted.
    pub files: Vec<Utf8PathBuf>,
}

/// One revision as Alembic reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
}

impl From<Exception> for transcript::Exception {
    fn from(e: Exception) -> Self {
        let Exception { kind, raised_in, message, sqlstate, detail, hint } = e;
        transcript::Exception { kind, raised_in, message, sqlstate, detail, hint }
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
