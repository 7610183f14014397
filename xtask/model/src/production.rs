//! A change in a database in use: the catalogue, the statements of the running version, and the
//! observations made during the change.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::transcript::{Direction, RevisionInFlight};

/// The oid of a relation.
pub type Oid = u32;

/// The lock modes, weakest first; a mode is its place here, from 1.
pub const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];
/// The weakest mode that makes writers wait.
pub const SHARE: u8 = 5;
/// The mode that makes readers wait.
pub const ACCESS_EXCLUSIVE: u8 = 8;

/// Observation that a session of a migration made of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Look {
    /// `before` or `after` a statement, before a `commit`, or `failed`: then `sql` holds the
    /// reason.
    pub when: String,
    /// The statement.
    pub sql: Option<String>,
    /// The lines of the tree that ran the statement, innermost first.
    pub lines: Vec<(Utf8PathBuf, u32)>,
    /// Whether the session waits until the gate lets it continue.
    pub waits: bool,
    /// Whether the statement is no part of a transaction.
    pub autocommit: bool,
    /// For how long the session was idle, in seconds.
    pub idle: f64,
    /// The session's process on the server.
    pub pid: i32,
    /// When its transaction began.
    pub began: String,
    /// The setting.
    pub lock_timeout: String,
    /// The relations that the session has locked, read or written.
    pub relations: Vec<Held>,
    /// The revision in flight.
    #[serde(skip)]
    pub revision: Option<RevisionInFlight>,
}

/// A session's locks on a relation, and its effects so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Held {
    /// The relation.
    pub oid: Oid,
    /// The strongest lock; 0: none.
    pub mode: u8,
    /// The number of its data file.
    pub node: u64,
    /// The number of its sequential scans.
    pub scans: i64,
    /// The number of rows that these scans returned.
    pub returned: i64,
    /// The number of rows changed or deleted.
    pub written: i64,
}

/// Catalogue of the database.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Catalog {
    /// Tables, views and indexes.
    pub relations: Vec<Relation>,
    /// The columns of tables and views, dropped ones too.
    pub columns: Vec<Column>,
    /// The unique indexes on columns alone, of all rows.
    pub keys: Vec<Key>,
    /// Foreign keys: the constraint, the table that points, and the table that it points to.
    pub foreign: Vec<(Oid, Oid, Oid)>,
    /// Views: the view, and the relation that it reads.
    pub reads: Vec<(Oid, Oid)>,
    /// The tables with triggers of their own.
    pub triggered: Vec<Oid>,
    /// Enum types, as SQL writes them, and their labels.
    pub labels: Vec<(String, String)>,
    /// The roles with privileges on a table, and whether one of them may write.
    pub roles: Vec<(String, bool)>,
}

/// A table, a view or an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Relation {
    /// Its oid.
    pub oid: Oid,
    /// Its name as SQL writes it.
    pub name: String,
    /// `r`, `p`, `m`, `v`, `i` or `I`, as in `pg_class.relkind`.
    pub kind: char,
    /// The number of its data file.
    pub node: u64,
    /// The table of an index.
    pub of: Option<Oid>,
    /// The table that it is a part of.
    pub parent: Option<Oid>,
    /// Whether it can be read: an unpopulated materialized view cannot.
    pub populated: bool,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its relation.
    pub of: Oid,
    /// Its number in the table.
    pub number: i16,
    /// Its name, without quotes.
    pub name: String,
    /// Its type as SQL writes it, with the collation if the column has one of its own.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it was dropped.
    pub dropped: bool,
    /// Whether an insert must give it a value.
    pub required: bool,
    /// Whether Postgres computes its value and refuses any other.
    pub generated: bool,
    /// Whether its literals have no quotes.
    pub numeric: bool,
    /// Whether values can be compared.
    pub comparable: bool,
}

/// A unique index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// Its name, without quotes.
    pub name: String,
    /// Its table.
    pub of: Oid,
    /// Its columns, without quotes.
    pub columns: Vec<String>,
}

/// Effect of a statement of the running version on a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Counts its rows.
    Count,
    /// Reads a column.
    Read,
    /// Looks for a value.
    Compare,
    /// Changes a column.
    Update,
    /// Adds a row.
    Insert,
    /// Adds a row that may already exist, by a unique index.
    Upsert,
    /// Deletes a row.
    Delete,
    /// Names a label of an enum type.
    Label,
}

