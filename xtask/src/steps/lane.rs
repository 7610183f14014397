//! A place on which stairs are tried: a server, a database on it that goes up the chain once (the
//! ladder), and a copy of that for each trial.
//!
//! Stairs do not know of each other: each begins with the database and the cluster as its parents left
//! them. So any number of lanes can share the work, each on a server of its own.

mod call;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::context::{TreeRun, list};
use super::errors::NotRestored;
use super::gone::LostData;
use super::revisions::{RevisionNode, ancestors, below_in_order, chain_of};
use super::tree_context::TreeContext;
use crate::alembic::Alembic;
use crate::postgres::rows;
use crate::postgres::schema::SchemaReader;
use crate::postgres::shared::SharedState;
use analysis::rows::Named;
use model::code;
use model::event::timed;
use model::finding::Finding;
use model::schema::{CLUSTER_KINDS, Schema};
use model::start::VersionTable;
use model::transcript::Statement;
use model::tree::Tree;

/// The time zone of the server's sessions in the other environment.
const ELSEWHERE_ZONE: &str = "SET timezone = 'Etc/GMT+12'";
/// The longest name of a database, in bytes, less the longest suffix that a lane adds.
const NAME_MAX: usize = 56;

/// State of the database that a lane begins with.
#[derive(Clone, Debug, Default)]
pub struct LaneStart {
    /// The contents of the version table; none: the database is empty.
    pub at: Vec<String>,
    /// Where Alembic keeps that.
    pub table: VersionTable,
    /// The statements up to there.
    pub statements: Vec<Statement>,
}

/// Environment of a trial's upgrade.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StairEnvironment {
    /// In the environment of the steps.
    Here,
    /// In another environment.
    Elsewhere,
}

/// Alembic in another environment.
pub struct Elsewhere {
    /// The Alembic.
    pub alembic: Alembic,
    /// How the environment differs, in words.
    pub described: String,
}

/// Database that goes up the chain once.
pub(super) struct Ladder {
    /// Its name.
    pub(super) database: String,
    pub(super) chain: Vec<RevisionNode>,
    /// The revisions that are applied to it.
    applied: BTreeSet<String>,
    /// How many rows were supplied to it.
    pub(super) supplied: usize,
    /// How many statements were run on it: those of a trial come after these.
    pub(super) climbed: usize,
    /// The state that all databases of the server shared before the stair.
    shared: SharedState,
}

/// Copy of the ladder on which a stair is tried.
pub(super) struct Trial<'a> {
    /// Its name.
    pub(super) database: String,
    pub(super) reader: SchemaReader<'a>,
    /// Columns that take only the values that the revision names.
    pub(super) named: Vec<Named>,
    /// How often the schema was read, and how long that took.
    pub(super) looks: (u32, Duration),
    /// Columns and tables that the stair at hand dropped with their values.
    pub(super) gone: LostData,
}

/// A lane.
pub struct Lane<'a> {
    pub(super) tree_run: TreeRun<'a>,
    pub(super) elsewhere: Elsewhere,
    pub(super) ladder: Ladder,
    pub(super) trial: Trial<'a>,
    /// When the step must be done.
    pub(super) deadline: Instant,
}

