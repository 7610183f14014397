//! Outcome of the trees of a run, before it is in the report.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use crate::alembic::Description;
use crate::cache::snapshot::Snapshot;
use crate::postgres::hosted::Hosted;
use crate::steps::runner::TreeSteps;
use model::production::Seen;
use model::report::Postgres;
use model::used::Used;

/// Outcomes of the trees of a run.
#[derive(Default)]
pub struct RunOutcome {
    /// The trees, in the order of the run.
    pub trees: Vec<TreeOutcome>,
}

impl RunOutcome {
    /// Gives each tree its servers.
    pub fn give_hosted(&mut self, hosted: Vec<Vec<Hosted>>) {
        for (tree, hosted) in self.trees.iter_mut().zip(hosted) {
            tree.hosted = hosted;
        }
    }
}

/// Outcome of one tree: its steps, its servers, and what its calls read.
#[derive(Default)]
pub struct TreeOutcome {
    /// The index of the tree.
    pub index: usize,
    /// Its interpreter.
    pub python: Utf8PathBuf,
    /// What its env.py is told, without passwords.
    pub told: Option<String>,
    /// Its own server, where that is to stay, and those on which stairs went wrong.
    pub hosted: Vec<Hosted>,
    /// What its calls read.
    pub used: Used,
    /// The names of the tables in which Alembic keeps where its databases stand.
    pub version_tables: BTreeSet<String>,
    /// What was there right before its new revisions, and was not kept yet.
    pub snapshot: Option<Snapshot>,
    pub(super) versions: Option<String>,
    pub(super) hash_seed: Option<String>,
    pub(super) heads: Vec<String>,
    pub(super) graph: Option<Description>,
    pub(super) done: TreeSteps,
    /// What was seen of its new revisions in production.
    pub(super) production: Vec<Seen>,
    pub(super) notes: Vec<String>,
    pub(super) server: Option<Postgres>,
    /// Why the gate could not do its work.
    pub(super) sick: Option<anyhow::Error>,
}
