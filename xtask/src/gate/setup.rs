//! Set-up of a run: servers, and interpreters that import Alembic.

use std::cell::OnceCell;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use camino::Utf8PathBuf;
use nix::unistd::geteuid;

use super::context::{GateContext, is_ci};
use super::isolation::Isolation;
use crate::alembic::python::{self, Search};
use crate::alembic::{self, Alembic, Connection, Interpreter};
use crate::cache::toolchain;
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::run_dir::RunDir;
use crate::os::store::Store;
use crate::postgres::binaries::{Binaries, Places};
use crate::postgres::cluster::server_user;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::external::ExternalServer;
use crate::postgres::hosted::ServerFactory;
use crate::postgres::provision::Programs;
use crate::postgres::server::Server;
use model::event::{Event, Tell, timed};
use model::tree::Tree;

/// Where the trees' servers come from.
pub enum Servers {
    /// Private ones.
    Own(ServerFactory),
    /// The one that the user named, which the trees use one after the other.
    External(Box<Server>),
}

/// The interpreters of the trees, each with the trees that it serves by their index.
pub type Pythons = Vec<(Utf8PathBuf, Vec<usize>)>;

/// Servers, interpreters and folders that are ready before the trees run. Dropped from the first
/// field to the last.
pub struct PreparedRun {
    /// The given server, or the factory of servers.
    pub servers: Servers,
    pythons: Pythons,
    /// Those in the environment of the steps, and those in another one.
    pools: [Vec<Pool>; 2],
    /// The folder of the run.
    pub scratch: RunDir,
    isolation: Isolation,
    /// How many stairs of a tree are tried at a time.
    pub lanes: usize,
    /// A description of the other environment, for the end of a sentence.
    pub elsewhere_is: String,
}

/// The connections of an interpreter that are not in use.
struct Pool {
    python: Utf8PathBuf,
    connections: Mutex<Vec<Connection>>,
    _interpreter: Interpreter,
}

/// Which environment a call runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// That of the steps.
    Here = 0,
    /// Another day, time zone, locale, home and hash seed.
    Elsewhere = 1,
}

impl PreparedRun {
    /// A tree's Alembic, in an environment.
    pub fn alembic(
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

    /// Says which protection from migrations is missing here, once an interpreter has started.
    pub fn tell_isolation(&self, tell: Tell<'_>) {
        self.isolation.tell(&self.scratch, tell);
    }

    /// The command by which a person enters the network of a server that listens in a private one.
    pub fn way_into_network(&self, server: u32) -> Option<String> {
        let of_user = if geteuid().is_root() { "" } else { " --user --preserve-credentials" };
        self.isolation.network().map(|_| format!("nsenter --net{of_user} --target {server}"))
    }

    /// Whether migrations have namespaces of their own; known once an interpreter has started.
    pub fn is_isolated(&self) -> bool {
        self.isolation.refused(&self.scratch).is_none()
    }

    /// Takes a connection back.
    pub fn give_back(&self, which: Environment, python: &Utf8PathBuf, of: Alembic) {
        if let Some(pool) = self.pools[which as usize].iter().find(|pool| pool.python == *python) {
            let mut free = pool.connections.lock().unwrap_or_else(PoisonError::into_inner);
            free.extend(of.into_connection());
        }
    }

    /// The interpreters, with the trees that they serve.
    pub fn pythons(&self) -> &Pythons {
        &self.pythons
    }

    /// The programs of its servers; `None` where the server was given.
    pub fn binaries(&self) -> Option<&Binaries> {
        match &self.servers {
            Servers::Own(factory) => Some(&factory.binaries),
            Servers::External(_) => None,
        }
    }

    /// The interpreter of a tree.
    pub fn python(&self, tree: usize) -> Option<&Utf8PathBuf> {
        let mut pythons = self.pythons.iter();
        pythons.find(|(_, trees)| trees.contains(&tree)).map(|(python, _)| python)
    }
}

impl GateContext<'_> {
    /// Where the programs of the run's own servers come from; `None` where a server is given.
    pub fn programs(&self) -> Result<Option<Programs>> {
        if self.flags.postgres_url.is_some() {
            return Ok(None);
        }
        let find = || {
            let places = Places::of_this_machine(self.flags.programs.postgres_bin.as_deref());
            let allowed = !self.flags.programs.no_provision;
            toolchain::find(&places, allowed, self.reuse.as_ref(), self.interrupt)
        };
        timed(self.tell, "Postgres", "finding it", find).map(Some)
    }

    /// The interpreters of the trees. An environment that is missing is made.
    pub fn find_pythons(&self, trees: &[usize]) -> Result<Pythons> {
        let environments = cache_dir::folder()?.join(cache_dir::PYTHON);
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let search = Search {
            root: self.root,
            named: self.flags.programs.interpreter.python.as_deref(),
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

    /// Starts the interpreters, and prepares the data directory meanwhile. `at_once` is the number
    /// of trees that run at a time, if it is not the number of these trees.
    pub fn set_up(
        &self,
        todo: &[usize],
        programs: Option<Programs>,
        pythons: Pythons,
        at_once: Option<usize>,
    ) -> Result<PreparedRun> {
        let user = match &programs {
            Some(_) => server_user()?,
            // The gate starts no server there, so migrations may run as any user.
            None => server_user().ok().flatten(),
        };
        let given = self.flags.postgres_url.as_deref().map(Endpoint::from_url).transpose()?;
        let isolation = Isolation::new(user, self.root, self.trees, given.as_ref());
        let scratch = RunDir::new(isolation.user())?;
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
                let sandbox = isolation.sandbox(python, &scratch);
                let at = (&scratch, &sandbox);
                let (interpreter, connections) = alembic::start(python, count, env, at)?;
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
        let servers = self.setting_up(what, || self.servers(programs, given, &isolation))?;
        let elsewhere_is = format!(
            "in another environment (TZ={}, LANG={}, another home and hash seed)",
            shown(&other, "TZ"),
            shown(&other, "LANG")
        );
        Ok(PreparedRun { servers, pythons, pools, scratch, isolation, lanes, elsewhere_is })
    }

    fn servers(
        &self,
        programs: Option<Programs>,
        given: Option<Endpoint>,
        isolation: &Isolation,
    ) -> Result<Servers> {
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let Some(programs) = programs else {
            let endpoint = given.context("there is no server")?;
            let allow_remote = self.flags.allow_remote;
            let given = ExternalServer::open(endpoint, allow_remote, self.interrupt, notice)?;
            return Ok(Servers::External(Box::new(Server::External(given))));
        };
        let user = server_user()?;
        let binaries = programs.get(user.as_ref(), self.interrupt, &notice)?;
        // A data directory that no server has started on proves as much as one that is made now; but where
        // `CI=true`, nothing of the cache is run that no manifest vouches for.
        let cache = Store::of_this_user().filter(|_| !is_ci());
        let network = isolation.network();
        let factory =
            ServerFactory::new(binaries, network, cache.as_ref(), self.interrupt, self.tell)?;
        Ok(Servers::Own(factory))
    }
}

fn shown(env: &[(String, std::ffi::OsString)], name: &str) -> String {
    let value = env.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}
