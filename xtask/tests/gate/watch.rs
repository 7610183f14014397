//! `--watch`: stays, and gates again at every save.

use std::fs;

use rustix::process::Signal;

use crate::known::{Cached, ON_SNAPSHOT};
use crate::snapshot::timeless;
use crate::support::root::{Root, Tree};
use crate::support::run::Gate;
use crate::support::sandbox::Sandbox;
use crate::support::shop::Shop;
use crate::support::watched::{Watched, first_verdict};

const GOOD: (&str, &str) = ("op.execute('CREATE TABLE t (a int)')", "op.execute('DROP TABLE t')");

#[test]
fn each_save_has_a_verdict_and_the_end_leaves_nothing() {
    let root = Root::copy();
    let gate = Gate::new(&root.sandbox).arg("--root").arg(root.path());
    let mut watched = Watched::begin(gate, &root.sandbox);
    watched.passes();

    let file = root.add_head(Tree::Raptor, GOOD.0, "op.execute('DROP TABLE u')");
    let report = watched.verdict();
    assert_eq!(report.verdict(), "fail");
    assert_eq!(report.statuses("console"), ["passed"; 4].join(" "), "what stands is told too");
    assert!(report.statuses("raptor").ends_with("passed failed skipped"));

    root.edit(&file, "DROP TABLE u", "DROP TABLE t");
    watched.passes();

    root.remove(&file);
    watched.passes();

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
    let shop = Shop::new();
    let mut watched = Watched::begin(shop.command(""), &shop.sandbox);
    watched.passes();
    watched.run.until_said("watching: rehearsed");
    shop.add_sql("c3", "b2", "CREATE INDEX ix ON items ((1))", "DROP INDEX ix");
    watched.passes();
    watched.run.until_said("[MG500]");
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    let told = |text: &str| ended.stdout.find(text).unwrap();
    assert!(told("PASS ") < told("watching: rehearsed"), "{}", ended.stdout);
    assert!(told("nobody can write `items`") > told("watching: answered"), "{}", ended.stdout);
    shop.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_save_ends_the_run_or_the_stair_that_waits() {
    let cached = Cached::new();
    let (file, harmless) = ("versions/d4_added.py", "op.execute(\"SELECT 1 FROM items\")");
    cached.head("SELECT 1 FROM items", "SELECT 1");
    let mut watched = Watched::begin(cached.gate_for_a_person(), &cached.shop.sandbox);
    watched.passes();
    // Python waits; the server does in the steps; and where rows alone make it wait, only in the stair.
    let sleep = "op.execute('SELECT pg_sleep(600)')";
    for (from, marker, waits) in [
        ("", "python", "while True: time.sleep(1)"),
        ("", "steps", sleep),
        (" FROM items", "stair", sleep),
    ] {
        let waiting = format!(
            "{harmless}\n    \
             if op.get_bind().exec_driver_sql('SELECT count(*){from}').scalar():\n        \
             open(os.environ['TMPDIR'] + '/{marker}', 'w').close()\n        {waits}"
        );
        cached.shop.edit(file, harmless, &waiting);
        watched.run.until("the migration waits", || cached.shop.sandbox.has_made(marker));
        cached.shop.edit(file, &waiting, harmless);
        watched.passes();
    }
    watched.run.signal(Signal::TERM);
    let ended = watched.run.wait();
    ended.assert_code(143);
    let times = |told: &str| ended.stdout.matches(told).count();
    assert_eq!(
        (times("changed: "), times("PASS "), times("given up")),
        (6, 4, 0),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(ON_SNAPSHOT), "{}", ended.stdout);
    cached.shop.sandbox.assert_empty(&ended.traces);
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

/// A revision: what it does, and how it is undone.
type Edit = (&'static str, &'static str);

const EDITS: &[Edit] = &[
    GOOD,
    ("op.execute('CREATE TABLE t (a int)')", "op.execute('DROP TABLE u')"),
    ("op.execute('CREATE TABLE t (a int)')", "pass"),
    ("op.execute('CREATE TABLE items (a int)')", "pass"),
    ("op.drop_column('items', 'price')", "pass"),
    ("op.execute('CREATE TABLE t (a bigint)')", "op.execute('DROP TABLE t')"),
];
const EDITS_ABOUT_MORE: &[Edit] = &[
    ("op.execute('CREATE ROLE visitor')", "pass"),
    // The role that the run before made is not there.
    ("op.execute('GRANT SELECT ON items TO visitor')", "pass"),
    // The one that the snapshot has is.
    ("op.execute('CREATE ROLE reader')", "pass"),
    ("import sys; sys.exit(0)", "pass"),
    ("op.execute('CREATE TABLE t (a int)'", "pass"),
    GOOD,
];

/// Saves each as the newest revision, in one watch, and gates it anew in another that reuses nothing.
#[track_caller]
fn matches_full_run(edits: &[Edit]) {
    let cached = Cached::new();
    cached.shop.add("d4", "c3", GOOD.0, GOOD.1);
    let mut watched = Watched::begin(cached.gate_for_a_person(), &cached.shop.sandbox);
    watched.passes();
    for (upgrade, downgrade) in edits {
        // What is saved is not what stands there.
        cached.shop.add("d4", "c3", &format!("{upgrade}  # saved"), downgrade);
        let saved = watched.verdict();
        let alone = Sandbox::new();
        let gate = cached.gate_for_a_person().args("--no-cache").env("TMPDIR", alone.path());
        let (full, ended) = first_verdict(gate, &alone);
        assert!(!ended.stdout.contains(ON_SNAPSHOT), "{}", ended.stdout);
        let (saved, full) = (timeless(saved.0), timeless(full.0));
        assert_eq!(saved, full, "{upgrade} and {downgrade}: {saved:#}\n{full:#}");
    }
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    // Not the one that is no Python.
    let times = edits.iter().filter(|(upgrade, _)| !upgrade.ends_with("int)'")).count();
    assert_eq!(ended.stdout.matches(ON_SNAPSHOT).count(), times, "{}", ended.stdout);
    cached.shop.sandbox.assert_empty(&ended.traces);
}

#[test]
fn watch_save_matches_full_run() {
    matches_full_run(EDITS);
}

#[test]
fn watch_save_of_roles_and_exits_matches_full_run() {
    matches_full_run(EDITS_ABOUT_MORE);
}

/// An early revision, env.py, and several files at once as after a checkout: all begin where nothing is.
#[test]
fn saved_older_revision_runs_from_the_beginning() {
    let cached = Cached::new();
    let shop = &cached.shop;
    let mut watched = Watched::begin(cached.gate_for_a_person(), &shop.sandbox);
    watched.passes();
    for changed in
        [&["versions/a1_items.py"][..], &["env.py"], &["versions/b2_prices.py", "env.py"]]
    {
        for file in changed {
            shop.write(file, format!("{}\n# touched\n", shop.read(file)));
        }
        watched.passes();
    }
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    assert!(!ended.stdout.contains(ON_SNAPSHOT), "{}", ended.stdout);
    shop.sandbox.assert_empty(&ended.traces);
}
