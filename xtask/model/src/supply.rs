//! Supplies, as plain values: rows and roles that production has and an empty database lacks.
//!
//! A supply is idempotent by its own SQL (`ON CONFLICT DO NOTHING`, `IF NOT EXISTS`), so that a
//! round trip or a second run finds it and goes on.

use camino::Utf8PathBuf;

/// A row that a migration looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// How the step names it: `kris@ admin row`.
    pub name: &'static str,
    /// The revision that needs it, as the step name has it.
    pub required_by: &'static str,
    /// Inserts it.
    pub insert: &'static str,
    /// Returns one row when it is there.
    pub exists: &'static str,
}

/// A role that migrations grant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name in Postgres.
    pub name: &'static str,
    /// The revisions that need it, as the step name has them.
    pub required_by: &'static str,
    /// Creates it, unless it exists.
    pub create: &'static str,
}

/// SQL in a file that a tree's own settings name: roles, extensions, tables, rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The revision before which it is run; `None`: before all.
    pub required_by: Option<String>,
    /// The file, absolute.
    pub file: Utf8PathBuf,
    /// What it says.
    pub sql: String,
}

impl Script {
    /// How the step names it: `rows.sql`.
    pub fn name(&self) -> &str {
        self.file.file_name().unwrap_or(self.file.as_str())
    }
}

/// Something that production has and an empty database lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supply {
    /// A row.
    Row(Row),
    /// A role.
    Role(Role),
    /// What a file says.
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

/// Something that a recipe supplies, and from when on it is there: what a rehearsal records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The revision after which it is there; `None`: from the start.
    pub after: Option<String>,
    /// The step that supplies it.
    pub step: String,
    /// What it is.
    pub what: Supply,
}

/// How the supplies of a run differ from those of its recipe.
#[derive(Clone, Copy, Debug, Default)]
pub struct SupplyChange<'a> {
    /// The names of those that are left out.
    pub without: &'a [String],
    /// Those that come on top: roles before all else, rows right before the head.
    pub extra: &'a [Extra],
}

/// A supply that a recipe does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The label of the tree that is given it.
    pub label: String,
    /// The revision after which it is there; `None`: from the start.
    pub after: Option<String>,
    /// What it is.
    pub what: Supply,
}
