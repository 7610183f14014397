//! `cargo xtask migration-gate`: both trees, end to end.
//!
//! The interpreter imports Alembic while Postgres is made and started; then the trees run side by
//! side, each in a thread and a database of its own. What goes wrong for one tree never stops the
//! other, and whatever was found until something broke is in the report.

use std::sync::OnceLock;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use camino::Utf8Path;

use super::predict::Surveys;
use super::prepare::{Prepared, Ready};
use super::selection;
use crate::drivers::alembic::{Description, Interpreter};
use crate::drivers::cache;
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::drivers::postgres::Server;
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::given::Given;
use crate::drivers::process::{self, quote};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::model::event::{Event, Tell};
use crate::model::finding::Finding;
use crate::model::redact::redact;
use crate::model::report::{Postgres, Report, TreeReport};
use crate::model::tree::Tree;
use crate::recipes;
use crate::recipes::live::{self, Live};
use crate::recipes::reversal::Memory;
use crate::recipes::steps::{Done, Steps};

/// Runs the gate. What goes wrong is in the report, whatever it is.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    let started = Instant::now();
    process::adopt_orphans();
    let _cache = cache::hold();
    let mut report = Report::default();
    match selection::select(&flags.which) {
        Err(err) => blame(&mut report, &err, None),
        Ok((root, mut trees)) => {
            for tree in trees.iter_mut().filter(|_| flags.which.ini.is_some()) {
                (tree.url_env, tree.driver) = (flags.url_env.clone(), flags.driver.clone());
            }
            let (root, trees) = (&root, trees.as_slice());
            let surveys = OnceLock::new();
            let run = Run {
                flags,
                root,
                trees,
                without: &[],
                surveys: Some(&surveys),
                in_repository: true,
                alone: true,
                interrupt,
                tell,
            };
            let mut described = Vec::new();
            let (over, kept) = thread::scope(|scope| {
                scope.spawn(|| run.surveys());
                run.over(|report| run.go(report, &mut described))
            });
            report = over;
            process::end_strays(&kept);
            run.add_surveys(&described, &mut report);
        }
    }
    report.elapsed = started.elapsed();
    report
}

