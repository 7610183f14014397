//! `cargo xtask migration-gate`: the trees, end to end.
//!
//! The interpreters import Alembic while the servers are made and started; then the trees run side
//! by side, each in a thread and on a server of its own. A failure of one tree never stops the
//! other, and the report has everything that was found before an error.

pub mod changed;
pub mod context;
mod isolation;
mod keep;
mod lanes;
pub mod lint;
pub mod next;
pub mod plan;
pub mod predict;
pub mod ran;
pub mod reuse;
mod rollback;
pub mod selection;
pub mod setup;
mod trees;
mod unchanged;

use std::sync::OnceLock;
use std::thread;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use self::changed::ChangedTrees;
use self::context::{GateContext, RunSettings, blame, reuse};
use self::reuse::{CacheUpdate, Reuse};
use crate::alembic::Description;
use crate::cache::result::TreeResult;
use crate::flags::Gate;
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::process;
use model::event::{Event, Tell};
use model::report::{Comparison, Report, TreeReport};
use model::supply::{Extra, SupplyChange};
use model::tree::Tree;

/// Runs the gate. Every error is part of the report.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    run_with(flags, &[], interrupt, tell)
}

/// Runs the gate with supplies that the recipes do not have.
pub fn run_with(flags: &Gate, extra: &[Extra], interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    let started = Instant::now();
    process::adopt_orphans();
    let _cache = cache_dir::hold();
    let mut report = match chosen(flags, interrupt) {
        Ok(chosen) => {
            let SelectedTrees { root, trees, note, base } = chosen;
            if trees.is_empty() {
                let notes = note.into_iter().collect();
                Report { untouched: true, notes, base, ..Report::default() }
            } else {
                note.iter().for_each(|note| tell(Event::Notice(note)));
                gate(flags, extra, (&root, &trees), interrupt, tell)
            }
        }
        Err(err) => {
            let mut report = Report::default();
            blame(&mut report, &err, None);
            report
        }
    };
    if flags.which.ini.is_some() {
        report.forget_operators();
    }
    (report.elapsed, report.verbose) = (started.elapsed(), flags.verbose);
    report
}

