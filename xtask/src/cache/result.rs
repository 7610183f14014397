//! Result of a tree: kept if green, and shown again while its inputs are unchanged.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::inputs::{NotCacheable, Observed};
use crate::os::store::Store;
use model::finding::Finding;
use model::report::{Postgres, TreeReport};

/// The kind of entry.
pub const KIND: &str = "result";
/// After this long a run proves everything again.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Verdict and notes of a run over a tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TreeResult {
    /// When the run was.
    pub since: SystemTime,
    /// The tree's part of the report.
    pub tree: TreeReport,
    /// Its findings, none of which is an error.
    pub findings: Vec<Finding>,
    /// The findings that its files allow.
    pub allowed: Vec<Finding>,
    /// The interpreters that were used.
    pub python: Vec<String>,
    /// The server that was used.
    pub postgres: Option<Postgres>,
    observed: Observed,
}

impl TreeResult {
    /// A result with the inputs that the run observed.
    pub fn new(since: SystemTime, tree: TreeReport, observed: Observed) -> TreeResult {
        let (findings, allowed, python, postgres) = Default::default();
        TreeResult { since, tree, findings, allowed, python, postgres, observed }
    }

    /// The result under this key, where it still holds; each step says since when.
    pub fn look_up(cache: &Store, key: &str) -> Result<TreeResult, NotCacheable> {
        let none = || NotCacheable("no green run had these inputs".into());
        let bytes = cache.read(KIND, key).ok_or_else(none)?;
        let Ok(mut result) = serde_json::from_slice::<TreeResult>(&bytes) else {
            cache.discard(KIND, key);
            return Err(none());
        };
        if result.since.elapsed().map_or(true, |age| age > AGE_MAX) {
            return Err(NotCacheable("the last green run is more than a day old".into()));
        }
        if let Some(path) = result.observed.stale() {
            return Err(NotCacheable(format!("`{path}` has changed")));
        }
        let since = result.since;
        result.tree.steps.iter_mut().for_each(|step| *step = step.reused(since));
        Ok(result)
    }

    /// Keeps it.
    pub fn keep(&self, cache: &Store, key: &str) -> Result<(), NotCacheable> {
        let bytes = serde_json::to_vec(self).map_err(|err| NotCacheable(err.to_string()))?;
        cache.write(KIND, key, &bytes).map_err(|err| NotCacheable(format!("{err:#}")))
    }
}
