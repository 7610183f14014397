//! What is known of the beginnings of the trees' chains: the data folder of a server on which each
//! tree stood right before its head.
//!
//! It is copied while the upgrades pause there, all trees at once ([`Meeting`]): a data folder that
//! was only ever climbed, with exactly the roles that the beginnings made. A database that went up
//! and down again is not the same (dropped columns leave their places, sequences go on), nor is a
//! cluster whose heads have made roles; and a second climb costs as much as the first. The copy is
//! read in a tenth of a second, written by a thread beside the steps that are left, and found only
//! when the run ended green: then it is named in a list.
//!
//! Right before the head, because what is edited most is the head. What is appended to it is run
//! together with it, until so much has come after the copy that a run makes another one.
//!
//! No server starts on it where anything that made it has changed, a file at the end of its chain
//! apart, nor after a day: then the whole chain proves it again.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::found::Found;
use super::meeting::Meeting;
use super::parts::Apart;
use super::things::{Beginning, Looks, Things, Untold};
use super::told::{Told, Tree};
use crate::commands::gate::Run;
use crate::commands::prepare::Ready;
use crate::drivers::alembic::{Description, Revision};
use crate::drivers::kept::{Kept, Key};
use crate::drivers::postgres::aside;
use crate::drivers::postgres::cluster::Cluster;
use crate::drivers::postgres::resting::Resting;
use crate::drivers::postgres::session::VersionTable;
use crate::recipes::prefix::Prefix;
use model::event::{Event, timed};
use model::report::{Report, Verdict};
use model::step::Step;
use model::transcript::Statement;

/// The kinds of entries: the list of what is known, a data folder, and what belongs to it.
const LIST: &str = "prefixes";
const DATA: &str = "prefix-data";
const TOLD: &str = "prefix-told";
/// Grows when the same things would be known in another way.
const FORMAT: &str = "2";
/// After this long the whole chain is run again.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How many are known of the same trees: as many branches of git are worked on side by side.
const LISTED_MAX: usize = 3;
/// How many data folders there may be, of all trees: each is some 20 MB.
const DATA_MAX: usize = 10;
/// How large one may be: it is held in memory while it is copied, and a watch holds it for good. A
/// chain of 5,000 tables makes 200 MB; copying that takes half a second, climbing it a quarter of a
/// minute.
const BYTES_MAX: usize = 512 << 20;
/// How many revisions may come after the copy, in all trees, before another one is made.
const AFTER_MAX: usize = 6;

/// What a run finds of the beginnings of its trees, and keeps of them.
pub(in crate::commands) struct Prefixes {
    began: SystemTime,
    meeting: OnceLock<Meeting>,
    state: Mutex<State>,
    /// Whether what is copied is taken, and not only kept.
    taken: bool,
}

#[derive(Default)]
struct State {
    /// What this run stands on: when the whole chain was run, and the key of the data folder.
    stands_on: Option<(u64, String)>,
    copied: Option<Copied>,
    climbed: BTreeMap<usize, Climbed>,
}

/// A data folder, and the key under which it is being written, where there is a cache.
struct Copied {
    data: Resting,
    written: Option<(String, JoinHandle<Result<()>>)>,
}

/// How a tree came to its head.
struct Climbed {
    table: VersionTable,
    steps: Vec<Step>,
    way_up: Vec<Statement>,
}

/// One of the list.
#[derive(Serialize, Deserialize)]
pub(super) struct Listed {
    /// When the run began that ran the whole chain, in seconds since 1970.
    pub(super) proved: u64,
    /// The key of the data folder, and of what belongs to it.
    pub(super) data: String,
    /// The folder of the programs that made it.
    pub(super) binaries: Option<Utf8PathBuf>,
    things: Things,
}

/// A data folder, and what each tree is known up to on it.
pub(in crate::commands) type Grounds = (Resting, Vec<(usize, Prefix)>);

impl Prefixes {
    /// None is known yet, and none kept.
    pub(in crate::commands) fn new() -> Prefixes {
        let (began, meeting, state) = (SystemTime::now(), OnceLock::new(), Mutex::default());
        Prefixes { began, meeting, state, taken: false }
    }

