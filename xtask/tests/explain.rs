//! `explain` over what plain Alembic and psql printed for each incident, with old and new versions and
//! three drivers: `test_data/logs/capture.py` made the logs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Deserialize;

/// A log, as `captured.yaml` has it.
#[derive(Deserialize)]
struct Captured {
    log: String,
    /// The step whose shell failed; none did where a failure was silent.
    failed: Option<String>,
}

/// What is taken of an incident.
#[derive(Deserialize)]
struct Incident {
    id: String,
    expect: Expected,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    rehearse: bool,
}

#[derive(Clone, Deserialize)]
struct Expected {
    step: Option<String>,
    code: String,
}

/// What a finding of `explain --format json` has of it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Named {
    code: String,
    step: Option<String>,
    revision: Option<String>,
    file: Option<String>,
    message: String,
}

#[derive(Deserialize)]
struct Report {
    verdict: String,
    findings: Vec<Named>,
}

/// The revision that fails in an incident, and its file; the others fail before any revision runs.
const REVISIONS: &[(&str, &str, &str)] = &[
    ("1551", "0025", "console/migrations/versions/0025_active_sessions_index.py"),
    ("1654", "0016", "console/migrations/versions/0016_raxx_platform_owners_group.py"),
    ("1656", "0002", "backend_v2/alembic/versions/0002_paper_orders.py"),
    ("2026-05-31", "0022", "backend_v2/alembic/versions/0022_mbt_paper_tables.py"),
    ("console-downgrade", "0044", "console/migrations/versions/0044_audit_log_legal_holds.py"),
    ("new-role", "0031", "backend_v2/alembic/versions/0031_reporting_grants.py"),
    ("new-seed", "0045", "console/migrations/versions/0045_billing_team_permissions.py"),
    ("pre-seed-error", "0010", "console/migrations/versions/0010_support_notes.py"),
    ("raptor-downgrade", "0030", "backend_v2/alembic/versions/0030_order_idempotency_key.py"),
    ("silent-upgrade", "0012", "console/migrations/versions/0012_audit_log_payload_jsonb.py"),
];

/// The one log that cannot tell its step: psql found no server, and nothing but that was printed. It
/// may have been either tree's supply, and `explain` must say so.
fn cannot_tell_the_step(log: &str) -> bool {
    log.starts_with("server-will-not-start/") && log.ends_with(".bare.log")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/logs")
}

fn captured() -> Vec<Captured> {
    serde_yaml::from_str(&fs::read_to_string(folder().join("captured.yaml")).unwrap()).unwrap()
}

fn incidents() -> BTreeMap<String, Expected> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("incidents");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |file: PathBuf| {
        let incident: Incident = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        // What is rehearsed has no log: plain Alembic ends well.
        (!incident.options.rehearse).then_some((incident.id, incident.expect))
    };
    files.filter(|file| file.extension().is_some_and(|e| e == "yaml")).filter_map(read).collect()
}

