//! `cargo xtask migration-gate`: both trees, end to end.
//!
//! The interpreter imports Alembic while Postgres is made and started; then the trees run side by
//! side, each in a thread and a database of its own. What goes wrong for one tree never stops the
//! other, and whatever was found until something broke is in the report.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::selection;
use crate::drivers::alembic::{self, Alembic, Connection, Description, Interpreter, Limits};
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::drivers::postgres::Server;
use crate::drivers::postgres::binaries::{self, Places};
use crate::drivers::postgres::cluster::{self, Cluster};
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::given::Given;
use crate::drivers::process::{self, quote};
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::model::code;
use crate::model::event::{Event, Tell};
use crate::model::finding::Finding;
use crate::model::redact::redact;
use crate::model::report::{Postgres, Report, TreeReport};
use crate::model::step::Step;
use crate::model::transcript::Transcript;
use crate::model::tree::Tree;
use crate::recipes;
use crate::recipes::live::{Live, ServerDied};
use crate::recipes::steps::{Done, Steps};

/// Runs the gate. What goes wrong is in the report, whatever it is.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    let started = Instant::now();
    process::adopt_orphans();
    let mut report = Report::default();
    match selection::select(&flags.which) {
        Err(err) => blame(&mut report, &err, None),
        Ok((root, mut trees)) => {
            for tree in trees.iter_mut().filter(|_| flags.which.ini.is_some()) {
                (tree.url_env, tree.driver) = (flags.url_env.clone(), flags.driver.clone());
            }
            report.trees = trees.iter().map(unrun).collect();
            let run = Run { flags, root: &root, trees: &trees, interrupt, tell };
            let kept = run.go(&mut report).unwrap_or_else(|err| {
                blame(&mut report, &err, None);
                Vec::new()
            });
            process::end_strays(&kept);
            run.skip_the_rest(&mut report);
        }
    }
    report.elapsed = started.elapsed();
    report
}

fn unrun(tree: &Tree) -> TreeReport {
    TreeReport {
        tree: tree.id.clone(),
        label: tree.label.clone(),
        database: tree.database.clone(),
        heads: Vec::new(),
        graph: None,
        steps: Vec::new(),
    }
}

/// Puts an error that is not a migration's into the report.
fn blame(report: &mut Report, err: &anyhow::Error, tree: Option<&Tree>) {
    if err.is::<Interrupted>() {
        report.interrupted = true;
        return;
    }
    let code = if err.is::<ServerDied>() { &code::SERVER_DIED } else { &code::CANNOT_WORK };
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
struct Run<'a> {
    flags: &'a Gate,
    root: &'a Utf8Path,
    trees: &'a [Tree],
    interrupt: &'a Interrupt,
    tell: Tell<'a>,
}

/// The trees' Alembics and the interpreters that serve them, dropped in this order.
#[derive(Default)]
struct Prepared {
    trees: Vec<Ready>,
    interpreters: Vec<Interpreter>,
}

/// A tree that can be run, or why it cannot.
struct Ready {
    index: usize,
    python: Utf8PathBuf,
    alembic: Result<(Alembic, Result<Description, Transcript>)>,
}

