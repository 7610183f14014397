//! Start of a run on a snapshot: where the database stands, and what was done up to there.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::quoting::identifier;
use crate::step::Step;
use crate::transcript::Statement;

/// Where a database stands, and what was done up to there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownStart {
    /// What the version table holds, sorted.
    pub at: Vec<String>,
    /// Where Alembic keeps its version.
    pub table: VersionTable,
    /// The revisions that are applied.
    pub applied: Vec<String>,
    /// The steps that were done.
    pub steps: Vec<Step>,
    /// What was run up to there.
    pub statements: Vec<Statement>,
    /// When.
    pub since: SystemTime,
}

impl KnownStart {
    /// The step at this place, where it is one of those that were done.
    pub fn step(&self, done: usize, name: &str) -> Option<Step> {
        let step = self.steps.get(done).filter(|step| step.name == name)?;
        Some(step.reused(self.since))
    }
}

/// Where Alembic keeps its version in a database, as env.py configured it.
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
    /// Its name as SQL needs it.
    pub fn sql(&self) -> String {
        let name = identifier(&self.name);
        self.schema
            .as_deref()
            .map_or(name.clone(), |schema| format!("{}.{name}", identifier(schema)))
    }
}
