//! What a hostile migration sees, changes and leaves: nothing.
//!
//! One tree tries everything that the table of `probes.rs` lists, as root and as an ordinary user, and
//! says what it could do. `TRUST=word` runs the probes whose names hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[allow(dead_code, unused_imports, reason = "the vocabulary of the gate's tests")]
#[path = "../gate/support/mod.rs"]
mod support;

mod kill;
mod probes;
mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::root::Root;
use world::{Caller, World};

/// The gate's Python environment in a cache of its own, as CI restores it: the same files, made now.
fn restored_cache() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("mg-cache-").tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let python = support::python::made();
    let made = python.parent().unwrap().parent().unwrap();
    let to = dir.path().join("migration-gate/python");
    fs::create_dir_all(&to).unwrap();
    for from in [made.to_owned(), made.with_extension("manifest")] {
        let copied = Command::new("cp").arg("-r").arg(from).arg(&to).status().unwrap();
        assert!(copied.success());
    }
    dir
}

#[test]
fn environment_that_was_changed_is_not_used() {
    let (root, cache) = (Root::copy(), restored_cache());
    let gate = || {
        let gate = root.gate().args("raptor --no-cache").env("XDG_CACHE_HOME", cache.path());
        // What is made anew needs a registry, and there is none.
        gate.env("PIP_INDEX_URL", "http://127.0.0.1:1/").env("PIP_RETRIES", "0")
    };
    let used = gate().run();
    used.assert_code(0);
    let python = fs::read_dir(cache.path().join("migration-gate/python")).unwrap().flatten();
    let environment = python.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
    let lib = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path();
    let proof = root.path().join("executed");
    let line = format!("import os; os.system('touch {}')", proof.display());
    fs::write(lib.join("site-packages/left.pth"), line).unwrap();
    let refused = gate().env("CI", "true").run();
    refused.assert_code(2);
    let why = "the Python environment is not what the gate made: `";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert!(refused.stderr.contains("left.pth` was added"), "{}", refused.stderr);
    assert!(!proof.exists(), "what was left in it was run");
}

/// Runs every probe once, and fails with those that could do what they tried.
#[track_caller]
fn assert_harmless(caller: &Caller, known: &[&str]) {
    let world = World::new(caller);
    let ended = world.run();
    let done = world.done(&ended);
    let more: Vec<&String> = done.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "{caller:?} did {more:?}:\n{}\n{}", ended.stdout, ended.stderr);
    let less: Vec<&&str> = known.iter().filter(|name| !done.iter().any(|d| d == *name)).collect();
    assert!(less.is_empty(), "the README lists what was not possible to {caller:?}: {less:?}");
    world.assert_unchanged(&ended);
}

#[test]
fn migration_of_root_sees_and_changes_nothing() {
    let Some(caller) = Caller::root() else { return };
    assert_harmless(&caller, &[]);
}

#[test]
fn migration_of_a_user_sees_and_changes_nothing() {
    let Some(caller) = Caller::user() else { return };
    assert_harmless(&caller, &[]);
}

#[test]
fn migration_without_namespaces_does_what_the_readme_lists() {
    let Some(caller) = Caller::root_without_namespaces() else { return };
    assert_harmless(&caller, probes::WITHOUT_NAMESPACES);
}