/// Gates trees, but for those whose result is known.
fn gate(
    flags: &Gate,
    extra: &[Extra],
    (root, trees): (&Utf8Path, &[Tree]),
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Report {
    let surveys = OnceLock::new();
    let supplies = SupplyChange { without: &[], extra };
    let setting = RunSettings {
        supplies,
        in_repository: true,
        alone: true,
        rehearses: true,
        asks_branches: true,
        ..RunSettings::default()
    };
    let run = GateContext {
        setting,
        surveys: Some(&surveys),
        // Known results need no lints.
        reuse: reuse(flags).filter(|_| extra.is_empty()),
        ..GateContext::new(flags, root, trees, interrupt, tell)
    };
    let mut described = Vec::new();
    let mut keep = None;
    let (mut report, _) = run.over(|report| {
        let (kept, results) = run.go(report, &mut described)?;
        keep = results;
        Ok(kept)
    });
    process::end_strays();
    run.add_surveys(&described, &mut report);
    if let Some(results) = keep {
        results.keep(&run, &report);
    }
    report
}

/// Trees that are gated.
struct SelectedTrees {
    root: Utf8PathBuf,
    trees: Vec<Tree>,
    /// The note of `--only-changed`, with its base.
    note: Option<String>,
    base: Option<Comparison>,
}

/// The chosen trees without those that `--only-changed` leaves out.
fn chosen(flags: &Gate, interrupt: &Interrupt) -> Result<SelectedTrees> {
    let (root, trees) = selection::select_to_run(&flags.which, &flags.env_py)?;
    if !flags.only_changed {
        return Ok(SelectedTrees { root, trees, note: None, base: None });
    }
    match changed::touched(&trees, &root, flags.since.as_deref(), interrupt)? {
        Ok(ChangedTrees { trees, others, base }) => {
            let (others, rev) = (others.join(" and "), base.rev.clone().unwrap_or_default());
            let note = || format!("--only-changed: nothing of {others} has changed since {rev}");
            Ok(SelectedTrees {
                note: (!others.is_empty()).then(note),
                root,
                trees,
                base: Some(base),
            })
        }
        Err(why) => {
            let note = format!(
                "--only-changed: nothing says what has changed ({why}); all trees are gated"
            );
            Ok(SelectedTrees { root, trees, note: Some(note), base: None })
        }
    }
}

impl GateContext<'_> {
    /// The report of a run over these trees, also after an error, and the processes that `--keep`
    /// leaves.
    pub fn over(&self, go: impl FnOnce(&mut Report) -> Result<Vec<u32>>) -> (Report, Vec<u32>) {
        let trees = self.trees.iter().map(|tree| TreeReport::new(tree, self.root)).collect();
        let mut report = Report { trees, ..Report::default() };
        let kept = go(&mut report).unwrap_or_else(|err| {
            blame(&mut report, &err, None);
            Vec::new()
        });
        self.skip_the_rest(&mut report, None);
        (report, kept)
    }

    /// Runs the trees without a known result. Returns the processes that `--keep` leaves, and the
    /// cache entries for the next run.
    fn go(
        &self,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<(Vec<u32>, Option<CacheUpdate>)> {
        // Missing programs are found in milliseconds, before anything is started.
        let readable = self.readable_trees(report);
        if readable.is_empty() {
            return Ok((Vec::new(), None));
        }
        thread::scope(|scope| {
            scope.spawn(|| self.surveys());
            self.run_unknown(readable, report, described)
        })
    }

    /// Runs those of these trees whose results are not known.
    fn run_unknown(
        &self,
        readable: Vec<usize>,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<(Vec<u32>, Option<CacheUpdate>)> {
        let began = SystemTime::now();
        let programs = self.programs()?;
        let pythons = self.find_pythons(&readable)?;
        let reuse = Reuse::of(self, programs.as_ref(), &pythons);
        let reuse = reuse.map(|reuse| reuse.with_results(self));
        let mut todo = Vec::new();
        for index in readable {
            match reuse.as_ref().and_then(|reuse| reuse.result(self, index)) {
                Some(result) => self.show_known(index, result, report),
                None => todo.push(index),
            }
        }
        if todo.is_empty() {
            let steps = report.trees.iter().flat_map(|tree| &tree.steps);
            report.known_since = steps.filter_map(|step| step.known_since).min();
            return Ok((Vec::new(), None));
        }
        let stage = self.set_up(&todo, programs, pythons, None)?;
        let mut ran = self.run_trees(&todo, &stage, reuse.as_ref(), report, described);
        let kept = self.tear_down(&stage, &mut ran, report)?;
        Ok((kept, reuse.map(|reuse| CacheUpdate { reuse, ran, began })))
    }

    /// Puts a known result into the report, with the same progress events as a run.
    fn show_known(&self, index: usize, result: TreeResult, report: &mut Report) {
        for step in &result.tree.steps {
            (self.tell)(Event::StepEnded { label: &self.trees[index].label, step });
        }
        report.trees[index] = result.tree;
        report.findings.extend(result.findings);
        report.allowed.extend(result.allowed);
        report.postgres = report.postgres.take().or(result.postgres);
        for python in result.python {
            if !report.python.contains(&python) {
                report.python.push(python);
            }
        }
    }

    /// Adds the lints' findings to the report, or the reason why they could not be run.
    pub fn add_surveys(&self, described: &[(usize, Description)], report: &mut Report) {
        match self.surveys() {
            Some(Ok(surveys)) => self.add_lints(surveys, described, report),
            Some(Err(err)) => blame(report, err, None),
            None => {}
        }
    }

    /// The trees whose ini can be read; the others are to blame for themselves.
    fn readable_trees(&self, report: &mut Report) -> Vec<usize> {
        let mut readable = Vec::new();
        for (index, tree) in self.trees.iter().enumerate() {
            let ini = tree.ini_path();
            let read = std::fs::read(&ini).with_context(|| {
                format!("cannot read `{ini}`, which makes {} an Alembic tree", tree.label)
            });
            match read {
                Ok(_) => readable.push(index),
                Err(err) => {
                    let hint = "hint: --root names the monorepo, --ini any other tree";
                    blame(report, &anyhow::anyhow!("{err:#}\n{hint}"), Some(tree));
                }
            }
        }
        readable
    }
}
