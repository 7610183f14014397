//! The lanes on which a tree's stairs are tried, beside its steps.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};
use camino::Utf8PathBuf;

use super::context::{GateContext, join};
use super::ran::Leftovers;
use super::setup::{Environment, PreparedRun, Servers};
use crate::alembic::{Alembic, Description, PausePoint};
use crate::cache::snapshot::Snapshot;
use crate::os::interrupt::Interrupt;
use crate::postgres::data_dir::DataDir;
use crate::postgres::schema::SchemaReader;
use crate::postgres::server::Server;
use crate::steps::context::TreeRun;
use crate::steps::lane::{Elsewhere, Lane, LaneStart};
use crate::steps::revisions::ancestors_of;
use crate::steps::runner::{StairwayStep, WaitForStairs};
use crate::steps::stairway::{LaneEnd, StairResult, Stairway};
use crate::steps::tree_context::TreeContext;
use model::event::{Event, timed};
use model::production::Seen;
use model::start::KnownStart;
use model::start::VersionTable;
use model::step::Step;
use model::transcript::Statement;

/// Revisions of a tree that are tried by themselves.
pub(super) struct StairwayPlan {
    stairway: Stairway,
    /// The new revisions, before the first of which the way up pauses.
    new: Vec<String>,
    /// Whether they are a step of their own.
    is_step: bool,
    /// Whether the first of them stands on nothing.
    from_empty: bool,
}

impl StairwayPlan {
    /// The new revisions, or all with `--stairway`; where nothing is new, the head.
    pub(super) fn of(
        run: &GateContext<'_>,
        index: usize,
        graph: Option<&Description>,
    ) -> StairwayPlan {
        let heads = graph.map(|graph| graph.heads.clone()).unwrap_or_default();
        let (stairs, is_step) = match run.stairs(index, graph) {
            _ if run.setting.only_up => (Vec::new(), false),
            Some(stairs) => (stairs, true),
            None if heads.len() == 1 => (heads.clone(), false),
            None => (Vec::new(), false),
        };
        let parents = |id: &String| {
            let mut revisions = graph?.revisions.iter();
            Some(revisions.find(|known| known.revision == *id)?.down_revision.clone())
        };
        let from_empty = stairs.first().and_then(parents).is_some_and(|parents| parents.is_empty());
        let new = if run.setting.rehearses { run.new_revisions(index, &heads) } else { Vec::new() };
        let rehearsed = stairs.iter().filter(|id| new.contains(id)).cloned().collect();
        let stairway = Stairway::over(stairs.clone()).rehearsing(rehearsed);
        StairwayPlan { new: stairs, stairway, is_step, from_empty }
    }

    /// Observations of the new revisions on a database in use.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.stairway.seen()
    }

    /// The stairs as the steps see them.
    pub(super) fn stairs<'a>(&self, wait: &'a WaitForStairs<'a>) -> Option<StairwayStep<'a>> {
        let count = self.stairway.len();
        (count > 0).then_some(StairwayStep { count, is_step: self.is_step, wait })
    }
}

/// Context of the lanes of a tree.
pub(super) struct LaneContext<'e> {
    pub(super) run: &'e GateContext<'e>,
    pub(super) stage: &'e PreparedRun,
    pub(super) plan: &'e StairwayPlan,
    pub(super) python: &'e Utf8PathBuf,
    /// Surroundings of the tree's steps.
    pub(super) steps: TreeContext<'e>,
    /// Ends the lanes, alone or with the run.
    pub(super) interrupt: &'e Interrupt,
    pub(super) left: Mutex<Leftovers>,
}

/// The lanes of a tree, as its steps see them.
pub(super) struct Lanes<'scope, 'env> {
    context: &'env LaneContext<'env>,
    scope: &'scope Scope<'scope, 'env>,
    graph: Option<Description>,
    handles: RefCell<Vec<ScopedJoinHandle<'scope, Result<()>>>>,
    has_begun: Cell<bool>,
    /// An error of the stairs that were tried before the steps.
    failed: RefCell<Option<anyhow::Error>>,
    taken: RefCell<Option<PendingSnapshot>>,
}

impl<'scope, 'env> Lanes<'scope, 'env> {
    pub(super) fn new(
        context: &'env LaneContext<'env>,
        scope: &'scope Scope<'scope, 'env>,
        graph: Option<Description>,
    ) -> Lanes<'scope, 'env> {
        let (handles, failed, taken) = Default::default();
        Lanes { context, scope, graph, handles, has_begun: Cell::new(false), failed, taken }
    }

