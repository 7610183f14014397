//! `--watch`: stays, and gates again at every save.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::snapshot::timeless;
use crate::support::root::{Root, Tree};
use crate::support::run::Gate;
use crate::support::watched::Watched;

const GOOD: (&str, &str) = ("op.execute('CREATE TABLE t (a int)')", "op.execute('DROP TABLE t')");

#[test]
fn each_save_has_a_verdict_and_the_end_leaves_nothing() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "");
    assert_eq!(watched.verdict().verdict(), "pass");

    let file = root.add_head(Tree::Raptor, GOOD.0, "op.execute('DROP TABLE u')");
    let report = watched.verdict();
    assert_eq!(report.verdict(), "fail");
    assert_eq!(report.statuses("console"), ["passed"; 4].join(" "), "what stands is told too");
    assert!(report.statuses("raptor").ends_with("passed failed skipped"));

    root.edit(&file, "DROP TABLE u", "DROP TABLE t");
    assert_eq!(watched.verdict().verdict(), "pass");

    root.remove(&file);
    assert_eq!(watched.verdict().verdict(), "pass");

    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    assert_eq!(ended.stdout.matches("changed: ").count(), 3, "{}", ended.stdout);
    assert!(!ended.stdout.contains('\x1b'), "no terminal, no control codes");
    fs::remove_file(&watched.report).unwrap_err();
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_rehearsal_follows_the_verdict() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor");
    assert_eq!(watched.verdict().verdict(), "pass");
    let file = root.add_head(Tree::Raptor, "op.execute('SELECT 1')", "pass");
    assert_eq!(watched.verdict().verdict(), "pass");
    watched.run.until_said("watching: rehearsed");
    root.edit(&file, "op.execute('SELECT 1')", "op.execute('CREATE INDEX ix ON orders ((1))')");
    root.edit(&file, "    pass", "    op.execute('DROP INDEX ix')");
    assert_eq!(watched.verdict().verdict(), "pass");
    watched.run.until_said("[MG500]");
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    let told = |text: &str| ended.stdout.find(text).unwrap();
    assert!(told("PASS ") < told("watching: rehearsed"), "{}", ended.stdout);
    assert!(told("nobody can write `orders`") > told("watching: answered"), "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_save_during_a_run_ends_that_run() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor");
    assert_eq!(watched.verdict().verdict(), "pass");
    let waits = "open(os.environ['TMPDIR'] + '/started', 'w').close()\nwhile True: time.sleep(1)";
    let file = root.add_head(Tree::Raptor, waits, "pass");
    watched.run.until("the migration began", || root.sandbox.has_made("started"));
    root.edit(&file, "while True: time.sleep(1)", "op.execute('SELECT 1')");
    assert_eq!(watched.verdict().verdict(), "pass");
    watched.run.signal(Signal::TERM);
    let ended = watched.run.wait();
    ended.assert_code(143);
    assert_eq!(ended.stdout.matches("changed: ").count(), 2, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("PASS ").count(), 2, "{}", ended.stdout);
    assert!(!ended.stdout.contains("given up"), "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_save_ends_a_stair_that_waits() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    let harmless = "op.execute('SELECT 1 FROM orders')";
    let file = root.add_head(Tree::Raptor, harmless, "pass");
    assert_eq!(watched.verdict().verdict(), "pass");
    // The steps wait; and where rows alone make it wait, only the stair.
    for (from, marker) in [("", "steps"), (" FROM orders", "stair")] {
        let waits = format!(
            "{harmless}\n    \
             if op.get_bind().exec_driver_sql('SELECT count(*){from}').scalar():\n        \
             open(os.environ['TMPDIR'] + '/{marker}', 'w').close()\n        op.execute('SELECT pg_sleep(600)')"
        );
        root.edit(&file, harmless, &waits);
        watched.run.until("the migration waits", || root.sandbox.has_made(marker));
        root.edit(&file, &waits, harmless);
        assert_eq!(watched.verdict().verdict(), "pass");
    }
    watched.run.signal(Signal::TERM);
    let ended = watched.run.wait();
    ended.assert_code(143);
    assert!(ended.stdout.contains("Raptor begins on a snapshot at "), "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_role_that_a_run_made_is_not_there_in_the_next() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor");
    assert_eq!(watched.verdict().verdict(), "pass");
    let file = root.add_head(Tree::Raptor, "op.execute('CREATE ROLE visitor')", "pass");
    let _ = watched.verdict();
    root.edit(&file, "CREATE ROLE visitor", "GRANT SELECT ON paper_orders TO visitor");
    let report = watched.verdict();
    assert_eq!(report.verdict(), "fail");
    assert_eq!(report.0["findings"][0]["code"], "MG002", "{:#}", report.0["findings"]);
    watched.run.signal(Signal::INT);
    watched.run.wait().assert_code(130);
}

