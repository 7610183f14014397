//! Probes: statements that are tried from another session to find those that wait.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::catalog;
use crate::os::interrupt::Interrupt;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::session::Session;
use analysis::production::probes;
use model::production::{Blocked, Catalog, Oid, Use, Wait};

/// The longest wait of a probe that is not cancelled.
const PATIENCE: &str = "5s";
/// How often it is asked whether a probe waits.
const ASK: Duration = Duration::from_millis(1);

/// The two sessions of the probes: one tries, one sees whether the other waits.
pub(super) struct Probes<'a> {
    tries: Session<'a>,
    sees: Session<'a>,
    /// The process of the one that tries.
    pid: String,
    catalog: &'a Catalog,
    uses: &'a [Use],
}

impl<'a> Probes<'a> {
    pub(super) fn open(
        (endpoint, database): (&'a Endpoint, &str),
        interrupt: &'a Interrupt,
        (catalog, uses): (&'a Catalog, &'a [Use]),
    ) -> Result<Probes<'a>> {
        let mut tries = Session::open(endpoint, database, interrupt)?;
        catalog::prepare(&mut tries)?;
        catalog::uncounted(&mut tries);
        tries.execute(&format!("SET lock_timeout = '{PATIENCE}'"))?;
        let pid = tries.value("SELECT pg_backend_pid()")?.context("a session has no process")?;
        let sees = Session::open(endpoint, database, interrupt)?;
        Ok(Probes { tries, sees, pid, catalog, uses })
    }

    /// The statements that wait for a session that holds these relations.
    pub(super) fn waits(&mut self, pid: i32, held: &BTreeSet<Oid>) -> Result<Vec<Wait>> {
        let all = probes(self.catalog, self.uses, held);
        let (at, done) = (AtomicUsize::new(0), AtomicBool::new(false));
        let Probes { tries, sees, pid: own, .. } = self;
        let mut found: Vec<Wait> = Vec::new();
        let blocked = format!(
            "SELECT locktype, relation FROM pg_locks WHERE pid = {own} AND NOT granted AND {pid} = ANY (pg_blocking_pids({own}))"
        );
        thread::scope(|scope| -> Result<()> {
            let (at, done, all) = (&at, &done, &all);
            scope.spawn(move || {
                for probe in all {
                    // One that fails does not wait, and one that waits is cancelled.
                    let _ = catalog::try_one(tries, &probe.used);
                    at.fetch_add(1, Ordering::SeqCst);
                }
                done.store(true, Ordering::SeqCst);
            });
            while !done.load(Ordering::SeqCst) {
                let now = at.load(Ordering::SeqCst);
                let waiting = sees.rows(&blocked)?;
                if let (Some(row), true) = (waiting.first(), now == at.load(Ordering::SeqCst)) {
                    let cell = |name: &str| row.iter().find(|(n, _)| n == name).map(|(_, v)| v);
                    let kind = cell("locktype").map(String::as_str).unwrap_or_default();
                    let relation = cell("relation").and_then(|oid| oid.parse().ok());
                    if let Some(probe) = all.get(now) {
                        found.extend(self::wait(self.catalog, probe, kind, relation));
                    }
                    // Once: a second time might meet the next probe.
                    sees.value(&format!("SELECT pg_cancel_backend({own})"))?;
                    while now == at.load(Ordering::SeqCst) && !done.load(Ordering::SeqCst) {
                        thread::sleep(ASK);
                    }
                }
                thread::sleep(ASK);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The wait of a probe.
fn wait(
    catalog: &Catalog,
    probe: &analysis::production::Probe,
    kind: &str,
    relation: Option<Oid>,
) -> Option<Wait> {
    let (own, what) = (probe.used.relation, probe.what);
    if kind != "relation" {
        return (what == Blocked::Rows).then_some(Wait { relation: own, what, through: None });
    }
    // An index stands for its table.
    let on = relation.map(|oid| {
        catalog.relations.iter().find(|r| r.oid == oid).and_then(|r| r.of).unwrap_or(oid)
    });
    let what = if what == Blocked::Rows { Blocked::Writes } else { what };
    Some(Wait { relation: own, what, through: on.filter(|on| *on != own) })
}
