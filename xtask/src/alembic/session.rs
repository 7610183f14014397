//! Session of a tree's Alembic: its calls, one after the other, on one connection to the worker.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::call_target::CallTarget;
use super::connection::{Connection, Received};
use super::listener::Listener;
use super::own_wait::OwnWait;
use super::protocol::{Call, Description, Event, Target};
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::postgres::endpoint::Endpoint;
use model::production::Look;
use model::start::VersionTable;
use model::transcript::{End, RevisionInFlight, Statement, Transcript};
use model::tree::Tree;
use model::used::Used;

/// A tree's Alembic, ready for calls.
pub struct Alembic {
    connection: Connection,
    target: CallTarget,
    interrupt: Interrupt,
    /// The interpreter.
    pub info: InterpreterInfo,
    /// The files and folders that the calls read.
    pub used: Used,
    /// Where Alembic keeps its version, as the last call's env.py configured it.
    pub version_table: VersionTable,
    /// All that the last call named: each with the place of its database among those of the call.
    pub version_tables: Vec<(usize, VersionTable)>,
    /// The operations that [`Alembic::check`] found to lead from the database to the models of env.py;
    /// `None`: it has none.
    pub models: Option<Vec<String>>,
    /// The longest time until a call's first revision began: env.py, and what it imports.
    pub slowest_start: Duration,
}

/// Facts of an interpreter that a report names.
#[derive(Clone)]
pub struct InterpreterInfo {
    /// The versions of Python and its packages.
    pub versions: String,
    /// The seed of its hashes, as `PYTHONHASHSEED` takes it.
    pub hash_seed: String,
}

/// Limits and callbacks of a call.
pub struct Limits<'a> {
    /// How long.
    pub timeout: Duration,
    /// Takes each revision when it begins.
    pub on_revision: &'a dyn Fn(&RevisionInFlight),
    /// Returns at the deadline, while the call still runs, the lock that it waits for.
    pub on_deadline: &'a dyn Fn() -> Option<String>,
    /// The pause on the way.
    pub pause: Option<Pause<'a>>,
    /// Takes the locks of the call's sessions around each statement; a call that waits goes on when
    /// it returns.
    pub look: Option<&'a dyn Fn(Look)>,
}

impl Limits<'_> {
    /// Limits of a call without callbacks.
    pub fn of(timeout: Duration) -> Self {
        let (on_revision, on_deadline) = (&|_: &RevisionInFlight| {}, &|| None);
        Limits { timeout, on_revision, on_deadline, pause: None, look: None }
    }
}

/// A moment in an upgrade at which the gate looks at the database.
#[derive(Clone, Copy)]
pub struct Pause<'a> {
    /// Before the upgrade to the first of these that is reached.
    pub before: &'a [String],
    /// Runs during the pause.
    pub then: &'a dyn Fn(PausePoint<'_>),
}

/// State of an upgrade while it pauses.
#[derive(Clone, Copy)]
pub struct PausePoint<'s> {
    /// Where Alembic keeps its version.
    pub table: &'s VersionTable,
    /// The statements of this call so far.
    pub statements: &'s [Statement],
    /// State of the connection that a new one lacks: settings, temporary tables, locks.
    pub carries: &'s [String],
}

impl Alembic {
    /// The names of the version tables that calls have named.
    pub fn names_of_version_tables(&self) -> BTreeSet<String> {
        let told = self.version_tables.iter().map(|(_, table)| &table.name);
        told.chain([&self.version_table.name]).cloned().collect()
    }

    /// Waits until the interpreter is ready. Fails where Alembic cannot be imported, or where the
    /// interpreter has no driver for Postgres.
    pub fn new(
        mut connection: Connection,
        tree: &Tree,
        endpoint: &Endpoint,
        interrupt: &Interrupt,
    ) -> Result<Alembic> {
        let hello = connection.hello(interrupt)?;
        let driver = tree.choose_driver(&hello.drivers).context(
            "cannot connect to Postgres from Python: it has none of psycopg2, psycopg, \
             asyncpg, pg8000\nhint: install one, or name another with --driver",
        )?;
        let versions = format!(
            "Python {}, Alembic {}, SQLAlchemy {}",
            hello.python, hello.alembic, hello.sqlalchemy
        );
        Ok(Alembic {
            connection,
            target: CallTarget::new(tree, endpoint, driver),
            interrupt: interrupt.clone(),
            info: InterpreterInfo { versions, hash_seed: hello.hash_seed },
            used: Used::default(),
            version_table: VersionTable::default(),
            version_tables: Vec::new(),
            models: None,
            slowest_start: Duration::ZERO,
        })
    }

    /// The connection, for another tree or another run; `None` where its other end is gone.
    pub fn into_connection(self) -> Option<Connection> {
        Some(self.connection).filter(|connection| !connection.is_lost)
    }

    /// The variables that env.py reads, as a shell takes them, without the password.
    pub fn told(&self) -> String {
        self.target.told()
    }

    /// Turns to another database of the same server, for the calls that follow.
    pub fn use_database(&mut self, database: &str) {
        self.target.databases = self.target.tree.databases_for(database);
    }

    /// Reads the revision graph as `alembic heads` does; nothing is run but the top level of the
    /// revision files.
    pub fn describe(&mut self, limits: &Limits<'_>) -> Result<(Transcript, Option<Description>)> {
        self.call("describe", None, false, limits)
    }

    /// `alembic upgrade REVISION`, with the graph as this call read it where that is wanted.
    pub fn upgrade(
        &mut self,
        revision: &str,
        describe: bool,
        limits: &Limits<'_>,
    ) -> Result<(Transcript, Option<Description>)> {
        self.call("upgrade", Some(revision), describe, limits)
    }

