//! Rehearsal of a change on a database in use: the locks of its sessions after each statement, and
//! the statements that wait for them. `analysis/production` judges them.

pub mod catalog;
mod probes;
pub mod rehearsal;
mod traps;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};

use self::probes::Probes;
use self::traps::{BlockedAccess, TrapSite};
use crate::os::interrupt::Interrupt;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::session::Session;
use model::production::{Catalog, Look, Oid, SHARE, Trace, Use};

const A_DAY: u64 = 24 * 60 * 60;

/// Today, in days from 1970.
pub fn today() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs() / A_DAY).unwrap_or_default()
}

/// Inputs of a rehearsal: the database, and the sessions that look at it.
#[derive(Clone, Copy)]
pub struct RehearsalContext<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// The database.
    pub database: &'a str,
    /// Ends the run early.
    pub interrupt: &'a Interrupt,
    /// The catalogue before the change.
    pub catalog: &'a Catalog,
    /// The statements of the running version.
    pub uses: &'a [Use],
}

/// Makes a change, and watches it from other sessions.
pub fn observe<T>(
    scene: RehearsalContext<'_>,
    change: impl FnOnce(&dyn Fn(Look)) -> Result<T>,
) -> Result<(T, Trace)> {
    thread::scope(|scope| {
        let watcher = RefCell::new(Watcher {
            scene,
            scope,
            trace: Trace::default(),
            traps: None,
            probes: None,
            failed: None,
        });
        let made = change(&|look| watcher.borrow_mut().take(look));
        let mut watcher = watcher.into_inner();
        watcher.spring();
        match watcher.failed {
            Some(err) => Err(err),
            None => Ok((made?, watcher.trace)),
        }
    })
}

/// Traps that are set, with the thread that ends them.
struct Traps<'scope> {
    done: Arc<AtomicBool>,
    caught: ScopedJoinHandle<'scope, Result<BlockedAccess>>,
}

struct Watcher<'scope, 'env> {
    scene: RehearsalContext<'env>,
    scope: &'scope Scope<'scope, 'env>,
    trace: Trace,
    traps: Option<Traps<'scope>>,
    probes: Option<Probes<'env>>,
    /// Why no more is looked at.
    failed: Option<anyhow::Error>,
}

impl Watcher<'_, '_> {
    fn take(&mut self, look: Look) {
        self.spring();
        if self.failed.is_none() {
            let looked = match (look.when.as_str(), look.waits) {
                ("before", true) => self.set(&look),
                ("after", _) if look.autocommit => self.read_nodes(),
                ("commit", true) => self.probe(&look),
                ("failed", _) => Err(anyhow!("{}", look.sql.clone().unwrap_or_default())),
                _ => Ok(()),
            };
            self.failed = looked.err();
        }
        self.trace.looks.push(look);
    }

    /// Sets traps for the statement that waits.
    fn set(&mut self, look: &Look) -> Result<()> {
        let RehearsalContext { endpoint, database, interrupt, catalog, uses } = self.scene;
        let ground = TrapSite { endpoint, database, interrupt, catalog, uses };
        let (set, is_set) = mpsc::channel();
        let done = Arc::new(AtomicBool::new(false));
        let (ends, pid) = (done.clone(), look.pid);
        let sql = look.sql.clone().unwrap_or_default();
        let caught = self.scope.spawn(move || ground.catch((pid, &sql), &set, &ends));
        // It hangs up where it cannot set them.
        let _ = is_set.recv();
        self.traps = Some(Traps { done, caught });
        Ok(())
    }

    /// Takes the waits that the traps caught, if any.
    fn spring(&mut self) {
        let Some(Traps { done, caught }) = self.traps.take() else { return };
        done.store(true, Ordering::SeqCst);
        match caught.join() {
            Ok(Ok(BlockedAccess { locks, waits })) => {
                self.trace.caught.insert(self.trace.looks.len(), locks);
                self.trace.waits.extend(waits);
            }
            Ok(Err(err)) => self.failed = Some(err),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn read_nodes(&mut self) -> Result<()> {
        let RehearsalContext { endpoint, database, interrupt, .. } = self.scene;
        let mut session = Session::open(endpoint, database, interrupt)?;
        let nodes = catalog::nodes(&mut session)?;
        self.trace.nodes.insert(self.trace.looks.len(), nodes);
        Ok(())
    }

    /// Tries which statements wait for the session's locks right before its commit.
    fn probe(&mut self, look: &Look) -> Result<()> {
        let known: BTreeMap<Oid, _> =
            self.scene.catalog.relations.iter().map(|r| (r.oid, r)).collect();
        let changed = |held: &&model::production::Held| {
            let began = self.trace.looks.iter().rev().take_while(|l| l.began == look.began);
            let first = began.last().and_then(|l| l.relations.iter().find(|h| h.oid == held.oid));
            held.written > first.map_or(0, |first| first.written)
        };
        let held = look
            .relations
            .iter()
            .filter(|held| held.mode >= SHARE || held.mode > 1 && changed(held) || held.mode == 2);
        let held: BTreeSet<Oid> =
            held.map(|held| held.oid).filter(|oid| known.contains_key(oid)).collect();
        if held.is_empty() {
            return Ok(());
        }
        let RehearsalContext { endpoint, database, interrupt, catalog, uses } = self.scene;
        let probes = match &mut self.probes {
            Some(probes) => probes,
            None => {
                self.probes.insert(Probes::open((endpoint, database), interrupt, (catalog, uses))?)
            }
        };
        self.trace.waits.extend(probes.waits(look.pid, &held)?);
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../tests/production/corpus.rs"]
mod corpus;
