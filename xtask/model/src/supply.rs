//! Supplies, as plain values: rows and roles that production has and an empty database lacks.
//!
//! A supply is idempotent by its own SQL (`ON CONFLICT DO NOTHING`, `IF NOT EXISTS`): a round trip
//! or a second run finds the supply and continues.

use camino::Utf8PathBuf;

/// A row that a migration looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in the step: `kris@ admin row`.
    pub name: &'static str,
    /// The revision that needs the row, as in the step name.
    pub required_by: &'static str,
    /// The SQL that inserts it.
    pub insert: &'static str,
    /// A query that returns one row if the supply exists.
    pub exists: &'static str,
}

/// A role that migrations grant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name in Postgres.
    pub name: &'static str,
    /// The revisions that need the role, as in the step name.
    pub required_by: &'static str,
    /// The SQL that creates the role, unless it exists.
    pub create: &'static str,
}

/// SQL in a file that a tree's own settings name: roles, extensions, tables, rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The revision before which the script is run; `None`: before all.
    pub required_by: Option<String>,
    /// The file, absolute.
    pub file: Utf8PathBuf,
    /// Its text.
    pub sql: String,
}

impl Script {
    /// Its name in the step: `rows.sql`.
    pub fn name(&self) -> &str {
        self.file.file_name().unwrap_or(self.file.as_str())
    }
}

/// A row, a role or a script that production has and an empty database lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supply {
    /// A row.
    Row(Row),
    /// A role.
    Role(Role),
    /// The SQL of a file.
    Script(Script),
}

impl Supply {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Supply::Row(row) => row.name,
            Supply::Role(role) => role.name,
            Supply::Script(script) => script.name(),
        }
    }
}

/// Supply of a recipe, and the revision from which it exists; a rehearsal records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The revision after which it exists; `None`: from the start.
    pub after: Option<String>,
    /// The step that supplies it.
    pub step: String,
    /// The supply.
    pub what: Supply,
}

/// Differences of a run's supplies from those of its recipe.
#[derive(Clone, Copy, Debug, Default)]
pub struct SupplyChange<'a> {
    /// The names of the omitted supplies.
    pub without: &'a [String],
    /// The additional supplies: roles before all else, rows right before the head.
    pub extra: &'a [Extra],
}

/// A supply that a recipe does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The label of the tree that gets the supply.
    pub label: String,
    /// The revision after which it exists; `None`: from the start.
    pub after: Option<String>,
    /// The supply.
    pub what: Supply,
}