/// Puts an error that is not a migration's into the report.
fn blame(report: &mut Report, err: &anyhow::Error, tree: Option<&Tree>) {
    if err.is::<Interrupted>() {
        report.interrupted = true;
        return;
    }
    let code = live::code_of(err);
    let message = format!("{err:#}");
    // Both trees fail on one server for one reason.
    if report.findings.iter().any(|f| f.code == code && f.message == message) {
        return;
    }
    report
        .findings
        .push(Finding { tree: tree.map(|t| t.id.clone()), ..Finding::new(code, message) });
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
    /// Whether what git knows of the folder is about the trees.
    pub(super) in_repository: bool,
    /// Whether no other run of this process goes on beside it. Where one does, nobody can tell what
    /// this one leaves running from what the other runs: it is ended when all are done.
    pub(super) alone: bool,
    pub(super) interrupt: &'a Interrupt,
    pub(super) tell: Tell<'a>,
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

    /// Runs what can be run, and returns the processes that are left running on purpose. Values are
    /// dropped from the last to the first: Alembic before the server, the server before its folder.
    fn go(
        &self,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<Vec<u32>> {
        // What is missing is known in milliseconds, before anything is started.
        let readable = self.readable_trees(report);
        if readable.is_empty() {
            return Ok(Vec::new());
        }
        let url = self.flags.postgres_url.as_deref();
        let local = self.own_programs()?;
        let user = local.as_ref().and_then(|(_, user)| user.as_ref());
        let mut scratch = Scratch::new(user)?;
        let endpoint =
            url.map_or_else(|| Ok(Endpoint::local(scratch.path())), Endpoint::from_url)?;
        let (server, prepared) = thread::scope(|scope| {
            let server = scope.spawn(|| match local {
                Some((programs, user)) => self.start_own(programs, user, &scratch),
                None => self.open_given(&endpoint),
            });
            let prepared = self
                .setting_up("Python — importing Alembic, reading the trees", || {
                    self.prepare(&readable, &scratch, &endpoint)
                });
            (join(server), prepared)
        });
        let (server, mut prepared) = (server?, prepared?);
        self.prepare_elsewhere(&mut prepared, &scratch)?;
        described.extend(prepared.trees.iter().filter_map(Ready::graph));
        let version = server.version().to_owned();
        report.postgres = Some(Postgres { version, source: server.source() });
        let ran = self.run_trees(&server, prepared, report);
        if let Server::Given(given) = &server
            && (!self.flags.keep || report.interrupted)
        {
            let left = given.clean_up(&ran.statements);
            report.notes.extend(left.into_iter().map(|what| format!("left on the server: {what}")));
        }
        if !self.flags.keep || report.interrupted {
            return Ok(Vec::new());
        }
        self.keep(server, &mut scratch, &ran.urls, report)
    }

    pub(super) fn setting_up<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        (self.tell)(Event::SetUpStarted { what });
        let done = work();
        (self.tell)(Event::SetUpEnded { what });
        done
    }

    fn open_given(&self, endpoint: &Endpoint) -> Result<Server> {
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let allow_remote = self.flags.allow_remote;
        Given::open(endpoint.clone(), allow_remote, self.interrupt, notice).map(Server::Given)
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

    /// Runs the trees side by side, and puts what came of them into the report.
    pub(super) fn run_trees(
        &self,
        server: &Server,
        prepared: Prepared,
        report: &mut Report,
    ) -> Ran {
        let mut own: Vec<u32> = prepared.interpreters.iter().map(Interpreter::pid).collect();
        if let Server::Local(cluster) = server {
            own.push(cluster.pid());
        }
        let own = own.as_slice();
        let done: Vec<_> = thread::scope(|scope| {
            let run = |ready: Ready| {
                scope.spawn(move || {
                    let tree = &self.trees[ready.index];
                    (ready.index, self.run_tree(tree, ready, server, own))
                })
            };
            let handles: Vec<_> = prepared.trees.into_iter().map(run).collect();
            handles.into_iter().map(join).collect()
        });
        let mut ran = Ran::default();
        for (index, outcome) in done {
            let tree = &mut report.trees[index];
            tree.heads = outcome.heads;
            tree.steps = outcome.done.steps;
            tree.new_revisions = self.new_revisions(index, &tree.heads);
            tree.sql = outcome.done.way_up;
            tree.sql.retain(|ran| {
                ran.revision.as_ref().is_some_and(|r| tree.new_revisions.contains(r))
            });
            report.findings.extend(outcome.done.findings);
            ran.statements
                .extend(outcome.done.statements.into_iter().map(|statement| statement.sql));
            ran.urls.extend(outcome.url.map(|url| (index, url)));
            if let Some(versions) = outcome.versions.filter(|v| !report.python.contains(v)) {
                report.python.push(versions);
            }
            if let Some(err) = outcome.sick {
                blame(report, &err, Some(&self.trees[index]));
            }
        }
        ran
    }

    fn run_tree(&self, tree: &Tree, ready: Ready, server: &Server, own: &[u32]) -> TreeOutcome {
        let mut outcome = TreeOutcome::default();
        let (mut alembic, graph) = match ready.alembic {
            Ok(ready) => ready,
            Err(err) => return TreeOutcome { sick: Some(err), ..outcome },
        };
        outcome.versions = Some(alembic.versions.clone());
        outcome.heads = graph.as_ref().map(|graph| graph.heads.clone()).unwrap_or_default();
        if let Err(err) = server.create_database(&tree.database, self.interrupt) {
            outcome.sick = Some(err);
            return outcome;
        }
        let url = redact(alembic.url()).into_owned();
        outcome.url = Some(url.clone());
        let stairs = self.stairs(ready.index, graph.as_ref().ok());
        let by_hand = |command: &str| self.by_hand(tree, &ready.python, &url, command);
        let mut steps = Steps::live(Live {
            tree,
            root: self.root,
            server,
            alembic: &mut alembic,
            graph,
            before_seed: false,
            timeout: self.timeout(),
            interrupt: self.interrupt,
            own_processes: self.alone.then_some(own),
            by_hand: &by_hand,
            tell: self.tell,
            alone: self.trees.len() == 1 && self.flags.postgres_url.is_none(),
            keep: self.flags.keep,
            elsewhere: ready.elsewhere,
            memory: Memory::default(),
        })
        .without(self.without)
        .with_stairs(stairs);
        outcome.sick = recipes::run(tree.recipe, &mut steps).err();
        outcome.done = steps.finish();
        outcome
    }

    /// The commands that run an Alembic call again.
    fn by_hand(&self, tree: &Tree, python: &Utf8Path, url: &str, command: &str) -> Vec<String> {
        let (cwd, name) = (quote(tree.cwd.as_str()), &tree.url_env);
        let python = quote(python.as_str());
        if self.flags.keep {
            return vec![format!("cd {cwd} && {name}={} {python} -m {command}", quote(url))];
        }
        let mut which = match &self.flags.which.ini {
            Some(_) => format!("--ini {}", quote(tree.ini_path().as_str())),
            None => tree.id.clone(),
        };
        if self.flags.which.root.is_some() {
            which += &format!(" --root {}", quote(self.root.as_str()));
        }
        vec![
            format!("cargo xtask migration-gate {which} --keep   # prints {name}"),
            format!("cd {cwd} && {name}=… {python} -m {command}"),
        ]
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

/// What the trees ran, and where.
#[derive(Default)]
pub(super) struct Ran {
    statements: Vec<String>,
    /// The database URL of each tree, without its password.
    pub(super) urls: Vec<(usize, String)>,
}

/// What came of one tree.
#[derive(Default)]
struct TreeOutcome {
    /// The URL of its database, without its password.
    url: Option<String>,
    versions: Option<String>,
    heads: Vec<String>,
    done: Done,
    /// Why the gate could not do its work.
    sick: Option<anyhow::Error>,
}

/// The result of a thread; a panic in it goes on here.
pub(super) fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
