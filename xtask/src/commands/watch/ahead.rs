//! What is ready for the next save of the newest revision of a chain: a server on which its tree
//! stands right before it, with the schema looked at and the upgrade begun up to its first statement;
//! and a copy of its database with an Alembic of its own, for the rows on which a new head is tried.
//!
//! The data folder is what a full run of this watch made, copied while it stood there. It stands for
//! what nobody has touched since: whatever else changes is a reason for a full run, which makes
//! another one. What comes of a run on it is what would come of a full one, or it is run again.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::warm::{Making, Spare, Used};
use crate::commands::prepare::Ready;
use crate::drivers::alembic::{Alembic, Connection, Description};
use crate::drivers::interrupt::Interrupt;
use crate::drivers::postgres::aside::Copied;
use crate::drivers::postgres::resting::Resting;
use crate::drivers::postgres::snapshot::{Seen, Watch};
use crate::drivers::postgres::{aside, rows};
use crate::recipes::prefix::Prefix;
use model::schema::Schema;
use model::tree::Tree;

/// After this long a full run proves it all again.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// The calls of a run: up to the head, down, and up again. What is ready for one takes 40 MB.
const CALLS: usize = 3;
/// How long Alembic may take to read the revisions.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The beginnings of trees, all on one data folder.
pub(super) struct Beginning {
    pub(super) data: Resting,
    pub(super) trees: Vec<Begun>,
}

/// A tree, known up to right before its head.
pub(super) struct Begun {
    pub(super) index: usize,
    pub(super) prefix: Prefix,
    /// What Alembic read, the head included.
    pub(super) graph: Description,
    /// Whether it had a stairway.
    pub(super) climbs: bool,
    /// Whether the head was new.
    pub(super) new_head: bool,
    /// What the first server on this data folder was seen to hold.
    pub(super) seen: OnceLock<Seen>,
}

/// Beginnings, with a server that stands there or is being made.
pub(super) struct Ahead {
    pub(super) beginning: Arc<Beginning>,
    pub(super) spare: Option<Spare<Standing>>,
}

