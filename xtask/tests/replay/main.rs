//! `migration-gate replay`, end to end: the built binary, a real Postgres, a real Alembic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where its helper does")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Every incident of history and every leaf of the runbook's decision tree.
const INCIDENTS: &[&str] = &[
    "1548",
    "1550",
    "1551",
    "1654",
    "1656",
    "1778",
    "1781",
    "2026-05-31",
    "broken-down-revision-deleted-file",
    "broken-down-revision-file-name",
    "broken-down-revision-renamed-id",
    "console-downgrade",
    "deadlock-in-waiting",
    "foreign-database-env",
    "foreign-database-revision",
    "new-role",
    "new-seed",
    "no-right-to-create-databases",
    "pre-seed-error",
    "raptor-downgrade",
    "role-step",
    "running-version-breaks",
    "seed-table-missing",
    "server-takes-no-connection",
    "server-will-not-start",
    "silent-upgrade",
    "sizes-are-old",
    "waits-without-limit",
    "who-waits",
    "whole-table-held",
];

fn replay(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["migration-gate", "replay"])
        .args(args)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|err| panic!("{err}: {output:?}"))
}

/// The ids of a list, a line each.
fn listed(args: &[&str]) -> Vec<String> {
    let output = replay(&[&["--list"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(&output).lines().filter_map(|line| line.split(' ').next()).map(Into::into).collect()
}

/// A folder with one incident: a copy of a real one, changed.
fn changed(id: &str, old: &str, new: &str) -> tempfile::TempDir {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("incidents/{id}.yaml"));
    let text = fs::read_to_string(real).unwrap();
    assert!(text.contains(old), "{old} is not in {id}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{id}.yaml")), text.replacen(old, new, 1)).unwrap();
    folder
}

#[test]
fn all_of_history_is_reproduced_and_fixed() {
    let output = replay(&["--all", "--format", "json"]);
    let report = json(&output);
    let bad: Vec<&Value> = report["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| {
            i["status"] != "reproduced" || i["fixed"] != true || i["expected"] != i["observed"]
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}\n{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["verdict"], "pass");
    let ids: Vec<&Value> =
        report["incidents"].as_array().unwrap().iter().map(|incident| &incident["id"]).collect();
    assert_eq!(ids, INCIDENTS);
    assert_eq!(report["incidents"][0]["mode"], "C");
    // Each failure mode of the runbook ends with a remedy that was tried.
    let of_mode = report["incidents"].as_array().unwrap().iter().filter(|i| !i["mode"].is_null());
    let unfixed: Vec<&Value> =
        of_mode.filter(|i| i["verified"].is_null()).map(|incident| &incident["id"]).collect();
    assert_eq!(unfixed, Vec::<&Value>::new());
}

#[test]
fn the_list_is_complete_and_shards_share_it() {
    assert_eq!(listed(&[]), INCIDENTS);
    let mut shared: Vec<String> =
        ["1/3", "2/3", "3/3"].iter().flat_map(|shard| listed(&["--shard", shard])).collect();
    shared.sort();
    assert_eq!(shared, INCIDENTS);
    assert_eq!(listed(&["broken-down-revision"]).len(), 3);
    assert_eq!(listed(&["1548", "1551"]), ["1548", "1551"]);
}

