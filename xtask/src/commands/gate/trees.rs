//! The trees, side by side: each in a thread and a database of its own.

use std::cell::RefCell;
use std::thread;

use anyhow::Result;
use camino::Utf8Path;

use super::{Run, blame, join};
use crate::commands::prepare::{Prepared, Ready};
use crate::drivers::alembic::{Alembic, Description, Interpreter};
use crate::drivers::postgres::Server;
use crate::drivers::postgres::session::VersionTable;
use crate::drivers::postgres::snapshot::Watch;
use crate::drivers::process::quote;
use crate::recipes;
use crate::recipes::beside::{self, Begun, Tried};
use crate::recipes::live::Live;
use crate::recipes::prefix::Surprise;
use crate::recipes::reversal::Memory;
use crate::recipes::steps::{Done, Steps};
use model::event::Event;
use model::redact::redact;
use model::report::Report;
use model::transcript::Transcript;
use model::tree::{DEFAULT_SECTION, Tree};

impl Run<'_> {
    /// Runs the trees side by side, and puts what came of them into the report.
    pub(in crate::commands) fn run_trees(
        &self,
        server: &Server,
        prepared: Prepared<'_>,
        report: &mut Report,
    ) -> Ran {
        let mut own: Vec<u32> = prepared.interpreters.iter().map(Interpreter::pid).collect();
        if let Server::Local(cluster) = server {
            own.push(cluster.pid());
        }
        let own = own.as_slice();
        let done: Vec<_> = thread::scope(|scope| {
            let trees = prepared.trees.into_iter();
            let handles: Vec<_> = trees
                .map(|ready| {
                    scope.spawn(move || {
                        let (index, tree) = (ready.index, &self.trees[ready.index]);
                        let outcome = self.run_tree(tree, ready, server, own);
                        // Where it did not come to its head, nobody waits for it there.
                        self.before_head(index, false, server);
                        (index, outcome)
                    })
                })
                .collect();
            handles.into_iter().map(join).collect()
        });
        let mut ran = Ran::default();
        for (index, outcome) in done {
            let tree = &mut report.trees[index];
            if let Some(prefixes) = &self.prefixes {
                let Done { steps, way_up, .. } = &outcome.done;
                prefixes.climbed(index, outcome.table, steps, way_up);
            }
            tree.heads = outcome.heads;
            tree.steps = outcome.done.steps;
            tree.new_revisions = self.new_revisions(index, &tree.heads);
            tree.sql = outcome.done.way_up;
            tree.sql.retain(|ran| {
                ran.revision.as_ref().is_some_and(|r| tree.new_revisions.contains(r))
            });
            report.findings.extend(outcome.done.findings);
            ran.statements
                .extend(outcome.done.statements.into_iter().map(|statement| statement.sql));
            ran.urls.extend(outcome.url.map(|url| (index, url)));
            if let Some(versions) = outcome.versions.filter(|v| !report.python.contains(v)) {
                report.python.push(versions);
            }
            if let Some(err) = outcome.sick {
                if err.is::<Surprise>() {
                    ran.surprise.get_or_insert(err);
                    continue;
                }
                blame(report, &err, Some(&self.trees[index]));
            }
        }
        ran
    }

    fn run_tree(&self, tree: &Tree, ready: Ready<'_>, server: &Server, own: &[u32]) -> TreeOutcome {
        let mut outcome = TreeOutcome::default();
        let (mut alembic, graph) = match ready.alembic {
            Ok(ready) => ready,
            Err(err) => return TreeOutcome { sick: Some(err), ..outcome },
        };
        outcome.versions = Some(alembic.versions.clone());
        outcome.heads = graph.as_ref().map(|graph| graph.heads.clone()).unwrap_or_default();
        let create = || server.create_database(&tree.database, self.interrupt);
        if let Err(err) = ready.database.unwrap_or_else(create) {
            outcome.sick = Some(err);
            return outcome;
        }
        let url = outcome.url.insert(redact(alembic.url()).into_owned()).clone();
        let (stairs, new_head) = if ready.stays_below {
            // The lints need not be waited for.
            (None, ready.new_head)
        } else {
            let stairs = self.stairs(ready.index, graph.as_ref().ok());
            (stairs, self.is_new_head(ready.index, &outcome.heads))
        };
        let by_hand = |command: &str| self.by_hand(tree, &ready.python, &url, command);
        let before_head = |stands| self.before_head(ready.index, stands, server);
        let look = || Watch::new(server.endpoint(), &tree.database, self.interrupt);
        let (watch, before) = match ready.looked {
            Some((watch, schema)) => (watch, Some(schema)),
            None => (ready.watch.unwrap_or_else(look), None),
        };
        let second = ready.beside.filter(|_| new_head && stairs.is_none());
        thread::scope(|scope| {
            let by_hand = &by_hand;
            let beside = second.map(|alembic| {
                let (beside, waiting) = beside::sides();
                let work = |begun| self.beside(tree, server, by_hand, alembic, begun);
                scope.spawn(|| waiting.work(work));
                beside
            });
            let mut steps = Steps::live(Live {
                own_processes: self.alone.then_some(own),
                before_head: &before_head,
                elsewhere: ready.elsewhere,
                watch: RefCell::new(watch),
                copied: ready.copied,
                beside,
                did: ready.did,
                memory: Memory::before_head(before),
                ..self.live(tree, server, by_hand, &mut alembic, graph)
            })
            .without(self.without)
            .with_stairs(stairs)
            .with_new_head(new_head)
            .with_prefix(ready.prefix);
            outcome.sick = recipes::run(tree.recipe, &mut steps).err();
            // What goes on beside is given up with it.
            outcome.done = steps.finish();
        });
        outcome.table = alembic.version_table.clone();
        self.see(|seen| seen.add(ready.index, std::mem::take(&mut alembic.used)));
        outcome
    }

    /// Tries the head on a copy of the tree's database, beside its steps.
    fn beside(
        &self,
        tree: &Tree,
        server: &Server,
        by_hand: &(dyn Fn(&str) -> Vec<String> + Sync),
        mut alembic: Alembic,
        begun: Begun,
    ) -> Result<Tried> {
        let Begun { head, graph, memory, version_table, copied } = begun;
        let interrupt = copied.interrupt.clone();
        alembic = alembic.ended_by(&interrupt);
        alembic.version_table = version_table;
        // Which revision is at work is told of the steps alone.
        let tell = |event: Event<'_>| match event {
            Event::Revision { .. } => {}
            event => (self.tell)(event),
        };
        let mut live = Live {
            interrupt: &interrupt,
            tell: &tell,
            copied: Some(copied),
            memory,
            ..self.live(tree, server, by_hand, &mut alembic, Ok(graph))
        };
        live.try_beside(&head)
    }

    /// What runs on a tree, with nothing known of it yet.
    fn live<'l>(
        &'l self,
        tree: &'l Tree,
        server: &'l Server,
        by_hand: &'l (dyn Fn(&str) -> Vec<String> + Sync),
        alembic: &'l mut Alembic,
        graph: Result<Description, Transcript>,
    ) -> Live<'l> {
        Live {
            tree,
            root: self.root,
            server,
            alembic,
            graph,
            before_seed: false,
            timeout: self.timeout(),
            interrupt: self.interrupt,
            own_processes: None,
            by_hand,
            tell: self.tell,
            alone: self.trees.len() == 1 && self.flags.postgres_url.is_none(),
            keep: self.flags.keep,
            before_head: &|_| {},
            elsewhere: None,
            watch: RefCell::new(Watch::new(server.endpoint(), &tree.database, self.interrupt)),
            copied: None,
            beside: None,
            did: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// Tells that a tree has come to its head.
    fn before_head(&self, index: usize, stands: bool, server: &Server) {
        let Some(prefixes) = &self.prefixes else { return };
        let cluster = match server {
            Server::Local(cluster) => Some(cluster),
            Server::Given(_) => None,
        };
        prefixes.before_head(self, index, stands, cluster);
    }

    /// The commands that run an Alembic call again.
    fn by_hand(&self, tree: &Tree, python: &Utf8Path, url: &str, command: &str) -> Vec<String> {
        let (cwd, name) = (quote(tree.cwd.as_str()), &tree.url_env);
        let python = quote(python.as_str());
        if self.flags.keep {
            return vec![format!("cd {cwd} && {name}={} {python} -m {command}", quote(url))];
        }
        let mut which = match &self.flags.which.ini {
            Some(_) => format!("--ini {}", quote(tree.ini_path().as_str())),
            None => tree.id.clone(),
        };
        if tree.section != DEFAULT_SECTION {
            which += &format!(" --name {}", quote(&tree.section));
        }
        if self.flags.which.root.is_some() {
            which += &format!(" --root {}", quote(self.root.as_str()));
        }
        vec![
            format!("cargo xtask migration-gate {which} --keep   # prints {name}"),
            format!("cd {cwd} && {name}=… {python} -m {command}"),
        ]
    }
}

/// What the trees ran, and where.
#[derive(Default)]
pub(in crate::commands) struct Ran {
    /// Every statement.
    pub(super) statements: Vec<String>,
    /// The database URL of each tree, without its password.
    pub(in crate::commands) urls: Vec<(usize, String)>,
    /// Why nothing of it proves anything.
    pub(in crate::commands) surprise: Option<anyhow::Error>,
}

/// What came of one tree.
#[derive(Default)]
struct TreeOutcome {
    /// The URL of its database, without its password.
    url: Option<String>,
    versions: Option<String>,
    heads: Vec<String>,
    /// Where it keeps its version.
    table: VersionTable,
    done: Done,
    /// Why the gate could not do its work.
    sick: Option<anyhow::Error>,
}