    /// `alembic downgrade REVISION`.
    pub fn downgrade(&mut self, revision: &str, limits: &Limits<'_>) -> Result<Transcript> {
        Ok(self.call("downgrade", Some(revision), false, limits)?.0)
    }

    /// `alembic check`.
    pub fn check(&mut self, limits: &Limits<'_>) -> Result<Transcript> {
        Ok(self.call("check", None, false, limits)?.0)
    }

    /// Makes a call, and removes the password from its transcript: a migration may print its
    /// environment. An interrupted run leaves no call behind.
    fn call(
        &mut self,
        op: &str,
        revision: Option<&str>,
        describe: bool,
        limits: &Limits<'_>,
    ) -> Result<(Transcript, Option<Description>)> {
        let called = self.call_raw(op, revision, describe, limits);
        if called.as_ref().is_err_and(anyhow::Error::is::<Interrupted>) {
            self.connection.end_call(&Interrupt::never()?)?;
        }
        let (said, description) = called?;
        self.slowest_start = self.slowest_start.max(said.before_first.unwrap_or_default());
        Ok((said.map_texts(|text| self.target.without_password(text)), description))
    }

    /// Remembers where Alembic keeps its version, and whether env.py has models.
    fn remember(&mut self, (table, models): (VersionTable, bool), database: Option<&str>) {
        if models {
            self.models.get_or_insert_default();
        }
        let beside = self.target.databases.iter().position(|name| Some(name.as_str()) == database);
        let told = (beside.unwrap_or_default(), table.clone());
        if !self.version_tables.contains(&told) {
            self.version_tables.push(told);
        }
        self.version_table = table;
    }

    /// The line that asks the worker for a call.
    fn line_of(
        &self,
        op: &str,
        revision: Option<&str>,
        describe: bool,
        limits: &Limits<'_>,
    ) -> Result<String> {
        let CallTarget { tree, endpoint, databases, .. } = &self.target;
        let url = |database: &str| self.target.url(database);
        let (address, database) =
            (endpoint.address(&self.target.driver, &url), self.target.database());
        let call = Call {
            op,
            revision,
            ini: &tree.ini,
            cwd: &tree.cwd,
            argv: &self.target.argv(op, revision),
            env: tree.env_for(&address, database).into_iter().collect(),
            config_url: tree.sets_config_url.then(|| url(database)),
            section_urls: tree.section_urls_for(&address, database).into_iter().collect(),
            server: Target { addresses: endpoint.places(), databases },
            pause_before: limits.pause.map(|pause| pause.before).unwrap_or_default(),
            describe,
            looks: limits.look.is_some(),
            pycache: &self.connection.pycache,
            within: [tree.cwd.as_path(), tree.ini_folder()],
        };
        serde_json::to_string(&call).context("cannot write a call")
    }

    fn call_raw(
        &mut self,
        op: &str,
        revision: Option<&str>,
        describe: bool,
        limits: &Limits<'_>,
    ) -> Result<(Transcript, Option<Description>)> {
        let mut heard = Listener::new(self.target.typed(op, revision));
        self.used.calls += 1;
        self.version_tables.clear();
        let line = self.line_of(op, revision, describe, limits)?;
        if !self.connection.send(&line) {
            return Ok((heard.lost(), None));
        }
        let (mut deadline, mut wait) = (Instant::now() + limits.timeout, OwnWait::new());
        loop {
            let next = if limits.look.is_none() { deadline.min(wait.next) } else { deadline };
            match self.connection.next(&self.interrupt, next)? {
                Received::Event(Event::Ended(ended)) => return Ok(heard.end(ended)),
                Received::Event(Event::Used { files, folders, doubts }) => {
                    self.used.add(files, folders, doubts);
                }
                Received::Event(Event::Models { operations }) => self.models = Some(operations),
                Received::Event(Event::VersionTable { name, schema, database, models }) => {
                    self.remember((VersionTable { schema, name }, models), database.as_deref());
                }
                Received::Event(Event::Paused { carries }) => {
                    if let Some(pause) = limits.pause {
                        let paused = Instant::now();
                        let (table, statements) = (&self.version_table, &heard.said.statements);
                        (pause.then)(PausePoint { table, statements, carries: &carries });
                        // The time of the pause is not the call's.
                        deadline += paused.elapsed();
                    }
                    self.connection.send(r#"{"go": true}"#);
                }
                Received::Event(Event::Look(mut look)) => {
                    look.revision = heard.said.revision.clone();
                    deadline += self.take_look(look, limits);
                }
                Received::Event(event) => heard.take(event, limits.on_revision),
                Received::Closed => return Ok((heard.lost(), None)),
                Received::Deadline => {
                    let waits_for = (limits.on_deadline)();
                    match wait.is_endless(waits_for.as_deref()) {
                        true => heard.cut(End::WaitsForItself, heard.started.elapsed()),
                        false if Instant::now() >= deadline => {
                            heard.cut(End::TimedOut, limits.timeout);
                        }
                        false => continue,
                    }
                    heard.said.waits_for = waits_for;
                    return Ok(match self.connection.end_call(&self.interrupt)? {
                        Some(ended) => heard.end(ended),
                        None => (heard.lost(), None),
                    });
                }
            }
        }
    }

    /// Hands on what the call's sessions hold; returns the time that it took, which is not the call's.
    fn take_look(&mut self, look: Look, limits: &Limits<'_>) -> Duration {
        let (waits, told) = (look.waits, Instant::now());
        if let Some(take) = limits.look {
            take(look);
        }
        if waits {
            self.connection.send(r#"{"go": true}"#);
        }
        told.elapsed()
    }
}
