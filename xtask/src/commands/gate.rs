//! `cargo xtask migration-gate`: both trees, end to end.
//!
//! The interpreter imports Alembic while Postgres is made and started; then the trees run side by
//! side, each in a thread and a database of its own. What goes wrong for one tree never stops the
//! other, and whatever was found until something broke is in the report.

mod attempt;
mod trees;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::changed::{self, Touched};
use super::known::parts::Parts;
use super::known::prefix::Prefixes;
use super::known::things::Looks;
use super::known::{Answer, Known};
use super::predict::Surveys;
use super::selection;
use crate::drivers::alembic::Description;
use crate::drivers::cache;
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::drivers::kept::Kept;
use crate::drivers::postgres::Server;
use crate::drivers::process::{self, quote};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::recipes::live;
use crate::recipes::survey::Scripts;
use model::code;
use model::event::{Event, Tell, timed};
use model::finding::Finding;
use model::report::{Comparison, Report, TreeReport};
use model::tree::Tree;
use model::used::Used;

/// How long the lints wait for the databases, unless they are asked for: while both trees wait for the
/// interpreter, the processor that served them has nothing else to do.
const LINTS_WAIT: Duration = Duration::from_millis(250);

/// Runs the gate. What goes wrong is in the report, whatever it is.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
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
                gate(flags, &root, &trees, interrupt, tell)
            }
        }
        Err(err) => {
            let mut report = Report::default();
            blame(&mut report, &err, None);
            report
        }
    };
    if report.known_since.is_none() {
        report.elapsed = started.elapsed();
    }
    report
}

/// Gates trees, unless it is known what would come of it.
fn gate(
    flags: &Gate,
    root: &Utf8Path,
    trees: &[Tree],
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Report {
    let started = Instant::now();
    let surveys = OnceLock::new();
    let run = Run {
        flags,
        root,
        trees,
        without: &[],
        surveys: Some(&surveys),
        scripts: None,
        in_repository: true,
        alone: true,
        reuse: reuse(flags),
        prefixes: Some(Prefixes::new()),
        parts: Mutex::default(),
        seen: Mutex::default(),
        interrupt,
        tell,
    };
    let known = Known::of(&run);
    match known.as_ref().map_or(Answer::Nothing, |known| known.look_up(&run)) {
        Answer::All(report) => {
            run.tell_again(&report);
            return *report;
        }
        Answer::Parts(parts) => run.parts(|none| *none = Some(parts)),
        Answer::Nothing => {}
    }
    let mut described = Vec::new();
    let (serving, served) = channel();
    run.see(|seen| seen.serving = Some(serving));
    let (mut report, kept) = thread::scope(|scope| {
        let run = &run;
        scope.spawn(move || {
            let _ = served.recv_timeout(LINTS_WAIT);
            run.surveys()
        });
        let ran = run.over(|report| run.go(report, &mut described));
        // They wait no longer for what could not be served.
        run.see(|seen| seen.serving.take());
        ran
    });
    process::end_strays(&kept);
    run.add_surveys(&described, &mut report);
    report.elapsed = started.elapsed();
    run.end(known.as_ref(), &report, &described);
    report
}

impl Run<'_> {
    /// Leaves for the next run what it can use, and removes the folder of this one meanwhile.
    fn end(&self, known: Option<&Known<'_>>, report: &Report, described: &[(usize, Description)]) {
        let folder = self.see(|seen| seen.folder.take());
        let looks = &Looks::default();
        thread::scope(|scope| {
            let remove = || drop(folder);
            scope.spawn(|| timed(self.tell, "Gate", "removing the folder of the run", remove));
            if let Some(prefixes) = &self.prefixes {
                let keep = move || prefixes.keep(self, report, described, looks);
                scope.spawn(move || timed(self.tell, "Gate", "keeping the beginnings", keep));
            }
            if let Some(known) = known {
                let keep = || known.keep(self, report, looks);
                timed(self.tell, "Gate", "keeping the result", keep);
            }
        });
    }
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
    let (root, mut trees) = selection::select(&flags.which)?;
    for tree in trees.iter_mut().filter(|_| flags.which.ini.is_some()) {
        (tree.url_env, tree.driver) = (flags.url_env.clone(), flags.driver.clone());
    }
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
fn blame(report: &mut Report, err: &anyhow::Error, tree: Option<&Tree>) {
    if err.is::<Interrupted>() {
        report.interrupted = true;
        return;
    }
    let its_code = live::code_of(err);
    let message = format!("{err:#}");
    // Both trees fail on one server for one reason; its log may have gone on between the two.
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
    /// The names of the supplies that the recipes leave out.
    pub(super) without: &'a [String],
    /// What the lints find out beside; `None`: nothing is linted.
    pub(super) surveys: Option<&'a OnceLock<Result<Surveys>>>,
    /// What they read before; `None`: nothing.
    pub(super) scripts: Option<&'a Scripts>,
    /// Whether what git knows of the folder is about the trees.
    pub(super) in_repository: bool,
    /// Whether no other run of this process goes on beside it. Where one does, nobody can tell what
    /// this one leaves running from what the other runs: it is ended when all are done.
    pub(super) alone: bool,
    /// What earlier runs left, where that may be used.
    pub(super) reuse: Option<Kept>,
    /// What is known of the beginnings of the trees' chains; `None`: nothing, and none is kept.
    pub(super) prefixes: Option<Prefixes>,
    /// The trees that are known whole: they are not run.
    pub(super) parts: Mutex<Option<Parts>>,
    /// What the run met, for who wants to know whether it would meet the same again.
    pub(super) seen: Mutex<Seen>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) tell: Tell<'a>,
}

