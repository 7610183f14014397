//! Sound trees pass, every step of the contract by its name, and a run leaves nothing behind.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::report::{Report, STEPS};
use crate::support::root::{Root, Tree};
use crate::support::sandbox::{Sandbox, Traces};
use crate::support::shop::Shop;

#[track_caller]
fn assert_keys(value: &Value, keys: &str) {
    let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, keys.split(' ').collect());
}

/// In a checkout that lies deep and has spaces and umlauts, reported to a person and as JSON.
#[test]
fn both_trees_pass_every_step_of_the_contract() {
    let root = Root::copy_below(&"Üben und proben/".repeat(12));
    assert!(root.path().as_os_str().len() > 200);
    let before = root.files();
    let file = root.sandbox.path().join("report.json");
    let ended = root.gate_for_a_person().arg(format!("--report=json={}", file.display())).run();
    ended.assert_code(0);
    let report = Report::parse(&std::fs::read_to_string(&file).unwrap());
    std::fs::remove_file(file).unwrap();
    assert_eq!(report.verdict(), "pass");
    report.assert_has_steps("console");
    report.assert_has_steps("raptor");
    report.assert_green("console");
    report.assert_green("raptor");
    assert_eq!(report.findings().len(), 0);
    assert_eq!(report.tree("console")["heads"], json!([root.head(Tree::Console)]));
    assert_eq!(report.tree("raptor")["heads"], json!([root.head(Tree::Raptor)]));
    root.sandbox.assert_empty(&ended.traces);
    assert_eq!(root.files(), before, "the checkout is left as it was");
    assert_is_the_contracts(&report.0);
    assert_reads_plainly(&ended.stdout);
}

#[track_caller]
fn assert_is_the_contracts(report: &Value) {
    let fields = "schema verdict seconds known_since hash_seed postgres trees base findings";
    assert_keys(report, fields);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["known_since"], Value::Null, "it was run");
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert_keys(&report["base"], "rev commit reason");
    assert_keys(&report["postgres"], "version source");
    assert!(report["postgres"]["version"].as_str().unwrap().starts_with("15."));
    assert_eq!(report["postgres"]["source"], "local");
    let trees = report["trees"].as_array().unwrap();
    let labels: Vec<_> = trees.iter().map(|tree| (&tree["label"], &tree["database"])).collect();
    let (console, raptor) = (json!("Console"), json!("Raptor"));
    assert_eq!(
        labels,
        [(&console, &json!("console_ci")), (&raptor, &json!("raptor_ci"))],
        "in the contract's order"
    );
    for tree in trees {
        assert_keys(tree, "tree label database heads steps stairway production rollback");
        for step in tree["steps"].as_array().unwrap() {
            assert_keys(step, "name status reason seconds");
            assert_eq!(step["reason"], Value::Null);
            assert!(step["seconds"].is_number());
        }
    }
}

/// One plain line a step, and the verdict last.
#[track_caller]
fn assert_reads_plainly(said: &str) {
    assert!(!said.contains('\x1b'), "no colour where there is no terminal");
    for step in STEPS.iter().flat_map(|(_, steps)| *steps) {
        let lines: Vec<&str> = said.lines().filter(|line| line.ends_with(step)).collect();
        assert_eq!(lines.len(), 1, "{step} in:\n{said}");
        assert!(lines[0].starts_with("PASS ["), "{}", lines[0]);
    }
    for label in ["Console", "Raptor"] {
        let line = format!("{label} head count: 1");
        assert!(said.lines().any(|l| l.trim() == line), "{said}");
    }
    let count = said.lines().filter(|line| line.starts_with("PASS [")).count();
    assert!(said.contains(&format!("\nPASS  {count} of {count} steps passed in ")), "{said}");
}

#[test]
fn checkout_in_any_folder_with_names_of_modules_is_green() {
    // `alembic` as a command has neither its working folder nor the gate's on its path.
    let root = Root::copy();
    root.write("console/alembic.py", "raise RuntimeError('a file of the tree was imported')");
    root.write("console/sqlalchemy.py", "raise RuntimeError('a file of the tree was imported')");
    // A tree in which every other connection is ended is as sound as one in which none is.
    let end_all = "op.execute('SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()')";
    root.add_head(Tree::Console, end_all, end_all);
    let ended = root.gate().arg("console").cwd(&root.path().join("console")).run();
    ended.assert_code(0);
    ended.report().assert_green("console");
    assert_eq!(ended.report().0["trees"].as_array().unwrap().len(), 1, "the other was not named");
}

#[test]
fn two_gates_at_once_in_one_checkout_do_not_meet() {
    let (shop, other) = (Shop::new(), Sandbox::new());
    // Two in one temporary folder, and one in another.
    let elsewhere = shop.gate().env("TMPDIR", other.path());
    let runs = [shop.gate().spawn(), shop.gate().spawn(), elsewhere.spawn()];
    let mut traces = Traces::default();
    for run in runs {
        let ended = run.wait();
        ended.assert_code(0);
        ended.report().assert_green("shop");
        traces.add(ended.traces);
    }
    shop.sandbox.assert_empty(&traces);
    other.assert_empty(&traces);
}
