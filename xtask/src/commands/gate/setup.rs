//! What a run needs before its trees: servers, and interpreters that import Alembic.

use std::cell::OnceCell;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use camino::Utf8PathBuf;

use super::Run;
use crate::drivers::alembic::{self, Alembic, Connection, Interpreter};
use crate::drivers::cache;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::kept::Kept;
use crate::drivers::postgres::Server;
use crate::drivers::postgres::binaries::{Binaries, Places};
use crate::drivers::postgres::cluster::server_user;
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::given::Given;
use crate::drivers::postgres::hosted::ServerFactory;
use crate::drivers::postgres::provision::Programs;
use crate::drivers::postgres::remembered;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use model::event::{Event, timed};
use model::tree::Tree;

/// Where the trees' servers come from.
pub(in crate::commands) enum Servers {
    /// Private ones.
    Own(ServerFactory),
    /// The one that the user named, which the trees use one after the other.
    Given(Box<Server>),
}

/// The interpreters of the trees, each with the trees that it serves by their index.
pub(in crate::commands) type Pythons = Vec<(Utf8PathBuf, Vec<usize>)>;

/// What is ready before the trees run. Dropped from the first to the last.
pub(in crate::commands) struct Stage {
    pub(in crate::commands) servers: Servers,
    pythons: Pythons,
    /// Those in the environment of the steps, and those in another one.
    pools: [Vec<Pool>; 2],
    pub(in crate::commands) scratch: Scratch,
    /// How many stairs of a tree are tried at a time.
    pub(in crate::commands) lanes: usize,
    /// What the other environment is, at the end of a sentence.
    pub(in crate::commands) elsewhere_is: String,
}

/// The connections of an interpreter that are not in use.
struct Pool {
    python: Utf8PathBuf,
    connections: Mutex<Vec<Connection>>,
    _interpreter: Interpreter,
}

/// Which environment a call runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Environment {
    /// That of the steps.
    Here = 0,
    /// Another day, time zone, locale, home and hash seed.
    Elsewhere = 1,
}

impl Stage {
    /// A tree's Alembic, in an environment.
    pub(in crate::commands) fn alembic(
        &self,
        which: Environment,
        (python, tree): (&Utf8PathBuf, &Tree),
        endpoint: &Endpoint,
        interrupt: &Interrupt,
    ) -> Result<Alembic> {
        let pool = self.pools[which as usize].iter().find(|pool| pool.python == *python);
        let pool = pool.context("an interpreter was not started")?;
        let mut connections = pool.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.pop().context("an interpreter has no free connection")?;
        drop(connections);
        Alembic::new(connection, tree, endpoint, interrupt)
    }

    /// Takes a connection back.
    pub(in crate::commands) fn give_back(
        &self,
        which: Environment,
        python: &Utf8PathBuf,
        of: Alembic,
    ) {
        if let Some(pool) = self.pools[which as usize].iter().find(|pool| pool.python == *python) {
            let mut free = pool.connections.lock().unwrap_or_else(PoisonError::into_inner);
            free.extend(of.into_connection());
        }
    }

    /// Its folder, once all else has ended.
    pub(in crate::commands) fn into_scratch(self) -> Scratch {
        self.scratch
    }

    /// The interpreters, with the trees that they serve.
    pub(in crate::commands) fn pythons(&self) -> &Pythons {
        &self.pythons
    }

    /// The programs of its servers; `None` where the server was given.
    pub(in crate::commands) fn binaries(&self) -> Option<&Binaries> {
        match &self.servers {
            Servers::Own(factory) => Some(&factory.binaries),
            Servers::Given(_) => None,
        }
    }

    /// The interpreter of a tree.
    pub(in crate::commands) fn python(&self, tree: usize) -> Option<&Utf8PathBuf> {
        let mut pythons = self.pythons.iter();
        pythons.find(|(_, trees)| trees.contains(&tree)).map(|(python, _)| python)
    }
}