    /// The same for who takes what is copied and needs no cache for it.
    pub(in crate::commands) fn taken() -> Prefixes {
        Prefixes { taken: true, ..Prefixes::new() }
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a server of these programs can be started on, and what it then stands for.
    pub(in crate::commands) fn find(&self, run: &Run<'_>) -> Option<Found> {
        let (cache, key) = (run.reuse.as_ref()?, list_key(run).ok()?);
        let mut why = "there is no green run with these options and this gate".to_owned();
        for listed in read_list(cache, &key) {
            match self.look_at(run, cache, listed) {
                Ok(found) => return Some(found),
                Err(Untold(reason)) => why = reason,
            }
        }
        (run.tell)(Event::Reuse(&format!("no known beginning: {why}")));
        None
    }

    fn look_at(&self, run: &Run<'_>, cache: &Kept, listed: Listed) -> Result<Found, Untold> {
        let proved = UNIX_EPOCH + Duration::from_secs(listed.proved);
        if self.began.duration_since(proved).map_or(true, |age| age > AGE_MAX) {
            return Err(Untold("its proof is more than a day old".into()));
        }
        if let Some(changed) = listed.things.changed().next() {
            return Err(Untold(format!("{changed} has changed")));
        }
        let damaged = || Untold("what was kept is gone or damaged".into());
        let told = cache.read(TOLD, &listed.data).ok_or_else(damaged)?;
        let mut told: Told = serde_json::from_slice(&told).map_err(|_| damaged())?;
        let trees: Vec<Tree> = std::mem::take(&mut told.trees);
        let index = |id: &str| run.trees.iter().position(|tree| tree.id == id);
        let trees = trees.into_iter().map(|tree| Some((index(&tree.id)?, tree.restore(proved))));
        let trees: Vec<(usize, Prefix)> = trees.collect::<Option<_>>().ok_or_else(damaged)?;
        if trees.len() != run.trees.len() {
            return Err(damaged());
        }
        let data = Resting::take(cache, DATA, &listed.data).ok_or_else(damaged)?;
        // Last, because the lints are waited for.
        if trees.iter().any(|(index, prefix)| !goes_on(run, *index, prefix)) {
            return Err(Untold("the revisions do not go on from it to one head".into()));
        }
        let is_part = run.parts(|parts| parts.is_some());
        if is_part && trees.iter().any(|(index, prefix)| reaches_others(run, *index, prefix)) {
            return Err(Untold("what comes after it may change what all databases share".into()));
        }
        Ok(Found { data, listed, told, trees })
    }

    /// The trees that come to a meeting of this run, where another data folder is to be kept; says
    /// whether there will be one.
    pub(in crate::commands) fn invite(&self, run: &Run<'_>, ready: &[Ready<'_>]) -> bool {
        let after = |ready: &Ready<'_>| {
            let known = ready.prefix.as_ref().map_or(0, |prefix| prefix.revisions.len());
            ready.graph().map_or(0, |(_, graph)| graph.revisions.len().saturating_sub(known + 1))
        };
        let known = ready.iter().all(|ready| ready.prefix.is_some());
        let wanted = !known || ready.iter().map(after).sum::<usize>() > AFTER_MAX;
        let may_be_kept = (self.taken || run.reuse.is_some()) && list_key(run).is_ok();
        let trees = ready.iter().map(|ready| ready.index).collect();
        wanted
            && may_be_kept
            && ready.len() == run.trees.len()
            // A run that begins again has met already.
            && self.meeting.set(Meeting::of(trees)).is_ok()
    }

    /// A tree stands right before its head, or went past it in another way.
    pub(in crate::commands) fn before_head(
        &self,
        run: &Run<'_>,
        tree: usize,
        stands: bool,
        cluster: Option<&Cluster>,
    ) {
        let Some(meeting) = self.meeting.get() else { return };
        let Some(cluster) = cluster.filter(|_| stands) else {
            if meeting.leave(tree) {
                let label = &run.trees[tree].label;
                let why = "its revisions do not stand right before their head at any moment";
                (run.tell)(Event::Reuse(&format!("the beginning of {label} is not kept: {why}")));
            }
            return;
        };
        meeting.attend(tree, run.interrupt, || {
            let copy = || self.copy(run, cluster);
            if let Err(err) = timed(run.tell, "Postgres", "keeping the data folder", copy) {
                (run.tell)(Event::Reuse(&format!("the beginning is not kept: {err:#}")));
            }
        });
    }

    fn copy(&self, run: &Run<'_>, cluster: &Cluster) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = Key::new(DATA)
            .with("process", std::process::id().to_string())
            .with("now", now.as_nanos().to_string())
            .finish();
        let data = Resting::of_quiet(cluster, String::new(), run.interrupt)?;
        if data.size() > BYTES_MAX {
            bail!("it is larger than {} MB", BYTES_MAX >> 20);
        }
        let written = run.reuse.clone().map(|cache| {
            let (data, name) = (data.clone(), key.clone());
            (key, thread::spawn(move || data.keep_as(&cache, DATA, &name)))
        });
        self.state(|state| state.copied = Some(Copied { data, written }));
        Ok(())
    }

    /// Remembers what the run stands on: when that was proved, and the key of the data folder.
    pub(super) fn stands_on(&self, what: (u64, String)) {
        self.state(|state| state.stands_on = Some(what));
    }

    /// How a tree came to its head.
    pub(in crate::commands) fn climbed(
        &self,
        tree: usize,
        table: VersionTable,
        steps: &[Step],
        way_up: &[Statement],
    ) {
        let climbed = Climbed { table, steps: steps.to_vec(), way_up: way_up.to_vec() };
        self.state(|state| state.climbed.insert(tree, climbed));
    }

    /// Forgets what this run stands on and what it made of it: it turned out to prove nothing.
    pub(in crate::commands) fn forget(&self, run: &Run<'_>) {
        let State { stands_on, copied, .. } = self.state(std::mem::take);
        let Some(cache) = &run.reuse else { return };
        if let Some(Copied { written: Some((key, written)), .. }) = copied {
            let _ = written.join();
            cache.discard(DATA, &key);
        }
        if let Some((_, data)) = stands_on {
            discard(cache, &data);
        }
    }

    /// Names what was copied in the list, where the run was green and leaves no doubt; else it goes.
    pub(in crate::commands) fn keep(
        &self,
        run: &Run<'_>,
        report: &Report,
        described: &[(usize, Description)],
        looks: &Looks,
    ) {
        let Some(Copied { written: Some((key, written)), .. }) =
            self.state(|state| state.copied.take())
        else {
            return;
        };
        let Some(cache) = &run.reuse else { return };
        let written = written.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        let kept = match report.verdict() {
            Verdict::Pass => written
                .map_err(|err| Untold(format!("{err:#}")))
                .and_then(|()| self.list(run, cache, key.clone(), described, looks)),
            _ => Err(Untold("the run is not green".into())),
        };
        if let Err(Untold(why)) = kept {
            cache.discard(DATA, &key);
            (run.tell)(Event::Reuse(&format!("the beginning is not kept: {why}")));
        }
    }

    /// What a server was copied with, and what each tree is known up to on it; `None` where nothing
    /// was copied. Fails where more may have made it than is known.
    pub(in crate::commands) fn copied(
        &self,
        run: &Run<'_>,
        described: &[(usize, Description)],
    ) -> Result<Option<Grounds>, String> {
        let Some(Copied { data, .. }) = self.state(|state| state.copied.take()) else {
            return Ok(None);
        };
        let known = self.beginnings(run, described, self.began).map_err(|Untold(why)| why)?;
        Things::leave_no_doubt(run, &known).map_err(|Untold(why)| why)?;
        let prefixes = known.into_iter().map(|one| (one.tree, one.prefix)).collect();
        Ok(Some((data, prefixes)))
    }

    fn beginnings<'d>(
        &self,
        run: &Run<'_>,
        described: &'d [(usize, Description)],
        since: SystemTime,
    ) -> Result<Vec<Beginning<'d>>, Untold> {
        let climbed = self.state(|state| std::mem::take(&mut state.climbed));
        let known = described.iter().map(|(index, graph)| {
            let nothing =
                || Untold(format!("nothing comes before {}'s head", run.trees[*index].label));
            let climbed = climbed.get(index).ok_or_else(nothing)?;
            let ran = (climbed.steps.as_slice(), climbed.way_up.as_slice());
            let prefix = Prefix::before_head(graph, &climbed.table, ran, since);
            Ok(Beginning { tree: *index, graph, prefix: prefix.ok_or_else(nothing)? })
        });
        known.collect()
    }

    fn list(
        &self,
        run: &Run<'_>,
        cache: &Kept,
        data: String,
        described: &[(usize, Description)],
        looks: &Looks,
    ) -> Result<(), Untold> {
        let stands_on = self.state(|state| state.stands_on.take());
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let proved = stands_on.map_or(began, |(proved, _)| proved);
        let known = self.beginnings(run, described, UNIX_EPOCH + Duration::from_secs(proved))?;
        let things = Things::of_beginnings(run, self.began, &known, looks)?;
        let error = |err: anyhow::Error| Untold(format!("{err:#}"));
        let (mut files, folders, binaries) = run.see(|seen| {
            (seen.used.files.clone(), seen.used.folders.clone(), seen.binaries.last().cloned())
        });
        // What comes after may be gone by the next run.
        for revision in known.iter().flat_map(|one| one.graph.revisions.iter()) {
            files.remove(&revision.file);
        }
        let trees = known.iter().map(|one| Tree::of(&run.trees[one.tree].id, &one.prefix));
        let trees = trees.collect::<Option<_>>().ok_or(Untold("a step was not green".into()))?;
        let apart = Apart::of(run).is_some();
        let told = serde_json::to_vec(&Told { trees, files, folders, apart });
        let told = told.map_err(|err| error(err.into()))?;
        cache.write(TOLD, &data, &told).map_err(error)?;
        let key = list_key(run)?;
        let mut list = read_list(cache, &key);
        cache.limit(DATA, DATA_MAX);
        list.insert(0, Listed { proved, data, binaries, things });
        for old in list.drain(LISTED_MAX.min(list.len())..) {
            discard(cache, &old.data);
        }
        let list = serde_json::to_vec(&list).map_err(|err| error(err.into()))?;
        cache.write(LIST, &key, &list).map_err(error)
    }
}

