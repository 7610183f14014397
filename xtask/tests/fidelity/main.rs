//! What the gate runs is what `alembic` runs: small trees, each through plain Alembic and through the
//! gate, cold, cached and in a watch, with equal outcomes.
//!
//! A tree is sound as it is written, and each edit of it has an outcome of its own, which names what the
//! edit is about. Plain Alembic runs three commands on each, a fresh process each, and ends as the table
//! says. The gate ends at the same step, whatever it reused. They are two tests, so that whoever works on
//! the gate can run that half alone. `FIDELITY=name` makes the edits alone whose names hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "the vocabulary of the gate's tests, of which this needs a part")]
#[path = "../gate/support/mod.rs"]
mod support;

mod gated;
mod plain;
mod roles;
mod set_order;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use support::sandbox::temporary;
use support::server::Server;
use tempfile::TempDir;

use tree::{Case, StepOutcome, cases};

/// What all trees share.
struct World {
    dir: TempDir,
    server: Server,
    python: PathBuf,
}

impl World {
    fn new() -> World {
        World {
            dir: temporary("mg-same-"),
            server: Server::start(),
            python: support::python::with_each_driver(),
        }
    }

    /// A folder of the gate's cache that no other test uses.
    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// A new copy of a tree.
    fn copy(&self, case: &Case, name: &str) -> PathBuf {
        let folder = self.dir.path().canonicalize().unwrap().join(&case.name).join(name);
        let tree = folder.join("shop");
        fs::create_dir_all(&tree).unwrap();
        case.write(&tree);
        tree
    }
}

/// What differs, one line each: `name, where: is, not expected`, and why it is so.
#[derive(Default)]
struct Differences(Mutex<Vec<String>>);

impl Differences {
    /// Notes where an outcome is not the one that is wanted.
    fn expect(&self, name: &str, place: &str, is: &(String, String), wanted: StepOutcome) {
        if is.0 != format!("{wanted:?}") {
            let line = format!("{name}, {place}: {}, not {wanted:?}\n{}", is.0, is.1);
            eprintln!("{line}");
            self.0.lock().unwrap().push(line);
        }
    }
}

/// Checks all trees, on all processors. Fails where an outcome is not that of the table.
fn check_all(world: &World, check: fn(&World, &Case, &Differences)) {
    let only = std::env::var("FIDELITY").unwrap_or_default();
    let mut cases = cases();
    cases.iter_mut().for_each(|case| case.edits.retain(|edit| edit.name.contains(&only)));
    cases.retain(|case| !case.edits.is_empty());
    let (differences, next) = (Differences::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    check(world, case, &differences);
                    eprintln!("{:5.1} s {}", began.elapsed().as_secs_f64(), case.name);
                }
            });
        }
    });
    let mut lines = differences.0.into_inner().unwrap();
    lines.sort();
    assert!(lines.is_empty(), "{} differences:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn plain_alembic_ends_as_the_table_says() {
    check_all(&World::new(), plain::check);
}

#[test]
fn gate_ends_as_the_table_says() {
    let world = World::new();
    gated::warm_up(&world);
    check_all(&world, gated::check);
}

#[test]
fn each_edit_has_a_name_of_its_own() {
    let cases = cases();
    let edits = cases.iter().flat_map(|case| &case.edits).map(|edit| edit.name.as_str());
    let mut names: Vec<&str> = edits.chain(cases.iter().map(|case| case.name.as_str())).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A file's modification time moves; its text does not.
fn touch(file: &Path) {
    let text = fs::read(file).unwrap();
    fs::write(file, text).unwrap();
}
