//! A database aside that a stairway climbs: made and dropped, or kept where it went wrong; gone up and
//! down in by one process of Alembic, looked at in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::chain::{Stair, ancestors};
use super::live::Live;
use crate::drivers::alembic::Limits;
use crate::drivers::postgres::session::Session;
use crate::drivers::postgres::snapshot::Watch;
use crate::drivers::postgres::{Server, aside, rows};
use model::event::{Event, timed};
use model::finding::Finding;
use model::rows::{Column, Table};
use model::schema::Schema;
use model::supply::Row;
use model::transcript::{End, RevisionInFlight, Statement, Transcript};

/// What a run keeps while it climbs.
pub(super) struct Climb<'a> {
    /// The database.
    pub(super) database: String,
    /// Looks at it.
    pub(super) watch: Watch<'a>,
    /// The chain, parents first.
    pub(super) chain: Vec<Stair>,
    /// The revisions that are applied.
    pub(super) applied: BTreeSet<String>,
    /// The rows that were supplied on the way.
    pub(super) supplied: usize,
    /// The schema as it is now, where it is known.
    pub(super) schema: Option<Schema>,
    /// Whether Alembic's process is there.
    pub(super) walking: bool,
    /// When the step must be done.
    pub(super) deadline: Instant,
    /// How often the schema was looked at.
    pub(super) looks: u32,
    /// How long that took.
    pub(super) looking: Duration,
    /// Whether the database is left as it is.
    pub(super) keep: bool,
    /// The database that it was copied from, which stands below the head; `None`: it began empty.
    pub(super) copied: Option<&'a str>,
    /// The tables that the first revision may touch, where they are known already.
    pub(super) tables: Option<Vec<Table>>,
    /// The tables that have rows, each as it was when it was given them.
    pub(super) filled: BTreeMap<String, Vec<Column>>,
    /// The tables that no row could be made for, as was told.
    pub(super) unfilled: BTreeSet<String>,
    /// What upgrades put into columns of their own, which goes with them.
    pub(super) gone: Vec<String>,
}