/// A statement of the running version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The role that runs it; `None`: the owner.
    pub role: Option<String>,
    /// The relation; of a label, 0.
    pub relation: Oid,
    /// The affected column, without quotes; for a label, the type.
    pub column: Option<String>,
    /// Its effect.
    pub act: Act,
    /// Its text.
    pub sql: String,
}

/// Result of a statement of the running version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The SQLSTATE; `None`: the statement succeeded.
    pub state: Option<String>,
    /// The message of Postgres.
    pub message: String,
    /// The constraint or the column that the error names.
    pub about: Option<String>,
    /// The value that the statement used.
    pub value: Option<String>,
}

/// Sessions that wait for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocked {
    /// Sessions that write the same rows.
    Rows,
    /// Sessions that write.
    Writes,
    /// Sessions that read, and therefore those that write.
    Reads,
}

/// A statement that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The relation that the statement uses.
    pub relation: Oid,
    /// The kind of the statement.
    pub what: Blocked,
    /// The relation whose lock it waited for, if another one.
    pub through: Option<Oid>,
}

/// Observations made while a change went one way.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The observations of the sessions, in order.
    pub looks: Vec<Look>,
    /// Locks of statements outside of a transaction, by the number of the next look.
    pub caught: BTreeMap<usize, BTreeMap<Oid, u8>>,
    /// The files of the relations after such a statement, in the same way.
    pub nodes: BTreeMap<usize, BTreeMap<Oid, u64>>,
    /// The waits.
    pub waits: Vec<Wait>,
}

/// One moment at which the gate looks at the database.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The catalogue.
    pub catalog: Catalog,
    /// The number of rows of each table.
    pub rows: BTreeMap<Oid, u64>,
    /// The results of the statements of the running version, in their order.
    pub tried: Vec<Tried>,
}

/// A change in one direction.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The database before the way.
    pub before: State,
    /// The observations made meanwhile.
    pub trace: Trace,
    /// The database after the way.
    pub after: State,
}

/// A change up and down.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// The catalogue before the change, from which the statements were made.
    pub first: Catalog,
    /// The statements of the running version.
    pub uses: Vec<Use>,
    /// The way up.
    pub up: Way,
    /// The way down, if it exists.
    pub down: Option<Way>,
}

impl Rehearsal {
    /// The number of statements that succeeded before the change: only these can break.
    pub fn tried(&self) -> usize {
        self.up.before.tried.iter().filter(|tried| tried.state.is_none()).count()
    }

    /// The roles as which no statement succeeded before the change, each with what Postgres said. The
    /// gate's own role may lack the right to act as these.
    pub fn untried_roles(&self) -> BTreeMap<&str, &str> {
        let tried = || self.uses.iter().zip(&self.up.before.tried);
        let succeeded = tried().filter(|(_, tried)| tried.state.is_none());
        let able: BTreeSet<Option<&str>> =
            succeeded.map(|(used, _)| used.role.as_deref()).collect();
        let unable = tried().filter(|(used, _)| !able.contains(&used.role.as_deref()));
        unable.filter_map(|(used, tried)| Some((used.role.as_deref()?, &*tried.message))).collect()
    }
}

/// Impact on production that a finding is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Impact {
    /// Which way.
    pub direction: Direction,
    /// The table, view or type, as SQL writes it.
    pub table: String,
    /// The lines to print, each with its word: `seen`, `there`, `also`, `back`, `instead`.
    pub told: Vec<(String, String)>,
}

impl Impact {
    /// The line with a word.
    pub fn told(&self, word: &str) -> Option<&str> {
        self.told.iter().find(|(of, _)| of == word).map(|(_, text)| text.as_str())
    }
}

/// Observations of a way, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// `upgrade` or `downgrade`.
    pub direction: String,
    /// The revisions.
    pub revisions: Vec<String>,
    /// The strongest lock on each table.
    pub locks: BTreeMap<String, String>,
    /// The tables that were written anew.
    pub rewrites: Vec<String>,
    /// The tables that were scanned whole while they were blocked.
    pub scans: Vec<String>,
    /// The sessions that wait, per table: `reads`, `writes` or `rows`.
    pub blocks: BTreeMap<String, String>,
    /// The sessions that wait because another table is blocked: the tables that they use, and the
    /// blocked table.
    pub blocks_through: BTreeMap<String, Vec<(String, String)>>,
    /// The statements of the running version that break.
    pub breaks: Vec<String>,
    /// The number of its statements that were tried.
    pub statements: usize,
    /// The setting when the first blocking lock was asked for.
    pub lock_timeout: Option<String>,
}