/// What stands ready for trees that a run is not about. To end it takes processors that the run needs.
#[derive(Default)]
pub(super) struct Idle(#[expect(dead_code, reason = "kept to be dropped later")] Vec<Stands>);

/// A server on which trees stand right before their heads. What talks to it goes first.
pub(super) struct Standing {
    trees: Vec<Stands>,
    /// Ends what works on it.
    interrupt: Interrupt,
    pub(super) used: Used,
}

struct Stands {
    alembic: Alembic,
    python: Utf8PathBuf,
    looked: (Watch<'static>, Schema),
    copied: Option<Copied>,
    beside: Option<Alembic>,
}

/// What a tree talks to its Alembics through.
pub(super) struct Connections {
    /// The interpreter.
    pub(super) python: Utf8PathBuf,
    pub(super) connection: Connection,
    /// For what can be done beside the steps; `None`: there is nothing of the kind.
    pub(super) second: Option<Connection>,
}

impl Begun {
    /// Whether its head is tried with rows beside the steps.
    pub(super) fn has_something_beside(&self) -> bool {
        self.new_head && !self.climbs
    }

    /// The file of the head.
    fn head(&self) -> Option<&Utf8PathBuf> {
        let [head] = self.graph.heads.as_slice() else { return None };
        let mut revisions = self.graph.revisions.iter();
        revisions.find(|revision| revision.revision == *head).map(|revision| &revision.file)
    }
}

impl Ahead {
    /// Whether it has all of these trees.
    pub(super) fn has(&self, trees: &[usize]) -> bool {
        let known = |index: &usize| self.beginning.trees.iter().any(|begun| begun.index == *index);
        trees.iter().all(known)
    }

    /// Whether it still stands for what it was: it is not too old, and of what has changed only heads
    /// are among its trees' files.
    pub(super) fn stands(&self, changed: &[(Utf8PathBuf, Vec<usize>)]) -> bool {
        let trees = &self.beginning.trees;
        let young = |begun: &Begun| {
            let age = SystemTime::now().duration_since(begun.prefix.since);
            age.is_ok_and(|age| age < AGE_MAX)
        };
        let is_head = |file: &Utf8Path| {
            let file = file.canonicalize_utf8().unwrap_or(file.to_owned());
            trees.iter().any(|begun| begun.head() == Some(&file))
        };
        let concerned = |owners: &[usize]| trees.iter().any(|begun| owners.contains(&begun.index));
        trees.iter().all(young)
            && changed.iter().all(|(file, owners)| !concerned(owners) || is_head(file))
    }
}

impl Beginning {
    /// Starts a server on it, and has everything ready there.
    pub(super) fn stand(
        &self,
        making: &Making,
        trees: &[Tree],
        connections: Vec<Connections>,
    ) -> Result<Standing> {
        let used = making.server(&self.data)?;
        let (endpoint, interrupt) = (used.server.endpoint(), &making.interrupt.child()?);
        let mut standing = Vec::new();
        for (begun, connections) in self.trees.iter().zip(connections) {
            let Connections { python, connection, second } = connections;
            let tree = &trees[begun.index];
            let mut watch = Watch::waiting(endpoint, &tree.database, interrupt);
            let mut copied = None;
            if begun.has_something_beside() {
                // Before anybody else is connected to what is copied.
                let (aside, of) = (aside::database(&tree.database), tree.database.as_str());
                used.server.copy_watched(&aside, (&mut watch, of), interrupt)?;
                let copied = copied.insert(Copied::of(&tree.database, endpoint, interrupt)?);
                rows::get_ready(&mut copied.watch)?;
            }
            let schema = match begun.seen.get() {
                Some(seen) => watch.take_over(seen)?,
                None => watch.take()?,
            };
            if let Some(seen) = watch.seen() {
                begun.seen.get_or_init(|| seen.clone());
            }
            let version = watch.ask(|session| session.alembic_version(&begun.prefix.table))?;
            if version != begun.prefix.at {
                bail!("{} does not stand at {}", tree.database, begun.prefix.at.join(", "));
            }
            let head = begun.head().context("there is no head")?;
            let ready = |connection, calls| {
                let mut alembic = Alembic::new(connection, tree, endpoint, interrupt)?;
                if !alembic.get_ready(std::slice::from_ref(head), calls, READ_TIMEOUT)? {
                    bail!("not all that {}'s revisions do when they are read is known", tree.label);
                }
                Ok(alembic)
            };
            let mut alembic = ready(connection, CALLS)?;
            alembic.version_table.clone_from(&begun.prefix.table);
            alembic.begin_before_edits("upgrade", "head")?;
            // What goes on beside is one walk.
            let mut beside = second.map(|second| ready(second, 1)).transpose()?;
            if let Some(beside) = &mut beside {
                beside.begin_walk_before_edits(&aside::database(&tree.database))?;
            }
            standing.push(Stands { alembic, python, looked: (watch, schema), copied, beside });
        }
        Ok(Standing { trees: standing, interrupt: interrupt.clone(), used })
    }
}

impl Standing {
    /// Gives out the trees that are chosen, each with its index among them, for a run that this ends;
    /// and the others, which are of no use any more.
    pub(super) fn hand_out(
        self,
        beginning: &Beginning,
        chosen: &[usize],
        run: &Interrupt,
    ) -> (Vec<Ready<'static>>, Used, Idle) {
        run.also_ends(&self.interrupt);
        let mut idle = Vec::new();
        let ready = beginning.trees.iter().zip(self.trees).filter_map(|(begun, stands)| {
            let Some(index) = chosen.iter().position(|chosen| *chosen == begun.index) else {
                idle.push(stands);
                return None;
            };
            let Stands { alembic, python, looked, copied, beside } = stands;
            Some(Ready {
                database: Some(Ok(())),
                prefix: Some(begun.prefix.clone()),
                looked: Some(looked),
                copied,
                beside,
                stays_below: !begun.climbs,
                new_head: begun.new_head,
                ..Ready::of(index, python, Ok((alembic, Ok(begun.graph.clone()))))
            })
        });
        (ready.collect(), self.used, Idle(idle))
    }
}