impl Run<'_> {
    /// Where the programs of the run's own servers come from; `None` where a server is given.
    pub(in crate::commands) fn programs(&self) -> Result<Option<Programs>> {
        if self.flags.postgres_url.is_some() {
            return Ok(None);
        }
        let find = || {
            let places = Places::of_this_machine(self.flags.postgres_bin.as_deref());
            let allowed = !self.flags.no_provision;
            remembered::find(&places, allowed, self.reuse.as_ref(), self.interrupt)
        };
        timed(self.tell, "Postgres", "finding it", find).map(Some)
    }

    /// The interpreters of the trees. An environment that is missing is made.
    pub(in crate::commands) fn find_pythons(&self, trees: &[usize]) -> Result<Pythons> {
        let environments = cache::folder()?.join(cache::PYTHON);
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let search = Search {
            named: self.flags.python.as_deref(),
            environments: &environments,
            interrupt: self.interrupt,
            notice: &notice,
            base: OnceCell::new(),
            kept: self.reuse.as_ref(),
        };
        let mut pythons = Pythons::new();
        for index in trees {
            let find = || python::interpreter(&search, &self.trees[*index]);
            let python = timed(self.tell, "Python", "finding it", find)?;
            match pythons.iter_mut().find(|(known, _)| *known == python) {
                Some((_, served)) => served.push(*index),
                None => pythons.push((python, vec![*index])),
            }
        }
        Ok(pythons)
    }

    /// Starts the interpreters, and makes ready what servers are made of meanwhile. `at_once` says how
    /// many trees run at a time, where it is not these trees once.
    pub(in crate::commands) fn set_up(
        &self,
        todo: &[usize],
        programs: Option<Programs>,
        pythons: Pythons,
        at_once: Option<usize>,
    ) -> Result<Stage> {
        let user = match &programs {
            Some(_) => server_user()?,
            None => None,
        };
        let scratch = Scratch::new(user.as_ref())?;
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let lanes = match (&programs, at_once) {
            (Some(_), None) => cores.div_ceil(todo.len()),
            _ => 1,
        };
        let (here, other) = (
            python::environment(&scratch, &self.flags.pass_env),
            python::environment_elsewhere(&scratch, &self.flags.pass_env, self.interrupt),
        );
        let start = |env: &[(String, std::ffi::OsString)], more: usize| -> Result<Vec<Pool>> {
            let served = pythons.iter().filter(|(_, trees)| trees.iter().any(|t| todo.contains(t)));
            let pool = |(python, trees): &(Utf8PathBuf, Vec<usize>)| {
                // A migration may end the process behind one: one is to spare.
                let count = at_once.unwrap_or(trees.len()) * (lanes + more) + 1;
                let (interpreter, connections) = alembic::start(python, count, env, &scratch)?;
                Ok(Pool {
                    python: python.clone(),
                    connections: connections.into(),
                    _interpreter: interpreter,
                })
            };
            served.map(pool).collect()
        };
        let pools = [start(&here, 1)?, start(&other, 0)?];
        let what = "importing Alembic, making the servers";
        let servers = self.setting_up(what, || self.servers(programs))?;
        let elsewhere_is = format!(
            "in another environment (TZ={}, LANG={}, another home and hash seed)",
            shown(&other, "TZ"),
            shown(&other, "LANG")
        );
        Ok(Stage { servers, pythons, pools, scratch, lanes, elsewhere_is })
    }

    fn servers(&self, programs: Option<Programs>) -> Result<Servers> {
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let Some(programs) = programs else {
            let url = self.flags.postgres_url.as_deref().unwrap_or_default();
            let (endpoint, allow_remote) = (Endpoint::from_url(url)?, self.flags.allow_remote);
            let given = Given::open(endpoint, allow_remote, self.interrupt, notice)?;
            return Ok(Servers::Given(Box::new(Server::Given(given))));
        };
        let user = server_user()?;
        let binaries = programs.get(user.as_ref(), self.interrupt, &notice)?;
        // A data directory that no server has started on proves as much as one that is made now.
        let cache = Kept::of_this_user();
        ServerFactory::new(binaries, cache.as_ref(), self.interrupt, self.tell).map(Servers::Own)
    }
}

fn shown(env: &[(String, std::ffi::OsString)], name: &str) -> String {
    let value = env.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}
