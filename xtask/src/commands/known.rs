//! What is known from an earlier run: where nothing has changed since a green one, its report is the
//! answer.
//!
//! The interpreter itself tells which files and folders the migrations read; what the gate reads
//! besides is added: its own binary, Postgres, Python, the settings, git's base. Whatever reaches
//! further (a process, a network, a file that is only asked for), and whatever was touched while the
//! run went on, leaves a doubt, and with a doubt nothing is known. Only green runs are kept, and none
//! longer than a day: a clock or a chance that a migration looks at is met again by then.

pub(super) mod found;
mod meeting;
pub(super) mod parts;
pub(super) mod prefix;
mod saved;
pub(super) mod things;
mod told;

use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use self::parts::{Apart, Parts};
use self::things::{Looks, Things, Untold};
use super::gate::Run;
use crate::drivers::git::Git;
use crate::drivers::kept::{Kept, Key, stamp};
use crate::flags::Gate;
use model::event::Event;
use model::report::{Report, Verdict};

/// The kind of entry that a green report is.
const KIND: &str = "green";
/// Grows when the same things would be known in another way.
const FORMAT: &str = "2";
/// After this long a run proves everything again.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Where the report of a run like this one is kept.
pub(super) struct Known<'a> {
    cache: &'a Kept,
    key: String,
    began: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// When the run began, in seconds since 1970.
    began: u64,
    /// The same of the run that proved the oldest part of it.
    proved: u64,
    things: Things,
    /// The trees, where each can be known without the others.
    apart: Option<Vec<Apart>>,
    report: saved::Report,
}

/// What an earlier run says about this one.
pub(super) enum Answer {
    /// Nothing.
    Nothing,
    /// All: nothing has changed.
    All(Box<Report>),
    /// What has changed concerns other trees.
    Parts(Parts),
}

impl<'a> Known<'a> {
    /// Where to look; `None` where nothing can be known: the databases are wanted, or they are on a
    /// server of which the gate knows nothing.
    pub(super) fn of(run: &'a Run<'_>) -> Option<Known<'a>> {
        let cache = run.reuse.as_ref()?;
        let began = SystemTime::now();
        match key(run) {
            Ok(key) => Some(Known { cache, key, began }),
            Err(Untold(why)) => {
                (run.tell)(Event::Reuse(&format!("nothing is known: {why}")));
                None
            }
        }
    }

    /// The report of an earlier run, as far as nothing of what made it has changed.
    pub(super) fn look_up(&self, run: &Run<'_>) -> Answer {
        self.answer(run).unwrap_or_else(|Untold(why)| {
            (run.tell)(Event::Reuse(&format!("no known result: {why}")));
            Answer::Nothing
        })
    }

    fn answer(&self, run: &Run<'_>) -> Result<Answer, Untold> {
        let Some(bytes) = self.cache.read(KIND, &self.key) else {
            let why = "there is no green run with these options, this gate and this base";
            return Err(Untold(why.into()));
        };
        let damaged = || Untold("what was kept cannot be read".into());
        let entry = serde_json::from_slice::<Entry>(&bytes).map_err(|_| {
            self.cache.discard(KIND, &self.key);
            damaged()
        })?;
        let proved = UNIX_EPOCH + Duration::from_secs(entry.proved);
        if self.began.duration_since(proved).map_or(true, |age| age > AGE_MAX) {
            return Err(Untold("the last green run is more than a day old".into()));
        }
        let changed: Vec<_> = entry.things.changed().map(ToOwned::to_owned).collect();
        if changed.is_empty() {
            let began = UNIX_EPOCH + Duration::from_secs(entry.began);
            let report = entry.report.restore(began).ok_or_else(damaged)?;
            return Ok(Answer::All(report.into()));
        }
        Parts::of(run, entry, &changed, proved).map(Answer::Parts)
    }

    /// Keeps the report of a run, where it is green and without a doubt.
    pub(super) fn keep(&self, run: &Run<'_>, report: &Report, looks: &Looks) {
        if report.verdict() != Verdict::Pass {
            return;
        }
        if let Err(Untold(why)) = self.try_to_keep(run, report, looks) {
            (run.tell)(Event::Reuse(&format!("this result is not kept: {why}")));
        }
    }

    fn try_to_keep(&self, run: &Run<'_>, report: &Report, looks: &Looks) -> Result<(), Untold> {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let report = saved::Report::of(report)
            .ok_or(Untold("its findings are more than can be kept".into()))?;
        let mut things = Things::of(run, self.began, looks)?;
        let parts = run.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parts) = parts.as_ref() {
            things.join(&parts.things, self.began)?;
        }
        let proved = parts.as_ref().map_or(began, |parts| parts.proved);
        let apart = Apart::of(run);
        let bytes = serde_json::to_vec(&Entry { began, proved, things, apart, report });
        let bytes = bytes.map_err(|err| Untold(err.to_string()))?;
        self.cache.write(KIND, &self.key, &bytes).map_err(|err| Untold(format!("{err:#}")))
    }
}

