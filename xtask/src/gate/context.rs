//! Context of a run of the gate: its trees, its options and where progress goes.

use std::sync::OnceLock;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::Result;
use camino::Utf8Path;

use crate::flags::Gate;
use crate::lint::TreeLint;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::store::Store;
use crate::steps::errors::code_of;
use model::code;
use model::event::{Event, Tell};
use model::finding::Finding;
use model::report::Report;
use model::supply::SupplyChange;
use model::tree::Tree;

/// Lint results of the trees, each with its tree's index.
pub type TreeLints = Vec<(usize, TreeLint)>;

/// Context of one run.
pub struct GateContext<'a> {
    /// The options.
    pub flags: &'a Gate,
    /// The folder that files in the report are relative to.
    pub root: &'a Utf8Path,
    /// The trees to gate.
    pub trees: &'a [Tree],
    /// Settings of this run.
    pub setting: RunSettings<'a>,
    /// The lint results, when they are there; `None`: nothing is linted.
    pub surveys: Option<&'a OnceLock<Result<TreeLints>>>,
    /// The store of earlier runs, where it may be used.
    pub reuse: Option<Store>,
    /// Interrupts the run.
    pub interrupt: &'a Interrupt,
    /// Takes progress.
    pub tell: Tell<'a>,
}

/// Settings of one run; the defaults are those of a run beside others.
#[derive(Clone, Copy, Default)]
pub struct RunSettings<'a> {
    /// How the supplies differ from those of the recipes.
    pub supplies: SupplyChange<'a>,
    /// Whether the git repository of the folder is that of the trees.
    pub in_repository: bool,
    /// Whether no other run of this process goes on at the same time. Otherwise processes that a tree
    /// leaves cannot be told from those of the other runs, and are ended when all runs are done.
    pub alone: bool,
    /// Whether the servers stay when the trees are done.
    pub holds_servers: bool,
    /// Whether the trees are only taken up to their heads.
    pub only_up: bool,
    /// Whether new revisions are rehearsed on a database in use.
    pub rehearses: bool,
    /// Whether other branches are asked for collisions.
    pub asks_branches: bool,
    /// Further lines in `postgresql.conf`.
    pub conf: Option<&'a str>,
    /// SQL that a server is given before the tree.
    pub sql: Option<&'a str>,
}

/// The store of earlier runs; `None` with `--no-cache` and in CI, where each run proves everything.
pub fn reuse(flags: &Gate) -> Option<Store> {
    if flags.no_cache || is_ci() { None } else { Store::of_this_user() }
}

/// Whether this is a job of CI, which trusts nothing that an earlier one left.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

impl<'a> GateContext<'a> {
    /// A context without lints and without a store.
    pub fn new(
        flags: &'a Gate,
        root: &'a Utf8Path,
        trees: &'a [Tree],
        interrupt: &'a Interrupt,
        tell: Tell<'a>,
    ) -> Self {
        let (setting, surveys, reuse) = (RunSettings::default(), None, None);
        GateContext { flags, root, trees, setting, surveys, reuse, interrupt, tell }
    }

    /// Does a part of the set-up, and tells its start and end.
    pub fn setting_up<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        (self.tell)(Event::SetUpStarted { what });
        let done = work();
        (self.tell)(Event::SetUpEnded { what });
        done
    }

    /// The longest that one step may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.flags.timeout)
    }
}

/// Puts an error that is not a migration's into the report.
pub fn blame(report: &mut Report, err: &anyhow::Error, tree: Option<&Tree>) {
    if err.is::<Interrupted>() {
        report.interrupted = true;
        return;
    }
    let its_code = code_of(err);
    let message = format!("{err:#}");
    // Both trees fail for one reason; the log of a server may have gone on between the two.
    let once = [&code::SERVER_DIED, &code::OUT_OF_RESOURCES].contains(&its_code);
    let is_told = |f: &Finding| f.code == its_code && (f.message == message || once);
    if report.findings.iter().any(is_told) {
        return;
    }
    report
        .findings
        .push(Finding { tree: tree.map(|t| t.id.clone()), ..Finding::new(its_code, message) });
}

/// The result of a thread; a panic in it goes on here.
pub fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