#[test]
fn unwatchable_options_are_refused() {
    let root = Root::copy();
    for args in ["--format json", "--keep", "--postgres-url postgresql://localhost/x"] {
        let ended =
            Gate::new(&root.sandbox).args("--watch --root").arg(root.path()).args(args).run();
        ended.assert_code(2);
        assert!(ended.stderr.contains("--watch"), "{}", ended.stderr);
    }
}

/// Each of these is saved as the newest revision of Raptor.
const EDITS: [(&str, &str); 8] = [
    GOOD,
    ("op.execute('CREATE TABLE t (a int)')", "op.execute('DROP TABLE u')"),
    ("op.execute('CREATE TABLE t (a int)')", "pass"),
    ("op.execute('CREATE TABLE paper_orders (a int)')", "pass"),
    ("op.execute('GRANT SELECT ON paper_orders TO nobody_knows')", "pass"),
    ("import sys; sys.exit(0)", "pass"),
    ("op.execute('CREATE TABLE t (a int)'", "pass"),
    ("op.execute('CREATE TABLE t (a bigint)')", "op.execute('DROP TABLE t')"),
];

#[test]
fn watch_save_matches_full_run() {
    let root = Root::copy();
    let file = root.path().join(root.add_head(Tree::Raptor, GOOD.0, GOOD.1));
    let head = fs::read_to_string(&file).unwrap();
    let mut watched = Watched::begin(&root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    for (upgrade, downgrade) in EDITS {
        let text = head.replace(GOOD.0, upgrade).replace(GOOD.1, downgrade);
        // What is saved is not what stands there.
        fs::write(&file, text + "\n# saved\n").unwrap();
        let saved = watched.verdict();
        let full = Gate::new(&root.sandbox)
            .args("raptor --no-cache --format json --root")
            .arg(root.path())
            .run();
        // A watch tries no remedies, and no revision on a database in use.
        let untried = |mut report: Value| {
            let rollback = &mut report["trees"][0]["rollback"];
            *rollback = rollback["command"].take();
            for finding in report["findings"].as_array_mut().unwrap() {
                let fields = finding.as_object_mut().unwrap();
                fields.retain(|name, _| !["verified", "patch", "remedy"].contains(&name.as_str()));
            }
            timeless(report)
        };
        let (saved, full) = (untried(saved.0), untried(full.report().0));
        assert_eq!(saved, full, "{upgrade} and {downgrade}: {saved:#}\n{full:#}");
    }
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    let times = |told: &str| ended.stdout.matches(told).count();
    // Not the one that is no Python.
    assert_eq!(times("Raptor begins on a snapshot at "), EDITS.len() - 1, "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn saved_older_revision_runs_from_the_beginning() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    let versions = root.path().join("backend_v2/alembic/versions");
    let mut files: Vec<PathBuf> =
        fs::read_dir(versions).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "py"));
    files.sort();
    let newest = files.last().unwrap();
    // The newest, env.py, an early one, and several at once as after a checkout.
    let env = root.path().join("backend_v2/alembic/env.py");
    for changed in [vec![newest], vec![&env], vec![&files[3]], vec![newest, &files[5]]] {
        for file in changed {
            let text = fs::read_to_string(file).unwrap();
            // In a revision, what is written at the end stands in its last function.
            let more = if file == &env { "\n# touched\n" } else { "\n    pass\n" };
            fs::write(file, text + more).unwrap();
        }
        assert_eq!(watched.verdict().verdict(), "pass");
    }
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    assert_eq!(ended.stdout.matches("begins on a snapshot at").count(), 1, "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}
