//! Tables that cannot be used during work that takes time.

use std::collections::{BTreeMap, BTreeSet};

use super::instead::instead;
use super::sizes::Work;
use super::statements::Ran;
use super::view::View;
use crate::effect::Effect;
use crate::sql;
use model::production::{ACCESS_EXCLUSIVE, MODES, Oid};

/// The idle time from which a pause counts, in seconds.
const IDLE: f64 = 0.4;
/// From how long on a finding is a warning, in seconds.
pub(super) const WARNS: f64 = 0.5;

/// A table that is blocked, and the work done meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Stand {
    /// The table; of parts, the whole.
    pub(super) table: Oid,
    /// Its parts that are blocked.
    pub(super) parts: BTreeSet<Oid>,
    /// The strongest lock meanwhile.
    pub(super) mode: u8,
    /// The statement to report: the first that takes time, else the one that blocks.
    pub(super) statement: usize,
    /// Whether it is no part of a transaction.
    pub(super) autocommit: bool,
    /// Tables, each with the work on it.
    pub(super) work: BTreeSet<(Oid, Work)>,
    /// The idle time, in seconds.
    pub(super) idle: f64,
    /// How long it takes; `None`: a size is not known.
    pub(super) seconds: Option<f64>,
}

/// The tables that are blocked during work that takes time.
pub(super) fn stands(view: &View<'_>) -> Vec<Stand> {
    let facts = &view.facts;
    let rewritten = |oid: &Oid| facts.rewrites.contains(oid) && !facts.lost.contains(oid);
    let is_stand = |oid: &Oid| {
        let is_big =
            view.relation(*oid).is_some_and(|r| r.kind != 'v' || !facts.scans.contains(oid));
        let takes_time = facts.scans.contains(oid) || rewritten(oid);
        is_big && (takes_time || facts.held_over.contains_key(oid) || facts.idle.contains(oid))
    };
    // A table in the transactions of several revisions is reported for each.
    let mut stands: BTreeMap<(Oid, Option<String>), Stand> = BTreeMap::new();
    // A time that is not known weighs as much as a warning.
    let weight = |stand: &Stand| (stand.seconds.unwrap_or(WARNS), stand.mode);
    for oid in facts.locks.keys().filter(|oid| view.is_old(**oid) && view.is_big(**oid)) {
        if !is_stand(oid) {
            continue;
        }
        for stand in of_table(view, *oid) {
            let ran = facts.statements.get(stand.statement);
            let key = (stand.table, ran.and_then(|ran| ran.revision.clone()));
            let mut parts = stands.get(&key).map(|s| s.parts.clone()).unwrap_or_default();
            parts.extend((*oid != stand.table).then_some(*oid));
            let known = stands.entry(key).or_insert_with(|| stand.clone());
            if weight(known) < weight(&stand) {
                *known = stand;
            }
            known.parts = parts;
        }
    }
    stands.into_values().collect()
}

/// A table in each of the transactions that block it during work that takes time.
fn of_table(view: &View<'_>, oid: Oid) -> Vec<Stand> {
    let mut stands: Vec<((i32, String, usize), Stand)> = Vec::new();
    let mut before: Option<&Ran> = None;
    for (i, ran) in view.facts.statements.iter().enumerate() {
        let key = ran.unit(i);
        let was_blocked = before
            .is_some_and(|b| b.transaction == ran.transaction && view.blocking(b).contains(&oid));
        before = Some(ran);
        if !view.blocking(ran).contains(&oid) {
            continue;
        }
        let work = view.work(ran).into_iter().filter(|(on, _)| view.is_big(*on));
        let work: BTreeSet<(Oid, Work)> = work.map(|(on, work)| (view.whole(on), work)).collect();
        let idle = if was_blocked && ran.idle >= IDLE { ran.idle } else { 0.0 };
        let seconds = view.seconds(ran).map(|seconds| seconds + idle);
        // A stronger lock that is taken after the work lasts for a moment.
        let takes_time = !work.is_empty() || idle > 0.0;
        let mode = ran.locks.get(&oid).copied().filter(|_| takes_time).unwrap_or_default();
        match stands.iter_mut().find(|(known, _)| *known == key) {
            Some((_, stand)) => {
                if stand.work.is_empty()
                    && !work.is_empty()
                    && work.iter().any(|(on, _)| *on == stand.table)
                {
                    stand.statement = i;
                }
                stand.mode = stand.mode.max(mode);
                stand.work.extend(work);
                stand.idle += idle;
                stand.seconds = stand.seconds.zip(seconds).map(|(a, b)| a + b);
            }
            None => {
                let (table, autocommit) = (view.whole(oid), ran.autocommit);
                let stand = Stand {
                    table,
                    mode,
                    statement: i,
                    autocommit,
                    work,
                    idle,
                    seconds,
                    ..Stand::default()
                };
                stands.push((key, stand));
            }
        }
    }
    stands.retain(|(_, stand)| !stand.work.is_empty() || stand.idle > 0.0);
    stands.into_iter().map(|(_, stand)| stand).collect()
}

