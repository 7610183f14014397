//! Sound trees pass, every step of the contract by its name, and a run leaves nothing behind.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::report::{CONSOLE_STEPS, RAPTOR_STEPS};
use crate::support::root::{Root, Tree, monorepo};
use crate::support::run::Gate;
use crate::support::sandbox::{Sandbox, Traces};

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, keys.iter().copied().collect());
}

#[test]
fn both_trees_pass_every_step_of_the_contract() {
    let root = Root::copy();
    let before = root.files();
    let ended = root.gate().run();
    ended.assert_code(0);
    let report = ended.report();
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.names("console"), CONSOLE_STEPS);
    assert_eq!(report.names("raptor"), RAPTOR_STEPS);
    report.assert_green("console");
    report.assert_green("raptor");
    assert_eq!(report.findings().len(), 0);
    assert_eq!(report.tree("console")["heads"], json!([root.head(Tree::Console)]));
    assert_eq!(report.tree("raptor")["heads"], json!([root.head(Tree::Raptor)]));
    root.sandbox.assert_empty(&ended.traces);
    assert_eq!(root.files(), before, "the checkout is left as it was");
}

#[test]
fn the_json_is_the_contracts_and_a_report_file_holds_the_same() {
    let root = Root::copy();
    let file = root.path().join("report.json");
    let ended = root.gate().arg("--report").arg(format!("json={}", file.display())).run();
    ended.assert_code(0);
    assert_eq!(std::fs::read_to_string(file).unwrap(), ended.stdout);
    let report = ended.report().0;
    let fields = [
        "schema",
        "verdict",
        "seconds",
        "known_since",
        "hash_seed",
        "postgres",
        "trees",
        "base",
        "findings",
    ];
    assert_keys(&report, &fields);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["known_since"], Value::Null, "it was run");
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert_keys(&report["base"], &["rev", "commit", "reason"]);
    assert_keys(&report["postgres"], &["version", "source"]);
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
        assert_keys(tree, &["tree", "label", "database", "heads", "steps", "stairway"]);
        for step in tree["steps"].as_array().unwrap() {
            assert_keys(step, &["name", "status", "reason", "seconds"]);
            assert_eq!(step["reason"], Value::Null);
            assert!(step["seconds"].is_number());
        }
    }
}

#[test]
fn a_tree_that_is_named_runs_alone() {
    let root = Root::copy();
    for tree in ["console", "raptor"] {
        let ended = root.gate().arg(tree).run();
        ended.assert_code(0);
        let report = ended.report();
        assert_eq!(report.0["trees"].as_array().unwrap().len(), 1);
        report.assert_green(tree);
    }
}

#[test]
fn a_person_reads_one_plain_line_a_step_and_the_verdict_last() {
    let root = Root::copy();
    let ended = root.gate_for_a_person().run();
    ended.assert_code(0);
    assert!(!ended.stdout.contains('\x1b'), "no colour where there is no terminal");
    for step in CONSOLE_STEPS.iter().chain(&RAPTOR_STEPS) {
        let lines = ended.stdout.lines().filter(|line| line.ends_with(step));
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), 1, "{step} in:\n{}", ended.stdout);
        assert!(lines[0].starts_with("PASS ["), "{}", lines[0]);
    }
    for label in ["Console", "Raptor"] {
        let line = format!("{label} head count: 1");
        assert!(ended.stdout.lines().any(|l| l.trim() == line), "{}", ended.stdout);
    }
    assert!(ended.stdout.contains("\nPASS  11 of 11 steps passed in "), "{}", ended.stdout);
}

#[test]
fn without_a_root_the_monorepo_that_holds_the_binary_is_gated() {
    let sandbox = Sandbox::new();
    let ended = Gate::new(&sandbox).args("raptor --format json").cwd("/".as_ref()).run();
    ended.assert_code(0);
    ended.report().assert_green("raptor");
    assert!(monorepo().join("backend_v2").is_dir());
}

#[test]
fn what_a_migration_prints_stays_out_of_the_report() {
    let root = Root::copy();
    let noise = r#"
print('{"event": "ended", "status": 0, "signal": null, "output": ""}')
os.write(1, b'{"schema": 1}\xff\n' * 20000)
os.write(2, b'\x1b[31mred\n')
os.system("echo noise; echo noise >&2")
"#;
    root.add_head(Tree::Raptor, noise, noise);
    let ended = root.gate().arg("raptor").run();
    ended.assert_code(0);
    ended.report().assert_green("raptor");
    assert!(!ended.stdout.contains("noise") && !ended.stderr.contains("noise"));
}

#[test]
fn two_gates_at_once_in_one_checkout_do_not_meet() {
    let root = Root::copy();
    let other = Sandbox::new();
    // Two in one temporary folder, and one in another.
    let runs = [root.gate().spawn(), root.gate().spawn(), root.gate_in(&other).spawn()];
    let mut traces = Traces::default();
    for run in runs {
        let ended = run.wait();
        ended.assert_code(0);
        ended.report().assert_green("console");
        ended.report().assert_green("raptor");
        traces.add(ended.traces);
    }
    root.sandbox.assert_empty(&traces);
    other.assert_empty(&traces);
}

#[test]
fn a_checkout_may_lie_deep_and_have_a_space_and_an_umlaut() {
    let deep = "Üben und proben/".repeat(12);
    let root = Root::copy_below(&deep);
    assert!(root.path().as_os_str().len() > 200);
    let ended = root.gate().run();
    ended.assert_code(0);
    ended.report().assert_green("console");
    ended.report().assert_green("raptor");
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn checkout_in_any_folder_with_names_of_modules_is_green() {
    // `alembic` as a command has neither its working folder nor the gate's on its path.
    let root = Root::copy();
    root.write("console/alembic.py", "raise RuntimeError('a file of the tree was imported')");
    root.write("console/sqlalchemy.py", "raise RuntimeError('a file of the tree was imported')");
    let ended = root.gate().arg("console").cwd(&root.path().join("console")).run();
    ended.assert_code(0);
    ended.report().assert_green("console");
}
