//! `doctor` says what is missing and how to fix it, and cleans what nobody uses.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::python;
use crate::support::root::Root;
use crate::support::run::{Ended, Gate};
use crate::support::shop::Shop;

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|err| panic!("{err}:\n{}", ended.stdout))
}

#[track_caller]
fn check<'a>(doctor: &'a Value, name: &str) -> &'a Value {
    let checks = doctor["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).expect("it is looked at")
}

#[test]
fn programs_of_the_gate_are_found() {
    let root = Root::copy();
    let gate = || Gate::new(&root.sandbox).arg("doctor").arg("--root").arg(root.path());
    let ended = gate().args("--format json").run();
    ended.assert_code(0);
    let doctor = json(&ended);
    assert_eq!(doctor["can_run"], true);
    for name in ["Postgres 15", "Python", "server's user", "temporary folder"] {
        assert_eq!(check(&doctor, name)["health"], "ok", "{doctor:#}");
    }
    // A copy of the trees is no repository, and the fix is said.
    assert_eq!(check(&doctor, "git base")["health"], "weak");
    let sizes = check(&doctor, "production.csv");
    assert_eq!(sizes["health"], "weak");
    assert!(sizes["fix"].as_str().unwrap().contains("tables.sql"), "{sizes}");
    let said = gate().run();
    said.assert_code(0);
    assert!(said.stdout.contains("weak    git base") && said.stdout.contains("→ "));
    assert!(said.stdout.ends_with("the gate can run here\n"), "{}", said.stdout);
}

#[test]
fn missing_programs_are_reported_with_their_fix() {
    let root = Root::copy();
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let doctor = Gate::new(&root.sandbox).args("doctor --format json --root").arg(root.path());
    // Neither Python nor npm: nothing at all is on PATH.
    let ended = doctor.env("PATH", &empty).run();
    ended.assert_code(2);
    let doctor = json(&ended);
    assert_eq!(doctor["can_run"], false);
    let python = check(&doctor, "Python");
    assert_eq!(python["health"], "missing");
    assert!(python["fix"].as_str().unwrap().contains("ython"), "{python}");
    assert_eq!(check(&doctor, "npm")["health"], "weak");
}

#[test]
fn unnamed_user_gets_the_command_that_names_it() {
    if !rustix::process::geteuid().is_root() {
        // Only root can become another user.
        return;
    }
    // Where everybody may look: the program may lie where only root does.
    let open =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let program = open.path().join("gate");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("migration-gate").args(words).arg("--root").arg(open.path());
        command.current_dir(open.path()).env("HOME", open.path()).uid(54321).gid(54321);
        command.output().unwrap()
    };
    let doctor = run(&["doctor", "--format", "json"]);
    let doctor: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let user = check(&doctor, "server's user");
    assert_eq!(user["health"], "missing", "{doctor:#}");
    assert!(
        user["fix"].as_str().unwrap().contains("54321::/tmp:/bin/sh' >> /etc/passwd"),
        "{user}"
    );
}

#[test]
fn clean_removes_unused_entries_and_spares_live_runs() {
    let (shop, cache) = (Shop::new(), tempfile::tempdir().unwrap());
    let (sandbox, root) = (&shop.sandbox, shop.above());
    let waits = "open(os.environ['TMPDIR'] + '/started', 'w').close()\ntime.sleep(600)";
    shop.add("c3", "b2", waits, "pass");
    let clean = || {
        let gate = Gate::new(sandbox).args("doctor --clean --format json --root");
        json(&gate.arg(&root).env("XDG_CACHE_HOME", cache.path()).run())
    };
    let removed = |doctor: &Value, kind: &str| -> Vec<bool> {
        let things = doctor["things"].as_array().unwrap().iter();
        let in_sandbox = |thing: &&Value| {
            let path = thing["path"].as_str().unwrap();
            path.starts_with(sandbox.path().to_str().unwrap())
                || path.starts_with(cache.path().to_str().unwrap())
        };
        let things = things.filter(in_sandbox).filter(|thing| thing["kind"] == kind);
        things.map(|thing| thing["removed"].as_bool().unwrap()).collect()
    };
    let copy = cache.path().join("migration-gate/postgres/some-version");
    fs::create_dir_all(&copy).unwrap();
    fs::write(copy.join("file"), "1234").unwrap();
    let gate = shop.gate().arg("--python").arg(python::made());
    let mut run = gate.env("XDG_CACHE_HOME", cache.path()).spawn();
    run.until("the migration runs", || sandbox.has_made("started"));

    let while_it_runs = clean();
    let runs = removed(&while_it_runs, "run");
    assert!(!runs.is_empty() && runs.iter().all(|removed| !removed), "{while_it_runs:#}");
    assert_eq!(removed(&while_it_runs, "postgres"), [false]);
    assert_eq!(while_it_runs["notes"].as_array().unwrap().len(), 1);

    run.signal(Signal::KILL);
    run.wait();
    let afterwards = clean();
    let runs = removed(&afterwards, "run");
    assert!(!runs.is_empty() && runs.iter().all(|removed| *removed), "{afterwards:#}");
    assert_eq!(removed(&afterwards, "postgres"), [true]);
    assert!(!copy.exists());
    for process in sandbox.processes() {
        assert!(!process.command.contains("postgres"), "the dead run's server is ended too");
    }
}