/// The name of what is known in advance: the gate itself, what it was asked, and git's base.
fn key(run: &Run<'_>) -> Result<String, Untold> {
    let Gate { since, all, stairway, timeout, .. } = run.flags;
    let key = settings(run, KIND)?
        .with("format", FORMAT)
        .with("since", since.as_deref().unwrap_or_default())
        .with("all", all.to_string())
        .with("stairway", stairway.to_string())
        .with("timeout", timeout.to_string());
    Ok(key.with("base", base(run)?).finish())
}

/// What decides what the trees' databases come to: the gate itself and what it was asked.
fn settings(run: &Run<'_>, kind: &str) -> Result<Key, Untold> {
    // Each option is named, so that one that is added later cannot be forgotten here.
    let Gate {
        verb: _,
        which,
        postgres_url,
        postgres_bin,
        no_provision: _,
        python,
        url_env,
        driver,
        // What is looked at besides the databases is named by who calls.
        since: _,
        all: _,
        stairway: _,
        timeout: _,
        output: _,
        // It chooses the trees, which are named below.
        only_changed: _,
        keep,
        watch: _,
        no_cache: _,
        verbose: _,
        timings: _,
        allow_remote: _,
        pass_env,
    } = run.flags;
    if postgres_url.is_some() {
        return Err(Untold("a given server may differ from one run to the next".into()));
    }
    if *keep {
        return Err(Untold("--keep wants the databases".into()));
    }
    let gate = std::env::current_exe().ok().and_then(|exe| camino::Utf8PathBuf::try_from(exe).ok());
    let gate = gate.and_then(|gate| Some(format!("{gate} {}", stamp(&gate)?)));
    let key = Key::new(kind)
        .with("gate", gate.ok_or(Untold("the gate does not know its own file".into()))?)
        .with("root", run.root.as_str())
        .with("named root", which.root.as_deref().map_or("", |root| root.as_str()))
        .with("ini", which.ini.as_deref().map_or("", |ini| ini.as_str()))
        .with("postgres", postgres_bin.as_deref().map_or("", |dir| dir.as_str()))
        .with("python", python.as_deref().map_or("", |python| python.as_str()))
        .with("url", url_env)
        .with("driver", driver.as_deref().unwrap_or_default())
        .with("user", nix::unistd::geteuid().to_string())
        .with("folder", std::env::current_dir().unwrap_or_default().as_os_str().as_encoded_bytes());
    Ok(surroundings(key, run, pass_env))
}

/// The key with the trees, and with the variables that decide what is found and what is handed on.
fn surroundings(mut key: Key, run: &Run<'_>, pass_env: &[String]) -> Key {
    for tree in run.trees {
        let tree = [&tree.id, tree.cwd.as_str(), tree.ini.as_str(), &tree.section, &tree.database];
        for part in tree {
            key = key.with("tree", part);
        }
    }
    // What version managers choose a Python by, and what the migrations are handed.
    let chosen = |name: &str| name.starts_with("PYENV_") || ["PATH", "HOME"].contains(&name);
    let mut variables: Vec<(String, std::ffi::OsString)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| chosen(name) || pass_env.contains(name))
        .collect();
    variables.sort();
    for (name, value) in variables {
        key = key.with(&name, value.as_encoded_bytes());
    }
    key
}

/// What git says that this change stands on.
fn base(run: &Run<'_>) -> Result<String, Untold> {
    let Some(first) = run.trees.first() else { return Ok(String::new()) };
    let facts = Git::at(&first.cwd, run.root, run.interrupt)
        .and_then(|git| git.map_or_else(Ok, |git| git.standing(run.flags.since.as_deref())));
    facts.map_err(|err| Untold(format!("{err:#}")))
}
