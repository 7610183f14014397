//! Outcome of the trees of a run, before it is in the report.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use crate::alembic::{Description, InterpreterInfo};
use crate::cache::snapshot::Snapshot;
use crate::postgres::hosted::Hosted;
use crate::steps::runner::TreeSteps;
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
            tree.left.hosted = hosted;
        }
    }
}

/// Outcome of one tree: its steps, its servers, and the inputs of its calls.
#[derive(Default)]
pub struct TreeOutcome {
    /// The index of the tree.
    pub index: usize,
    /// Its interpreter.
    pub python: Utf8PathBuf,
    /// Its server.
    pub(super) server: Option<Postgres>,
    /// Facts from the start of its Alembic; `None`: that did not start.
    pub(super) started: Option<StartedTree>,
    /// Servers, notes and inputs.
    pub left: Leftovers,
    /// The names of the tables in which Alembic keeps where its databases stand.
    pub version_tables: BTreeSet<String>,
    /// The state right before its new revisions, where it was not kept yet.
    pub snapshot: Option<Snapshot>,
    pub(super) done: TreeSteps,
    /// Why the gate could not do its work.
    pub(super) sick: Option<anyhow::Error>,
}

/// Facts from the start of a tree's Alembic.
pub(super) struct StartedTree {
    pub(super) interpreter: InterpreterInfo,
    /// The environment of env.py, without passwords.
    pub(super) told: String,
    /// The graph; `None`: Alembic could not read it.
    pub(super) graph: Option<Description>,
}

/// Servers, notes and inputs that a tree or one of its lanes leaves.
#[derive(Default)]
pub struct Leftovers {
    /// The tree's own server, where that is to stay, and those on which stairs went wrong.
    pub hosted: Vec<Hosted>,
    /// Notes of the report.
    pub(super) notes: Vec<String>,
    /// The files and folders that calls read.
    pub used: Used,
}

impl Leftovers {
    /// Takes those of a lane.
    pub(super) fn join(&mut self, lane: Leftovers) {
        self.hosted.extend(lane.hosted);
        self.notes.extend(lane.notes);
        self.used.join(lane.used);
    }
}
