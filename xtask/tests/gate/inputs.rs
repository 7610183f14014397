//! What the gate lacks, or was told wrongly, is said in one message; that is exit 2 and never
//! green, and the report is written all the same.

use std::fs;

use serde_json::{Value, json};

use crate::support::python;
use crate::support::report::{Report, assert_holds};
use crate::support::root::Root;
use crate::support::run::Gate;
use crate::support::sandbox::Sandbox;
use crate::support::shop::Shop;

#[track_caller]
fn assert_all_skipped(report: &Report, tree: &str) {
    for step in report.steps(tree) {
        assert_eq!(step["status"], "skipped", "{step}");
        assert_eq!(step["reason"], "the gate could not do its work");
    }
}

/// One finding of the gate's own for all trees, or the same for each; and every step is skipped.
#[test]
fn missing_program_is_named_before_anything_runs() {
    let root = Root::copy();
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let (empty, sixteen) = (empty.to_str().unwrap(), python::postgres_16());
    let (sixteen, bare) = (sixteen.to_str().unwrap(), python::bare());
    let bare = bare.to_str().unwrap();
    let file = root.path().join("report.json");
    for (option, value, says) in [
        ("--postgres-bin", empty, &[empty][..]),
        ("--postgres-bin", sixteen, &["found Postgres 16.", sixteen, "the gate needs 15"]),
        ("--python", "/nowhere/python", &["/nowhere/python"]),
        ("--python", bare, &[bare, "No module named 'alembic'"]),
    ] {
        let gate = root.gate().arg(option).arg(value);
        let ended = gate.arg("--report").arg(format!("json={}", file.display())).run();
        ended.assert_code(2);
        assert_eq!(fs::read_to_string(&file).unwrap(), ended.stdout);
        let report = ended.report();
        assert_eq!(report.verdict(), "error");
        assert!(report.0["postgres"] == Value::Null || option == "--python");
        for tree in ["console", "raptor"] {
            assert_all_skipped(&report, tree);
            report.assert_has_steps(tree);
        }
        assert!(!report.findings().is_empty());
        for finding in report.findings() {
            assert_holds(finding, &json!({"code": "MG900", "severity": "error", "says": says}));
        }
        root.sandbox.assert_empty(&ended.traces);
    }
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
fn path_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    // Another's tree has no operator of this monorepo.
    for (option, path, owner) in [
        ("--root", "/nowhere/at/all", json!("sre")),
        ("--ini", "/nowhere/alembic.ini", Value::Null),
    ] {
        let ended = Gate::new(&sandbox).arg(option).arg(path).args("--format json").run();
        ended.assert_code(2);
        let report = ended.report();
        assert_eq!(report.verdict(), "error");
        assert_holds(report.finding(), &json!({"says": [path], "owner": owner}));
    }
    // A root without trees is an error and not green.
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
    let says = ["console/migrations/alembic.ini"];
    let expected = json!({"code": "MG900", "tree": "console", "says": says});
    assert_holds(report.finding(), &expected);
    root.sandbox.assert_empty(&ended.traces);
    // Nor does one whose lock file is missing run.
    let root = Root::copy();
    root.remove("console/requirements.txt");
    let ended = root.gate().arg("console").run();
    ended.assert_code(2);
    assert_holds(ended.report().finding(), &json!({"says": ["console/requirements.txt"]}));
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn broken_ini_fails_its_own_tree_alone() {
    let root = Root::copy();
    root.write("console/migrations/alembic.ini", "no ini at all\n");
    // A report that cannot be written hides no fault.
    let ended = root.gate().args("console --report json=/nowhere/report.json").run();
    ended.assert_code(1);
    assert!(ended.stderr.contains("/nowhere/report.json"), "{}", ended.stderr);
    assert_eq!(ended.report().statuses("console"), "failed failed skipped skipped");
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
