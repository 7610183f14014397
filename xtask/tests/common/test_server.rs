//! Server and Alembic worker for tests of what lies below the gate.

use std::cell::OnceCell;

use camino::{Utf8Path, Utf8PathBuf};

use crate::alembic::python::{self, Search};
use crate::alembic::{self, Connection, Interpreter};
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::run_dir::RunDir;
use crate::os::sandbox::Sandbox;
use crate::postgres::binaries::Places;
use crate::postgres::cluster::{self, Cluster, Setup};
use crate::postgres::provision;
use crate::postgres::session::Session;
use model::tree::Tree;

/// A server of a test. Fields drop in order: the cluster before its folder.
pub struct TestServer {
    pub cluster: Cluster,
    pub scratch: RunDir,
    /// The folder of Postgres's programs.
    pub bin: Utf8PathBuf,
    pub interrupt: Interrupt,
}

impl TestServer {
    pub fn start() -> TestServer {
        let interrupt = Interrupt::never().unwrap();
        let user = cluster::server_user().unwrap();
        let programs = provision::find(&Places::of_this_machine(None), true, &interrupt).unwrap();
        let found = programs.get(user.as_ref(), &interrupt, &|_| {}).unwrap();
        let scratch = RunDir::new(user.as_ref()).unwrap();
        let setup = Setup {
            binaries: &found,
            user: user.as_ref(),
            scratch: &scratch,
            interrupt: &interrupt,
            tell: &|_| {},
            endpoint: None,
            network: None,
        };
        let cluster = Cluster::start(&setup, None).unwrap();
        TestServer { cluster, scratch, bin: found.dir.clone(), interrupt }
    }

    pub fn session(&self, database: &str) -> Session<'_> {
        Session::open(&self.cluster.endpoint, database, &self.interrupt).unwrap()
    }

    /// A worker in the environment of a tree; it ends when the interpreter drops.
    pub fn worker(&self, tree: &Tree) -> (Interpreter, Connection) {
        let named = std::env::var("MIGRATION_GATE_PYTHON").ok().map(Utf8PathBuf::from);
        let search = Search {
            root: Utf8Path::new("/"),
            named: named.as_deref(),
            environments: &cache_dir::folder().unwrap().join(cache_dir::PYTHON),
            interrupt: &self.interrupt,
            notice: &|_| {},
            base: OnceCell::new(),
            kept: None,
        };
        let python = python::interpreter(&search, tree).unwrap();
        let env = python::environment(&self.scratch, &[]);
        let (interpreter, mut connections) =
            alembic::start(&python, 1, &env, (&self.scratch, &Sandbox::default())).unwrap();
        (interpreter, connections.pop().unwrap())
    }
}
