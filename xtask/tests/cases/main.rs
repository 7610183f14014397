//! Small trees after what people reported in public, and after the templates and habits of public
//! projects: what the gate must say of each, with and without the stairway. `CASE=word` runs those whose
//! folders hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, unused_imports, reason = "the vocabulary of the gate's tests")]
#[path = "../gate/support/mod.rs"]
mod support;

mod table;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::python;
use support::root::copy;
use support::run::Gate;
use support::sandbox::{Sandbox, temporary};

use table::{ALL, Case, Python};

/// How many cases run at once.
const AT_ONCE: usize = 2;

/// What is wrong with the outcome of a case; nothing where it is right.
fn run(case: &Case, stairway: bool) -> Option<String> {
    let dir = temporary("mg-case-");
    let tree = dir.path().canonicalize().unwrap().join(case.folder);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/trees").join(case.folder);
    copy(&data, &tree);
    let sandbox = Sandbox::new();
    let mut gate = Gate::new(&sandbox).args(case.verb).arg("--ini").arg(tree.join(case.ini));
    for option in case.options {
        gate = gate.arg(option.replace("TREE", tree.to_str().unwrap()));
    }
    gate = match case.python {
        Python::Own => gate,
        Python::Psycopg3 => gate.arg("--python").arg(python::with_psycopg_3()),
        Python::Asyncpg => gate.arg("--python").arg(python::with_asyncpg()),
    };
    if stairway {
        gate = gate.arg("--stairway");
    }
    if case.verb != "lint" {
        gate = gate.arg("--no-cache");
    }
    let ended = gate.args("--format json").run();
    let report = serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap_or_default();
    let said = format!("{report:#}");
    let lacks = |word: &&&str| !said.contains(**word);
    let lacking: Vec<&&str> = case.says.iter().filter(lacks).collect();
    let extra: Vec<&&str> = case.never.iter().filter(|word| said.contains(**word)).collect();
    if ended.code() == case.status && lacking.is_empty() && extra.is_empty() {
        return None;
    }
    let (folder, code, stderr) = (case.folder, ended.code(), &ended.stderr);
    Some(format!(
        "{folder}, stairway {stairway}: exit {code}, expected {}; lacks {lacking:?}, has {extra:?}\n{said}\n{stderr}",
        case.status
    ))
}

/// Runs the cases below a folder, with the stairway or without, and fails with all that went wrong.
fn check(below: &str, stairways: &[bool]) {
    let only = std::env::var("CASE").unwrap_or_default();
    let cases =
        ALL.iter().filter(|case| case.folder.starts_with(below) && case.folder.contains(&only));
    // `lint` has no stairway.
    let of = |case: &Case| if case.verb == "lint" { &[false] } else { stairways };
    let each = |case| of(case).iter().map(move |stairway| (case, *stairway));
    let runs: Vec<(&Case, bool)> = cases.flat_map(each).collect();
    assert!(!(runs.is_empty() && only.is_empty()));
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((case, stairway)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(run(case, *stairway));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_reported_case_is_right() {
    check("cases/", &[false, true]);
}

#[test]
fn each_habit_of_public_projects_is_right() {
    // A stairway runs all that a run without it does.
    check("habits/", &[true]);
}