impl Run<'_> {
    /// Runs what can be run, and returns the processes that are left running on purpose. Values are
    /// dropped from the last to the first: Alembic before the server, the server before its folder.
    fn go(&self, report: &mut Report) -> Result<Vec<u32>> {
        // What is missing is known in milliseconds, before anything is started.
        let readable = self.readable_trees(report);
        if readable.is_empty() {
            return Ok(Vec::new());
        }
        let url = self.flags.postgres_url.as_deref();
        let local = match url {
            Some(_) => None,
            None => {
                let places = Places::of_this_machine(self.flags.postgres_bin.as_deref());
                Some((binaries::find(&places, self.interrupt)?, cluster::server_user()?))
            }
        };
        let user = local.as_ref().and_then(|(_, user)| user.as_ref());
        let mut scratch = Scratch::new(user)?;
        let endpoint =
            url.map_or_else(|| Ok(Endpoint::local(scratch.path())), Endpoint::from_url)?;
        let (server, prepared) = thread::scope(|scope| {
            let server = scope.spawn(|| match local {
                Some((binaries, user)) => {
                    Cluster::start(binaries, user, &scratch, self.interrupt).map(Server::Local)
                }
                None => self.open_given(&endpoint),
            });
            let prepared = self.prepare(&readable, &scratch, &endpoint);
            (join(server), prepared)
        });
        let (server, prepared) = (server?, prepared?);
        let version = server.version().to_owned();
        report.postgres = Some(Postgres { version, source: server.source() });
        let statements = self.run_trees(&server, prepared, report);
        if let Server::Given(given) = &server
            && (!self.flags.keep || report.interrupted)
        {
            let left = given.clean_up(&statements);
            report.notes.extend(left.into_iter().map(|what| format!("left on the server: {what}")));
        }
        if !self.flags.keep || report.interrupted {
            return Ok(Vec::new());
        }
        self.keep(server, &mut scratch, &endpoint, report)
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

    /// Starts an interpreter for each environment and has it read each tree.
    fn prepare(&self, trees: &[usize], scratch: &Scratch, endpoint: &Endpoint) -> Result<Prepared> {
        let environments = selection::environments_folder(self.root);
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let search = Search {
            named: self.flags.python.as_deref(),
            environments: &environments,
            interrupt: self.interrupt,
            notice: &notice,
        };
        let mut pythons: Vec<(Utf8PathBuf, Vec<usize>)> = Vec::new();
        for index in trees {
            let python = python::interpreter(&search, &self.trees[*index].requirements)?;
            match pythons.iter_mut().find(|(known, _)| *known == python) {
                Some((_, served)) => served.push(*index),
                None => pythons.push((python, vec![*index])),
            }
        }
        let env = python::environment(scratch, &self.flags.pass_env);
        let (mut interpreters, mut connections) = (Vec::new(), Vec::new());
        for (python, served) in pythons {
            let (interpreter, sockets) = alembic::start(&python, served.len(), &env, scratch)?;
            interpreters.push(interpreter);
            connections
                .extend(served.into_iter().zip(sockets).map(|(i, s)| (i, python.clone(), s)));
        }
        let trees = thread::scope(|scope| {
            let handles: Vec<_> = connections
                .into_iter()
                .map(|(index, python, connection)| {
                    scope.spawn(move || {
                        let alembic = self.read_tree(&self.trees[index], connection, endpoint);
                        Ready { index, python, alembic }
                    })
                })
                .collect();
            handles.into_iter().map(join).collect()
        });
        Ok(Prepared { trees, interpreters })
    }

    fn read_tree(
        &self,
        tree: &Tree,
        connection: Connection,
        endpoint: &Endpoint,
    ) -> Result<(Alembic, Result<Description, Transcript>)> {
        let mut alembic = Alembic::new(connection, tree, endpoint, self.interrupt)?;
        let limits = Limits { timeout: self.timeout(), on_revision: &|_| {} };
        let (said, graph) = alembic.describe(&limits)?;
        Ok((alembic, graph.filter(|_| said.ok()).ok_or(said)))
    }

    /// Runs the trees side by side, puts what came of them into the report, and returns every
    /// statement that they ran.
    fn run_trees(&self, server: &Server, prepared: Prepared, report: &mut Report) -> Vec<String> {
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
        let mut statements = Vec::new();
        for (index, outcome) in done {
            let tree = &mut report.trees[index];
            tree.heads = outcome.heads;
            tree.steps = outcome.done.steps;
            report.findings.extend(outcome.done.findings);
            statements.extend(outcome.done.statements);
            if let Some(versions) = outcome.versions.filter(|v| !report.python.contains(v)) {
                report.python.push(versions);
            }
            if let Some(err) = outcome.sick {
                blame(report, &err, Some(&self.trees[index]));
            }
        }
        statements
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
        let by_hand = |command: &str| self.by_hand(tree, &ready.python, &url, command);
        let mut steps = Steps::live(Live {
            tree,
            root: self.root,
            server,
            alembic: &mut alembic,
            graph,
            timeout: self.timeout(),
            interrupt: self.interrupt,
            own_processes: own,
            by_hand: &by_hand,
            tell: self.tell,
        });
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
    fn keep(
        &self,
        server: Server,
        scratch: &mut Scratch,
        endpoint: &Endpoint,
        report: &mut Report,
    ) -> Result<Vec<u32>> {
        let mut lines = vec!["kept, as --keep asks:".to_owned()];
        for tree in self.trees {
            let url = endpoint
                .sqlalchemy_url(tree.driver.as_deref().unwrap_or("psycopg2"), &tree.database);
            lines.push(format!("  {}", endpoint.psql(&tree.database)));
            lines.push(format!("  {}={}", tree.url_env, quote(&redact(&url))));
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

    /// Adds the steps that never came to their turn, which are part of the report too.
    fn skip_the_rest(&self, report: &mut Report) {
        let why = if report.interrupted { "interrupted" } else { "the gate could not do its work" };
        for (tree, done) in self.trees.iter().zip(&mut report.trees) {
            let mut plan = Steps::rehearsal(&tree.label);
            // A rehearsal touches nothing that could fail.
            let _ = recipes::run(tree.recipe, &mut plan);
            for step in plan.finish().steps.into_iter().skip(done.steps.len()) {
                let step = Step::skipped(step.name, why.to_owned());
                (self.tell)(Event::StepEnded { label: &tree.label, step: &step });
                done.steps.push(step);
            }
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.flags.timeout)
    }
}

/// What came of one tree.
#[derive(Default)]
struct TreeOutcome {
    versions: Option<String>,
    heads: Vec<String>,
    done: Done,
    /// Why the gate could not do its work.
    sick: Option<anyhow::Error>,
}

/// The result of a thread; a panic in it goes on here.
fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
