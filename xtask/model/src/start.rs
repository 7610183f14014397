//! Start of a run on a snapshot: the position of the database, and the work done before.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::quoting::identifier;
use crate::step::Step;
use crate::transcript::Statement;

/// Position of a database, and the work done before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownStart {
    /// The rows of the version table, sorted.
    pub at: Vec<String>,
    /// Where Alembic keeps its version.
    pub table: VersionTable,
    /// The revisions that are applied.
    pub applied: Vec<String>,
    /// The steps that were done.
    pub steps: Vec<Step>,
    /// The statements that were run before.
    pub statements: Vec<Statement>,
    /// When.
    pub since: SystemTime,
}

impl KnownStart {
    /// The step at this place, if it was done before.
    pub fn step(&self, done: usize, name: &str) -> Option<Step> {
        let step = self.steps.get(done).filter(|step| step.name == name)?;
        Some(step.reused(self.since))
    }
}

/// The table in which Alembic keeps its version, as env.py configured it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionTable {
    /// Its schema; `None`: the first of the search path.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

impl Default for VersionTable {
    fn default() -> Self {
        VersionTable { schema: None, name: "alembic_version".into() }
    }
}

impl VersionTable {
    /// Its name, quoted for SQL.
    pub fn sql(&self) -> String {
        let name = identifier(&self.name);
        self.schema
            .as_deref()
            .map_or(name.clone(), |schema| format!("{}.{name}", identifier(schema)))
    }
}