/// What a run met besides the trees.
#[derive(Default)]
pub(super) struct Seen {
    /// The folders of Postgres's programs.
    pub(super) binaries: Vec<Utf8PathBuf>,
    /// The interpreters.
    pub(super) pythons: Vec<Utf8PathBuf>,
    /// What the migrations read.
    pub(super) used: Used,
    /// What those of each tree read.
    pub(super) used_by: Vec<(usize, Used)>,
    /// Whether what is not read again may have read something of another tree's.
    pub(super) is_mixed: bool,
    /// The folder of the run, where nobody works in it any more.
    pub(super) folder: Option<Scratch>,
    /// Dropped when the databases are there.
    pub(super) serving: Option<Sender<()>>,
}

impl Seen {
    /// Adds what the migrations of a tree read.
    fn add(&mut self, tree: usize, used: Used) {
        self.used_by.push((tree, used.clone()));
        self.used.join(used);
    }
}

/// What earlier runs left; `None` where nothing of it may be used: `--no-cache` says so, or CI, where
/// each run proves everything.
pub(super) fn reuse(flags: &Gate) -> Option<Kept> {
    if flags.no_cache || !may_reuse() { None } else { Kept::of_this_user() }
}

/// Whether anything of earlier runs may be used.
pub(super) fn may_reuse() -> bool {
    !std::env::var("CI").is_ok_and(|value| value == "true")
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
        self.skip_the_rest(&mut report);
        (report, kept)
    }

    /// Puts what the lints found into the report, or why they could not be run.
    pub(super) fn add_surveys(&self, described: &[(usize, Description)], report: &mut Report) {
        match self.surveys() {
            Some(Ok(surveys)) => self.add_lints(surveys, described, report),
            Some(Err(err)) => blame(report, err, None),
            None => {}
        }
    }

    /// Tells the steps of a run that was, as they would be told if they ran now.
    fn tell_again(&self, report: &Report) {
        for tree in &report.trees {
            for step in &tree.steps {
                (self.tell)(Event::StepEnded { label: &tree.label, step });
            }
        }
    }

    /// Looks at, or adds to, what the run met.
    pub(super) fn see<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at, or sets, the trees that are known whole.
    pub(super) fn parts<T>(&self, what: impl FnOnce(&mut Option<Parts>) -> T) -> T {
        what(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a tree is known whole.
    pub(super) fn is_known(&self, tree: usize) -> bool {
        self.parts(|parts| parts.as_ref().is_some_and(|parts| parts.has(tree)))
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

    /// Leaves the databases, and says how to reach and how to remove them.
    pub(super) fn keep(
        &self,
        server: Server,
        scratch: &mut Scratch,
        urls: &[(usize, String)],
        report: &mut Report,
    ) -> Result<Vec<u32>> {
        let mut lines = vec!["kept, as --keep asks:".to_owned()];
        for (index, url) in urls {
            let tree = &self.trees[*index];
            lines.push(format!("  {}", server.endpoint().psql(&tree.database)));
            lines.push(format!("  {}={}", tree.url_env, quote(url)));
        }
        let pids = match server {
            Server::Local(cluster) => {
                scratch.keep()?;
                lines.push(format!("to remove it all:\n  {}", cluster.removal()));
                let pid = cluster.pid();
                cluster.keep();
                vec![pid]
            }
            Server::Given(given) => {
                lines.push("to remove it all, run the gate again without --keep".to_owned());
                given.keep();
                Vec::new()
            }
        };
        report.notes.push(lines.join("\n"));
        Ok(pids)
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
