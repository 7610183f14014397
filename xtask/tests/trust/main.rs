//! What a hostile migration sees, changes and leaves: nothing.
//!
//! One tree tries everything that `test_data/trust/probes.yaml` lists, as root and as an ordinary user, and
//! says what it could do. `TRUST=word` runs the probes whose names hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[allow(dead_code, unused_imports, reason = "the vocabulary of the gate's tests")]
#[path = "../gate/support/mod.rs"]
mod support;

mod kill;
mod world;

use std::path::Path;

use serde_json::json;
use support::report::assert_holds;
use support::root::copy;
use support::run::Gate;
use support::sandbox::{Sandbox, temporary};
use world::{Caller, World, probes};

/// For an env.py that wants a host.
const HOST: &[&str] =
    &["--set-env=DATABASE_URL=postgresql+psycopg2://{user}:{password}@{host}:{port}/{database}"];

/// Runs every probe once, and fails with those that could do what they tried.
#[track_caller]
fn assert_harmless(caller: &Caller, options: &[&str], known: &[String]) {
    let world = World::new(caller);
    let ended = world.run(options);
    let done = world.done(&ended);
    let more: Vec<&String> = done.iter().filter(|name| !known.contains(name)).collect();
    assert!(more.is_empty(), "{caller:?} did {more:?}:\n{}\n{}", ended.stdout, ended.stderr);
    let less: Vec<&String> = known.iter().filter(|name| !done.contains(name)).collect();
    assert!(less.is_empty(), "the README lists what was not possible to {caller:?}: {less:?}");
    world.assert_unchanged(&ended);
}

/// The names of the probes that work in some case.
fn that_work(when: &str) -> Vec<String> {
    let works = probes().into_iter().filter(|probe| probe.works.as_deref() == Some(when));
    works.map(|probe| probe.name).collect()
}

#[test]
fn migration_of_root_sees_and_changes_nothing() {
    let Some(caller) = Caller::root() else { return };
    assert_harmless(&caller, &[], &[]);
    assert_harmless(&caller, HOST, &[]);
}

#[test]
fn migration_of_a_user_sees_and_changes_nothing() {
    let Some(caller) = Caller::user() else { return };
    assert_harmless(&caller, &[], &[]);
    assert_harmless(&caller, HOST, &[]);
}

#[test]
fn migration_without_namespaces_does_what_the_readme_lists() {
    let Some(caller) = Caller::root_without_namespaces() else { return };
    assert_harmless(&caller, &[], &that_work("without namespaces"));
}

/// Without namespaces it does what its user can, but for what the gate itself holds.
#[test]
fn migration_of_a_user_without_mounts_sees_nothing_of_the_gate() {
    let Some(caller) = Caller::user_without_mounts() else { return };
    let world = World::new(&caller);
    let ended = world.run(&[]);
    let done = world.done(&ended);
    let wrong: Vec<_> = that_work("never").into_iter().filter(|name| done.contains(name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}:\n{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("migrations see and reach what their user does"));
}

/// An env.py whose logger writes beside its ini is sound: it is the gate that does not let it.
#[test]
fn log_file_in_the_checkout_is_exit_2_with_the_way_out() {
    if Caller::root().or_else(Caller::user).is_none() {
        return;
    }
    let (dir, sandbox) = (temporary("mg-case-"), Sandbox::new());
    let data = "test_data/trees/habits/log-file";
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(data), dir.path());
    let gate = Gate::new(&sandbox).arg("--ini").arg(dir.path().join("alembic.ini"));
    let ended = gate.args("--no-cache --format json").run();
    ended.assert_code(2);
    let report = ended.report();
    let finding = report.finding();
    assert_holds(finding, &json!({"code": "MG907", "file": "migrations/env.py", "line": 8}));
    assert!(finding["message"].as_str().unwrap().contains("shop.log"), "{finding}");
}
