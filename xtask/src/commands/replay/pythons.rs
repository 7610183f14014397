//! The interpreters that serve the replays, and the trees as they read them today.

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::Gate;
use crate::gate::context::GateContext;
use crate::gate::setup::{Environment, PreparedRun};
use crate::os::interrupt::Interrupt;
use crate::postgres::endpoint::Endpoint;
use crate::recipes;
use model::event::Tell;
use model::tree::Tree;

/// A tree as it is in the monorepo now.
pub(super) struct CurrentTree {
    pub(super) tree: Tree,
    pub(super) python: Utf8PathBuf,
    /// Its revisions with their parents.
    pub(super) chain: Vec<(String, Vec<String>)>,
    /// Their files, absolute.
    pub(super) files: Vec<Utf8PathBuf>,
}

/// Makes the shared parts, and has Alembic read the trees that have runs, as they are today.
pub(super) fn start(
    flags: &Gate,
    root: &Utf8Path,
    runs: &dyn Fn(&str) -> usize,
    (interrupt, tell): (&Interrupt, Tell<'_>),
) -> Result<(PreparedRun, Vec<CurrentTree>)> {
    let has_runs = |tree: &Tree| runs(&tree.id) > 0;
    let trees: Vec<Tree> = recipes::trees(root).into_iter().filter(has_runs).collect();
    let run = GateContext::new(flags, root, &trees, interrupt, tell);
    let all: Vec<usize> = (0..trees.len()).collect();
    let programs = run.programs()?;
    let pythons = run.find_pythons(&all)?;
    // As many runs go on at a time as there are cores, and one more.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let stage = run.set_up(&all, programs, pythons, Some(cores + 1))?;
    let mut today = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        let python = stage.python(index).context("the tree has no interpreter")?.clone();
        let nowhere = Endpoint::local(stage.scratch.path());
        let mut alembic = stage.alembic(Environment::Here, (&python, tree), &nowhere, interrupt)?;
        let graph = run.read_tree(tree, &mut alembic)?;
        stage.give_back(Environment::Here, &python, alembic);
        let graph = graph.map_err(|said| {
            let why = said.headline().map(ToString::to_string).unwrap_or_default();
            anyhow!(
                "cannot replay incidents of {}: Alembic cannot read the tree as it is now: {why}",
                tree.label
            )
        })?;
        let files = graph.revisions.iter().map(|revision| revision.file.clone()).collect();
        let chain =
            graph.revisions.iter().map(|r| (r.revision.clone(), r.down_revision.clone())).collect();
        today.push(CurrentTree { tree: tree.clone(), python, chain, files });
    }
    Ok((stage, today))
}
