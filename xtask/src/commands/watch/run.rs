//! The runs of a watching gate: the gate itself, on interpreters that have imported Alembic and on
//! servers that stand ready.
//!
//! A run leaves a snapshot of each tree right before its new revisions, as any run does, in a place
//! of the watch's own; and the servers of a run stay until the next has ended, for inspection.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::Gate;
use crate::gate::context::{GateContext, RunSettings, TreeLints};
use crate::gate::ran::RunOutcome;
use crate::gate::reuse::{CacheUpdate, Reuse};
use crate::gate::setup::PreparedRun;
use crate::os::interrupt::Interrupt;
use crate::os::process;
use crate::os::store::Store;
use crate::postgres::binaries::Binaries;
use crate::postgres::provision::Programs;
use model::event::Tell;
use model::graph::Graph;
use model::report::{Report, TreeReport};
use model::tree::Tree;

/// Parameters of one run.
pub(super) struct Task<'a> {
    pub(super) flags: &'a Gate,
    pub(super) root: &'a Utf8Path,
    /// All trees, and which of them are gated.
    pub(super) trees: &'a [Tree],
    pub(super) todo: &'a BTreeSet<usize>,
    /// Whether everything is run, without known results.
    pub(super) whole: bool,
    /// Whether the new revisions are rehearsed on a database in use.
    pub(super) rehearses: bool,
    pub(super) interrupt: &'a Interrupt,
    pub(super) tell: Tell<'a>,
    /// Takes the graphs that the lints read.
    pub(super) known: &'a (dyn Fn(usize, &Graph) + Sync),
}

/// Servers and interpreters that stay between runs. Dropped from the first field to the last.
pub(super) struct WarmState {
    /// The outcome of the last run.
    last: Option<RunOutcome>,
    stage: PreparedRun,
    binaries: Binaries,
    kept: Store,
}

impl WarmState {
    /// Makes everything ready. Fails where something that the gate needs is missing.
    pub(super) fn make(task: &Task<'_>) -> Result<WarmState> {
        let surveys = OnceLock::new();
        let run = task.run(&surveys, None);
        let all: Vec<usize> = (0..task.trees.len()).collect();
        let programs = run.programs()?.context("a watching gate has servers of its own")?;
        let pythons = run.find_pythons(&all)?;
        let stage = run.set_up(&all, Some(programs), pythons, None)?;
        let binaries = stage.binaries().cloned().context("there are no servers")?;
        let kept = Store::at(stage.scratch.path().join("kept"));
        let kept = kept.context("cannot make a folder for snapshots")?;
        Ok(WarmState { last: None, stage, binaries, kept })
    }

    /// Removes the compiled versions of changed files: Python recognises a change only by the
    /// second and the size.
    pub(super) fn forget(&self, changed: &[Utf8PathBuf]) {
        for file in changed.iter().filter_map(|file| file.strip_prefix("/").ok()) {
            let compiled = self.stage.scratch.pycache().join(file);
            let (Some(folder), Some(stem)) = (compiled.parent(), compiled.file_stem()) else {
                continue;
            };
            let begins = format!("{stem}.");
            let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
            for entry in entries.filter(|entry| entry.file_name().starts_with(&begins)) {
                // A file that is gone already need not be removed.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A run over some trees, and how to open the databases that it left.
    pub(super) fn gate(&mut self, task: &Task<'_>) -> (Report, Vec<(usize, String)>) {
        let (started, began) = (Instant::now(), std::time::SystemTime::now());
        let surveys = OnceLock::new();
        let run = task.run(&surveys, Some(self.kept.clone()).filter(|_| !task.whole));
        let trees = task.trees.iter().map(|tree| TreeReport::new(tree, task.root)).collect();
        let mut report = Report { trees, ..Report::default() };
        let todo: Vec<usize> = task.todo.iter().copied().collect();
        let mut described = Vec::new();
        let programs = Programs::There(self.binaries.clone());
        // A run of everything is kept, too.
        let keeping = GateContext { reuse: Some(self.kept.clone()), ..task.run(&surveys, None) };
        let reuse = Reuse::of(&keeping, Some(&programs), self.stage.pythons());
        let ran = thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(Ok(surveys)) = run.surveys() {
                    surveys.iter().for_each(|(index, survey)| (task.known)(*index, &survey.graph));
                }
            });
            let may = reuse.as_ref().filter(|_| !task.whole);
            run.run_trees(&todo, &self.stage, may, &mut report, &mut described)
        });
        run.skip_the_rest(&mut report, Some(&todo));
        run.add_surveys(&described, &mut report);
        if task.flags.which.ini.is_some() {
            report.forget_operators();
        }
        report.verbose = task.flags.verbose;
        let ids: Vec<&str> = todo.iter().map(|index| task.trees[*index].id.as_str()).collect();
        report.findings.retain(|f| f.tree.as_deref().is_none_or(|tree| ids.contains(&tree)));
        report.elapsed = started.elapsed();
        let psql = |index: usize| {
            let tree = ran.trees.iter().find(|tree| tree.index == index)?;
            let server = &tree.left.hosted.last()?.server;
            Some((index, server.endpoint().psql(&task.trees[index].database)))
        };
        let opened = match report.interrupted {
            true => Vec::new(),
            false => todo.iter().filter_map(|index| psql(*index)).collect(),
        };
        // A rehearsal follows a run, whose servers stay.
        if !task.rehearses {
            self.end(&run, reuse, ran, (began, &report));
        }
        (report, opened)
    }

    /// Keeps the snapshots for the next run, and ends the servers of the last one.
    fn end(
        &mut self,
        run: &GateContext<'_>,
        reuse: Option<Reuse>,
        mut ran: RunOutcome,
        (began, report): (std::time::SystemTime, &Report),
    ) {
        let hosted =
            ran.trees.iter_mut().map(|tree| std::mem::take(&mut tree.left.hosted)).collect();
        if let (Some(reuse), false) = (reuse, report.interrupted) {
            ran = CacheUpdate { reuse, ran, began }.keep_snapshots(run);
        }
        ran.give_hosted(hosted);
        self.last = Some(ran);
        process::end_strays();
    }
}

impl<'a> Task<'a> {
    fn run<'r>(
        &'r self,
        surveys: &'r OnceLock<Result<TreeLints>>,
        reuse: Option<Store>,
    ) -> GateContext<'r>
    where
        'a: 'r,
    {
        GateContext {
            setting: RunSettings {
                in_repository: true,
                holds_servers: !self.rehearses,
                rehearses: self.rehearses,
                ..RunSettings::default()
            },
            surveys: Some(surveys),
            reuse,
            ..GateContext::new(self.flags, self.root, self.trees, self.interrupt, self.tell)
        }
    }
}
