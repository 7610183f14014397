//! Each new revision up, down and up again from its parent, with the comparison at each stair, on a
//! database of its own: the official steps stay as they are.
//!
//! One process of Alembic climbs the chain once. A stair that goes wrong leaves the database where
//! no next stair can be trusted, so those after it start on a fresh one.

use std::collections::BTreeSet;

use anyhow::Result;

use super::chain::{Stair, ancestors, below};
use super::live::{Live, Outcome};
use super::reversal::Way;
use crate::drivers::alembic::Limits;
use crate::drivers::postgres::aside;
use crate::drivers::postgres::session::Session;
use crate::drivers::postgres::snapshot::Watch;
use crate::model::code::{self, Severity};
use crate::model::event::Event;
use crate::model::finding::Finding;
use crate::model::schema::Schema;
use crate::model::supply::Row;
use crate::model::transcript::{RevisionInFlight, Statement, Transcript};

/// What another environment is, at the end of a sentence.
pub(super) const ELSEWHERE: &str =
    "in another time zone and locale, on another day, with another hash seed";

/// What a run keeps while it climbs.
struct Climb<'a> {
    /// Looks at the database.
    watch: Watch<'a>,
    /// The chain, parents first.
    chain: Vec<Stair>,
    /// The revisions that are applied.
    applied: BTreeSet<String>,
    /// The rows that were supplied on the way.
    supplied: usize,
    /// The schema as it is now, where it is known.
    schema: Option<Schema>,
    /// Whether Alembic's process is there.
    walking: bool,
}

impl<'a> Live<'a> {
    /// Climbs the stairs, on a database of its own.
    pub(super) fn stairway(
        &mut self,
        stairs: &[String],
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let stairs: BTreeSet<&str> = stairs.iter().map(String::as_str).collect();
        self.elsewhere(seen, |live, climb, database, seen| {
            let mut outcome = Outcome::default();
            for stair in climb.chain.clone() {
                if stairs.contains(stair.revision.as_str()) {
                    let findings = live.stair(climb, &stair, database, seen)?;
                    let wrong = findings.iter().any(|f| f.code.severity == Severity::Error);
                    outcome.findings.extend(findings);
                    // What stands on a revision that cannot be applied cannot be reached.
                    if wrong && !live.start_again(climb, &stair, database, seen)? {
                        break;
                    }
                } else if live.is_milestone(&stair.revision)
                    && let Some(failed) = live.climb_to(climb, &stair.revision, database, seen)?
                {
                    outcome.findings.push(failed);
                    break;
                }
            }
            if outcome.error().is_none() {
                outcome.findings.extend(live.once_more_elsewhere(climb, database, seen)?);
            }
            Ok(outcome)
        })
    }

    /// The whole chain once more in another environment: it must give the same schema.
    fn once_more_elsewhere(
        &mut self,
        climb: &mut Climb<'a>,
        database: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        let head = self.heads().and_then(|heads| heads.into_iter().next());
        let (Some(head), Some(elsewhere)) = (head, self.elsewhere.take()) else {
            return Ok(Vec::new());
        };
        if let Some(failed) = self.climb_to(climb, &head, database, seen)? {
            return Ok(vec![failed]);
        }
        let expected = Self::look(climb)?;
        self.fresh(climb, database)?;
        let first = self.memory.statements.len();
        let mut other = self.alembic.through(elsewhere)?;
        std::mem::swap(self.alembic, &mut other);
        let reached = self.climb_to(climb, &head, database, seen);
        let ended = if climb.walking { self.alembic.end_walk() } else { Ok(()) };
        climb.walking = false;
        std::mem::swap(self.alembic, &mut other);
        if let Some(failed) = reached? {
            let message = format!("{}, {ELSEWHERE}", failed.message);
            return Ok(vec![Finding { message, ..failed }]);
        }
        ended?;
        let found = Self::look(climb)?;
        Ok(self.judge_environment(&expected, &found, first))
    }

