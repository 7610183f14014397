//! `--watch`: stays, and gates again at every save.
//!
//! One thread runs the gate; this one listens for changes, keys and signals. A save during a run
//! ends that run and begins another; only the trees that it touches are gated again, and the
//! verdict is over all of them. After a verdict their new revisions are rehearsed on a database in
//! use: the same again, with what it adds told alone. [`run`](mod@run) holds one run, and the parts
//! that stay ready between two.

mod listen;
mod run;
mod state;

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use self::listen::{Listen, Show, WatchEvent};
use self::run::{Task, WarmState};
use crate::flags::{Format, Gate};
use crate::gate::context::join;
use crate::gate::selection;
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::terminal::Keys;
use crate::os::watcher::Watcher;
use model::event::{Event, Tell};
use model::graph::Graph;
use model::report::Report;
use model::tree::Tree;
use model::watch::{Moment, RevisionState, Watch, WatchedTree};

/// Watches until it is told to quit, and returns the last report. Fails where it cannot begin, or
/// is interrupted.
pub fn run(
    flags: &mut Gate,
    interrupt: &Interrupt,
    tell: Tell<'_>,
    show: Show<'_>,
) -> Result<Report> {
    check(flags)?;
    let _cache = cache_dir::hold();
    let (root, trees) = selection::select_to_run(&flags.which, &flags.env_py)?;
    let folders: Vec<Utf8PathBuf> = folders(&trees);
    let watcher = Watcher::new(&folders, git_folder(&root).as_deref())?;
    let mut desk = WatchLoop::new(interrupt, (show, tell), (&root, &trees), watcher, flags.verbose);
    let mut ready = desk.make_ready(flags)?;
    let mut todo: BTreeSet<usize> = (0..trees.len()).collect();
    let mut later = BTreeSet::new();
    let (mut saved, stairway, mut whole) = (Instant::now(), flags.stairway, true);
    loop {
        let rehearses = todo.is_empty();
        let due = if rehearses { &later } else { &todo };
        let asked = RunRequest { todo: due, saved, whole: whole && !rehearses, rehearses };
        let (news, done) = match due.is_empty() {
            true => (desk.wait(None)?, false),
            false => desk.gate(&mut ready, flags, asked)?,
        };
        if done && rehearses {
            later.clear();
        } else if done {
            later.append(&mut todo);
            later.retain(|index| desk.may_be_rehearsed(*index));
            (flags.stairway, whole) = (stairway, false);
        }
        match news {
            WatchEvent::Done => {}
            WatchEvent::Changed(files) => {
                saved = Instant::now();
                let concerned = desk.changed(&files);
                todo.extend(concerned.iter().flat_map(|(_, owners)| owners));
                ready.forget(&files);
                if trees
                    .iter()
                    .any(|tree| tree.requirements.as_ref().is_some_and(|lock| files.contains(lock)))
                {
                    ready = desk.make_ready(flags)?;
                }
            }
            WatchEvent::Again { stairway } => {
                saved = Instant::now();
                flags.stairway |= stairway;
                whole = true;
                todo.extend(0..trees.len());
                desk.update(|state| state.changed.clear());
            }
            WatchEvent::Quit => return Ok(desk.last_report()),
        }
    }
}

/// Fails for options that a watch cannot serve.
fn check(flags: &Gate) -> Result<()> {
    if flags.postgres_url.is_some() {
        bail!(
            "cannot use --watch with a given server: each run has one that no run has used\n\
             hint: leave out --postgres-url (MIGRATION_GATE_POSTGRES_URL)"
        );
    }
    if flags.output.format.is_some_and(|format| format != Format::Human) {
        bail!(
            "cannot use --watch with that --format: it shows a screen, or lines for a person\n\
             hint: --report json=PATH is written anew at each verdict"
        );
    }
    Ok(())
}

fn watched(tree: &Tree) -> WatchedTree {
    WatchedTree { tree: tree.id.clone(), label: tree.label.clone(), ..WatchedTree::default() }
}

/// A file as it is shown: relative to the root where it lies below.
fn shown(file: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    file.strip_prefix(root).unwrap_or(file).to_owned()
}

/// The folders that decide how the trees run: where Alembic runs, from where env.py may import, and
/// where the ini lies.
fn folders(trees: &[Tree]) -> Vec<Utf8PathBuf> {
    let mut all: Vec<Utf8PathBuf> = trees
        .iter()
        .flat_map(|tree| [tree.cwd.clone(), tree.cwd.join(tree.ini_folder())])
        .collect();
    all.sort();
    // A folder below another one is watched with it.
    all.dedup_by(|folder, before| folder.starts_with(&*before));
    all
}

/// Where git keeps its index: in a worktree `.git` is a file that says where.
fn git_folder(root: &Utf8Path) -> Option<Utf8PathBuf> {
    let git = root.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git);
    }
    let text = std::fs::read_to_string(&git).ok()?;
    let named = Utf8Path::new(text.trim().strip_prefix("gitdir:")?.trim());
    Some(git.parent()?.join(named))
}

/// Request for a run.
#[derive(Clone, Copy)]
struct RunRequest<'a> {
    /// The trees.
    todo: &'a BTreeSet<usize>,
    /// Since when.
    saved: Instant,
    /// Whether everything is run, without known results.
    whole: bool,
    /// Whether it is a rehearsal, after the verdict.
    rehearses: bool,
}

