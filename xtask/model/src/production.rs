//! A change as a database in use would meet it: what the catalogue holds, what the statements of the
//! running version are, and what was seen while the change was made.

use std::collections::BTreeMap;

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

/// What a session of a migration told of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Look {
    /// `before` or `after` a statement, before a `commit`, or `failed`: then `sql` says why.
    pub when: String,
    /// The statement.
    pub sql: Option<String>,
    /// The lines of the tree that asked for it, innermost first.
    pub lines: Vec<(Utf8PathBuf, u32)>,
    /// Whether the session waits until the gate lets it go on.
    pub waits: bool,
    /// Whether the statement is no part of a transaction.
    pub autocommit: bool,
    /// For how long the session had nothing to do, in seconds.
    pub idle: f64,
    /// The session's process on the server.
    pub pid: i32,
    /// When its transaction began.
    pub began: String,
    /// The setting.
    pub lock_timeout: String,
    /// What it holds, has read or has written.
    pub relations: Vec<Held>,
    /// The revision in flight.
    #[serde(skip)]
    pub revision: Option<RevisionInFlight>,
}

/// What a session holds of a relation, and did to it so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Held {
    /// The relation.
    pub oid: Oid,
    /// The strongest lock; 0: none.
    pub mode: u8,
    /// The file that holds it.
    pub node: u64,
    /// How often it was read from one end to the other.
    pub scans: i64,
    /// How many rows that gave.
    pub returned: i64,
    /// How many rows were changed or deleted.
    pub written: i64,
}

/// What the catalogue says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Catalog {
    /// Tables, views and indexes.
    pub relations: Vec<Relation>,
    /// The columns of tables and views, dropped ones too.
    pub columns: Vec<Column>,
    /// The unique indexes on columns alone, of all rows.
    pub keys: Vec<Key>,
    /// Foreign keys: who points, and where to.
    pub foreign: Vec<(Oid, Oid)>,
    /// Views: which, and what they read.
    pub reads: Vec<(Oid, Oid)>,
    /// The tables with triggers of their own.
    pub triggered: Vec<Oid>,
    /// Enum types, as SQL writes them, and their labels.
    pub labels: Vec<(String, String)>,
    /// The roles that were granted something on a table, and whether one of them may write.
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
    /// The file that holds it.
    pub node: u64,
    /// The table of an index.
    pub of: Option<Oid>,
    /// What it is a part of.
    pub parent: Option<Oid>,
    /// Whether it holds something: a materialized view may not.
    pub populated: bool,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its relation.
    pub of: Oid,
    /// Its number there.
    pub number: i16,
    /// Its name, without quotes.
    pub name: String,
    /// Its type as SQL writes it, with the collation where that is not the type's own.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is gone.
    pub dropped: bool,
    /// Whether each row must be given a value for it.
    pub required: bool,
    /// Whether nobody may give it a value.
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

/// What the running version does with a relation.
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
    /// Adds a row that may be there already, by a unique index.
    Upsert,
    /// Deletes a row.
    Delete,
    /// Names a label of an enum type.
    Label,
}

/// A statement of the running version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who runs it; `None`: the owner.
    pub role: Option<String>,
    /// The relation; of a label, 0.
    pub relation: Oid,
    /// The column that it is about, without quotes; of a label, the type.
    pub column: Option<String>,
    /// What it does.
    pub act: Act,
    /// Its text.
    pub sql: String,
}

/// What came of a statement of the running version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The SQLSTATE; `None`: it worked.
    pub state: Option<String>,
    /// What Postgres said.
    pub message: String,
    /// The constraint or the column that it named.
    pub about: Option<String>,
    /// The value that it gave.
    pub value: Option<String>,
}

/// Who waits for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocked {
    /// Who writes the same rows.
    Rows,
    /// Who writes.
    Writes,
    /// Who reads, and so who writes.
    Reads,
}

/// A statement that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The relation that it is about.
    pub relation: Oid,
    /// What it does.
    pub what: Blocked,
    /// The other relation that it waited for.
    pub through: Option<Oid>,
}

/// What was seen while a change went one way.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// What the sessions told, in order.
    pub looks: Vec<Look>,
    /// Locks of statements outside of a transaction, by the number of the look that came after.
    pub caught: BTreeMap<usize, BTreeMap<Oid, u8>>,
    /// The files of the relations after such a statement, in the same way.
    pub nodes: BTreeMap<usize, BTreeMap<Oid, u64>>,
    /// Who waited.
    pub waits: Vec<Wait>,
}

/// One moment at which the gate looks at the database.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The catalogue.
    pub catalog: Catalog,
    /// How many rows each table has.
    pub rows: BTreeMap<Oid, u64>,
    /// What came of the statements of the running version, in their order.
    pub tried: Vec<Tried>,
}

/// A change in one direction.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The database before it.
    pub before: State,
    /// What was seen meanwhile.
    pub trace: Trace,
    /// The database after it.
    pub after: State,
}

/// A change up and down.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// The catalogue before it, from which the statements were made.
    pub first: Catalog,
    /// The statements of the running version.
    pub uses: Vec<Use>,
    /// The way up.
    pub up: Way,
    /// The way down, where there is one.
    pub down: Option<Way>,
}

/// What of production a finding is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Impact {
    /// Which way.
    pub direction: Direction,
    /// The table, the view or the type, as SQL writes it.
    pub table: String,
    /// What of it is told, each with its word: `seen`, `there`, `also`, `back`, `instead`.
    pub told: Vec<(String, String)>,
}

/// What was seen of a way, by name.
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
    /// The tables that were read from one end to the other while they were blocked.
    pub scans: Vec<String>,
    /// Who waits: `reads`, `writes` or `rows`.
    pub blocks: BTreeMap<String, String>,
    /// Who waits because another table is blocked: what, and for which.
    pub blocks_through: BTreeMap<String, Vec<(String, String)>>,
    /// What of the running version breaks.
    pub breaks: Vec<String>,
    /// How many of its statements were tried.
    pub statements: usize,
    /// The setting when the first blocking lock was asked for.
    pub lock_timeout: Option<String>,
}
