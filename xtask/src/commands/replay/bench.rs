//! What all replays share, and one replay.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use crate::analysis::replay as compare;
use crate::commands::gate::{Run, join};
use crate::commands::prepare::{Prepared, Ready};
use crate::commands::selection;
use crate::drivers::alembic::{self, Connection, Interpreter};
use crate::drivers::copy;
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::drivers::postgres::Server;
use crate::drivers::postgres::binaries::{self, Binaries, Places};
use crate::drivers::postgres::cluster::{self, Cluster};
use crate::drivers::postgres::endpoint::Endpoint;
use crate::drivers::postgres::session::Session;
use crate::drivers::python::{self, Search};
use crate::drivers::scratch::Scratch;
use crate::flags::Gate;
use crate::model::event::{Event, Tell};
use crate::model::incident::{Incident, State, TreeId};
use crate::model::mutant::{Judged, Mutant};
use crate::model::replay::Replayed;
use crate::model::report::{Report, Verdict};
use crate::model::tree::Tree;

/// The replays' workbench: what is made once for all of them. Dropped from the first to the last:
/// the sockets before the interpreters, the interpreters before their folder.
pub(super) struct Bench<'a> {
    flags: &'a Gate,
    root: &'a Utf8Path,
    interrupt: &'a Interrupt,
    tell: Tell<'a>,
    binaries: Binaries,
    user: Option<User>,
    /// A data folder that was never started.
    template: Utf8PathBuf,
    trees: Vec<Today>,
    /// The clusters that `--keep` leaves.
    held: Mutex<Vec<Held>>,
    pythons: Vec<Python>,
    _scratch: Scratch,
}

/// A tree as it is in the monorepo today.
struct Today {
    id: TreeId,
    tree: Tree,
    python: Utf8PathBuf,
    /// Its revisions with their parents.
    chain: Vec<(String, Vec<String>)>,
    /// Their files, absolute.
    files: Vec<Utf8PathBuf>,
}

/// An interpreter, with a socket for each run that it is to serve.
struct Python {
    path: Utf8PathBuf,
    connections: Mutex<Vec<Connection>>,
    _interpreter: Interpreter,
}

/// A broken tree with its running server, held until all replays are done.
struct Held {
    id: String,
    server: Server,
    scratch: Scratch,
    tree: Tree,
    urls: Vec<(usize, String)>,
}

/// Which of an incident's two runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Broken,
    Mended,
}

