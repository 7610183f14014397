//! Reuse of earlier runs: the inputs of each tree, and the results and snapshots with the same inputs.

use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use super::context::GateContext;
use super::ran::RunOutcome;
use super::setup::Pythons;
use crate::alembic::python::named_hash_seed;
use crate::cache::inputs::{Declared, NotCacheable, Observed};
use crate::cache::result::{self, TreeResult};
use crate::cache::snapshot::{self, Snapshot};
use crate::os::store::Store;
use crate::postgres::provision::Programs;
use analysis::script::without_bodies;
use model::code::Severity;
use model::event::Event;
use model::report::{Report, Verdict};
use model::step::Status;

/// Results and snapshots that may be reused.
#[derive(Clone)]
pub struct Reuse {
    kept: Store,
    options: Vec<(&'static str, String)>,
    binaries: Utf8PathBuf,
    pythons: Pythons,
    /// The keys of the results, by the index of the tree.
    keys: Vec<(usize, String)>,
}

/// Results and snapshots of a run that may be kept.
pub struct CacheUpdate {
    /// Where it is kept, and under which keys.
    pub reuse: Reuse,
    /// The outcomes of the trees.
    pub ran: RunOutcome,
    /// When the run began.
    pub began: SystemTime,
}

impl Reuse {
    /// `None` where nothing may be reused: it is not allowed, the databases are wanted, or the server
    /// was given.
    pub fn of(
        run: &GateContext<'_>,
        programs: Option<&Programs>,
        pythons: &Pythons,
    ) -> Option<Reuse> {
        let kept = run.reuse.as_ref().filter(|_| !run.flags.keep)?;
        let Some(Programs::There(binaries)) = programs else { return None };
        Some(Reuse {
            kept: kept.clone(),
            options: options(run),
            binaries: binaries.dir.clone(),
            pythons: pythons.clone(),
            keys: Vec::new(),
        })
    }

    /// The same for runs that look up and keep results.
    #[must_use]
    pub fn with_results(mut self, run: &GateContext<'_>) -> Reuse {
        for index in 0..run.trees.len() {
            match self.key(run, index) {
                Ok(key) => self.keys.push((index, key)),
                Err(why) => self.say(run, index, &why),
            }
        }
        self
    }

    fn say(&self, run: &GateContext<'_>, index: usize, why: &NotCacheable) {
        let label = &run.trees[index].label;
        (run.tell)(Event::Reuse(&format!("{label}: {why}")));
    }

    /// The key of a tree's result.
    fn key(&self, run: &GateContext<'_>, index: usize) -> Result<String, NotCacheable> {
        let mut options = self.options.clone();
        options.push(("lint", lint(run, index)?));
        options.push(("all", run.flags.all.to_string()));
        options.push(("stairway", run.flags.stairway.to_string()));
        options.push(("timeout", run.flags.timeout.to_string()));
        options.push(("since", run.flags.since.clone().unwrap_or_default()));
        self.declared(run, index, &options)?.key(result::KIND)
    }

    fn declared<'d>(
        &'d self,
        run: &'d GateContext<'_>,
        index: usize,
        options: &'d [(&'static str, String)],
    ) -> Result<Declared<'d>, NotCacheable> {
        let mut pythons = self.pythons.iter();
        let python = pythons.find(|(_, trees)| trees.contains(&index)).map(|(python, _)| python);
        let python = python.ok_or(NotCacheable("it has no interpreter".into()))?;
        Ok(Declared { tree: &run.trees[index], options, python, binaries: &self.binaries })
    }

    /// The result of an earlier run.
    pub fn result(&self, run: &GateContext<'_>, index: usize) -> Option<TreeResult> {
        let (_, key) = self.keys.iter().find(|(known, _)| *known == index)?;
        TreeResult::look_up(&self.kept, key).map_err(|why| self.say(run, index, &why)).ok()
    }

    /// The snapshot of an earlier run.
    pub fn snapshot(&self, run: &GateContext<'_>, index: usize) -> Option<Snapshot> {
        if run.flags.stairway {
            return None;
        }
        let key = self.key_of_snapshot(run, index);
        let found = key.and_then(|key| Snapshot::look_up(&self.kept, &key));
        if let Ok(Snapshot { start, .. }) = &found {
            let at = start.at.join(", ");
            let label = &run.trees[index].label;
            (run.tell)(Event::Reuse(&format!("{label} begins on a snapshot at {at}")));
        }
        found.map_err(|why| self.say(run, index, &why)).ok()
    }

    /// The key of a tree's snapshot: of the revisions after it only the code outside of their
    /// functions counts, which runs when Alembic reads them.
    fn key_of_snapshot(&self, run: &GateContext<'_>, index: usize) -> Result<String, NotCacheable> {
        let survey = run.survey(index).ok_or(NotCacheable("the tree was not read".into()))?;
        let new = run.tried_alone(index, &survey.graph.ids(&survey.graph.heads));
        let is_new = |script: &&analysis::script::Script| {
            let revisions = survey.graph.revisions.iter();
            revisions.into_iter().any(|r| new.contains(&r.id) && r.file == script.file)
        };
        let outside: Vec<(Utf8PathBuf, String)> = survey
            .scripts
            .iter()
            .filter(is_new)
            .map(|script| (run.root.join(&script.file), without_bodies(script.module.source())))
            .collect();
        let declared = self.declared(run, index, &self.options)?;
        declared.key_without(snapshot::KIND, &outside)
    }
}

