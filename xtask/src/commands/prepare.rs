//! Makes ready what the steps need: the trees' Alembics, and Postgres beside them.

use std::cell::OnceCell;
use std::thread;

use anyhow::Result;
use camino::Utf8PathBuf;
use nix::unistd::User;

use super::gate::{Run, join};
use super::known::found::Found;
use crate::drivers::alembic::{
    self, Alembic, Connection, Description, Headers, Interpreter, Limits,
};
use crate::drivers::cache;
use crate::drivers::postgres::Server;
use crate::drivers::postgres::aside::Copied;
use crate::drivers::postgres::binaries::Places;
use crate::drivers::postgres::cluster::{self, Cluster, Setup};
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::provision::Programs;
use crate::drivers::postgres::remembered;
use crate::drivers::postgres::snapshot::Watch;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use crate::recipes::prefix::Prefix;
use model::event::{Event, timed};
use model::schema::Schema;
use model::transcript::{Statement, Transcript};
use model::tree::Tree;

/// The trees' Alembics and the interpreters that serve them, dropped in this order.
#[derive(Default)]
pub(super) struct Prepared<'a> {
    pub(super) trees: Vec<Ready<'a>>,
    pub(super) interpreters: Vec<Interpreter>,
}

/// A tree's Alembic with its revisions, or what it said instead of them.
pub(super) type ReadTree = Result<(Alembic, Result<Description, Transcript>)>;

/// A tree that can be run, or why it cannot.
pub(super) struct Ready<'a> {
    pub(super) index: usize,
    pub(super) python: Utf8PathBuf,
    /// Whether its database could be made; `None`: nobody has tried yet.
    pub(super) database: Option<Result<()>>,
    pub(super) alembic: ReadTree,
    /// What has looked at its database already, and looks on.
    pub(super) watch: Option<Watch<'a>>,
    /// The beginning of its chain, where its database stands at the end of that.
    pub(super) prefix: Option<Prefix>,
    /// What looks at its database, and what it saw there; `None`: nobody has looked yet.
    pub(super) looked: Option<(Watch<'static>, Schema)>,
    /// Whether it has no stairway, by what was known before the lints have read it.
    pub(super) stays_below: bool,
    /// Whether its head is new, by what was known then.
    pub(super) new_head: bool,
    /// A copy of its database as it is right before the head; `None`: there is none yet.
    pub(super) copied: Option<Copied>,
    /// Another Alembic, for what can be done beside the steps on that copy.
    pub(super) beside: Option<Alembic>,
    /// What its new revisions did when they were last run with all steps green.
    pub(super) did: Vec<Statement>,
    /// A connection to an interpreter in another environment, where the stairway needs one.
    pub(super) elsewhere: Option<Connection>,
}

impl Ready<'_> {
    /// A tree of which nothing but its Alembic is ready.
    pub(super) fn of(index: usize, python: Utf8PathBuf, alembic: ReadTree) -> Self {
        Ready {
            index,
            python,
            database: None,
            alembic,
            watch: None,
            prefix: None,
            looked: None,
            stays_below: false,
            new_head: false,
            copied: None,
            beside: None,
            did: Vec::new(),
            elsewhere: None,
        }
    }

    /// The tree's index, with its graph as Alembic reads it.
    pub(super) fn graph(&self) -> Option<(usize, Description)> {
        let (_, graph) = self.alembic.as_ref().ok()?;
        Some((self.index, graph.as_ref().ok()?.clone()))
    }
}