impl<'a> Bench<'a> {
    /// Makes what all runs share. `runs` says how many of them a tree will have.
    pub(super) fn make(
        flags: &'a Gate,
        root: &'a Utf8Path,
        runs: &dyn Fn(TreeId) -> usize,
        interrupt: &'a Interrupt,
        tell: Tell<'a>,
    ) -> Result<Bench<'a>> {
        let places = Places::of_this_machine(flags.postgres_bin.as_deref());
        let (binaries, user) = (binaries::find(&places, interrupt)?, cluster::server_user()?);
        let scratch = Scratch::new(user.as_ref())?;
        let what = "making a cluster, importing Alembic, reading the trees";
        tell(Event::SetUpStarted { what });
        let (template, ready) = thread::scope(|scope| {
            let template =
                scope.spawn(|| cluster::prepare(&binaries, user.as_ref(), &scratch, interrupt));
            let run = Run {
                flags,
                root,
                trees: &[],
                without: &[],
                surveys: None,
                alone: false,
                interrupt,
                tell,
            };
            let ready = start_pythons(&run, runs, &scratch);
            (join(template), ready)
        });
        tell(Event::SetUpEnded { what });
        let (template, (pythons, trees)) = (template?, ready?);
        let held = Mutex::default();
        Ok(Bench {
            flags,
            root,
            interrupt,
            tell,
            binaries,
            user,
            template,
            trees,
            held,
            pythons,
            _scratch: scratch,
        })
    }

    /// Runs the gate over the broken tree and over the mended one. Fails only where the replay was
    /// interrupted: whatever else goes wrong is a difference.
    pub(super) fn replay(&self, incident: &Incident) -> Result<Replayed> {
        let started = Instant::now();
        let mut replayed = Replayed {
            incident: incident.clone(),
            observed: None,
            reproduced: false,
            fixed: false,
            differences: Vec::new(),
            elapsed: Duration::ZERO,
        };
        match self.gate(incident, Phase::Broken) {
            Ok(report) => {
                let (observed, differences) = compare::of_broken(&incident.expect, &report);
                replayed.observed = observed;
                replayed.reproduced = differences.is_empty();
                replayed.differences = differences;
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => replayed.differences.push(format!("broken: {err:#}")),
        }
        match self.gate(incident, Phase::Mended) {
            Ok(report) => {
                let why = compare::of_mended(&report);
                replayed.fixed = why.is_empty();
                replayed.differences.extend(why);
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => replayed.differences.push(format!("mended: {err:#}")),
        }
        replayed.elapsed = started.elapsed();
        Ok(replayed)
    }

    /// Runs the gate over a mutant. Fails only where it was interrupted.
    pub(super) fn judge(&self, mutant: &Mutant) -> Result<Judged> {
        let mut judged = Judged {
            mutant: mutant.clone(),
            caught: false,
            observed: None,
            differences: Vec::new(),
        };
        match self.gate(&mutant.incident, Phase::Broken) {
            Ok(report) => {
                let (observed, differences) = compare::of_broken(&mutant.incident.expect, &report);
                judged.caught = report.verdict() != Verdict::Pass;
                judged.observed = observed;
                judged.differences = differences;
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => judged.differences.push(format!("{err:#}")),
        }
        Ok(judged)
    }

    /// Runs the gate over a copy of the tree, on a cluster of its own.
    fn gate(&self, incident: &Incident, phase: Phase) -> Result<Report> {
        let today = self.today(incident.tree)?;
        let scratch = Scratch::in_memory(self.user.as_ref())?;
        let root = scratch.path().join("tree");
        self.lay_out(incident, phase, today, &root)?;
        let state = match phase {
            Phase::Broken => &incident.broken,
            Phase::Mended => &incident.mended,
        };
        let trees = [tree_at(incident.tree, &root)];
        let id = &incident.id;
        let tell = |event: Event<'_>| {
            if let Event::StepStarted { name, .. } = event {
                let mended = if phase == Phase::Mended { " (mended)" } else { "" };
                (self.tell)(Event::Replaying { id, what: &format!("{id}{mended}: {name}") });
            }
        };
        let run = Run {
            flags: self.flags,
            root: &root,
            trees: &trees,
            without: &state.without,
            surveys: None,
            alone: false,
            interrupt: self.interrupt,
            tell: &tell,
        };
        let (report, _) = run.over(|report| {
            let server = self.start_server(state, &scratch)?;
            let connection = self.connection(&today.python)?;
            let endpoint = Endpoint::local(scratch.path());
            let alembic = run.read_tree(&trees[0], connection, &endpoint);
            let ready = Ready { index: 0, python: today.python.clone(), alembic };
            let prepared = Prepared { trees: vec![ready], interpreters: Vec::new() };
            let urls = run.run_trees(&server, prepared, report).urls;
            if self.flags.keep && phase == Phase::Broken && !report.interrupted {
                let tree = trees[0].clone();
                let held = Held { id: id.clone(), server, scratch, tree, urls };
                self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
            }
            Ok(Vec::new())
        });
        if report.interrupted {
            self.interrupt.check()?;
        }
        Ok(report)
    }

    fn start_server(&self, state: &State, scratch: &Scratch) -> Result<Server> {
        let (binaries, user) = (self.binaries.clone(), self.user.clone());
        let conf = state.conf.as_deref();
        let cluster =
            Cluster::start_on_copy(&self.template, conf, binaries, user, scratch, self.interrupt)?;
        if let Some(sql) = &state.sql {
            Session::open(&cluster.endpoint, "postgres", self.interrupt)?.execute(sql)?;
        }
        Ok(Server::Local(cluster))
    }

    /// Copies the tree as it stood then, and breaks or mends the copy.
    fn lay_out(
        &self,
        incident: &Incident,
        phase: Phase,
        today: &Today,
        root: &Utf8Path,
    ) -> Result<()> {
        fs::create_dir(root).with_context(|| format!("cannot make `{root}`"))?;
        let below = |path: &Utf8Path| -> Result<Utf8PathBuf> {
            let path = path.strip_prefix(self.root);
            path.map(|path| root.join(path)).context("the tree does not lie below the root")
        };
        let wanted = |name: &str| !name.starts_with('.') && name != "__pycache__";
        copy::folder(&today.tree.cwd, &below(&today.tree.cwd)?, &wanted, self.interrupt)?;
        let then = compare::up_to(&incident.at, &today.chain);
        if then.is_empty() {
            return Err(anyhow!("`at: {}` names no revision of {}", incident.at, today.tree.label));
        }
        for ((id, _), file) in today.chain.iter().zip(&today.files) {
            if !then.contains(id.as_str()) {
                let file = below(file)?;
                fs::remove_file(&file).with_context(|| format!("cannot leave out `{file}`"))?;
            }
        }
        copy::edit(&incident.broken.edits, root, self.root).context("broken.edits")?;
        if phase == Phase::Mended {
            copy::edit(&incident.mended.edits, root, self.root).context("mended.edits")?;
        }
        Ok(())
    }

    fn today(&self, id: TreeId) -> Result<&Today> {
        self.trees.iter().find(|today| today.id == id).context("the tree was not read")
    }

    fn connection(&self, python: &Utf8Path) -> Result<Connection> {
        let serving = self.pythons.iter().find(|serving| serving.path == python);
        let connections = &serving.context("the interpreter was not started")?.connections;
        let connection = connections.lock().unwrap_or_else(PoisonError::into_inner).pop();
        connection.context("the interpreter serves fewer runs than there are")
    }

    /// Leaves the servers that are held, and says how to reach them. Returns their processes.
    pub(super) fn keep(self, notes: &mut Vec<String>) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        for mut held in self.held.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let trees = [held.tree];
            let run = Run {
                flags: self.flags,
                root: self.root,
                trees: &trees,
                without: &[],
                surveys: None,
                alone: false,
                interrupt: self.interrupt,
                tell: self.tell,
            };
            let mut report = Report::default();
            pids.extend(run.keep(held.server, &mut held.scratch, &held.urls, &mut report)?);
            notes.extend(report.notes.into_iter().map(|note| format!("{}: {note}", held.id)));
        }
        Ok(pids)
    }
}

