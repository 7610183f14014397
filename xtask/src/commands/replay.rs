//! `cargo xtask migration-gate replay`: past incidents, on copies of the trees.
//!
//! Each incident is run through the real gate twice: broken, where the gate must report the
//! expected code, and fixed, where it must be green. Each run has a cluster of its own, because
//! roles belong to the whole server: only a server that never had a role shows that it is missing.
//! Expensive parts are made once: a data directory, which is copied, and an interpreter, which is
//! forked.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};
use camino::Utf8Path;

use crate::flags::{Gate, Replay};
use crate::gate::selection;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::process;
use model::event::{Event, Tell};
use model::incident::Incident;
use model::replay::Replays;

mod bench;
mod incidents;
pub mod mutants;
mod pythons;
mod repository;
pub mod supplies;

use self::bench::ReplayBench;

/// The incidents that were asked for. Fails where one is not known or a file cannot be read.
pub fn select(flags: &Gate, args: &Replay) -> Result<Vec<Incident>> {
    let folder = match &args.incidents {
        Some(folder) => folder.clone(),
        None => selection::root(flags.which.repository.root.as_deref())?.join("xtask/incidents"),
    };
    let known = incidents::read(&folder)?;
    // An id names itself, and all that begin with it and a hyphen.
    let names = |id: &String, incident: &Incident| {
        incident.id.strip_prefix(id.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('-'))
    };
    if let Some(id) = args.ids.iter().find(|id| !known.iter().any(|known| names(id, known))) {
        bail!("cannot find the incident `{id}`\nhint: `replay --list` says which there are");
    }
    let asked =
        |incident: &Incident| args.ids.is_empty() || args.ids.iter().any(|id| names(id, incident));
    let asked: Vec<Incident> = known.into_iter().filter(asked).collect();
    let mine = |index: usize| args.shard.is_none_or(|shard| index % shard.of == shard.part - 1);
    Ok(asked.into_iter().enumerate().filter(|(index, _)| mine(*index)).map(|(_, i)| i).collect())
}

/// The gate that the replayed incidents are run through: as it is without options, but for these.
pub fn gate_flags(gate: &mut Gate, args: &Replay) {
    gate.which.repository = args.repository.clone();
    gate.postgres_url = None;
    gate.programs = args.programs.clone();
    gate.timeout = args.timeout;
    gate.keep = args.keep;
}

/// Replays incidents. Every error is part of the result.
pub fn run(flags: &Gate, args: &Replay, interrupt: &Interrupt, tell: Tell<'_>) -> Replays {
    let started = Instant::now();
    process::adopt_orphans();
    let mut replays = Replays::default();
    let replayed = selection::root(flags.which.repository.root.as_deref()).and_then(|root| {
        let incidents = select(flags, args)?;
        replay_all(flags, &root, &incidents, &mut replays, interrupt, tell)
    });
    if let Err(err) = replayed {
        if err.is::<Interrupted>() {
            replays.interrupted = true;
        } else {
            replays.sick.push(format!("{err:#}"));
        }
    }
    process::end_strays();
    replays.elapsed = started.elapsed();
    replays
}

/// Replays side by side, and returns the processes that `--keep` leaves running.
fn replay_all(
    flags: &Gate,
    root: &Utf8Path,
    incidents: &[Incident],
    replays: &mut Replays,
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Result<Vec<u32>> {
    if incidents.is_empty() {
        return Ok(Vec::new());
    }
    let runs = |tree: &str| 2 * incidents.iter().filter(|incident| incident.tree == tree).count();
    let bench = ReplayBench::make(flags, root, &runs, interrupt, tell)?;
    let (done, total) = (AtomicUsize::new(0), incidents.len());
    let (replayed, sick) = side_by_side(incidents, None, |incident| {
        let replayed = bench.replay(incident)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        tell(Event::Replayed { replayed: &replayed, done, total });
        Ok(replayed)
    });
    replays.replayed = replayed;
    sick.map_or_else(|| bench.keep(&mut replays.notes), Err)
}

/// Works on items on all cores, and returns the results in their order. The first error ends it,
/// and so does the deadline; items that have begun are finished.
fn side_by_side<I: Sync, T: Send>(
    items: &[I],
    deadline: Option<Instant>,
    work: impl Fn(&I) -> Result<T> + Sync,
) -> (Vec<T>, Option<anyhow::Error>) {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<T>)>> = Mutex::default();
    let worker = || {
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = work(item);
            if result.is_err() {
                // Nothing else would go better.
                next.store(items.len(), Ordering::Relaxed);
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        // A run waits now and then, for a server to start say: one more than there are cores.
        for _ in 0..items.len().min(cores + 1) {
            scope.spawn(worker);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    let (mut good, mut sick) = (Vec::new(), None);
    for (_, result) in results {
        match result {
            Ok(value) => good.push(value),
            Err(err) => sick = Some(err),
        }
    }
    (good, sick)
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use crate::commands::replay::incidents;
    use crate::recipes;
    use crate::steps::runner::{StepRunner, TreeSteps};
    use model::code;

    /// An incident that names something that is not there would only ever be 'not reproduced'.
    #[test]
    fn incidents_name_codes_steps_and_supplies_that_there_are() {
        let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("incidents");
        for incident in incidents::read(&folder).unwrap() {
            let tree = recipes::spec(&incident.tree).unwrap().at(Utf8Path::new(""));
            let mut steps = StepRunner::dry_run(&tree.label);
            recipes::run(&tree, &mut steps).unwrap();
            let expect = &incident.expect;
            let code = code::ALL.iter().find(|code| code.id == expect.code);
            assert_eq!(code.map(|code| code.mode), Some(incident.mode), "{}: code", incident.id);
            let TreeSteps { steps, given, .. } = steps.finish();
            let known = |step: &String| steps.iter().any(|known| known.name == *step);
            assert!(expect.step.as_ref().is_none_or(known), "{}: step", incident.id);
            let without = &incident.broken.without;
            let is_supply = |name: &String| given.iter().any(|given| given.what.name() == name);
            assert!(without.iter().all(is_supply), "{}: without", incident.id);
        }
    }
}
