//! Small trees after what people reported in public, and after the templates and habits of public
//! projects: what the gate must say of each, as `test_data/trees/cases.yaml` has it. `CASE=word` runs those
//! whose folders hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, unused_imports, reason = "the vocabulary of the gate's tests")]
#[path = "../gate/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Deserialize;
use support::python;
use support::root::copy;
use support::run::Gate;
use support::sandbox::{Sandbox, temporary};
use support::watched::first_verdict;

/// How many cases run at once: one may wait while two work.
const AT_ONCE: usize = 3;

/// A tree and what the gate must say of it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    folder: String,
    ini: Option<String>,
    verb: String,
    options: Vec<String>,
    python: Option<Python>,
    status: i32,
    tried: bool,
    says: Vec<String>,
    /// What the report does not hold.
    never: Vec<String>,
}

/// The interpreter of a case, where it is not the one that the gate makes.
#[derive(Clone, Copy, Deserialize)]
enum Python {
    #[serde(rename = "psycopg 3")]
    Psycopg3,
    #[serde(rename = "asyncpg")]
    Asyncpg,
    #[serde(rename = "alembic 1.13")]
    Alembic113,
    #[serde(rename = "alembic 1.8")]
    Alembic18,
}

/// What is wrong with the outcome of a case; nothing where it is right. The stairway runs all that a run
/// without it does: what is green is so with it, and what is red is so without it.
fn run(case: &Case) -> Option<String> {
    let dir = temporary("mg-case-");
    let tree = dir.path().canonicalize().unwrap().join(&case.folder);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/trees").join(&case.folder);
    copy(&data, &tree);
    if tree.join("migrations").is_dir() && !tree.join("migrations/env.py").exists() {
        fs::copy(data.join("../../env.py"), tree.join("migrations/env.py")).unwrap();
    }
    let sandbox = Sandbox::new();
    let ini = tree.join(case.ini.as_deref().unwrap_or("alembic.ini"));
    let mut gate = Gate::new(&sandbox).with_postgres().args(&case.verb).arg("--ini").arg(ini);
    for option in &case.options {
        gate = gate.arg(option.replace("TREE", tree.to_str().unwrap()));
    }
    gate = match case.python {
        None => gate,
        Some(Python::Psycopg3) => gate.arg("--python").arg(python::with_psycopg_3()),
        Some(Python::Asyncpg) => gate.arg("--python").arg(python::with_asyncpg()),
        Some(Python::Alembic113) => gate.arg("--python").arg(python::with_alembic_1_13()),
        Some(Python::Alembic18) => gate.arg("--python").arg(python::with_alembic_1_8()),
    };
    if case.verb != "lint" {
        gate = gate.args(if case.status == 0 { "--no-cache --stairway" } else { "--no-cache" });
    }
    let (report, code, stderr) = if case.status == 1 && case.verb.is_empty() && !case.tried {
        let (report, ended) = first_verdict(gate, &sandbox);
        let code = i32::from(report.verdict() == "fail");
        (report.0, code, ended.stderr)
    } else {
        let ended = gate.args("--format json").run();
        let report = serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap_or_default();
        (report, ended.code(), ended.stderr)
    };
    let said = format!("{report:#}");
    let lacking: Vec<&String> =
        case.says.iter().filter(|word| !said.contains(word.as_str())).collect();
    let extra: Vec<&String> =
        case.never.iter().filter(|word| said.contains(word.as_str())).collect();
    if code == case.status && lacking.is_empty() && extra.is_empty() {
        return None;
    }
    let folder = &case.folder;
    Some(format!(
        "{folder}: exit {code}, expected {}; lacks {lacking:?}, has {extra:?}\n{said}\n{stderr}",
        case.status
    ))
}

#[test]
fn each_tree_ends_as_it_must() {
    let only = std::env::var("CASE").unwrap_or_default();
    let cases = include_str!("../../test_data/trees/cases.yaml");
    let mut cases: Vec<Case> = serde_yaml::from_str(cases).unwrap();
    cases.retain(|case| case.folder.contains(&only));
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(run(case));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