impl<'a> Lane<'a> {
    /// A lane whose ladder stands on this ground. `is_there` says that the server holds the tree's
    /// database at that place; else the ladder is made, empty, and the roles are supplied.
    pub fn new(
        mut tree_run: TreeRun<'a>,
        elsewhere: Elsewhere,
        ground: &LaneStart,
        is_there: bool,
    ) -> Result<Lane<'a>> {
        let TreeContext { tree, server, supplies, timeout, interrupt, .. } = tree_run.context;
        let own = tree.database.clone();
        let database = if is_there { own } else { named(&own, "ladder") };
        let Ok(graph) = &tree_run.graph else { bail!("there is no graph to climb") };
        let chain = chain_of(graph);
        let applied: BTreeSet<String> =
            ground.at.iter().flat_map(|revision| ancestors(&chain, revision)).collect();
        let is_below = |at: &Option<String>| at.as_ref().is_none_or(|at| applied.contains(at));
        let supplied = supplies.rows.iter().take_while(|(at, _)| is_below(at)).count();
        tree_run.statements.clone_from(&ground.statements);
        tree_run.alembic.version_table.clone_from(&ground.table);
        if !is_there {
            server.copy_all(tree, &database, None, interrupt)?;
            for role in &supplies.roles {
                server.supply_role(role, &database, timeout, interrupt)?;
            }
            tree_run.run_scripts(None, &database)?;
        }
        let trial = Lane::trial_of(tree);
        let trial = Trial {
            reader: tree_run.context.reader(&trial).starting_with(rows::SETUP),
            database: trial,
            named: Vec::new(),
            looks: (0, Duration::ZERO),
            gone: LostData::default(),
        };
        let ladder = Ladder {
            database,
            chain,
            applied,
            supplied: if is_there { supplied } else { 0 },
            climbed: tree_run.statements.len(),
            shared: SharedState::default(),
        };
        Ok(Lane { tree_run, elsewhere, ladder, trial, deadline: Instant::now() + timeout })
    }

    /// The name of the database on which a stair of a tree is tried.
    pub fn trial_of(tree: &Tree) -> String {
        named(&tree.database, "stair")
    }

    /// Goes on until this moment at most.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Lane<'a> {
        Lane { deadline, ..self }
    }

    /// The server's death, where it is the reason for an error.
    pub fn explain_death(&self, err: anyhow::Error) -> anyhow::Error {
        self.tree_run.explain_death(err)
    }

    /// Its two Alembics, for another use.
    pub fn into_alembics(self) -> [Alembic; 2] {
        [self.tree_run.alembic, self.elsewhere.alembic]
    }

    /// Takes the ladder up to the parents of a stair; returns the failure on the way.
    pub(super) fn climb_to_parents(
        &mut self,
        stair: &RevisionNode,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        for revision in below_in_order(&self.ladder.chain, &self.ladder.applied, &stair.revision) {
            if let Some(failed) = self.climb_to(&revision, seen)?
                && (failed.code == &code::TIMED_OUT || !self.climb_at_once(&revision, seen)?)
            {
                return Ok(Some(failed));
            }
        }
        self.tree_run.run_scripts(Some(&stair.revision), &self.ladder.database)?;
        if self.ladder.applied.is_empty() {
            // From here on the objects are there that env.py makes before any revision runs.
            let ladder = self.ladder.database.clone();
            if let Err(failed) =
                self.run(("downgrade", "base"), &ladder, StairEnvironment::Here, seen)?
            {
                return Ok(Some(*failed));
            }
        }
        self.ladder.shared = SharedState::of(&mut self.context().server_session()?)?;
        self.ladder.climbed = self.tree_run.statements.len();
        Ok(None)
    }

    /// Takes the ladder up to a revision, with the supplies of the recipe on the way.
    fn climb_to(&mut self, revision: &str, seen: &mut Vec<Statement>) -> Result<Option<Finding>> {
        if self.ladder.applied.contains(revision) {
            return Ok(None);
        }
        let below = ancestors(&self.ladder.chain, revision);
        while let Some((at, row)) = self.context().supplies.rows.get(self.ladder.supplied).cloned()
        {
            let Some(at) = at.filter(|at| below.contains(at)) else { break };
            if let Some(failed) = self.upgrade_ladder(&at, seen)? {
                return Ok(Some(failed));
            }
            let mut session = self.context().session(&self.ladder.database)?;
            session.transcribe(row.insert, self.context().timeout)?;
            self.ladder.supplied += 1;
        }
        let supplied = |stair: &&RevisionNode| {
            let scripts = &self.context().supplies.scripts;
            below.contains(&stair.revision)
                && !self.ladder.applied.contains(&stair.revision)
                && scripts.iter().any(|s| s.required_by.as_ref() == Some(&stair.revision))
        };
        let supplied: Vec<RevisionNode> =
            self.ladder.chain.iter().filter(supplied).cloned().collect();
        for stair in supplied {
            for parent in stair.parents.iter().chain(&stair.requires) {
                if let Some(failed) = self.upgrade_ladder(parent, seen)? {
                    return Ok(Some(failed));
                }
            }
            self.tree_run.run_scripts(Some(&stair.revision), &self.ladder.database)?;
        }
        self.upgrade_ladder(revision, seen)
    }

    /// Makes the ladder anew and takes it up to a revision in one call of Alembic, as `alembic upgrade` does:
    /// SQLAlchemy makes a type once in a process, so a revision that makes it again fails only in a call of
    /// its own. That is the finding of that revision's stair. Returns whether the call succeeded.
    fn climb_at_once(&mut self, revision: &str, seen: &mut Vec<Statement>) -> Result<bool> {
        let TreeContext { tree, server, supplies, interrupt, .. } = self.context();
        let ladder = self.ladder.database.clone();
        // Supplies come between the revisions, and the steps' own database stays as it is.
        if ladder == tree.database || !supplies.rows.is_empty() || !supplies.scripts.is_empty() {
            return Ok(false);
        }
        self.trial.reader.close();
        self.drop(&ladder)?;
        server.copy_all(tree, &ladder, None, interrupt)?;
        self.tree_run.statements.clear();
        let went = self.run(("upgrade", revision), &ladder, StairEnvironment::Here, seen)?.is_ok();
        if went {
            self.ladder.applied = ancestors(&self.ladder.chain, revision);
        }
        Ok(went)
    }

    fn upgrade_ladder(
        &mut self,
        revision: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        if self.ladder.applied.contains(revision) {
            return Ok(None);
        }
        let ladder = self.ladder.database.clone();
        if let Err(failed) =
            self.run(("upgrade", revision), &ladder, StairEnvironment::Here, seen)?
        {
            return Ok(Some(*failed));
        }
        self.ladder.applied.extend(ancestors(&self.ladder.chain, revision));
        Ok(None)
    }

    /// Makes a fresh copy of the ladder for a trial, or for part of one.
    pub(super) fn copy(&mut self, of: Option<&str>, to: &str) -> Result<()> {
        self.trial.reader.close();
        let of = of.unwrap_or(&self.ladder.database);
        let TreeContext { tree, server, interrupt, tell, .. } = self.context();
        let make = || server.copy_all(tree, to, Some(of), interrupt);
        timed(tell, &tree.label, "  copying the database", make)
    }

    /// Drops a trial's database, and restores the state that all databases of the server share.
    /// Fails with [`NotRestored`] where that cannot be done.
    pub(super) fn clear_trial(&mut self) -> Result<()> {
        self.trial.reader.close();
        self.drop(&self.trial.database)?;
        if self.restore_shared()? { Ok(()) } else { Err(NotRestored.into()) }
    }

    /// Drops a database that the lane made, and those beside it.
    pub(super) fn drop(&self, database: &str) -> Result<()> {
        let TreeContext { tree, server, interrupt, .. } = self.context();
        server.drop_all(tree, database, interrupt)
    }

    /// Restores the state that all databases share, as far as possible; returns whether it is as
    /// before.
    pub(super) fn restore_shared(&self) -> Result<bool> {
        let TreeContext { server, interrupt, .. } = self.context();
        server.restore_shared(&self.ladder.shared, &self.tree_run.statements, interrupt)
    }

    /// The same within a stair, before the next part of its trial.
    pub(super) fn clear_trial_of_roles(&mut self) -> Result<()> {
        match self.clear_trial() {
            // The next copy shows whether it matters.
            Err(err) if err.is::<NotRestored>() => Ok(()),
            cleared => cleared,
        }
    }

    /// The schemas of another copy: of its own database and of those beside it.
    pub(super) fn look_at(&self, database: &str) -> Result<Vec<Schema>> {
        let own = self.context().reader(database).read();
        self.with_those_beside(own?, database)
    }

    /// A schema with those of the databases beside it. The first has the objects that all databases
    /// share.
    fn with_those_beside(&self, own: Schema, database: &str) -> Result<Vec<Schema>> {
        let mut schemas = vec![own];
        for name in self.context().tree.databases_for(database).iter().skip(1) {
            let mut objects = self.context().reader(name).read()?.objects().clone();
            objects.retain(|id, _| !CLUSTER_KINDS.contains(&id.kind.as_str()));
            schemas.push(Schema::of(objects));
        }
        Ok(schemas)
    }

    /// Drops the databases of the lane on a server that stays.
    pub fn clear(&mut self) -> Result<()> {
        self.trial.reader.close();
        for database in [&self.trial.database, &self.ladder.database] {
            self.drop(database)?;
        }
        Ok(())
    }

    /// The schemas of the trial: of its own database and of those beside it.
    pub(super) fn look(&mut self) -> Result<Vec<Schema>> {
        let started = Instant::now();
        let own = self.trial.reader.read()?;
        let schemas = self.with_those_beside(own, &self.trial.database)?;
        self.trial.looks = (self.trial.looks.0 + 1, self.trial.looks.1 + started.elapsed());
        Ok(schemas)
    }

    /// The contents of all version tables of the trial.
    pub(super) fn version(&mut self) -> Result<Vec<String>> {
        self.tree_run.version_at(&self.trial.database, &mut self.trial.reader)
    }

    pub(super) fn context(&self) -> TreeContext<'a> {
        self.tree_run.context
    }
}

/// The name of a database beside another one.
fn named(database: &str, what: &str) -> String {
    let name: String = database.chars().take(NAME_MAX).collect();
    format!("{name}_{what}")
}

/// The downgrade ended somewhere else than where the upgrade began.
pub(super) fn not_where_asked(revision: &str, found: &[String], expected: &[String]) -> Finding {
    let message = format!(
        "the downgrade of revision {revision} exited 0, but the version table holds {}, expected {}",
        list(found),
        list(expected)
    );
    let revision = Some(revision.to_owned());
    Finding { revision, ..Finding::new(&code::NOT_AS_ASKED, message) }
}
