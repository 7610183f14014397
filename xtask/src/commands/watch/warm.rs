//! What stays ready between the runs of a watching gate: interpreters that have imported Alembic,
//! and a running server that nobody has used yet.
//!
//! Each run has a server of its own, which never saw another run: roles belong to the whole server
//! and outlive a dropped database. The next one is made while the developer types. So the one that
//! a run used can stay until the next run begins, for whoever wants to look into it.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use crate::commands::gate::{Run, join, reuse};
use crate::commands::prepare::{Prepared, Ready};
use crate::drivers::alembic::{self, Connection, Interpreter};
use crate::drivers::cache;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::postgres::Server;
use crate::drivers::postgres::binaries::{Binaries, Places};
use crate::drivers::postgres::cluster::{self, Cluster, Setup};
use crate::drivers::postgres::provision;
use crate::drivers::postgres::resting::Resting;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::model::event::{Event, Tell};
use crate::model::graph::Graph;
use crate::model::report::{Postgres, Report};
use crate::model::tree::Tree;

/// How many runs one interpreter serves. Each costs it a fork in advance.
const RUNS_SERVED: usize = 8;

/// What is ready. Dropped from the first to the last: servers before their folders, sockets before
/// their interpreters.
pub(super) struct Warm {
    spare: Option<Spare>,
    last: Option<Used>,
    pythons: Vec<Python>,
    making: Making,
    scratch: Scratch,
}

/// How servers are made.
#[derive(Clone)]
struct Making {
    binaries: Binaries,
    user: Option<User>,
    /// A data folder that was never started.
    template: Resting,
    interrupt: Interrupt,
}

/// A server in the making or made.
struct Spare {
    made: Option<JoinHandle<Result<Used>>>,
}

/// A server with the folder that it lives in.
struct Used {
    server: Server,
    scratch: Scratch,
}

/// An environment, with a socket for each run that its interpreters are to serve.
struct Python {
    path: Utf8PathBuf,
    /// The trees that it serves.
    trees: Vec<usize>,
    connections: Vec<Connection>,
    /// The interpreter that serves now, and the one before.
    interpreters: Vec<Interpreter>,
}

impl Drop for Spare {
    fn drop(&mut self) {
        // A server in the making is waited for: then it is stopped and its folder removed.
        if let Some(made) = self.made.take() {
            drop(made.join());
        }
    }
}

impl Warm {
    /// Makes everything ready. Fails where something that the gate needs is missing.
    pub(super) fn make(
        flags: &Gate,
        trees: &[Tree],
        interrupt: &Interrupt,
        tell: Tell<'_>,
    ) -> Result<Warm> {
        let places = Places::of_this_machine(flags.postgres_bin.as_deref());
        let programs = provision::find(&places, !flags.no_provision, interrupt)?;
        let user = cluster::server_user()?;
        let notice = |text: &str| tell(Event::Notice(text));
        let binaries = programs.get(user.as_ref(), interrupt, &notice)?;
        let scratch = Scratch::new(user.as_ref())?;
        let what = "making a cluster, importing Alembic";
        tell(Event::SetUpStarted { what });
        let pythons = environments(flags, trees, interrupt, tell);
        let setup =
            Setup { binaries: &binaries, user: user.as_ref(), scratch: &scratch, interrupt, tell };
        let template = cluster::prepare(&setup, reuse(flags).as_ref());
        tell(Event::SetUpEnded { what });
        let making = Making { binaries, user, template: template?, interrupt: interrupt.clone() };
        let mut warm = Warm { spare: None, last: None, pythons: pythons?, making, scratch };
        for index in 0..warm.pythons.len() {
            warm.refill(index, flags)?;
        }
        warm.make_spare();
        Ok(warm)
    }

    fn make_spare(&mut self) {
        let making = self.making.clone();
        self.spare = Some(Spare { made: Some(thread::spawn(move || making.server())) });
    }

    /// The server that nobody has used.
    fn take_spare(&mut self) -> Result<Used> {
        let made = self.spare.as_mut().and_then(|spare| spare.made.take());
        self.spare = None;
        match made {
            Some(made) => made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => self.making.server(),
        }
    }

    /// Starts another interpreter where few runs are left; it imports Alembic in the background.
    fn refill(&mut self, index: usize, flags: &Gate) -> Result<()> {
        let python = &mut self.pythons[index];
        if python.connections.len() > python.trees.len() {
            return Ok(());
        }
        let env = python::environment(&self.scratch, &flags.pass_env);
        let count = python.trees.len() * RUNS_SERVED;
        let (interpreter, connections) = alembic::start(&python.path, count, &env, &self.scratch)?;
        // Those that are ready are used first.
        python.connections.splice(0..0, connections);
        if python.interpreters.len() > 1 {
            // Its sockets are used up by now.
            python.interpreters.remove(0);
        }
        python.interpreters.push(interpreter);
        Ok(())
    }