    /// Begins before the steps, where that can be done: on a snapshot, from an empty database, or on a
    /// server that has no room for both.
    pub(super) fn begin(&self, snapshot: Option<&Snapshot>) -> Result<()> {
        if let Some(Snapshot { data, start }) = snapshot {
            let (at, statements) = (start.at.clone(), start.statements.clone());
            let table = start.table.clone();
            let ground = (data.clone(), LaneStart { at, table, statements });
            self.spawn(self.graph.as_ref(), Some(ground));
        } else if let Servers::External(_) = &self.context.stage.servers {
            self.has_begun.set(true);
            if let Some(graph) =
                self.graph.as_ref().filter(|_| self.context.plan.stairway.len() > 0)
            {
                // The steps meet the same by themselves.
                let failed = self.context.work(graph, None).err();
                self.context.interrupt.check()?;
                *self.failed.borrow_mut() = failed;
            }
        } else if self.context.plan.from_empty {
            self.spawn(self.graph.as_ref(), None);
        }
        Ok(())
    }

    /// The revisions before the first of which the way up pauses.
    pub(super) fn pauses(&self) -> &'env [String] {
        if self.has_begun.get() { &[] } else { &self.context.plan.new }
    }

    /// Takes a snapshot where the way up pauses, and begins on it.
    pub(super) fn at_pause(
        &self,
        watch: &mut SchemaReader<'_>,
        before: &[Statement],
        stop: PausePoint<'_>,
    ) {
        let TreeContext { tree, tell, .. } = self.context.steps;
        let told = |why: &str| self.not_taken(why);
        if tree.databases_for(&tree.database).len() > 1 {
            return told("it has several databases");
        }
        if !stop.carries.is_empty() {
            return told(&format!("its connection carries {}", stop.carries.join(", ")));
        }
        let take = || self.take(watch, before, stop);
        match timed(tell, &tree.label, "  taking a snapshot", take) {
            Ok(taken) => {
                *self.taken.borrow_mut() = Some(taken);
                // Our own trees have one version table: there is nothing to wait for.
                if tree.recipe.is_some() {
                    self.begin_on_taken();
                }
            }
            Err(err) => told(&format!("{err:#}")),
        }
    }

    /// Begins on the snapshot that was taken, where the call showed no more than one version table: it
    /// holds the others as they were before their own way up.
    pub(super) fn after_pause(&self, tables: usize) {
        if tables < 2 {
            self.begin_on_taken();
        } else if self.taken.take().is_some() {
            self.not_taken("it has several version tables");
        }
    }

    fn begin_on_taken(&self) {
        let taken = self.taken.borrow().clone();
        if let Some(taken) = taken.filter(|_| !self.has_begun.get()) {
            let PendingSnapshot { data, at, table, statements, .. } = taken;
            let ground = (data, LaneStart { at, table, statements });
            self.spawn(self.graph.as_ref(), Some(ground));
        }
    }

    fn not_taken(&self, why: &str) {
        let TreeContext { tree, tell, .. } = self.context.steps;
        tell(Event::Reuse(&format!("no snapshot of {} is taken: {why}", tree.label)));
    }

    fn take(
        &self,
        watch: &mut SchemaReader<'_>,
        before: &[Statement],
        stop: PausePoint<'_>,
    ) -> Result<PendingSnapshot> {
        let Server::Local(cluster) = self.context.steps.server else {
            bail!("the server was given")
        };
        let graph = self.graph.as_ref().context("there is no graph")?;
        let at = watch.ask(|session| session.alembic_version(stop.table))?;
        let applied = ancestors_of(graph, &at);
        if self.context.plan.new.iter().any(|revision| applied.contains(revision)) {
            bail!("a new revision is applied already");
        }
        // Where it may be kept, it is made where it stays.
        let around = match &self.context.run.reuse {
            Some(store) => store.new_folder()?,
            None => tempfile::tempdir_in(self.context.stage.scratch.path())
                .context("cannot make a folder for the snapshot")?,
        };
        let server = (&cluster.endpoint, cluster.data.as_path());
        let data = DataDir::copy_running(server, around, self.context.interrupt)?;
        let applied = applied.into_iter().collect();
        let statements = before.iter().chain(stop.statements).cloned().collect();
        Ok(PendingSnapshot { data, at, table: stop.table.clone(), applied, statements })
    }

    fn spawn(&self, graph: Option<&Description>, ground: Option<(DataDir, LaneStart)>) {
        let Some(graph) = graph else { return };
        self.has_begun.set(true);
        let count = self.context.stage.lanes.min(self.context.plan.stairway.len());
        for _ in 0..count {
            let (context, graph, ground) = (self.context, graph.clone(), ground.clone());
            let work = move || context.work(&graph, ground.as_ref());
            self.handles.borrow_mut().push(self.scope.spawn(work));
        }
    }

    /// Waits for all stairs and returns their results.
    pub(super) fn wait(&self, graph: Option<&Description>) -> Result<Vec<StairResult>> {
        if !self.has_begun.get() {
            self.spawn(self.graph.as_ref().or(graph), None);
        } else if self.graph.is_none() && self.context.plan.stairway.len() > 0 {
            bail!(
                "cannot take revisions down on a server that was given: Alembic reads the revisions \
                 only after env.py has run, and the stairs come before that there; let the gate start \
                 a Postgres of its own (without --postgres-url)"
            );
        }
        if let Some(err) = self.failed.take() {
            return Err(err);
        }
        for handle in self.handles.take() {
            join(handle)?;
        }
        Ok(self.context.plan.stairway.tried())
    }

    /// Ends the lanes that still run. Returns the snapshot that was taken.
    pub(super) fn end(self) -> Option<PendingSnapshot> {
        self.context.interrupt.supersede();
        for handle in self.handles.take() {
            // The result of a lane that nothing waited for is not needed.
            let _ = join(handle);
        }
        self.taken.into_inner()
    }
}

