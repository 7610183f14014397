//! Traps: a statement outside of a transaction is stopped at each lock that it asks for, and looked at.
//!
//! Such a statement takes locks and releases them before they could be read. So other sessions hold
//! the tables that it names, in a mode that only readers could share and in one that writers can,
//! and let go when it waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};

use super::probes::Probes;
use crate::os::interrupt::Interrupt;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::session::Session;
use model::production::{Catalog, MODES, Oid, SHARE, Use, Wait};

/// How often the statement is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// The modes in which each table is held: one waits for the strongest mode alone, one for all that keep
/// each other out.
const HOLDS: [&str; 2] = ["ACCESS SHARE", "SHARE UPDATE EXCLUSIVE"];
/// How many tables are held at most: each takes two connections.
const HELD: usize = 4;

/// Locks that a statement held or asked for, and the access that waited then.
#[derive(Default)]
pub(super) struct BlockedAccess {
    pub(super) locks: BTreeMap<Oid, u8>,
    pub(super) waits: Vec<Wait>,
}

/// Connection and tables where traps are set.
pub(super) struct TrapSite<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) database: &'a str,
    pub(super) interrupt: &'a Interrupt,
    pub(super) catalog: &'a Catalog,
    pub(super) uses: &'a [Use],
}

/// Session that holds a table, and its process.
struct LockHolder<'a> {
    session: Session<'a>,
    pid: String,
}

impl TrapSite<'_> {
    /// Sets the traps, says so, and springs them one by one until the statement is done.
    pub(super) fn catch(
        &self,
        (pid, sql): (i32, &str),
        set: &Sender<()>,
        done: &AtomicBool,
    ) -> Result<BlockedAccess> {
        let mut sees = Session::open(self.endpoint, self.database, self.interrupt)?;
        let who = (self.catalog, self.uses);
        let mut probes = Probes::open((self.endpoint, self.database), self.interrupt, who)?;
        let mut holders = Vec::new();
        for name in self.named(sql) {
            for mode in HOLDS {
                holders.extend(self.hold(&name, mode)?);
            }
        }
        let _ = set.send(());
        let mut caught = BlockedAccess::default();
        let mut tried = BTreeSet::new();
        let looks = format!(
            "SELECT locktype, relation, mode, granted FROM pg_locks WHERE pid = {pid} AND (locktype <> 'relation' OR relation >= 16384)"
        );
        while !done.load(Ordering::SeqCst) {
            let rows = sees.rows(&looks)?;
            let cell = |row: &[(String, String)], name: &str| {
                row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
            };
            let lock = |row: &Vec<(String, String)>| {
                let mode = MODES.iter().position(|m| cell(row, "mode").as_deref() == Some(m))?;
                Some((cell(row, "relation")?.parse().ok()?, u8::try_from(mode + 1).ok()?))
            };
            let locks: BTreeMap<Oid, u8> = strongest(rows.iter().filter_map(lock));
            if rows.iter().any(|row| cell(row, "granted").as_deref() == Some("f")) {
                // Only where it stands still, so that the same is seen each time.
                for (oid, mode) in &locks {
                    let known = caught.locks.entry(*oid).or_default();
                    *known = (*known).max(*mode);
                }
                let strong = locks.iter().filter(|(_, mode)| **mode >= SHARE);
                let strong: BTreeSet<Oid> = strong.map(|(oid, _)| *oid).collect();
                if !strong.is_empty() && tried.insert(strong.clone()) {
                    caught.waits.extend(probes.waits(pid, &strong)?);
                }
                let blocking = format!("SELECT unnest(pg_blocking_pids({pid}))");
                let blocking = sees.column(&blocking)?;
                holders.retain(|holder| !blocking.contains(&holder.pid));
            }
            std::thread::sleep(LOOK);
        }
        Ok(caught)
    }

    /// The tables that a statement may lock: those that it names, or an index of which it names, with
    /// those that they point to, that point to them, and their parts and wholes.
    fn named(&self, sql: &str) -> Vec<String> {
        let words: BTreeSet<&str> =
            sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let bare = |name: &str| name.rsplit('.').next().unwrap_or_default().replace('"', "");
        let relations = &self.catalog.relations;
        let is_named = relations.iter().filter(|r| words.contains(bare(&r.name).as_str()));
        let named: Vec<Oid> = is_named.map(|r| r.of.unwrap_or(r.oid)).collect();
        let links = self.catalog.foreign.iter().map(|(_, from, to)| (*from, *to));
        let parts = relations.iter().filter_map(|r| Some((r.oid, r.parent?)));
        let beside = links.chain(parts).flat_map(|(a, b)| [(a, b), (b, a)]);
        let beside = beside.filter(|(a, _)| named.contains(a)).map(|(_, b)| b);
        let mut all: Vec<Oid> = Vec::new();
        for oid in named.iter().copied().chain(beside) {
            if !all.contains(&oid) {
                all.push(oid);
            }
        }
        let table = |oid: Oid| relations.iter().find(|r| r.oid == oid && "rp".contains(r.kind));
        all.into_iter().filter_map(table).map(|r| r.name.clone()).take(HELD).collect()
    }

    /// A session that holds a table; `None`: another session does.
    fn hold(&self, name: &str, mode: &str) -> Result<Option<LockHolder<'_>>> {
        let mut session = Session::open(self.endpoint, self.database, self.interrupt)?;
        session.execute("BEGIN")?;
        if session.execute(&format!("LOCK TABLE ONLY {name} IN {mode} MODE NOWAIT")).is_err() {
            return Ok(None);
        }
        let pid = session.value("SELECT pg_backend_pid()")?.context("a session has no process")?;
        Ok(Some(LockHolder { session, pid }))
    }
}

impl Drop for LockHolder<'_> {
    fn drop(&mut self) {
        // At its end the connection lets go of it by itself.
        let _ = self.session.execute("ROLLBACK");
    }
}

/// The strongest mode of each.
fn strongest(locks: impl Iterator<Item = (Oid, u8)>) -> BTreeMap<Oid, u8> {
    let mut strongest = BTreeMap::new();
    for (oid, mode) in locks {
        let known: &mut u8 = strongest.entry(oid).or_default();
        *known = (*known).max(mode);
    }
    strongest
}
