//! Runs that are ended at random moments: after the next command, nothing of them is left.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::support::python;
use super::support::run::Gate;
use super::support::sandbox::Sandbox;
use super::world;

/// How many runs are ended.
const RUNS: u64 = 30;
/// How many run at a time.
const AT_ONCE: u64 = 3;
/// The latest moment, in milliseconds: a run is over by then on an idle machine.
const LATEST: u64 = 1500;

/// Numbers that look random and are the same each time for a seed.
fn random(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Ends one run, then runs the next command.
fn end_one(number: u64, seed: u64, tree: &Path) {
    let sandbox = Sandbox::new();
    let moment = random(seed.wrapping_add(number)) % LATEST;
    let signal = [Signal::INT, Signal::TERM, Signal::KILL][usize::try_from(number % 3).unwrap()];
    let gate = |verb: &str| {
        let gate = Gate::new(&sandbox).args(verb).arg("--ini").arg(tree.join("alembic.ini"));
        gate.args("--format json")
    };
    // `CI=true` uses no data directory of the cache: `initdb` is one of the moments.
    let run = gate("").arg("--python").arg(python::for_any_user()).env("CI", "true");
    let mut run = run.spawn();
    std::thread::sleep(Duration::from_millis(moment));
    run.signal_if_running(signal);
    let ended = run.wait();
    let next = gate("lint").run();
    assert!(next.code() < 2, "{}", next.stderr);
    let told = format!("run {number} of seed {seed}: {signal:?} after {moment} ms");
    let left = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sandbox.assert_empty(&ended.traces);
    }));
    assert!(left.is_ok(), "{told}:\n{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn run_that_is_ended_at_any_moment_leaves_nothing() {
    let given = std::env::var("TRUST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(20_261_128);
    let dir = tempfile::Builder::new().prefix("mg-kill-").tempdir().unwrap();
    world::write_tree(dir.path(), "    op.execute('SELECT pg_sleep(0.2)')");
    python::for_any_user();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= RUNS {
                        return;
                    }
                    end_one(number, seed, dir.path());
                }
            });
        }
    });
    assert!(fs::exists(dir.path().join("alembic.ini")).unwrap());
}