#[test]
fn invalid_replay_arguments_are_status_2() {
    for (args, said) in [
        (vec!["no-such"], "cannot find the incident `no-such`"),
        (vec!["154"], "cannot find the incident `154`"),
        (vec![], "<ID>"),
        (vec!["--all", "--shard", "3/2"], "K from 1 to N"),
        (vec!["--all", "--shard", "0/2"], "K from 1 to N"),
        (vec!["--all", "1548"], "cannot be used with"),
    ] {
        let output = replay(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {output:?}");
    }
}

#[test]
fn a_bad_file_is_named_with_its_line_and_field() {
    for (old, new, said) in [
        ("title:", "titel:", "unknown field `titel`"),
        ("mode: A", "mode: Z", "mode: `Z` is no failure mode"),
        ("tree: console", "tree: consoles", "tree: the monorepo has no tree `consoles`"),
        ("without:", "withot:", "broken: unknown field `withot`"),
        ("id: \"1654\"", "id: \"1655\"", "id: `1655` in a file of another name"),
    ] {
        let folder = changed("1654", old, new);
        let text = fs::read_to_string(folder.path().join("1654.yaml")).unwrap();
        let line = text.lines().position(|line| line.contains(new)).unwrap() + 1;
        let output = replay(&["--all", "--incidents", folder.path().to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{new}: {output:?}");
        let said = format!("1654.yaml:{line}: {said}");
        assert!(stderr(&output).contains(&said), "{said}: {output:?}");
    }
}

#[test]
fn unreproduced_incident_is_status_1_with_the_difference() {
    // The row is supplied after all, so nothing is wrong.
    let green = changed("1654", "  without: [kris@ admin row]", "  without: []");
    let output = replay(&["--all", "--incidents", green.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stdout(&output).contains("the gate said pass, and no finding"), "{output:?}");

    // An edit that does not fit the file any more, and a revision that is not there.
    for (old, new, said) in [
        ("IS NULL\")'\n", "IS NOT NULL\")'\n", "it stands there 0 times, and must exactly once"),
        ("at: \"0025\"", "at: \"9999\"", "`at: 9999` names no revision of Console"),
    ] {
        let folder = changed("1551", old, new);
        let output = replay(&["1551", "--incidents", folder.path().to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stdout(&output).contains(said), "{output:?}");
    }

    // Expected of another step, and not fixed.
    let folder = changed("console-downgrade", "(reversibility check)", "(other)");
    let file = folder.path().join("console-downgrade.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("fixed:").unwrap();
    fs::write(&file, format!("{before}fixed: {{}}\n")).unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = replay(&["--all", "--format", "json", "--incidents", folder]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json(&output);
    assert_eq!(report["verdict"], "fail");
    let incident = &report["incidents"][0];
    assert_eq!(incident["status"], "not-reproduced");
    assert_eq!(incident["fixed"], false);
    assert_eq!(incident["observed"]["code"], "MG106");
    let step = &incident["observed"]["step"];
    assert_eq!(step, "Console — downgrade -1 (reversibility check)");
}

#[test]
fn an_interrupted_replay_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    // The server's user must be able to enter it.
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let folders = || fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["migration-gate", "replay", "1654", "1656", "--keep"])
        .env("TMPDIR", temp.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    // A server has a folder of its own in that of the run.
    let below = |folder: std::path::PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_there = |entry: fs::DirEntry| entry.path().join("data/postmaster.pid").exists();
    while !folders().flat_map(below).any(is_there) {
        assert!(Instant::now() < deadline, "no server was started");
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(folders().collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn mutants_are_caught_and_named() {
    let output = replay(&["--mutants", "--limit", "12", "--seed", "5", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let score = json(&output);
    assert_eq!((&score["schema"], &score["verdict"]), (&1.into(), &"pass".into()));
    let mutants = score["mutants"].as_array().unwrap();
    assert_eq!(mutants.len(), 12);
    // All 75 kinds: 76 % (`replay --mutants --limit 100 --seed 2`).
    let count = |name: &str| score[name].as_u64().unwrap();
    assert!(count("red") >= 8 && 100 * count("verified") >= 70 * count("red"), "{score:#}");
    assert!(mutants.iter().all(|mutant| mutant["caught"] == true && mutant["named"] == true));
}

#[test]
fn each_supply_is_needed_by_the_revisions_that_use_it() {
    let output = replay(&["--supplies", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let uses = json(&output);
    assert_eq!(uses["verdict"], "pass");
    let [row, role] = uses["supplies"].as_array().unwrap().as_slice() else { panic!("{uses:#}") };
    assert_eq!((&row["name"], &role["name"]), (&"kris@ admin row".into(), &"raptor_app".into()));
    assert_eq!(row["needed_by"], serde_json::json!(["0016"]));
    let needed = role["needed_by"].as_array().unwrap();
    // From 0002 on, but not where no table is made.
    assert_eq!(needed[0], "0002");
    assert!(needed.contains(&"0028".into()) && !needed.contains(&"0016".into()), "{role:#}");
}