impl Stand {
    /// Whether some of the work is done on the table itself.
    pub(super) fn works(&self) -> bool {
        self.work.is_empty() || self.work.iter().any(|(on, _)| *on == self.table)
    }

    /// Whether its revision takes the table with `LOCK TABLE` for work on it, of unknown duration.
    pub(super) fn is_chosen(&self, view: &View<'_>) -> bool {
        let of = |at: usize| view.facts.statements.get(at).and_then(|ran| ran.revision.as_ref());
        let lock = Effect::Lock(view.name(self.table).replace('"', ""));
        let locks = |ran: &Ran| {
            let sql = ran.sql.as_deref().unwrap_or_default();
            sql::read(sql).iter().any(|(_, effect)| *effect == lock)
        };
        let mut own =
            view.facts.statements.iter().filter(|ran| ran.revision.as_ref() == of(self.statement));
        self.seconds.is_none() && self.works() && own.any(locks)
    }

    /// The statements that cannot run.
    pub(super) fn what(&self) -> &'static str {
        if self.mode == ACCESS_EXCLUSIVE { "read or write" } else { "write" }
    }

    /// The observation, in a sentence.
    pub(super) fn seen(&self, view: &View<'_>) -> String {
        let mode = MODES.get(usize::from(self.mode).saturating_sub(1)).copied().unwrap_or_default();
        let until = if self.autocommit { "while it ran" } else { "until the commit" };
        let mut all: Vec<String> = self
            .work
            .iter()
            .map(|(on, work)| {
                let name = view.name(*on);
                match work {
                    Work::Scan => format!("`{name}` was read from one end to the other"),
                    Work::ForeignKey => format!("`{name}` was read for a foreign key"),
                    Work::Index => format!("an index of `{name}` was built"),
                    Work::Rewrite => format!("`{name}` and its indexes were written anew"),
                    Work::Update => format!("most rows of `{name}` were changed"),
                }
            })
            .collect();
        if self.idle > 0.0 {
            all.push(format!("Postgres had nothing to do for {:.1} s", self.idle));
        }
        format!("{} on `{}` {until}; {}", spaced(mode), view.name(self.table), all.join(", "))
    }

    /// How it is done without it.
    pub(super) fn instead(&self, view: &View<'_>) -> String {
        let own = self.work.iter().filter(|(on, _)| *on == self.table);
        let own: Vec<Work> = own.map(|(_, work)| *work).collect();
        let ran = view.facts.statements.get(self.statement);
        let sql = ran.and_then(|ran| ran.sql.as_deref()).unwrap_or_default();
        let name = view.name(self.table).replace('"', "");
        let defines = |effect: &Effect| match effect {
            Effect::Alter { object, .. } | Effect::Create(object, _) => {
                object.table.as_ref().unwrap_or(&object.name) == &name
            }
            _ => false,
        };
        let is_query = !sql::read(sql).iter().any(|(_, effect)| defines(effect));
        if self.work.is_empty() || is_query && own == [Work::Scan] {
            return "do what takes time before the first statement that blocks a table, or in a revision of its own"
                .to_owned();
        }
        instead(&own)
    }
}

/// A lock mode as SQL writes it: `ACCESS EXCLUSIVE`.
fn spaced(mode: &str) -> String {
    let mut words = String::new();
    for c in mode.trim_end_matches("Lock").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_uppercase());
    }
    words
}