impl<'a> Live<'a> {
    /// Works on a database of its own, in a cluster without the roles that the migrations made.
    pub(super) fn elsewhere<T>(
        &mut self,
        seen: &mut Vec<Statement>,
        work: impl FnOnce(&mut Self, &mut Climb<'a>, &mut Vec<Statement>) -> Result<T>,
    ) -> Result<T> {
        let database = aside::database(&self.tree.database);
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        let made: Vec<String> = self.memory.statements.iter().map(|s| s.sql.clone()).collect();
        let supplied: Vec<&str> = self.memory.roles.iter().map(|role| role.name).collect();
        let roles = aside::put(&mut main, &made, &supplied)?;
        drop(main);
        let result = self.with_database(&database, None, seen, work);
        self.alembic.use_database(&self.tree.database);
        // Whatever came of it, the official database gets its roles back.
        let (result, keep) = match result {
            Ok((value, keep)) => (Ok(value), keep),
            Err(err) => (Err(err), false),
        };
        let dropped = match keep {
            true => Ok(()),
            false => self.server.drop_database(&database, self.interrupt),
        };
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        aside::put_back(&mut main, &roles)?;
        dropped?;
        result
    }

    /// Leaves the database of the stairs as a stair left it, and says how to reach it.
    pub(super) fn keep_stairs(&self, climb: &mut Climb<'a>, revision: &str) -> String {
        climb.keep = true;
        format!(
            "kept where revision {revision} went wrong, and not climbed further, as --keep asks: {}",
            self.server.endpoint().psql(&climb.database)
        )
    }

    /// Works on a database of its own, empty or a copy of one that stands below the head.
    pub(super) fn with_database<T>(
        &mut self,
        database: &str,
        copied: Option<&'a str>,
        seen: &mut Vec<Statement>,
        work: impl FnOnce(&mut Self, &mut Climb<'a>, &mut Vec<Statement>) -> Result<T>,
    ) -> Result<(T, bool)> {
        let is_there = copied.and_then(|_| self.copied.take());
        let make = is_there.is_none();
        let watch = is_there.map(|there| there.watch).unwrap_or_else(|| {
            let watch = Watch::new(self.server.endpoint(), database, self.interrupt);
            watch.starting_with(rows::SETUP)
        });
        let mut climb = Climb {
            database: database.to_owned(),
            watch,
            chain: Vec::new(),
            applied: BTreeSet::new(),
            supplied: 0,
            schema: None,
            walking: false,
            deadline: Instant::now() + self.timeout,
            looks: 0,
            looking: Duration::ZERO,
            keep: false,
            copied,
            tables: None,
            filled: BTreeMap::new(),
            unfilled: BTreeSet::new(),
            gone: Vec::new(),
        };
        if let Ok(graph) = &self.graph {
            climb.chain = graph
                .revisions
                .iter()
                .rev()
                .map(|r| Stair {
                    revision: r.revision.clone(),
                    parents: r.down_revision.clone(),
                    requires: r.requires.clone(),
                })
                .collect();
        }
        if make {
            self.create(&mut climb)?;
        }
        self.begin(&mut climb);
        self.alembic.use_database(database);
        climb.walking = self.alembic.begin_walk()?;
        let result = work(self, &mut climb, seen);
        climb.watch.close();
        if climb.walking {
            self.alembic.end_walk()?;
        }
        Ok((result?, climb.keep))
    }

    /// Goes up to a revision, unless it is there, and supplies what it needs on the way.
    pub(super) fn climb_to(
        &mut self,
        climb: &mut Climb<'a>,
        revision: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        if climb.applied.contains(revision) {
            return Ok(None);
        }
        let below = ancestors(&climb.chain, revision);
        // A row is supplied right after the revision at which the recipe has it.
        let on_the_way = |(at, _): &&(String, Row)| below.contains(at);
        let rows: Vec<(String, Row)> =
            self.memory.rows.iter().skip(climb.supplied).take_while(on_the_way).cloned().collect();
        for (at, row) in rows {
            if let Some(failed) = self.upgrade_to(climb, &at, seen)? {
                return Ok(Some(failed));
            }
            let mut session =
                Session::open(self.server.endpoint(), &climb.database, self.interrupt)?;
            session.transcribe(row.insert, self.timeout)?;
            climb.supplied += 1;
        }
        self.upgrade_to(climb, revision, seen)
    }

    pub(super) fn upgrade_to(
        &mut self,
        climb: &mut Climb<'a>,
        revision: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        if climb.applied.contains(revision) {
            return Ok(None);
        }
        if let Err(failed) = self.walk(climb, "upgrade", revision, seen)? {
            return Ok(Some(self.diagnose(*failed)));
        }
        climb.applied.extend(ancestors(&climb.chain, revision));
        Ok(None)
    }

    /// One command of the walk; what failed is returned.
    pub(super) fn walk(
        &mut self,
        climb: &mut Climb<'a>,
        op: &str,
        revision: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<(), Box<Transcript>>> {
        if !climb.walking {
            climb.walking = self.alembic.begin_walk()?;
        }
        climb.schema = None;
        let (tell, label) = (self.tell, &self.tree.label);
        let on_revision = |r: &RevisionInFlight| tell(Event::Revision { label, revision: r });
        let (server, interrupt, database) = (self.server, self.interrupt, climb.database.as_str());
        let on_deadline = || {
            let session = Session::open(server.endpoint(), database, interrupt);
            session.ok()?.lock_holder().ok()?
        };
        let limits = Limits {
            // All stairs together are one step.
            timeout: climb.deadline.saturating_duration_since(Instant::now()),
            on_revision: &on_revision,
            on_deadline: &on_deadline,
            pause: None,
        };
        let what = format!("  alembic {op} {revision} (aside)");
        let mut said =
            timed(self.tell, &self.tree.label, &what, || self.alembic.go(op, revision, &limits))?;
        if said.end == End::TimedOut {
            said.elapsed = self.timeout;
        }
        seen.extend(said.statements.iter().cloned());
        if said.ok() {
            self.memory.statements.extend(said.statements);
            return Ok(Ok(()));
        }
        climb.walking = false;
        Ok(Err(Box::new(said)))
    }

    /// A fresh database with everything up to and with this stair. Whether it could be reached.
    pub(super) fn start_again(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        seen: &mut Vec<Statement>,
    ) -> Result<bool> {
        self.fresh(climb)?;
        Ok(self.climb_to(climb, &stair.revision, seen)?.is_none())
    }

    /// An empty database in the place of the one that was climbed.
    pub(super) fn fresh(&mut self, climb: &mut Climb<'a>) -> Result<()> {
        if climb.walking {
            self.alembic.end_walk()?;
            climb.walking = false;
        }
        self.interrupt.check()?;
        climb.watch.close();
        self.server.drop_database(&climb.database, self.interrupt)?;
        self.drop_roles(climb.copied.is_some())?;
        self.create(climb)?;
        self.begin(climb);
        Ok(())
    }

    /// Drops the roles that the migrations made in a database that is gone: they are in nobody's way
    /// any more. Where it was a copy, only the head ran in it.
    fn drop_roles(&self, head_alone: bool) -> Result<()> {
        let made = self.statements_of(head_alone);
        if !made.iter().any(|sql| aside::changes_roles(sql)) {
            return Ok(());
        }
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        let supplied: Vec<&str> = self.memory.roles.iter().map(|role| role.name).collect();
        aside::drop_made(&mut main, &made, &supplied)
    }

    fn statements_of(&self, head_alone: bool) -> Vec<String> {
        let heads = self.heads().unwrap_or_default();
        let of_head = |s: &&Statement| s.revision.as_ref().is_some_and(|id| heads.contains(id));
        let statements = self.memory.statements.iter().filter(|s| !head_alone || of_head(s));
        statements.map(|s| s.sql.clone()).collect()
    }

    /// Works on a copy of the tree's database, which stands below the head.
    pub(super) fn on_a_copy<T>(
        &mut self,
        head: &str,
        seen: &mut Vec<Statement>,
        work: impl FnOnce(&mut Self, &mut Climb<'a>, &mut Vec<Statement>) -> Result<T>,
    ) -> Result<T> {
        let database = aside::database(&self.tree.database);
        let result = self.with_database(&database, Some(&self.tree.database), seen, work);
        self.alembic.use_database(&self.tree.database);
        let dropped = match self.server {
            // It goes with the server, and is in nobody's way until then.
            Server::Local(_) if !self.keep && !self.changes_roles(head) => Ok(()),
            server => {
                server.drop_database(&database, self.interrupt).and_then(|()| self.drop_roles(true))
            }
        };
        let (value, _) = result?;
        dropped?;
        Ok(value)
    }

    /// Makes the database that is climbed, empty or a copy.
    fn create(&mut self, climb: &mut Climb<'a>) -> Result<()> {
        let interrupt = self.interrupt;
        if climb.copied.is_some() {
            // Nobody else may be connected to what is copied.
            self.alembic.give_up_begun()?;
        }
        let make = || match climb.copied {
            Some(copied) => {
                let watch = &mut *self.watch.borrow_mut();
                climb.watch.go_on_from(watch);
                self.server.copy_watched(&climb.database, (watch, copied), interrupt)
            }
            None => self.server.create_database(&climb.database, interrupt),
        };
        timed(self.tell, &self.tree.label, "  making a database aside", make)
    }

    /// What is in the database that is climbed before the first stair: nothing, or what its copy
    /// begins with.
    fn begin(&self, climb: &mut Climb<'a>) {
        (climb.applied, climb.supplied, climb.schema) = (BTreeSet::new(), 0, None);
        climb.filled.clear();
        climb.tables = None;
        if climb.copied.is_some() {
            for parent in self.parents_of_head().unwrap_or_default() {
                climb.applied.extend(ancestors(&climb.chain, &parent));
            }
            climb.supplied = self.memory.rows.len();
        }
    }

    pub(super) fn look(climb: &mut Climb<'a>) -> Result<Schema> {
        if let Some(schema) = &climb.schema {
            return Ok(schema.clone());
        }
        let started = Instant::now();
        let schema = climb.watch.take()?;
        climb.looks += 1;
        climb.looking += started.elapsed();
        climb.schema = Some(schema.clone());
        Ok(schema)
    }

    pub(super) fn version_at(&self, climb: &mut Climb<'a>) -> Result<Vec<String>> {
        climb.watch.ask(|session| session.alembic_version(&self.alembic.version_table))
    }

    pub(super) fn is_milestone(&self, revision: &str) -> bool {
        self.memory.rows.iter().any(|(at, _)| at == revision)
    }
}
