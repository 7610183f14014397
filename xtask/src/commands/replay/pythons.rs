//! The interpreters that serve the replays, and the trees as they read them today.

use std::cell::OnceCell;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use crate::commands::gate::Run;
use crate::drivers::alembic::{self, Connection, Interpreter};
use crate::drivers::cache;
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use model::event::Event;
use model::incident::TreeId;
use model::tree::Tree;

/// A tree as it is in the monorepo today.
pub(super) struct Today {
    pub(super) id: TreeId,
    pub(super) tree: Tree,
    pub(super) python: Utf8PathBuf,
    /// Its revisions with their parents.
    pub(super) chain: Vec<(String, Vec<String>)>,
    /// Their files, absolute.
    pub(super) files: Vec<Utf8PathBuf>,
}

/// An interpreter, with a socket for each run that it is to serve.
pub(super) struct Python {
    pub(super) path: Utf8PathBuf,
    pub(super) connections: Mutex<Vec<Connection>>,
    _interpreter: Interpreter,
}

/// A tree of the monorepo below a root.
pub(super) fn tree_at(id: TreeId, root: &Utf8Path) -> Tree {
    match id {
        TreeId::Console => Tree::console(root),
        TreeId::Raptor => Tree::raptor(root),
    }
}

/// Starts an interpreter for each environment and has it read the trees that have runs.
pub(super) fn start(
    run: &Run<'_>,
    runs: &dyn Fn(TreeId) -> usize,
    scratch: &Scratch,
) -> Result<(Vec<Python>, Vec<Today>)> {
    let environments = cache::folder()?.join(cache::PYTHON);
    let notice = |text: &str| (run.tell)(Event::Notice(text));
    let search = Search {
        named: run.flags.python.as_deref(),
        environments: &environments,
        interrupt: run.interrupt,
        notice: &notice,
        base: OnceCell::new(),
        kept: None,
    };
    let mut befallen = Vec::new();
    for id in [TreeId::Console, TreeId::Raptor] {
        let count = runs(id);
        if count > 0 {
            let tree = tree_at(id, run.root);
            let python = python::interpreter(&search, &tree.requirements)?;
            // One to read it as it is today, and one for each run.
            befallen.push((id, tree, python, 1 + count));
        }
    }
    let env = python::environment(scratch, &run.flags.pass_env);
    let mut pythons: Vec<Python> = Vec::new();
    for (_, _, python, _) in &befallen {
        if pythons.iter().all(|known| known.path != *python) {
            let served = befallen.iter().filter(|other| other.2 == *python);
            let count = served.map(|(.., count)| count).sum();
            let (interpreter, connections) = alembic::start(python, count, &env, scratch)?;
            let (path, connections) = (python.clone(), Mutex::new(connections));
            pythons.push(Python { path, connections, _interpreter: interpreter });
        }
    }
    let mut trees = Vec::new();
    for (id, tree, python, _) in befallen {
        let serving = pythons.iter_mut().find(|serving| serving.path == python);
        let connections =
            serving.map(|s| s.connections.get_mut().unwrap_or_else(PoisonError::into_inner));
        let connection = connections.and_then(Vec::pop).context("an interpreter has no socket")?;
        let (_, graph) = run.read_tree(&tree, connection, &Endpoint::local(scratch.path()))?;
        let graph = graph.map_err(|said| {
            let why = said.headline().map(ToString::to_string).unwrap_or_default();
            anyhow!("cannot replay what befell {}: Alembic cannot read it today: {why}", tree.label)
        })?;
        let files = graph.revisions.iter().map(|revision| revision.file.clone()).collect();
        let chain =
            graph.revisions.iter().map(|r| (r.revision.clone(), r.down_revision.clone())).collect();
        trees.push(Today { id, tree, python, chain, files });
    }
    Ok((pythons, trees))
}
