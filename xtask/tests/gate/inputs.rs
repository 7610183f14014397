//! What the gate lacks, or was told wrongly, is said in one message; that is exit 2 and never
//! green, and the report is written all the same.

use std::fs;

use serde_json::Value;

use crate::support::python;
use crate::support::report::{Report, assert_holds};
use crate::support::root::Root;
use crate::support::run::{Ended, Gate};
use crate::support::sandbox::Sandbox;
use crate::support::shop::Shop;

/// Fails unless the gate could not begin: one finding of its own, and every step skipped.
#[track_caller]
fn assert_could_not_begin(ended: &Ended) -> String {
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert_eq!(report.0["postgres"], Value::Null);
    assert_all_skipped(&report, "console");
    assert_all_skipped(&report, "raptor");
    report.assert_has_steps("console");
    report.assert_has_steps("raptor");
    let finding = report.finding();
    assert_holds(finding, &serde_json::json!({"code": "MG900", "severity": "error"}));
    finding["message"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_all_skipped(report: &Report, tree: &str) {
    for step in report.steps(tree) {
        assert_eq!(step["status"], "skipped", "{step}");
        assert_eq!(step["reason"], "the gate could not do its work");
    }
}

#[test]
fn missing_postgres_is_reported_with_places_searched() {
    let root = Root::copy();
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let file = root.path().join("report.json");
    let gate = root.gate().arg("--postgres-bin").arg(&empty);
    let ended = gate.arg("--report").arg(format!("json={}", file.display())).run();
    let message = assert_could_not_begin(&ended);
    assert!(message.contains(empty.to_str().unwrap()), "{message}");
    assert_eq!(fs::read_to_string(file).unwrap(), ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn without_postgres_a_person_reads_one_message() {
    let root = Root::copy();
    let ended = root.gate_for_a_person().args("--postgres-bin /nowhere").run();
    ended.assert_code(2);
    assert_eq!(ended.stdout.matches("error[MG900]").count(), 1, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("PASS").count(), 0, "{}", ended.stdout);
    let verdict = ended.stdout.lines().find_map(|line| line.strip_prefix("ERROR  0 of ")).unwrap();
    let (count, rest) = verdict.split_once(' ').unwrap();
    assert!(rest.starts_with(&format!("steps passed, {count} skipped")), "{}", ended.stdout);
}

#[test]
fn another_major_version_is_refused_by_name() {
    let root = Root::copy();
    let bin = python::postgres_16();
    let ended = root.gate().arg("--postgres-bin").arg(&bin).run();
    let message = assert_could_not_begin(&ended);
    let found = message.contains("found Postgres 16.") && message.contains(bin.to_str().unwrap());
    assert!(found && message.contains("the gate needs 15"), "{message}");
}

#[test]
fn a_root_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    let ended = Gate::new(&sandbox).args("--root /nowhere/at/all --format json").run();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert!(report.finding()["message"].as_str().unwrap().contains("/nowhere/at/all"));
}

#[test]
fn a_root_without_trees_is_an_error_and_not_green() {
    let sandbox = Sandbox::new();
    let ended = Gate::new(&sandbox).arg("--root").arg(sandbox.path()).args("--format json").run();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.findings().len(), 2, "{:#}", report.0);
    assert_all_skipped(&report, "console");
    assert_all_skipped(&report, "raptor");
}

#[test]
fn a_tree_without_its_ini_does_not_keep_the_other_from_passing() {
    let root = Root::copy();
    root.remove("console/migrations/alembic.ini");
    let ended = root.gate().run();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    report.assert_green("raptor");
    assert_all_skipped(&report, "console");
    let finding = report.finding();
    assert_holds(finding, &serde_json::json!({"code": "MG900", "tree": "console"}));
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("console/migrations/alembic.ini"), "{message}");
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn an_ini_that_is_none_is_its_own_trees_fault() {
    let root = Root::copy();
    root.write("console/migrations/alembic.ini", "no ini at all\n");
    // A report that cannot be written hides no fault.
    let ended = root.gate().args("--report json=/nowhere/report.json").run();
    ended.assert_code(1);
    assert!(ended.stderr.contains("/nowhere/report.json"), "{}", ended.stderr);
    let report = ended.report();
    report.assert_green("raptor");
    assert_eq!(report.statuses("console"), "failed failed skipped skipped");
}

#[test]
fn a_lock_file_that_is_missing_is_named() {
    let root = Root::copy();
    root.remove("console/requirements.txt");
    let ended = root.gate().arg("console").run();
    ended.assert_code(2);
    let report = ended.report();
    let message = report.finding()["message"].as_str().unwrap();
    assert!(message.contains("console/requirements.txt"), "{message}");
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn an_interpreter_without_alembic_is_named() {
    let root = Root::copy();
    let python = python::bare();
    let ended = root.gate().arg("--python").arg(&python).run();
    ended.assert_code(2);
    let report = ended.report();
    for tree in ["console", "raptor"] {
        assert_all_skipped(&report, tree);
    }
    for finding in report.findings() {
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains(python.to_str().unwrap()), "{message}");
        assert!(message.contains("No module named 'alembic'"), "{message}");
    }
    assert!(!report.findings().is_empty());
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn an_interpreter_that_is_not_there_is_named() {
    let root = Root::copy();
    let ended = root.gate().args("--python /nowhere/python").run();
    ended.assert_code(2);
    assert!(ended.report().finding()["message"].as_str().unwrap().contains("/nowhere/python"));
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn unwritable_report_is_exit_2_and_hides_nothing() {
    let shop = Shop::new();
    shop.merge();
    let ended = shop.gate().args("--report json=/nowhere/report.json").run();
    ended.assert_code(2);
    ended.report().assert_green("shop");
    assert!(ended.stderr.contains("/nowhere/report.json"), "{}", ended.stderr);
    shop.sandbox.assert_empty(&ended.traces);
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything_runs() {
    let sandbox = Sandbox::new();
    for args in [
        "cobra",
        "--format yaml",
        "--report report.json",
        "--report json=",
        "--report yaml=report.yaml",
        "--timeout 0",
        "--timeout soon",
        "--url-env NAME",
        "--driver psycopg2",
        "--cwd .",
        "console --ini alembic.ini",
        "--nonsense",
    ] {
        let ended = Gate::new(&sandbox).args(args).run();
        assert_eq!(ended.code(), 2, "{args}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args}");
        assert!(ended.stderr.starts_with("error: "), "{args}: {}", ended.stderr);
    }
    sandbox.assert_empty(&Default::default());
}

#[test]
fn an_ini_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    let ended = Gate::new(&sandbox).args("--ini /nowhere/alembic.ini --format json").run();
    ended.assert_code(2);
    let report = ended.report();
    assert!(report.finding()["message"].as_str().unwrap().contains("/nowhere/alembic.ini"));
}