impl CacheUpdate {
    /// Keeps the results of the trees that are green, and the snapshots of those that came to one.
    pub fn keep(self, run: &GateContext<'_>, report: &Report) {
        let (reuse, began) = (self.reuse.clone(), self.began);
        for tree in self.keep_snapshots(run).trees {
            let index = tree.index;
            if !is_green(report, index) {
                continue;
            }
            let observed = Observed::of(&tree.left.used, &run.trees[index], began);
            if let Err(why) = observed
                .and_then(|observed| reuse.keep_result(run, report, (index, began, observed)))
            {
                let why = NotCacheable(format!("this result is not kept: {why}"));
                reuse.say(run, index, &why);
            }
        }
    }
}

impl CacheUpdate {
    /// Keeps the snapshots.
    pub fn keep_snapshots(self, run: &GateContext<'_>) -> RunOutcome {
        let CacheUpdate { reuse, mut ran, began } = self;
        for tree in &mut ran.trees {
            let Some(snapshot) = tree.snapshot.take() else { continue };
            let kept =
                Observed::of(&tree.left.used, &run.trees[tree.index], began).and_then(|observed| {
                    let key = reuse.key_of_snapshot(run, tree.index)?;
                    let kept = snapshot.keep(&reuse.kept, &key, observed);
                    kept.map_err(|err| NotCacheable(format!("{err:#}")))
                });
            if let Err(why) = kept {
                let why = NotCacheable(format!("the snapshot is not kept: {why}"));
                reuse.say(run, tree.index, &why);
            }
        }
        ran
    }
}

impl Reuse {
    fn keep_result(
        &self,
        run: &GateContext<'_>,
        report: &Report,
        (index, began, observed): (usize, SystemTime, Observed),
    ) -> Result<(), NotCacheable> {
        let key = self.key(run, index)?;
        if !self.keys.contains(&(index, key.clone())) {
            return Err(NotCacheable("the tree changed while it was gated".into()));
        }
        let tree = &report.trees[index];
        let mut result = TreeResult::new(began, tree.clone(), observed);
        result.tree.sql.clear();
        let is_ours = |of: &Option<String>| of.as_ref() == Some(&tree.tree);
        result.findings = report.findings.iter().filter(|f| is_ours(&f.tree)).cloned().collect();
        result.allowed = report.allowed.iter().filter(|f| is_ours(&f.tree)).cloned().collect();
        result.python.clone_from(&report.python);
        result.postgres.clone_from(&report.postgres);
        result.keep(&self.kept, &key)
    }
}

/// Whether all steps of a tree passed and nothing of it is an error.
fn is_green(report: &Report, index: usize) -> bool {
    let tree = &report.trees[index];
    let is_error = |f: &&model::finding::Finding| {
        f.severity() == Severity::Error && f.tree.as_ref().is_none_or(|id| *id == tree.tree)
    };
    report.verdict() != Verdict::Error
        && tree.steps.iter().all(|step| step.status == Status::Passed)
        && !report.findings.iter().any(|f| is_error(&f))
}

/// The options that influence the databases.
fn options(run: &GateContext<'_>) -> Vec<(&'static str, String)> {
    let flags = run.flags;
    let text = |path: Option<&Utf8Path>| path.map(ToString::to_string).unwrap_or_default();
    let mut passed: Vec<String> =
        flags.pass_env.iter().map(|name| format!("{name}={:?}", std::env::var_os(name))).collect();
    passed.sort();
    vec![
        ("root", run.root.to_string()),
        ("named root", text(flags.which.repository.root.as_deref())),
        ("without", run.setting.supplies.without.join(" ")),
        ("passed", passed.join("\n")),
        ("hash seed", named_hash_seed().unwrap_or_default()),
    ]
}

/// What the lints found, which hangs on git too: a part of what a result depends on, and not of what a
/// snapshot does.
fn lint(run: &GateContext<'_>, index: usize) -> Result<String, NotCacheable> {
    let lint = run.survey(index).ok_or(NotCacheable("the tree was not linted".into()))?;
    let found = (&lint.base, lint.new_revisions(), &lint.findings, &lint.allowed);
    serde_json::to_string(&found).map_err(|err| NotCacheable(err.to_string()))
}
