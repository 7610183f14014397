//! The trees, side by side: each in a thread and on a server of its own.

use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::context::{GateContext, RunSettings, blame, join};
use super::lanes::{LaneContext, Lanes, StairwayPlan};
use super::ran::{RunOutcome, StartedTree, TreeOutcome};
use super::reuse::Reuse;
use super::rollback::rollback;
use super::setup::{Environment, PreparedRun, Servers};
use super::unchanged::Checksums;
use crate::alembic::{Alembic, Description, Limits, PausePoint};
use crate::cache::snapshot::Snapshot;
use crate::os::interrupt::Interrupt;
use crate::postgres::data_dir::DataDir;
use crate::postgres::hosted::{Hosted, ServerFactory};
use crate::postgres::schema::SchemaReader;
use crate::postgres::server::Server;
use crate::postgres::session::Session;
use crate::postgres::shared::SharedState;
use crate::recipes;
use crate::steps::context::TreeRun;
use crate::steps::errors::SnapshotInvalid;
use crate::steps::runner::{StepRunner, TreeSteps};
use crate::steps::tree_context::{HeadPause, TreeContext};
use model::event::{Event, timed};
use model::report::{Postgres, Report};
use model::transcript::{Statement, Transcript};
use model::tree::Tree;

impl GateContext<'_> {
    /// Runs the trees, and puts their outcomes into the report.
    pub fn run_trees(
        &self,
        todo: &[usize],
        stage: &PreparedRun,
        reuse: Option<&Reuse>,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> RunOutcome {
        let run = |index: usize, python: &Utf8PathBuf| {
            let snapshot = reuse.and_then(|reuse| reuse.snapshot(self, index));
            let mut ran = self.run_tree((index, python), stage, snapshot);
            if ran.sick.as_ref().is_some_and(anyhow::Error::is::<SnapshotInvalid>) {
                // The progress shows the steps again, so a notice says why.
                let label = &self.trees[index].label;
                let told = format!("{label} failed on a snapshot: it is run again from the start");
                (self.tell)(Event::Notice(&told));
                ran = self.run_tree((index, python), stage, None);
            }
            ran
        };
        let pythons: Vec<(usize, &Utf8PathBuf)> =
            todo.iter().filter_map(|index| Some((*index, stage.python(*index)?))).collect();
        let trees: Vec<TreeOutcome> = match &stage.servers {
            // Leftovers of one tree on a common server must be no supply of the next.
            Servers::External(_) => pythons.into_iter().map(|(i, python)| run(i, python)).collect(),
            Servers::Own(_) => thread::scope(|scope| {
                let run = &run;
                let handles: Vec<_> = pythons
                    .into_iter()
                    .map(|(i, python)| scope.spawn(move || run(i, python)))
                    .collect();
                handles.into_iter().map(join).collect()
            }),
        };
        let mut ran = RunOutcome { trees };
        for tree in &mut ran.trees {
            self.report_tree(tree, report, described);
        }
        ran
    }

    fn report_tree(
        &self,
        ran: &mut TreeOutcome,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) {
        let tree = &mut report.trees[ran.index];
        tree.steps = std::mem::take(&mut ran.done.steps);
        tree.stairs = ran.done.stairs.take();
        tree.production = std::mem::take(&mut ran.done.production);
        tree.sql = std::mem::take(&mut ran.done.way_up);
        report.postgres = report.postgres.take().or(ran.server.take());
        // The environment of env.py stays in the outcome: `--keep` prints it.
        let graph = ran.started.as_mut().and_then(|started| {
            let StartedTree { interpreter, graph, .. } = started;
            report.hash_seed.get_or_insert_with(|| interpreter.hash_seed.clone());
            if !report.python.contains(&interpreter.versions) {
                report.python.push(interpreter.versions.clone());
            }
            graph.take()
        });
        if let Some(graph) = &graph {
            tree.heads.clone_from(&graph.heads);
        }
        tree.new_revisions = self.new_revisions(ran.index, &tree.heads);
        tree.sql
            .retain(|ran| ran.revision.as_ref().is_some_and(|r| tree.new_revisions.contains(r)));
        tree.rollback = graph.as_ref().and_then(|graph| {
            rollback((&self.trees[ran.index], self.root), tree, graph, &ran.done.findings)
        });
        if tree.rollback.is_none() && tree.heads.len() == 1 && !tree.new_revisions.is_empty() {
            report.notes.push(format!(
                "{}: no rollback card: no command takes back the new revisions and nothing else",
                tree.label
            ));
        }
        described.extend(graph.map(|graph| (ran.index, graph)));
        report.findings.append(&mut ran.done.findings);
        report.notes.append(&mut ran.left.notes);
        if let Some(err) = ran.sick.take() {
            blame(report, &err, Some(&self.trees[ran.index]));
        }
    }

    fn run_tree(
        &self,
        (index, python): (usize, &Utf8PathBuf),
        stage: &PreparedRun,
        snapshot: Option<Snapshot>,
    ) -> TreeOutcome {
        let mut ran = TreeOutcome { index, python: python.clone(), ..TreeOutcome::default() };
        if let Err(err) = self.try_tree(&mut ran, stage, snapshot) {
            ran.sick = Some(err);
        }
        ran
    }

    fn try_tree(
        &self,
        ran: &mut TreeOutcome,
        stage: &PreparedRun,
        snapshot: Option<Snapshot>,
    ) -> Result<()> {
        let tree = &self.trees[ran.index];
        let hosted = match &stage.servers {
            Servers::Own(factory) => {
                let data = snapshot.as_ref().map(|snapshot| &snapshot.data);
                Some(self.start_server(factory, data, self.interrupt)?)
            }
            Servers::External(_) => None,
        };
        let done = {
            let server = match (&hosted, &stage.servers) {
                (Some(hosted), _) => &hosted.server,
                (None, Servers::External(server)) => server,
                (None, Servers::Own(_)) => anyhow::bail!("there is no server"),
            };
            self.run_on(ran, server, stage, snapshot)
        };
        // Stopping takes a moment that nothing waits for otherwise.
        if self.flags.keep || self.setting.holds_servers {
            ran.left.hosted.extend(hosted);
        } else if let Some(hosted) = hosted {
            timed(self.tell, &tree.label, "stopping the server", || drop(hosted));
        }
        done
    }

    /// A server on a copy of a data directory, or a fresh one.
    pub(super) fn start_server(
        &self,
        factory: &ServerFactory,
        data: Option<&DataDir>,
        interrupt: &Interrupt,
    ) -> Result<Hosted> {
        let RunSettings { conf, sql, .. } = self.setting;
        let conf = conf.filter(|_| data.is_none());
        let listens = self.trees.iter().any(Tree::wants_host);
        let hosted = factory.start(data, (conf, listens), interrupt, self.tell)?;
        if let (Some(sql), None) = (sql, data) {
            let endpoint = hosted.server.endpoint();
            Session::open(endpoint, endpoint.maintenance_database(), interrupt)?.execute(sql)?;
        }
        Ok(hosted)
    }

    /// Runs the one tree of this run.
    pub fn run_one(
        &self,
        python: &Utf8PathBuf,
        stage: &PreparedRun,
        report: &mut Report,
        described: &mut Vec<(usize, Description)>,
    ) -> RunOutcome {
        let mut ran = self.run_tree((0, python), stage, None);
        self.report_tree(&mut ran, report, described);
        RunOutcome { trees: vec![ran] }
    }

    /// Runs a tree's recipe on a server.
    fn run_on(
        &self,
        ran: &mut TreeOutcome,
        server: &Server,
        stage: &PreparedRun,
        snapshot: Option<Snapshot>,
    ) -> Result<()> {
        let tree = &self.trees[ran.index];
        ran.server =
            Some(Postgres { version: server.version().to_owned(), source: server.source() });
        let make = || match snapshot {
            Some(_) => Ok(()),
            None => server.copy_all(tree, &tree.database, None, self.interrupt),
        };
        timed(self.tell, &tree.label, "making the database", make)?;
        let at = (&ran.python, tree);
        let mut alembic =
            stage.alembic(Environment::Here, at, server.endpoint(), self.interrupt)?;
        stage.tell_isolation(self.tell);
        let (interpreter, told) = (alembic.info.clone(), alembic.told());
        let started =
            ran.started.insert(StartedTree { interpreter, told: told.clone(), graph: None });
        let graph = self.read_tree(tree, &mut alembic)?;
        started.graph = graph.as_ref().ok().cloned();
        let texts = Checksums::of(tree, started.graph.as_ref());
        let python = ran.python.clone();
        let steps = TreeContext {
            tree,
            root: self.root,
            server,
            supplies: &recipes::supplies(tree, self.setting.supplies),
            timeout: self.timeout(),
            interrupt: self.interrupt,
            ends_strays: self.setting.alone && !stage.is_isolated(),
            by_hand: &|command| self.by_hand(tree, &python, &told, command),
            tell: self.tell,
        };
        let context = LaneContext {
            run: self,
            stage,
            plan: &StairwayPlan::of(self, ran.index, graph.as_ref().ok()),
            python: &python,
            steps,
            interrupt: &self.interrupt.child()?,
            left: Mutex::default(),
        };
        let shared = self.shared_of(server)?;
        let result = self.run_steps(ran, &context, (alembic, graph), snapshot.as_ref());
        let left = context.left.into_inner().unwrap_or_else(PoisonError::into_inner);
        ran.left.join(left);
        result?;
        self.clear_given(server, tree, shared.as_ref(), &ran.done)?;
        // In a watch, a save ends the run.
        if self.setting.alone { texts.check() } else { Ok(()) }
    }

    /// Runs the steps of a tree, and its lanes beside them.
    fn run_steps(
        &self,
        ran: &mut TreeOutcome,
        context: &LaneContext<'_>,
        (alembic, graph): (Alembic, Result<Description, Transcript>),
        snapshot: Option<&Snapshot>,
    ) -> Result<()> {
        let LaneContext { stage, plan, steps: TreeContext { tree, .. }, .. } = *context;
        thread::scope(|scope| {
            let lanes = Lanes::new(context, scope, graph.as_ref().ok().cloned());
            lanes.begin(snapshot)?;
            let during =
                |reader: &mut SchemaReader<'_>, before: &[Statement], stop: PausePoint<'_>| {
                    lanes.at_pause(reader, before, stop);
                };
            let after = |tables: usize| lanes.after_pause(tables);
            let wait = |graph: Option<&Description>| lanes.wait(graph);
            let pause = HeadPause { before: lanes.pauses(), during: &during, after: &after };
            let pause = (!pause.before.is_empty()).then_some(pause);
            let tree_run = TreeRun::new(context.steps, alembic, graph, pause);
            let mut steps = StepRunner::new(tree_run)
                .with_supplies(self.setting.supplies)
                .with_stairs(plan.stairs(&wait))
                .with_known(snapshot.map(|snapshot| &snapshot.start))
                .only_up(self.setting.only_up);
            let result = recipes::run(tree, &mut steps);
            ran.done = steps.finish();
            ran.done.production = plan.seen();
            let taken = lanes.end();
            if let Some(alembic) = ran.done.alembic.take() {
                ran.left.used.join(alembic.used.clone());
                ran.version_tables = alembic.names_of_version_tables();
                ran.snapshot = taken.map(|taken| taken.finish(&ran.done.steps));
                stage.give_back(Environment::Here, &ran.python, alembic);
            }
            result
        })
    }

    /// The state that the databases of a given server share before a tree runs.
    fn shared_of(&self, server: &Server) -> Result<Option<SharedState>> {
        let Server::External(_) = server else { return Ok(None) };
        let endpoint = server.endpoint();
        let database = endpoint.maintenance_database();
        SharedState::of(&mut Session::open(endpoint, database, self.interrupt)?).map(Some)
    }

    /// Leaves a server that was given as it was before the tree, unless it is to be kept.
    fn clear_given(
        &self,
        server: &Server,
        tree: &Tree,
        shared: Option<&SharedState>,
        done: &TreeSteps,
    ) -> Result<()> {
        if let (Some(shared), false) = (shared, self.flags.keep) {
            server.drop_all(tree, &tree.database, self.interrupt)?;
            server.restore_shared(shared, &done.statements, self.interrupt)?;
        }
        Ok(())
    }

    /// The graph of a tree as `alembic heads` reads it, or the transcript of the failure.
    pub fn read_tree(
        &self,
        tree: &Tree,
        alembic: &mut Alembic,
    ) -> Result<Result<Description, Transcript>> {
        let limits = Limits::of(self.timeout());
        let read = || alembic.describe(&limits);
        let (said, graph) = timed(self.tell, &tree.label, "reading the revisions", read)?;
        Ok(graph.filter(|_| said.ok()).ok_or(said))
    }
}