/// What `explain` says of a text, which it must be able to read.
fn explain(text: &[u8], arguments: &[&str]) -> String {
    let mut gate = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["migration-gate", "explain", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    gate.stdin.take().unwrap().write_all(text).unwrap();
    let said = gate.wait_with_output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(said.stderr, b"");
    String::from_utf8(said.stdout).unwrap()
}

fn report(text: &[u8]) -> Report {
    serde_json::from_str(&explain(text, &["--format", "json"])).unwrap()
}

/// The incident that a log is of; `None`: a run without a fault.
fn incident_of(log: &str) -> Option<&str> {
    let id = log.split(['/', '.']).next().unwrap();
    (id != "green").then_some(id)
}

/// What must be said of a log. The old job stops at its first failed step, so that is what the log
/// shows; the gate, which counts the heads whatever failed, may name a later one.
fn expected(captured: &Captured, incidents: &BTreeMap<String, Expected>) -> Vec<Named> {
    let Some(id) = incident_of(&captured.log) else { return Vec::new() };
    let Expected { step, code } = incidents[id].clone();
    let failed = captured.failed.clone().filter(|step| step.contains(" — "));
    let of = REVISIONS.iter().find(|(incident, ..)| *incident == id);
    vec![Named {
        code,
        step: failed.or(step).filter(|_| !cannot_tell_the_step(&captured.log)),
        revision: of.map(|(_, revision, _)| (*revision).to_owned()),
        file: of.map(|(.., file)| (*file).to_owned()),
        message: String::new(),
    }]
}

/// Does something with each log, side by side, and returns what went wrong.
fn each_log(check: impl Fn(&Captured, &[u8]) -> Result<(), String> + Sync) {
    let all = captured();
    let next = AtomicUsize::new(0);
    let check_some = || {
        let mut wrong = Vec::new();
        while let Some(captured) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let text = fs::read(folder().join(&captured.log)).unwrap();
            if let Err(what) = check(captured, &text) {
                wrong.push(format!("{}: {what}", captured.log));
            }
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(check_some)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// Whether `explain` says what it must, but for the messages, and for steps that no recipe has, whose
/// name only some logs hold.
fn compare(mut named: Vec<Named>, expected: &[Named]) -> Result<(), String> {
    for (named, expected) in named.iter_mut().zip(expected) {
        // Where a tree has several supplies, a log that shows no script cannot tell them apart.
        let is_candidate = |step: &&String| named.message.contains(&format!("`{step}`"));
        if named.step.is_none() && expected.step.as_ref().filter(is_candidate).is_some() {
            named.step.clone_from(&expected.step);
        }
        named.message.clear();
        if expected.step.is_none() && named.code == "MG900" {
            named.step = None;
        }
    }
    if named == expected {
        Ok(())
    } else {
        Err(format!("\n  expected {expected:?}\n  observed {named:?}"))
    }
}

#[test]
fn each_incident_has_logs_of_all_versions_and_drivers() {
    let captured = captured();
    let ids: BTreeSet<&str> = captured.iter().filter_map(|c| incident_of(&c.log)).collect();
    let known = incidents();
    // The gate alone refuses connections: plain Alembic has no words for it.
    let known = known.keys().map(String::as_str).filter(|id| !id.starts_with("foreign-database"));
    assert_eq!(ids, known.collect());
    for id in ids {
        let of = |what: &str| {
            captured.iter().any(|c| incident_of(&c.log) == Some(id) && c.log.contains(what))
        };
        let all = ["alembic-1.13-", "alembic-1.16-", "alembic-1.20-", "sqlalchemy-2.0-"];
        let drivers = ["sqlalchemy-2.1-", "-psycopg2.", "-psycopg.", "-asyncpg."];
        let shapes = [".github.", ".bare.", ".shell."];
        for what in all.iter().chain(&drivers).chain(&shapes) {
            assert!(of(what), "{id}: no log of {what}");
        }
    }
    let files: BTreeSet<String> = captured.into_iter().map(|captured| captured.log).collect();
    for entry in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        for log in entry.read_dir().into_iter().flatten() {
            let name = log.unwrap().path();
            let name = name.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            assert!(files.contains(&name), "{name} is not in captured.yaml");
        }
    }
}

#[test]
fn each_log_is_named_rightly() {
    let incidents = incidents();
    each_log(|captured, text| {
        let report = report(text);
        let expected = expected(captured, &incidents);
        let sick = expected.iter().any(|named| named.code.starts_with("MG9"));
        let verdict = match (expected.is_empty(), sick) {
            (true, _) => "pass",
            (_, true) => "error",
            _ => "fail",
        };
        if report.verdict != verdict {
            return Err(format!("the verdict is {}", report.verdict));
        }
        if cannot_tell_the_step(&captured.log) {
            let step = captured.failed.as_ref().unwrap();
            let told = report.findings.iter().any(|named| named.message.contains(step));
            assert!(told, "{}: the candidates are not told", captured.log);
        }
        compare(report.findings, &expected)
    });
}

#[test]
fn each_log_is_named_rightly_for_a_person() {
    let incidents = incidents();
    each_log(|captured, text| {
        let said = explain(text, &[]);
        let expected = expected(captured, &incidents);
        let mut wanted: Vec<String> = Vec::new();
        let squeezed = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let tells_candidates = squeezed.contains("does not say which step it was");
        let step_line = |step: &String| format!("step: {step}\n");
        for named in &expected {
            wanted.push(format!("error[{}]: ", named.code));
            wanted.extend(named.step.as_ref().filter(|_| !tells_candidates).map(step_line));
            wanted.extend(named.file.as_ref().map(|file| format!("--> {file}")));
        }
        if expected.is_empty() {
            wanted.push("no failure of a migration found\n".into());
        }
        match wanted.iter().find(|wanted| !said.contains(wanted.as_str())) {
            Some(missing) => Err(format!("`{missing}` is missing in\n{said}")),
            None => Ok(()),
        }
    });
}

/// Windows line ends and Docker's prefixes change nothing.
#[test]
fn each_log_is_named_the_same_in_other_clothes() {
    let incidents = incidents();
    each_log(|captured, text| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let expected = expected(captured, &incidents);
        let crlf = text.replace('\n', "\r\n");
        compare(report(crlf.as_bytes()).findings, &expected).map_err(|e| format!("CRLF: {e}"))?;
        if !captured.log.ends_with(".bare.log") {
            return Ok(());
        }
        let docker: String = text.lines().map(|line| format!("migrate-1  | {line}\n")).collect();
        compare(report(docker.as_bytes()).findings, &expected).map_err(|e| format!("Docker: {e}"))
    });
}

/// Where the beginning is cut off, less is known, and nothing else is said.
#[test]
fn the_end_of_each_log_names_nothing_false() {
    let incidents = incidents();
    each_log(|captured, text| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let expected = expected(captured, &incidents);
        for part in [1, 3, 5] {
            let tail = lines[lines.len() * part / 6..].join("\n");
            for named in report(tail.as_bytes()).findings {
                let expected = expected.first().ok_or("a failure where there is none")?;
                let differs =
                    |one: &Option<String>, other: &Option<String>| one.is_some() && one != other;
                // That a command failed, or a statement of any revision, may be all that is left.
                let less = ["does not say why", "The beginning of the log is missing"];
                let less = less.iter().any(|less| named.message.contains(less));
                let step = captured.failed.clone().or(expected.step.clone());
                // No recipe has the step that creates the database.
                let other_step = named.code != "MG900" && differs(&named.step, &step);
                if (named.code != expected.code && !less)
                    || other_step
                    || differs(&named.revision, &expected.revision)
                    || differs(&named.file, &expected.file)
                {
                    return Err(format!("from {part}/6 on: {named:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_sqlstate_is_explained_by_its_own_causes() {
    let explain = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let said = command.args(["migration-gate", "explain"]).args(words).output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let human = explain(&["23505"]);
    assert!(human.starts_with("SQLSTATE 23505 (MG112: a row breaks a constraint)\n"), "{human}");
    assert!(human.contains("remove the duplicates") && human.contains("setval"), "{human}");
    // Of several meanings, each with what tells it from the others.
    let human = explain(&["22p02"]);
    assert_eq!(human.matches("SQLSTATE 22P02 (MG114").count(), 2, "{human}");
    assert!(human.contains("says: for enum") && human.contains("postgresql_using"), "{human}");
    let json: serde_json::Value =
        serde_json::from_str(&explain(&["55P04", "--format", "json"])).unwrap();
    assert_eq!((&json["sqlstate"], &json["causes"][0]["code"]), (&"55P04".into(), &"MG114".into()));
    assert!(json["causes"][0]["remedy"][1].as_str().unwrap().contains("autocommit_block"));
}
