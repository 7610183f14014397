//! One attempt at a run: server and interpreter side by side, then the trees; on what is known of
//! their beginnings first, and from empty databases where that proves nothing.

use std::thread;

use anyhow::{Result, bail};
use nix::unistd::User;

use super::{Run, join};
use crate::commands::known::found::Found;
use crate::commands::known::prefix::Prefixes;
use crate::commands::prepare::Ready;
use crate::drivers::alembic::Description;
use crate::drivers::postgres::aside::Copied;
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::given::Given;
use crate::drivers::postgres::provision::Programs;
use crate::drivers::postgres::snapshot::Watch;
use crate::drivers::postgres::{Server, aside, rows};
use crate::drivers::scratch::Scratch;
use crate::recipes::prefix::Surprise;
use model::event::{Event, timed};
use model::report::{Postgres, Report, TreeReport};
use model::schema::Schema;

/// A server with the trees' databases.
struct Served<'a> {
    server: Server,
    /// What is known of them, where it runs on that.
    found: Option<Found>,
    databases: Vec<Database<'a>>,
}

/// A part of the trees is known whole, but there is no data folder on which all of them stand.
#[derive(Debug)]
struct NoGround;

impl std::fmt::Display for NoGround {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the trees stand nowhere together")
    }
}

impl std::error::Error for NoGround {}

/// A tree's database.
struct Database<'a> {
    /// Whether it could be made.
    made: Result<()>,
    watch: Watch<'a>,
    /// What is in it before a step runs.
    schema: Option<Schema>,
    /// A copy of it, where there is one.
    copied: Option<Copied>,
}

