//! What stays ready between the runs of a watching gate: interpreters that have imported Alembic,
//! and a running server that nobody has used yet.
//!
//! Each run has a server of its own, which never saw another run: roles belong to the whole server
//! and outlive a dropped database. The next one is made while the developer types, and one for each
//! tree on which it stands right before its head ([`super::ahead`]). So the one that a run used can
//! stay until the next run has ended, for whoever wants to look into it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use camino::Utf8PathBuf;
use nix::unistd::User;

use super::ahead::{Ahead, Begun, Connections, Idle};
use crate::commands::gate::{Run, join, reuse};
use crate::commands::prepare::Ready;
use crate::drivers::alembic::{self, Connection, Interpreter};
use crate::drivers::cache;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::postgres::Server;
use crate::drivers::postgres::binaries::{Binaries, Places};
use crate::drivers::postgres::cluster::{self, Cluster, Setup};
use crate::drivers::postgres::provision;
use crate::drivers::postgres::resting::Resting;
use crate::drivers::process;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::recipes::survey::{Scripts, Survey};
use model::event::{Event, Tell};
use model::transcript::Statement;
use model::tree::Tree;

/// How many processes of a tree one interpreter serves: one or two a run. Each costs it a fork in
/// advance.
const SERVED: usize = 12;

/// What is ready. Dropped from the first to the last: servers before their folders, sockets before
/// their interpreters.
pub(super) struct Warm {
    /// What was ready for the last run and not needed.
    pub(super) idle: Idle,
    spare: Option<Spare<Used>>,
    pub(super) ahead: Vec<Ahead>,
    /// What the lints have read.
    pub(super) scripts: Arc<Scripts>,
    /// What the last run found out about its trees, by their ids.
    pub(super) surveyed: Vec<(String, Survey)>,
    /// What the new revisions of each tree did when they were last run with all steps green.
    pub(super) did: BTreeMap<usize, Vec<Statement>>,
    /// The server of the last run, and that of the run before until it is ended.
    pub(super) last: Option<Used>,
    pub(super) before: Option<Used>,
    /// What is being ended.
    going: Option<Spare<()>>,
    pythons: Vec<Python>,
    making: Making,
    scratch: Scratch,
}

/// How servers are made.
#[derive(Clone)]
pub(super) struct Making {
    binaries: Binaries,
    user: Option<User>,
    /// A data folder that was never started.
    template: Resting,
    pub(super) interrupt: Interrupt,
}

/// Something in the making or made.
pub(super) struct Spare<T> {
    making: Option<JoinHandle<Result<T>>>,
    made: Option<Result<T>>,
}

/// A server with the folder that it lives in.
pub(super) struct Used {
    pub(super) server: Server,
    pub(super) scratch: Scratch,
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

impl<T: Send + 'static> Spare<T> {
    pub(super) fn make(make: impl FnOnce() -> Result<T> + Send + 'static) -> Spare<T> {
        Spare { making: Some(thread::spawn(make)), made: None }
    }
}

impl<T> Spare<T> {
    /// What was made, waited for; `None` where it could not be.
    fn settle(&mut self) -> Option<&T> {
        if let Some(making) = self.making.take() {
            let made = making.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.made = Some(made);
        }
        self.made.as_ref()?.as_ref().ok()
    }

    /// What was made, waited for.
    pub(super) fn take(mut self) -> Result<T> {
        self.settle();
        self.made.take().context("there is nothing in the making")?
    }
}

impl<T> Drop for Spare<T> {
    fn drop(&mut self) {
        // A server in the making is waited for: then it is stopped and its folder removed.
        if let Some(making) = self.making.take() {
            drop(making.join());
        }
    }
}