impl LaneContext<'_> {
    /// One lane, from its beginning to its end.
    fn work(&self, graph: &Description, ground: Option<&(DataDir, LaneStart)>) -> Result<()> {
        let deadline = Instant::now() + self.run.timeout();
        loop {
            let hosted = match &self.stage.servers {
                Servers::Own(factory) => {
                    let data = ground.map(|(data, _)| data);
                    Some(self.run.start_server(factory, data, self.interrupt)?)
                }
                Servers::External(_) => None,
            };
            let server = hosted.as_ref().map_or(self.steps.server, |hosted| &hosted.server);
            let ended =
                self.on_server(server, graph, ground.map(|(_, ground)| ground), deadline)?;
            match ended {
                LaneEnd::Done => return Ok(()),
                LaneEnd::BeginAnew => {}
                LaneEnd::Kept(revision) => {
                    let (name, mut left) = (Lane::trial_of(self.steps.tree), self.left());
                    left.notes.push(format!(
                        "kept where revision {revision} went wrong, and no further one was tried, as \
                         --keep asks: {}",
                        server.endpoint().psql(&name)
                    ));
                    left.hosted.extend(hosted);
                    return Ok(());
                }
            }
        }
    }

    fn on_server(
        &self,
        server: &Server,
        graph: &Description,
        ground: Option<&LaneStart>,
        deadline: Instant,
    ) -> Result<LaneEnd> {
        // Only the steps report which revision runs.
        let tell = |event: Event<'_>| match event {
            Event::Revision { .. } => {}
            event => (self.run.tell)(event),
        };
        let (here, elsewhere) = (
            self.alembic(Environment::Here, server)?,
            self.alembic(Environment::Elsewhere, server)?,
        );
        let context = TreeContext {
            server,
            interrupt: self.interrupt,
            ends_strays: false,
            tell: &tell,
            ..self.steps
        };
        let tree_run = TreeRun::new(context, here, Ok(graph.clone()), None);
        let from = ground.cloned().unwrap_or_default();
        let elsewhere =
            Elsewhere { alembic: elsewhere, described: self.stage.elsewhere_is.clone() };
        let mut lane = Lane::new(tree_run, elsewhere, &from, ground.is_some())?.until(deadline);
        let worked = self.plan.stairway.work(&mut lane, self.run.flags.keep);
        let mut ended = worked.map_err(|err| lane.explain_death(err));
        if let (Server::External(_), false) = (server, matches!(ended, Ok(LaneEnd::Kept(_)))) {
            ended = lane.clear().and(ended);
        }
        let [here, elsewhere] = lane.into_alembics();
        for (which, alembic) in [(Environment::Here, here), (Environment::Elsewhere, elsewhere)] {
            self.left().used.join(alembic.used.clone());
            self.stage.give_back(which, self.python, alembic);
        }
        ended
    }

    fn alembic(&self, which: Environment, server: &Server) -> Result<Alembic> {
        self.stage.alembic(which, (self.python, self.steps.tree), server.endpoint(), self.interrupt)
    }

    fn left(&self) -> MutexGuard<'_, Leftovers> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot that an upgrade has reached.
#[derive(Clone)]
pub(super) struct PendingSnapshot {
    data: DataDir,
    at: Vec<String>,
    table: VersionTable,
    applied: Vec<String>,
    statements: Vec<Statement>,
}

impl PendingSnapshot {
    /// With the steps that were done before it.
    pub(super) fn finish(self, steps: &[Step]) -> Snapshot {
        let PendingSnapshot { data, at, table, applied, statements } = self;
        let before =
            steps.iter().take_while(|step| !step.name.ends_with(" — alembic upgrade head"));
        let (steps, since) = (before.cloned().collect(), SystemTime::now());
        Snapshot { data, start: KnownStart { at, table, applied, steps, statements, since } }
    }
}
