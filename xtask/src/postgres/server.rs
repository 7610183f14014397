//! Server of a run: a private cluster, or one that the user named.

use std::time::Duration;

use anyhow::Result;
use postgres::error::SqlState;

use super::cluster::Cluster;
use super::endpoint::Endpoint;
use super::external::{self, ExternalServer};
use super::session::Session;
use super::shared::SharedState;
use crate::os::interrupt::{Interrupt, Interrupted};
use model::report::Source;
use model::supply::Role;
use model::transcript::Transcript;
use model::tree::Tree;

/// The server that a run uses.
pub enum Server {
    /// A private cluster.
    Local(Cluster),
    /// A running server that the user named.
    External(ExternalServer),
}

impl Server {
    /// How to reach it.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Server::Local(cluster) => &cluster.endpoint,
            Server::External(given) => &given.endpoint,
        }
    }

    /// Where it came from.
    pub fn source(&self) -> Source {
        match self {
            Server::Local(cluster) => cluster.source(),
            Server::External(_) => Source::Provided,
        }
    }

    /// Its version: `15.18`.
    pub fn version(&self) -> &str {
        match self {
            Server::Local(cluster) => &cluster.version,
            Server::External(given) => &given.version,
        }
    }

    /// Creates a database as a copy of another that has no connections; `None`: an empty one. A
    /// database of that name is replaced.
    pub fn copy_database(
        &self,
        name: &str,
        copied: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        match self {
            Server::Local(cluster) => {
                let mut session = Session::open(&cluster.endpoint, "postgres", interrupt)?;
                replace_database(&mut session, name, copied)
            }
            Server::External(given) => given.create_database(name, copied, interrupt),
        }
    }

    /// Creates one of a tree's databases and those beside it, empty, or as copies of another one and
    /// those beside that.
    pub fn copy_all(
        &self,
        tree: &Tree,
        database: &str,
        copied: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let copied = copied.map(|copied| tree.databases_for(copied)).unwrap_or_default();
        for (index, name) in tree.databases_for(database).iter().enumerate() {
            self.copy_database(name, copied.get(index).map(String::as_str), interrupt)?;
        }
        Ok(())
    }

    /// Drops one of a tree's databases and those beside it.
    pub fn drop_all(&self, tree: &Tree, database: &str, interrupt: &Interrupt) -> Result<()> {
        let databases = tree.databases_for(database);
        databases.iter().try_for_each(|name| self.drop_database(name, interrupt))
    }

    /// Drops a database that the gate created, with its connections.
    pub fn drop_database(&self, name: &str, interrupt: &Interrupt) -> Result<()> {
        match self {
            Server::Local(cluster) => {
                let mut session = Session::open(&cluster.endpoint, "postgres", interrupt)?;
                session.drop_database(name)
            }
            Server::External(given) => given.drop_database(name, interrupt),
        }
    }

    /// Creates a role that a recipe supplies, unless it is there.
    pub fn supply_role(
        &self,
        role: &Role,
        database: &str,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Transcript> {
        let mut session = Session::open(self.endpoint(), database, interrupt)?;
        match self {
            Server::Local(_) => session.transcribe(role.create, timeout),
            Server::External(_) => external::supply_role(&mut session, role, timeout),
        }
    }

    /// Restores the state that all databases share; returns whether it is as before. On a given
    /// server, only roles that these statements created are dropped.
    pub fn restore_shared(
        &self,
        before: &SharedState,
        statements: &[model::transcript::Statement],
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let endpoint = self.endpoint();
        let mut session = Session::open(endpoint, endpoint.maintenance_database(), interrupt)?;
        match self {
            Server::Local(_) => before.restore(&mut session, &|_| true),
            Server::External(_) => {
                let made = |role: &str| statements.iter().any(|s| external::creates(role, &s.sql));
                before.restore(&mut session, &made)
            }
        }
    }

    /// How the server died, or why it takes no connection any more; `None` while it does. A server
    /// that is dying closes its connections before it ends: `grace` is how long to wait for that.
    pub fn death(&self, grace: Duration, interrupt: &Interrupt) -> Option<String> {
        let died = match self {
            Server::Local(cluster) => cluster.death_within(grace),
            Server::External(_) => None,
        };
        died.or_else(|| self.silence(interrupt))
    }

    fn silence(&self, interrupt: &Interrupt) -> Option<String> {
        let endpoint = self.endpoint();
        let err = Session::open(endpoint, endpoint.maintenance_database(), interrupt).err()?;
        let cause = err.chain().find_map(|cause| cause.downcast_ref::<postgres::Error>());
        // A migration that holds all connections, or an interrupted run, says nothing of the server.
        let is_full =
            cause.and_then(postgres::Error::code) == Some(&SqlState::TOO_MANY_CONNECTIONS);
        let is_silent = !is_full && !err.is::<Interrupted>();
        let log = match self {
            Server::Local(cluster) => format!("; the end of its log:\n{}", cluster.log_end()),
            Server::External(_) => String::new(),
        };
        is_silent.then(|| format!("the server does not answer any more: {err:#}{log}"))
    }
}

/// Creates a database on a server of the gate's own, in the place of one of that name.
fn replace_database(session: &mut Session<'_>, name: &str, copied: Option<&str>) -> Result<()> {
    session.drop_database(name)?;
    session.create_database(name, copied, Some("file_copy"))
}
