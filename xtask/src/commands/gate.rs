//! `cargo xtask migration-gate`: the trees, end to end.
//!
//! The interpreters import Alembic while the servers are made and started; then the trees run side by
//! side, each in a thread and on a server of its own. What goes wrong for one tree never stops the
//! other, and whatever was found until something broke is in the report.

mod keep;
mod lanes;
mod setup;
mod trees;

use std::sync::OnceLock;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::changed::{self, Touched};
use super::predict::Surveys;
use super::reuse::{Reuse, ToKeep};
use super::selection;
use crate::cache::result::TreeResult;
use crate::drivers::alembic::Description;
use crate::drivers::cache;
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::drivers::kept::Kept;
use crate::drivers::process;
use crate::flags::Gate;
use crate::recipes::live;
use model::code;
use model::event::{Event, Tell};
use model::finding::Finding;
use model::report::{Comparison, Report, TreeReport};
use model::supply::{Extra, SupplyChange};
use model::tree::Tree;

pub(super) use self::setup::{Environment, Pythons, Stage};
pub(super) use self::trees::Ran;

/// Runs the gate. What goes wrong is in the report, whatever it is.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    run_with(flags, &[], interrupt, tell)
}

/// Runs the gate with supplies that the recipes do not have.
pub(super) fn run_with(
    flags: &Gate,
    extra: &[Extra],
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Report {
    let started = Instant::now();
    process::adopt_orphans();
    let _cache = cache::hold();
    let mut report = match chosen(flags, interrupt) {
        Ok(chosen) => {
            let Chosen { root, trees, note, base } = chosen;
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
    report.elapsed = started.elapsed();
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
    let run = Run {
        surveys: Some(&surveys),
        in_repository: true,
        alone: true,
        // What is known was known without them.
        reuse: reuse(flags).filter(|_| extra.is_empty()),
        supplies: SupplyChange { without: &[], extra },
        ..Run::new(flags, root, trees, interrupt, tell)
    };
    let mut described = Vec::new();
    let mut keep = None;
    let (mut report, _) = run.over(|report| {
        let (kept, results) = run.go(report, &mut described)?;
        keep = results;
        Ok(kept)
    });
    process::end_strays();
    if report.known_since.is_none() {
        run.add_surveys(&described, &mut report);
    }
    if let Some(results) = keep {
        results.keep(&run, &report);
    }
    report
}

/// What is gated.
struct Chosen {
    root: Utf8PathBuf,
    trees: Vec<Tree>,
    /// What `--only-changed` made of it, and what it compared with.
    note: Option<String>,
    base: Option<Comparison>,
}

/// What was asked for, less what `--only-changed` leaves out.
fn chosen(flags: &Gate, interrupt: &Interrupt) -> Result<Chosen> {
    let (root, trees) = selection::select_to_run(&flags.which, &flags.env_py)?;
    if !flags.only_changed {
        return Ok(Chosen { root, trees, note: None, base: None });
    }
    match changed::touched(&trees, &root, flags.since.as_deref(), interrupt)? {
        Ok(Touched { trees, others, base }) => {
            let (others, rev) = (others.join(" and "), base.rev.clone().unwrap_or_default());
            let note = || format!("--only-changed: nothing of {others} has changed since {rev}");
            Ok(Chosen { note: (!others.is_empty()).then(note), root, trees, base: Some(base) })
        }
        Err(why) => {
            let note = format!(
                "--only-changed: nothing says what has changed ({why}); all trees are gated"
            );
            Ok(Chosen { root, trees, note: Some(note), base: None })
        }
    }
}

/// Puts an error that is not a migration's into the report.
pub(super) fn blame(report: &mut Report, err: &anyhow::Error, tree: Option<&Tree>) {
    if err.is::<Interrupted>() {
        report.interrupted = true;
        return;
    }
    let its_code = live::code_of(err);
    let message = format!("{err:#}");
    // Both trees fail for one reason; the log of a server may have gone on between the two.
    let is_told =
        |f: &Finding| f.code == its_code && (f.message == message || f.code == &code::SERVER_DIED);
    if report.findings.iter().any(is_told) {
        return;
    }
    report
        .findings
        .push(Finding { tree: tree.map(|t| t.id.clone()), ..Finding::new(its_code, message) });
}

/// One run and what it was asked to do.
pub(super) struct Run<'a> {
    pub(super) flags: &'a Gate,
    pub(super) root: &'a Utf8Path,
    pub(super) trees: &'a [Tree],
    /// How the supplies differ from those of the recipes.
    pub(super) supplies: SupplyChange<'a>,
    /// What the lints find out beside; `None`: nothing is linted.
    pub(super) surveys: Option<&'a OnceLock<Result<Surveys>>>,
    /// Whether what git knows of the folder is about the trees.
    pub(super) in_repository: bool,
    /// Whether no other run of this process goes on beside it. Where one does, what this one leaves
    /// running cannot be told from what the others run: it is ended when all are done.
    pub(super) alone: bool,
    /// What earlier runs left, where that may be used.
    pub(super) reuse: Option<Kept>,
    /// Whether the servers stay when the trees are done, for whoever wants to look into them.
    pub(super) holds_servers: bool,
    /// Further lines in `postgresql.conf`, and SQL that a server is given before the tree.
    pub(super) server: (Option<&'a str>, Option<&'a str>),
    pub(super) interrupt: &'a Interrupt,
    pub(super) tell: Tell<'a>,
}

/// What earlier runs left; `None` where nothing of it may be used: `--no-cache` says so, or CI, where
/// each run proves everything.
pub(super) fn reuse(flags: &Gate) -> Option<Kept> {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if flags.no_cache || is_ci { None } else { Kept::of_this_user() }
}

impl<'a> Run<'a> {
    /// A run that lints nothing, compares nothing with git, and uses and leaves nothing.
    pub(super) fn new(
        flags: &'a Gate,
        root: &'a Utf8Path,
        trees: &'a [Tree],
        interrupt: &'a Interrupt,
        tell: Tell<'a>,
    ) -> Self {
        Run {
            flags,
            root,
            trees,
            supplies: SupplyChange::default(),
            surveys: None,
            in_repository: false,
            alone: false,
            reuse: None,
            holds_servers: false,
            server: (None, None),
            interrupt,
            tell,
        }
    }
}

impl Run<'_> {
    /// The report of a run over these trees, whatever happens in it, and the processes that it
    /// leaves running on purpose.
    pub(super) fn over(
        &self,
        go: impl FnOnce(&mut Report) -> Result<Vec<u32>>,
    ) -> (Report, Vec<u32>) {
        let trees = self.trees.iter().map(|tree| TreeReport::new(tree, self.root)).collect();
        let mut report = Report { trees, ..Report::default() };
        let kept = go(&mut report).unwrap_or_else(|err| {
            blame(&mut report, &err, None);
            Vec::new()
        });
        self.skip_the_rest(&mut report, None);
        (report, kept)
    }

    /// Runs what can be run and is not known. Returns the processes that are left running on purpose,
    /// and what may be kept for the next run.
    fn go(
        &self,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<(Vec<u32>, Option<ToKeep>)> {
        // What is missing is known in milliseconds, before anything is started.
        let readable = self.readable_trees(report);
        if readable.is_empty() {
            return Ok((Vec::new(), None));
        }
        let began = SystemTime::now();
        let programs = self.programs()?;
        let pythons = self.find_pythons(&readable)?;
        let reuse = Reuse::of(self, programs.as_ref(), &pythons);
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
        let (kept, ran) = thread::scope(|scope| {
            scope.spawn(|| self.surveys());
            let stage = self.set_up(&todo, programs, pythons, None)?;
            let mut ran = self.run_trees(&todo, &stage, reuse.as_ref(), report, described);
            let kept = self.tear_down(&stage, &mut ran, report)?;
            anyhow::Ok((kept, (ran, stage.into_scratch())))
        })?;
        let (ran, scratch) = ran;
        Ok((kept, reuse.map(|reuse| ToKeep { reuse, ran, began, _scratch: Some(scratch) })))
    }

    /// Puts a known result into the report, and tells its steps as they would be told if they ran.
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

    /// Puts what the lints found into the report, or why they could not be run.
    pub(super) fn add_surveys(&self, described: &[(usize, Description)], report: &mut Report) {
        match self.surveys() {
            Some(Ok(surveys)) => self.add_lints(surveys, described, report),
            Some(Err(err)) => blame(report, err, None),
            None => {}
        }
    }

    pub(super) fn setting_up<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        (self.tell)(Event::SetUpStarted { what });
        let done = work();
        (self.tell)(Event::SetUpEnded { what });
        done
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

    /// The longest that one step may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.flags.timeout)
    }
}

/// The result of a thread; a panic in it goes on here.
pub(super) fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