impl Run<'_> {
    /// Runs what can be run, and returns the processes that are left running on purpose. Where what
    /// comes after a known beginning goes wrong in a way that the beginning may have to do with, all
    /// is run again from empty databases, and nothing of the first attempt is left.
    pub(super) fn go(
        &self,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<Vec<u32>> {
        // What is missing is known in milliseconds, before anything is started.
        let readable = self.readable_trees(report);
        if readable.is_empty() {
            return Ok(Vec::new());
        }
        let findings = report.findings.clone();
        let todo: Vec<usize> = readable.iter().copied().filter(|i| !self.is_known(*i)).collect();
        match self.attempt(&todo, true, report, described) {
            Err(err) if err.is::<NoGround>() => {
                self.parts(Option::take);
                self.attempt(&readable, true, report, described)
            }
            Err(err) if err.is::<Surprise>() => {
                self.parts(Option::take);
                // Who has seen steps pass sees them again.
                (self.tell)(Event::Notice(
                    "what began on known ground went wrong: everything is run again from the start",
                ));
                (self.tell)(Event::Reuse(&format!("it went wrong there: {err:#}")));
                if let Some(prefixes) = &self.prefixes {
                    prefixes.forget(self);
                }
                let trees = self.trees.iter().map(|tree| TreeReport::new(tree, self.root));
                *report = Report { trees: trees.collect(), findings, ..Report::default() };
                described.clear();
                self.attempt(&readable, false, report, described)
            }
            ended => ended,
        }
    }

    /// Values are dropped from the last to the first: Alembic before the server, the server before
    /// its folder.
    fn attempt(
        &self,
        readable: &[usize],
        may_know: bool,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> Result<Vec<u32>> {
        let url = self.flags.postgres_url.as_deref();
        let local = timed(self.tell, "Postgres", "finding it", || self.own_programs())?;
        let user = local.as_ref().and_then(|(_, user)| user.as_ref());
        let mut scratch = Scratch::new(user)?;
        let endpoint =
            url.map_or_else(|| Ok(Endpoint::local(scratch.path())), Endpoint::from_url)?;
        let (served, prepared) = thread::scope(|scope| {
            let served = scope.spawn(|| self.serve(readable, local, &scratch, &endpoint, may_know));
            let prepared = self
                .setting_up("Python — importing Alembic, reading the trees", || {
                    self.prepare(readable, &scratch, &endpoint)
                });
            (join(served), prepared)
        });
        let (Served { server, found, databases }, mut prepared) = (served?, prepared?);
        self.join_up(found, databases, &mut prepared.trees)?;
        self.parts(|parts| parts.as_ref().map(|parts| parts.report(self, report)));
        self.prepare_elsewhere(&mut prepared, &scratch)?;
        described.extend(prepared.trees.iter().filter_map(Ready::graph));
        let version = server.version().to_owned();
        report.postgres = Some(Postgres { version, source: server.source() });
        let ran = self.run_trees(&server, prepared, report);
        if let Some(surprise) = ran.surprise {
            return Err(surprise);
        }
        if let Server::Given(given) = &server
            && (!self.flags.keep || report.interrupted)
        {
            let left = given.clean_up(&ran.statements);
            report.notes.extend(left.into_iter().map(|what| format!("left on the server: {what}")));
        }
        if !self.flags.keep || report.interrupted {
            timed(self.tell, "Postgres", "stop", || drop(server));
            self.see(|seen| seen.folder = Some(scratch));
            return Ok(Vec::new());
        }
        self.keep(server, &mut scratch, &ran.urls, report)
    }

    /// Starts the server, on what is known of the trees where that may be, and makes their databases
    /// where they are not there yet.
    fn serve<'e>(
        &'e self,
        trees: &[usize],
        local: Option<(Programs, Option<User>)>,
        scratch: &Scratch,
        endpoint: &'e Endpoint,
        may_know: bool,
    ) -> Result<Served<'e>> {
        let (server, found) = match local {
            None => (self.open_given(endpoint)?, None),
            Some((programs, user)) => {
                let prefixes = self.prefixes.as_ref().filter(|_| may_know);
                let find = |prefixes: &Prefixes| prefixes.find(self);
                let found = timed(self.tell, "Gate", "what is known", || prefixes.and_then(find));
                if found.is_none() && self.parts(|parts| parts.is_some()) {
                    bail!(NoGround);
                }
                self.start_own(programs, user, scratch, found)?
            }
        };
        let database = |index: &usize| self.database(*index, &server, found.as_ref(), endpoint);
        let databases = match &self.reuse {
            // There is time enough until the interpreter has imported Alembic, and it needs a
            // processor for itself.
            Some(_) => trees.iter().map(database).collect(),
            // It has, while `initdb` worked.
            None => thread::scope(|scope| {
                let make = |index| scope.spawn(move || database(index));
                // All are begun before the first is waited for.
                let made: Vec<_> = trees.iter().map(make).collect();
                made.into_iter().map(join).collect()
            }),
        };
        self.see(|seen| seen.serving.take());
        Ok(Served { server, found, databases })
    }

    /// Makes a tree's database, unless it is there, and has a first look at it: what that costs more
    /// than the next ones is paid while the interpreter imports.
    fn database<'e>(
        &'e self,
        index: usize,
        server: &Server,
        found: Option<&Found>,
        endpoint: &'e Endpoint,
    ) -> Database<'e> {
        let tree = &self.trees[index];
        let (name, label) = (tree.database.as_str(), tree.label.as_str());
        let make = || server.create_database(name, self.interrupt);
        let made = match found {
            None => timed(self.tell, label, "making the database", make),
            Some(_) => Ok(()),
        };
        let mut watch = Watch::new(endpoint, name, self.interrupt);
        // Before anybody else is connected to what is copied.
        let is_copied =
            found.is_some_and(|found| found.copy_ahead(self, index, (server, &mut watch)));
        let copied = is_copied.then(|| Copied::of(name, endpoint, self.interrupt));
        let mut copied = copied.and_then(Result::ok);
        // Where it cannot, the look that is needed says why.
        let look = || {
            let _ = copied.as_mut().map(|copied| rows::get_ready(&mut copied.watch));
            watch.take().ok()
        };
        let schema = timed(self.tell, label, "looking at the schema", look);
        Database { made, watch, schema, copied }
    }

    /// Brings together what is known of the trees, their databases, and their Alembics.
    fn join_up<'e>(
        &self,
        found: Option<Found>,
        databases: Vec<Database<'e>>,
        trees: &mut [Ready<'e>],
    ) -> Result<()> {
        if let Some(found) = found {
            found.hand_out(self, trees).map_err(|err| Surprise(format!("{err:#}")))?;
        }
        let meet = self.prefixes.as_ref().is_some_and(|prefixes| prefixes.invite(self, trees));
        for (ready, database) in trees.iter_mut().zip(databases) {
            let Database { made, watch, schema, copied } = database;
            (ready.database, ready.watch, ready.copied) = (Some(made), Some(watch), copied);
            if let (Some(_), Some(beside)) = (&ready.copied, &mut ready.beside) {
                // The head is tried there. Where it cannot be begun now, it is when it is due.
                let database = aside::database(&self.trees[ready.index].database);
                let _ = beside.begin_walk_before_edits(&database);
            }
            // Trees that are to meet pause there, and then it is looked at.
            if let Some(prefix) = ready.prefix.as_mut().filter(|_| !meet) {
                prefix.schema = schema;
            }
        }
        Ok(())
    }

    fn open_given(&self, endpoint: &Endpoint) -> Result<Server> {
        let notice = |text: &str| (self.tell)(Event::Notice(text));
        let allow_remote = self.flags.allow_remote;
        Given::open(endpoint.clone(), allow_remote, self.interrupt, notice).map(Server::Given)
    }
}