/// Loop of a watch: file changes and keys in, runs and their state out.
struct WatchLoop<'a> {
    interrupt: &'a Interrupt,
    show: Show<'a>,
    /// Takes the spans of a run.
    tell: Tell<'a>,
    root: &'a Utf8Path,
    trees: &'a [Tree],
    watcher: Watcher,
    keys: Option<Keys>,
    state: Mutex<Watch>,
}

impl<'a> WatchLoop<'a> {
    fn new(
        interrupt: &'a Interrupt,
        (show, tell): (Show<'a>, Tell<'a>),
        (root, trees): (&'a Utf8Path, &'a [Tree]),
        watcher: Watcher,
        verbose: bool,
    ) -> WatchLoop<'a> {
        let keys = Keys::take();
        let state = Watch {
            trees: trees.iter().map(watched).collect(),
            keys: keys.is_some(),
            verbose,
            ..Watch::default()
        };
        WatchLoop { interrupt, show, tell, root, trees, watcher, keys, state: state.into() }
    }

    /// Makes the parts that stay ready between runs.
    fn make_ready(&self, flags: &Gate) -> Result<WarmState> {
        let (todo, known) = (&BTreeSet::new(), &|_: usize, _: &Graph| {});
        let (root, trees, interrupt, tell) = (self.root, self.trees, self.interrupt, self.tell);
        let (whole, rehearses) = (true, false);
        WarmState::make(&Task {
            flags,
            root,
            trees,
            todo,
            whole,
            rehearses,
            interrupt,
            tell,
            known,
        })
    }

    fn update(&self, change: impl FnOnce(&mut Watch)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn show(&self, moment: Moment) {
        (self.show)(&self.state.lock().unwrap_or_else(PoisonError::into_inner), moment);
    }

    /// Notes that files changed, and returns each with the trees that it concerns.
    fn changed(&self, files: &[Utf8PathBuf]) -> Vec<(Utf8PathBuf, Vec<usize>)> {
        self.update(|state| {
            state.changed = files.iter().map(|file| shown(file, self.root)).collect();
        });
        files.iter().map(|file| (file.clone(), self.concerned(file))).collect()
    }

    /// Whether a tree has new revisions, and its steps passed.
    fn may_be_rehearsed(&self, index: usize) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = &state.trees[index];
        !tree.new.is_empty() && tree.new.iter().all(|new| new.state == RevisionState::Passed)
    }

    fn last_report(&self) -> Report {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.report.clone().unwrap_or_default()
    }

    /// The trees that a file may concern; one that is no tree's own concerns all.
    fn concerned(&self, file: &Utf8Path) -> Vec<usize> {
        let own = |tree: &Tree| {
            file.starts_with(&tree.cwd) || file.starts_with(tree.cwd.join(tree.ini_folder()))
        };
        let owners: Vec<usize> =
            (0..self.trees.len()).filter(|index| own(&self.trees[*index])).collect();
        if owners.is_empty() { (0..self.trees.len()).collect() } else { owners }
    }

    /// Runs the gate over some trees, and listens meanwhile. Returns the event that ended the wait,
    /// and whether the run came to its end.
    fn gate(
        &mut self,
        ready: &mut WarmState,
        flags: &Gate,
        asked: RunRequest<'_>,
    ) -> Result<(WatchEvent, bool)> {
        let RunRequest { todo, whole, rehearses, .. } = asked;
        let child = self.interrupt.child()?;
        let (done, ring) = UnixStream::pair().context("cannot make a socket pair")?;
        if !rehearses {
            self.update(|state| state::begin(state, todo));
            self.show(Moment::Begun);
        }
        let (state, show, interrupt) = (&self.state, self.show, &child);
        let told = self.tell;
        let tell = |event: Event<'_>| {
            if let Event::Spent { .. } | Event::StepStarted { .. } | Event::StepEnded { .. } = event
            {
                told(event);
            }
            if rehearses {
                return;
            }
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(moment) = state::take(&mut state, event) {
                show(&state, moment);
            }
        };
        let (root, trees) = (self.root, self.trees);
        let known = |index: usize, graph: &Graph| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state::know(&mut state.trees[index], graph);
            show(&state, Moment::Progress);
        };
        let (watcher, keys) = (&mut self.watcher, &mut self.keys);
        let (news, (report, opened)) = thread::scope(|scope| {
            let run = scope.spawn(move || {
                let (tell, known) = (&tell, &known);
                let task =
                    Task { flags, root, trees, todo, whole, rehearses, interrupt, tell, known };
                let (report, opened) = ready.gate(&task);
                drop(ring);
                (report, opened)
            });
            let listen = Listen { interrupt, state, show };
            let news = listen.wait(watcher, keys, Some(&done));
            if !matches!(news, Ok(WatchEvent::Done)) {
                child.supersede();
            }
            (news, join(run))
        });
        self.interrupt.check()?;
        let done = !report.interrupted;
        if done {
            self.end(asked, report, opened);
        }
        Ok((news?, done))
    }

    /// Shows what came of a run.
    fn end(&self, asked: RunRequest<'_>, report: Report, opened: Vec<(usize, String)>) {
        let after = asked.saved.elapsed();
        if asked.rehearses {
            self.update(|state| state::rehearsed(state, asked.todo, report, after));
            return self.show(Moment::Rehearsed);
        }
        self.update(|state| {
            for (index, psql) in opened {
                state.trees[index].psql = Some(psql);
            }
            state::end(state, report, after);
        });
        self.show(Moment::Verdict);
    }

    fn wait(&mut self, done: Option<&UnixStream>) -> Result<WatchEvent> {
        let listen = Listen { interrupt: self.interrupt, state: &self.state, show: self.show };
        listen.wait(&mut self.watcher, &mut self.keys, done)
    }
}