impl Used {
    fn pid(&self) -> Option<u32> {
        match &self.server {
            Server::Local(cluster) => Some(cluster.pid()),
            Server::Given(_) => None,
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
        let mut warm = Warm {
            idle: Idle::default(),
            spare: None,
            ahead: Vec::new(),
            scripts: Arc::default(),
            surveyed: Vec::new(),
            did: BTreeMap::new(),
            last: None,
            before: None,
            going: None,
            pythons: pythons?,
            making,
            scratch,
        };
        for index in 0..warm.pythons.len() {
            warm.refill(index, flags)?;
        }
        warm.make_next(flags, trees);
        Ok(warm)
    }

    /// The server that nobody has used.
    pub(super) fn take_spare(&mut self) -> Result<Used> {
        self.spare.take().map_or_else(|| self.making.server(&self.making.template), Spare::take)
    }

    /// Starts another interpreter where few runs are left; it imports Alembic in the background.
    fn refill(&mut self, index: usize, flags: &Gate) -> Result<()> {
        let python = &mut self.pythons[index];
        if python.connections.len() > python.trees.len() * 2 {
            return Ok(());
        }
        let env = python::environment(&self.scratch, &flags.pass_env);
        let count = python.trees.len() * SERVED;
        let (interpreter, connections) = alembic::start(&python.path, count, &env, &self.scratch)?;
        // Those that are ready are used first.
        python.connections.splice(0..0, connections);
        // One whose sockets are used up has ended.
        python.interpreters.retain_mut(|interpreter| !interpreter.has_ended());
        python.interpreters.push(interpreter);
        Ok(())
    }

    /// Ends what the last run left, and has everything ready for the next one.
    pub(super) fn make_next(&mut self, flags: &Gate, trees: &[Tree]) {
        self.going = None;
        self.idle = Idle::default();
        self.keep_surveyed();
        process::end_strays(&self.own_processes());
        for index in 0..self.pythons.len() {
            // The run that lacks an interpreter tries again, and says what is wrong.
            let _ = self.refill(index, flags);
        }
        self.make_ahead(flags, trees);
        if self.spare.is_none() {
            let making = self.making.clone();
            self.spare = Some(Spare::make(move || making.server(&making.template)));
        }
        if let Some(before) = self.before.take() {
            self.going = Some(Spare::make(move || {
                drop(before);
                Ok(())
            }));
        }
    }

    /// Keeps what the last run read for the next one.
    pub(super) fn keep_surveyed(&mut self) {
        for (tree, survey) in self.surveyed.drain(..) {
            self.scripts.give_back(&tree, survey.scripts, survey.graph);
        }
    }

    /// Has a server made for each beginning that lacks one.
    fn make_ahead(&mut self, flags: &Gate, trees: &[Tree]) {
        for at in 0..self.ahead.len() {
            if self.ahead[at].spare.is_some() {
                continue;
            }
            let beginning = Arc::clone(&self.ahead[at].beginning);
            let connect = |begun: &Begun| {
                let (python, connection) = self.connection(begun.index, flags)?;
                let second = match begun.has_something_beside() {
                    true => Some(self.connection(begun.index, flags)?.1),
                    false => None,
                };
                Ok(Connections { python, connection, second })
            };
            let connections: Result<Vec<_>> = beginning.trees.iter().map(connect).collect();
            // Without it the next run is a full one.
            let Ok(connections) = connections else { continue };
            let (making, trees) = (self.making.clone(), trees.to_vec());
            let stand = move || beginning.stand(&making, &trees, connections);
            self.ahead[at].spare = Some(Spare::make(stand));
        }
    }

    /// A process for one run of a tree, with the path of its interpreter.
    fn connection(&mut self, tree: usize, flags: &Gate) -> Result<(Utf8PathBuf, Connection)> {
        let of_tree = |python: &Python| python.trees.contains(&tree);
        let index = self.pythons.iter().position(of_tree).context("a tree has no interpreter")?;
        if self.pythons[index].connections.is_empty() {
            self.refill(index, flags)?;
        }
        let python = &mut self.pythons[index];
        let connection = python.connections.pop().context("an interpreter has no socket")?;
        let known = self.scratch.path().join(format!("known-of-{tree}"));
        Ok((python.path.clone(), connection.knowing(known)))
    }

    /// The trees' Alembics, each in a process that no run has used.
    pub(super) fn ready(
        &mut self,
        run: &Run<'_>,
        chosen: &[usize],
        used: &Used,
    ) -> Result<Vec<Ready<'static>>> {
        let served: Result<Vec<_>> =
            chosen.iter().map(|tree| self.connection(*tree, run.flags)).collect();
        let endpoint = used.server.endpoint();
        let served = served?.into_iter().enumerate();
        Ok(thread::scope(|scope| {
            let handles: Vec<_> = served
                .map(|(index, (python, connection))| {
                    scope.spawn(move || {
                        let alembic = run.read_tree(&run.trees[index], connection, endpoint);
                        Ready::of(index, python, alembic)
                    })
                })
                .collect();
            handles.into_iter().map(join).collect()
        }))
    }

    /// The processes that are no strays. What is being made is waited for.
    fn own_processes(&mut self) -> Vec<u32> {
        let interpreters = self.pythons.iter().flat_map(|python| &python.interpreters);
        let mut own: Vec<u32> = interpreters.map(Interpreter::pid).collect();
        let spare = self.spare.as_mut().and_then(Spare::settle);
        let ahead = self.ahead.iter_mut().filter_map(|ahead| ahead.spare.as_mut()?.settle());
        let servers = self.last.iter().chain(&self.before).chain(spare);
        own.extend(servers.chain(ahead.map(|standing| &standing.used)).filter_map(Used::pid));
        own
    }
}

impl Making {
    /// A server that nobody has used, on a copy of this data folder.
    pub(super) fn server(&self, on: &Resting) -> Result<Used> {
        let scratch = Scratch::new(self.user.as_ref())?;
        let setup = Setup {
            binaries: &self.binaries,
            user: self.user.as_ref(),
            scratch: &scratch,
            interrupt: &self.interrupt,
            tell: &|_| {},
        };
        let cluster = Cluster::start_on(&setup, on, None)?;
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