impl Run<'_> {
    /// Where the programs of the run's own server come from, and the user that it runs as; `None`
    /// where a server is given.
    pub(super) fn own_programs(&self) -> Result<Option<(Programs, Option<User>)>> {
        if self.flags.postgres_url.is_some() {
            return Ok(None);
        }
        let places = Places::of_this_machine(self.flags.postgres_bin.as_deref());
        let programs = remembered::find(
            &places,
            !self.flags.no_provision,
            self.reuse.as_ref(),
            self.interrupt,
        )?;
        Ok(Some((programs, cluster::server_user()?)))
    }

    /// Makes and starts the run's own server, on what is known where that is of use.
    pub(super) fn start_own(
        &self,
        programs: Programs,
        user: Option<User>,
        scratch: &Scratch,
        found: Option<Found>,
    ) -> Result<(Server, Option<Found>)> {
        self.setting_up(programs.what(), || {
            let notice = |text: &str| (self.tell)(Event::Notice(text));
            let binaries = programs.get(user.as_ref(), self.interrupt, &notice)?;
            self.see(|seen| seen.binaries.push(binaries.dir.clone()));
            let (interrupt, tell) = (self.interrupt, self.tell);
            let setup =
                Setup { binaries: &binaries, user: user.as_ref(), scratch, interrupt, tell };
            if let Some(found) = found {
                let started = Cluster::start_on(&setup, found.data(), None);
                match started.and_then(|cluster| found.check(self, &cluster).map(|()| cluster)) {
                    Ok(cluster) => return Ok((Server::Local(cluster), Some(found))),
                    Err(err) => {
                        interrupt.check()?;
                        // Whatever is wrong with it, the next run shall not meet it.
                        found.discard(self);
                        tell(Event::Reuse(&format!("what is known is of no use: {err:#}")));
                        cluster::clear(scratch)?;
                    }
                }
            }
            Ok((Server::Local(Cluster::start(&setup, self.reuse.as_ref())?), None))
        })
    }

    /// Starts an interpreter for each environment and has it read each tree. Where something may be
    /// known of the trees, each gets a second Alembic.
    pub(super) fn prepare(
        &self,
        trees: &[usize],
        scratch: &Scratch,
        endpoint: &Endpoint,
    ) -> Result<Prepared<'static>> {
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
        let mut pythons: Vec<(Utf8PathBuf, Vec<usize>)> = Vec::new();
        for index in trees {
            let find = || python::interpreter(&search, &self.trees[*index].requirements);
            let python = timed(self.tell, "Python", "finding it", find)?;
            self.see(|seen| seen.pythons.push(python.clone()));
            match pythons.iter_mut().find(|(known, _)| *known == python) {
                Some((_, served)) => served.push(*index),
                None => pythons.push((python, vec![*index])),
            }
        }
        let env = python::environment(scratch, &self.flags.pass_env);
        let (mut interpreters, mut connections) = (Vec::new(), Vec::new());
        for (python, served) in pythons {
            let second = self.reuse.is_some() && self.prefixes.is_some();
            let count = served.len() * if second { 2 } else { 1 };
            let (interpreter, mut sockets) = alembic::start(&python, count, &env, scratch)?;
            interpreters.push(interpreter);
            let mut seconds = sockets.split_off(served.len()).into_iter();
            let served = served.into_iter().zip(sockets);
            connections.extend(served.map(|(i, s)| (i, python.clone(), s, seconds.next())));
        }
        let trees = thread::scope(|scope| {
            let handles: Vec<_> = connections
                .into_iter()
                .map(|(index, python, connection, second)| {
                    scope.spawn(move || {
                        let tree = &self.trees[index];
                        let known = scratch.path().join(format!("known-of-{index}"));
                        let headers = self.reuse.as_ref();
                        let headers = headers.map(|c| Headers::lay(c, &python, tree, &known));
                        let connection = connection.knowing(known.clone());
                        let alembic = self.read_tree(tree, connection, endpoint);
                        headers.into_iter().for_each(Headers::keep);
                        let second = second.map(|second| second.knowing(known));
                        let second =
                            second.map(|s| Alembic::new(s, tree, endpoint, self.interrupt));
                        // Without it, what would be done beside is done between.
                        let beside = second.and_then(Result::ok);
                        Ready { beside, ..Ready::of(index, python, alembic) }
                    })
                })
                .collect();
            handles.into_iter().map(join).collect()
        });
        Ok(Prepared { trees, interpreters })
    }

    /// Starts an interpreter in another environment for the trees that have a stairway. It imports
    /// Alembic while the steps before run.
    pub(super) fn prepare_elsewhere(
        &self,
        prepared: &mut Prepared<'_>,
        scratch: &Scratch,
    ) -> Result<()> {
        let climbs = |ready: &Ready<'_>| {
            let graph = ready.alembic.as_ref().ok().and_then(|(_, graph)| graph.as_ref().ok());
            graph.is_some_and(|graph| self.stairs(ready.index, Some(graph)).is_some())
        };
        let mut climbers: Vec<&mut Ready<'_>> =
            prepared.trees.iter_mut().filter(|ready| climbs(ready)).collect();
        if climbers.is_empty() {
            return Ok(());
        }
        let env = python::environment_elsewhere(scratch, &self.flags.pass_env, self.interrupt);
        climbers.sort_by(|a, b| a.python.cmp(&b.python));
        for served in climbers.chunk_by_mut(|a, b| a.python == b.python) {
            let python = served[0].python.clone();
            let (interpreter, connections) = alembic::start(&python, served.len(), &env, scratch)?;
            prepared.interpreters.push(interpreter);
            for (ready, connection) in served.iter_mut().zip(connections) {
                ready.elsewhere = Some(connection);
            }
        }
        Ok(())
    }

    pub(super) fn read_tree(
        &self,
        tree: &Tree,
        connection: Connection,
        endpoint: &Endpoint,
    ) -> ReadTree {
        let import = || Alembic::new(connection, tree, endpoint, self.interrupt);
        let mut alembic = timed(self.tell, "Python", "importing Alembic", import)?;
        let limits = Limits {
            timeout: self.timeout(),
            on_revision: &|_| {},
            on_deadline: &|| None,
            pause: None,
        };
        let read = || alembic.describe(&limits);
        let (said, graph) = timed(self.tell, &tree.label, "reading the revisions", read)?;
        let graph = graph.filter(|_| said.ok());
        if graph.is_some() {
            alembic.begin_to_get_ready()?;
        }
        Ok((alembic, graph.ok_or(said)))
    }
}