fn tree_at(id: TreeId, root: &Utf8Path) -> Tree {
    match id {
        TreeId::Console => Tree::console(root),
        TreeId::Raptor => Tree::raptor(root),
    }
}

/// Starts an interpreter for each environment and has it read the trees that have runs.
fn start_pythons(
    run: &Run<'_>,
    runs: &dyn Fn(TreeId) -> usize,
    scratch: &Scratch,
) -> Result<(Vec<Python>, Vec<Today>)> {
    let environments = selection::environments_folder(run.root);
    let notice = |text: &str| (run.tell)(Event::Notice(text));
    let search = Search {
        named: run.flags.python.as_deref(),
        environments: &environments,
        interrupt: run.interrupt,
        notice: &notice,
    };
    let mut befallen = Vec::new();
    for id in [TreeId::Console, TreeId::Raptor] {
        let count = runs(id);
        if count > 0 {
            let tree = tree_at(id, run.root);
            let python = python::interpreter(&search, &tree.requirements)?;
            // One to read it as it is today, and one for each run.
            befallen.push((id, tree, python, 1 + count));
        }
    }
    let env = python::environment(scratch, &run.flags.pass_env);
    let mut pythons: Vec<Python> = Vec::new();
    for (_, _, python, _) in &befallen {
        if pythons.iter().all(|known| known.path != *python) {
            let served = befallen.iter().filter(|other| other.2 == *python);
            let count = served.map(|(.., count)| count).sum();
            let (interpreter, connections) = alembic::start(python, count, &env, scratch)?;
            let (path, connections) = (python.clone(), Mutex::new(connections));
            pythons.push(Python { path, connections, _interpreter: interpreter });
        }
    }
    let mut trees = Vec::new();
    for (id, tree, python, _) in befallen {
        let serving = pythons.iter_mut().find(|serving| serving.path == python);
        let connections =
            serving.map(|s| s.connections.get_mut().unwrap_or_else(PoisonError::into_inner));
        let connection = connections.and_then(Vec::pop).context("an interpreter has no socket")?;
        let (_, graph) = run.read_tree(&tree, connection, &Endpoint::local(scratch.path()))?;
        let graph = graph.map_err(|said| {
            let why = said.headline().map(ToString::to_string).unwrap_or_default();
            anyhow!("cannot replay what befell {}: Alembic cannot read it today: {why}", tree.label)
        })?;
        let files = graph.revisions.iter().map(|revision| revision.file.clone()).collect();
        let chain = graph.revisions.into_iter().map(|r| (r.revision, r.down_revision)).collect();
        trees.push(Today { id, tree, python, chain, files });
    }
    Ok((pythons, trees))
}