    /// A run over some trees, on a fresh server. `known` is told the graphs that the lints read.
    #[expect(clippy::too_many_arguments, reason = "a run is all of this")]
    pub(super) fn gate(
        &mut self,
        flags: &Gate,
        root: &Utf8Path,
        trees: &[Tree],
        todo: &BTreeSet<usize>,
        interrupt: &Interrupt,
        tell: Tell<'_>,
        known: &(dyn Fn(usize, &Graph) + Sync),
    ) -> (Report, Vec<(usize, String)>) {
        let started = std::time::Instant::now();
        // Whoever looked into the last run's database is done with it.
        self.last = None;
        let chosen: Vec<usize> = todo.iter().copied().collect();
        let trees: Vec<Tree> = chosen.iter().map(|index| trees[*index].clone()).collect();
        let surveys = OnceLock::new();
        let run = Run {
            flags,
            root,
            trees: &trees,
            without: &[],
            surveys: Some(&surveys),
            in_repository: true,
            alone: false,
            reuse: None,
            prefixes: None,
            seen: Mutex::default(),
            interrupt,
            tell,
        };
        let mut described = Vec::new();
        let (mut report, _) = thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(Ok(surveys)) = run.surveys() {
                    for (index, survey) in surveys {
                        known(chosen[*index], &survey.graph);
                    }
                }
            });
            run.over(|report| {
                let used = self.take_spare()?;
                report.postgres = Some(Postgres {
                    version: used.server.version().to_owned(),
                    source: used.server.source(),
                });
                let ready = self.ready(&run, &chosen, &used)?;
                described.extend(ready.iter().filter_map(Ready::graph));
                let mut prepared = Prepared { trees: ready, interpreters: Vec::new() };
                run.prepare_elsewhere(&mut prepared, &used.scratch)?;
                run.run_trees(&used.server, prepared, report);
                self.last = Some(used);
                Ok(Vec::new())
            })
        });
        run.add_surveys(&described, &mut report);
        report.elapsed = started.elapsed();
        let opened = self.last.as_ref().filter(|_| !report.interrupted).map(|used| {
            let psql = |tree: &Tree| used.server.endpoint().psql(&tree.database);
            chosen.iter().copied().zip(trees.iter().map(psql)).collect()
        });
        crate::drivers::process::end_strays(&self.own_processes());
        for index in 0..self.pythons.len() {
            if let Err(err) = self.refill(index, flags) {
                report.notes.push(format!("{err:#}"));
            }
        }
        self.make_spare();
        (report, opened.unwrap_or_default())
    }

    /// The trees' Alembics, each in a process that no run has used.
    fn ready(
        &mut self,
        run: &Run<'_>,
        chosen: &[usize],
        used: &Used,
    ) -> Result<Vec<Ready<'static>>> {
        let mut served = Vec::new();
        for (index, of_all) in chosen.iter().enumerate() {
            let python = self
                .pythons
                .iter_mut()
                .find(|python| python.trees.contains(of_all))
                .context("a tree has no interpreter")?;
            let connection = python.connections.pop().context("an interpreter has no socket")?;
            served.push((index, python.path.clone(), connection));
        }
        let endpoint = used.server.endpoint();
        Ok(thread::scope(|scope| {
            let handles: Vec<_> = served
                .into_iter()
                .map(|(index, python, connection)| {
                    scope.spawn(move || {
                        let alembic = run.read_tree(&run.trees[index], connection, endpoint);
                        Ready::of(index, python, alembic)
                    })
                })
                .collect();
            handles.into_iter().map(join).collect()
        }))
    }

    fn own_processes(&self) -> Vec<u32> {
        let mut own: Vec<u32> =
            self.pythons.iter().flat_map(|p| &p.interpreters).map(Interpreter::pid).collect();
        if let Some(Used { server: Server::Local(cluster), .. }) = &self.last {
            own.push(cluster.pid());
        }
        own
    }
}

impl Making {
    fn server(&self) -> Result<Used> {
        let scratch = Scratch::new(self.user.as_ref())?;
        let setup = Setup {
            binaries: &self.binaries,
            user: self.user.as_ref(),
            scratch: &scratch,
            interrupt: &self.interrupt,
            tell: &|_| {},
        };
        let cluster = Cluster::start_on(&setup, &self.template, None)?;
        Ok(Used { server: Server::Local(cluster), scratch })
    }
}

/// The environments that the trees run in.
fn environments(
    flags: &Gate,
    trees: &[Tree],
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Result<Vec<Python>> {
    let environments = cache::folder()?.join(cache::PYTHON);
    let notice = |text: &str| tell(Event::Notice(text));
    let search = Search {
        named: flags.python.as_deref(),
        environments: &environments,
        interrupt,
        notice: &notice,
        base: OnceCell::new(),
        kept: None,
    };
    let mut pythons: Vec<Python> = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        let path = python::interpreter(&search, &tree.requirements)?;
        match pythons.iter_mut().find(|known| known.path == path) {
            Some(known) => known.trees.push(index),
            None => pythons.push(Python {
                path,
                trees: vec![index],
                connections: Vec::new(),
                interpreters: Vec::new(),
            }),
        }
    }
    match pythons.is_empty() {
        true => Err(anyhow!("there is no tree to watch")),
        false => Ok(pythons),
    }
}