fn list_key(run: &Run<'_>) -> Result<String, Untold> {
    Ok(super::settings(run, LIST)?.with("format", FORMAT).finish())
}

/// Removes a data folder and what belongs to it.
pub(super) fn discard(cache: &Kept, data: &str) {
    cache.discard(DATA, data);
    cache.discard(TOLD, data);
}

fn read_list(cache: &Kept, key: &str) -> Vec<Listed> {
    let list = cache.read(LIST, key);
    list.and_then(|list| serde_json::from_slice(&list).ok()).unwrap_or_default()
}

/// Whether a revision after it may reach what all databases share.
fn reaches_others(run: &Run<'_>, index: usize, prefix: &Prefix) -> bool {
    let Some(survey) = run.survey(index) else { return true };
    let known = |id: &str| prefix.revisions.iter().any(|known| known.revision == id);
    let after = survey.scripts.iter().filter(|script| !known(&script.revision.text));
    after.map(|script| script.module.source()).any(aside::may_reach_others)
}

/// Whether the revisions, as their text is understood, go on from there to one head. What Alembic
/// makes of them is asked later, when it is known.
fn goes_on(run: &Run<'_>, index: usize, prefix: &Prefix) -> bool {
    let Some(survey) = run.survey(index) else { return false };
    let graph = &survey.graph;
    let there = |revision: &Revision| graph.by_id.contains_key(&revision.revision);
    match graph.heads.as_slice() {
        [head] => {
            let head = graph.id(*head);
            !prefix.revisions.iter().any(|known| known.revision == head)
                && prefix.revisions.iter().all(there)
        }
        _ => false,
    }
}