    /// The schema that the parents of the head make, where `upgrade head` did not show it.
    pub(super) fn schema_before_head(
        &mut self,
        parents: &[String],
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Schema>> {
        self.elsewhere(seen, |live, climb, database, seen| {
            for parent in parents {
                if live.climb_to(climb, parent, database, seen)?.is_some() {
                    return Ok(None);
                }
            }
            Ok(Some(Self::look(climb)?))
        })
    }

    /// Works on a database of its own, in a cluster without the roles that the migrations made.
    fn elsewhere<T>(
        &mut self,
        seen: &mut Vec<Statement>,
        work: impl FnOnce(&mut Self, &mut Climb<'a>, &str, &mut Vec<Statement>) -> Result<T>,
    ) -> Result<T> {
        let name: String = self.tree.database.chars().take(56).collect();
        let database = format!("{name}_stairs");
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        let made: Vec<String> = self.memory.statements.iter().map(|s| s.sql.clone()).collect();
        let supplied: Vec<&str> = self.memory.roles.iter().map(|role| role.name).collect();
        let roles = aside::put(&mut main, &made, &supplied)?;
        drop(main);
        let result = self.with_database(&database, seen, work);
        self.alembic.use_database(&self.tree.database);
        // Whatever came of it, the official database gets its roles back.
        let dropped = self.server.drop_database(&database, self.interrupt);
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        aside::put_back(&mut main, &roles)?;
        dropped?;
        result
    }

    fn with_database<T>(
        &mut self,
        database: &str,
        seen: &mut Vec<Statement>,
        work: impl FnOnce(&mut Self, &mut Climb<'a>, &str, &mut Vec<Statement>) -> Result<T>,
    ) -> Result<T> {
        let watch = Watch::new(self.server.endpoint(), database, self.interrupt);
        let mut climb = Climb {
            watch,
            chain: Vec::new(),
            applied: BTreeSet::new(),
            supplied: 0,
            schema: None,
            walking: false,
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
        self.server.create_database(database, self.interrupt)?;
        self.alembic.use_database(database);
        climb.walking = self.alembic.begin_walk()?;
        let result = work(self, &mut climb, database, seen);
        climb.watch.close();
        if climb.walking {
            self.alembic.end_walk()?;
        }
        result
    }

    /// One revision up, down and up again.
    fn stair(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        database: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        let revision = stair.revision.as_str();
        for parent in stair.parents.iter().chain(&stair.requires) {
            if let Some(failed) = self.climb_to(climb, parent, database, seen)? {
                return Ok(vec![failed]);
            }
        }
        let before = Self::look(climb)?;
        let version = self.version_at(climb)?;
        if let Some(failed) = self.climb_to(climb, revision, database, seen)? {
            return Ok(vec![failed]);
        }
        let between = Self::look(climb)?;
        if let Some(note) = self.declared_irreversible(revision) {
            return Ok(vec![note]);
        }
        let target = below(stair, &self.version_at(climb)?);
        if let Err(failed) = self.walk(climb, "downgrade", &target, seen)? {
            return Ok(vec![self.diagnose(*failed)]);
        }
        let found = self.version_at(climb)?;
        if found != version {
            let message = format!(
                "the downgrade of revision {revision} ended well, but the version table holds {}, \
                 expected {}",
                found.join(", "),
                version.join(", ")
            );
            let revision = Some(revision.to_owned());
            return Ok(vec![Finding { revision, ..Finding::new(&code::NOT_AS_ASKED, message) }]);
        }
        let after = Self::look(climb)?;
        let mut findings = self.judge(revision, &before, &after, Some(&between), Way::Down);
        let supplied = climb.supplied;
        let lost = climb.watch.ask(|session| self.lost_supplies(revision, session, supplied))?;
        findings.extend(lost);
        if findings.iter().any(|finding| finding.code.severity == Severity::Error) {
            // What the second upgrade would meet is only what the downgrade left.
            return Ok(findings);
        }
        if let Err(failed) = self.walk(climb, "upgrade", revision, seen)? {
            findings.push(self.diagnose(*failed));
            return Ok(findings);
        }
        let again = Self::look(climb)?;
        findings.extend(self.judge(revision, &between, &again, None, Way::UpAgain));
        Ok(findings)
    }

    /// Goes up to a revision, unless it is there, and supplies what it needs on the way.
    fn climb_to(
        &mut self,
        climb: &mut Climb<'a>,
        revision: &str,
        database: &str,
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
            let mut session = Session::open(self.server.endpoint(), database, self.interrupt)?;
            session.transcribe(row.insert, self.timeout)?;
            climb.supplied += 1;
        }
        self.upgrade_to(climb, revision, seen)
    }

    fn upgrade_to(
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
    fn walk(
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
        let limits = Limits {
            timeout: self.timeout,
            on_revision: &on_revision,
            on_deadline: &|| None,
            pause: None,
        };
        let said = self.alembic.go(op, revision, &limits)?;
        seen.extend(said.statements.iter().cloned());
        if said.ok() {
            self.memory.statements.extend(said.statements);
            return Ok(Ok(()));
        }
        climb.walking = false;
        Ok(Err(Box::new(said)))
    }

    /// A fresh database with everything up to and with this stair. Whether it could be reached.
    fn start_again(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        database: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<bool> {
        self.fresh(climb, database)?;
        Ok(self.climb_to(climb, &stair.revision, database, seen)?.is_none())
    }

    /// An empty database in the place of the one that was climbed.
    fn fresh(&mut self, climb: &mut Climb<'a>, database: &str) -> Result<()> {
        if climb.walking {
            self.alembic.end_walk()?;
            climb.walking = false;
        }
        self.interrupt.check()?;
        climb.watch.close();
        self.server.drop_database(database, self.interrupt)?;
        // The roles that the migrations made in it are in nobody's way any more.
        let mut main = Session::open(self.server.endpoint(), &self.tree.database, self.interrupt)?;
        let made: Vec<String> = self.memory.statements.iter().map(|s| s.sql.clone()).collect();
        let supplied: Vec<&str> = self.memory.roles.iter().map(|role| role.name).collect();
        aside::drop_made(&mut main, &made, &supplied)?;
        drop(main);
        self.server.create_database(database, self.interrupt)?;
        (climb.applied, climb.supplied, climb.schema) = (BTreeSet::new(), 0, None);
        Ok(())
    }

    fn look(climb: &mut Climb<'a>) -> Result<Schema> {
        if let Some(schema) = &climb.schema {
            return Ok(schema.clone());
        }
        let schema = climb.watch.take()?;
        climb.schema = Some(schema.clone());
        Ok(schema)
    }

    fn version_at(&self, climb: &mut Climb<'a>) -> Result<Vec<String>> {
        climb.watch.ask(|session| session.alembic_version(&self.alembic.version_table))
    }

    fn is_milestone(&self, revision: &str) -> bool {
        self.memory.rows.iter().any(|(at, _)| at == revision)
    }
}
