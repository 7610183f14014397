//! A run that begins on the snapshot of an earlier one has the same outcome as from an empty database.

use std::fs;

use serde_json::Value;

use crate::known::{By, Cached, ran};
use crate::support::root::{ADDED, Root, Tree};
use crate::support::run::{Ended, Gate};

/// The line where a failure may come from the snapshot.
const AGAIN: &str = "failed on a snapshot: it is run again from the start";

/// That a run which stands on what is known, or does not, says the same as one that knows nothing.
#[track_caller]
fn assert_same(cached: &Cached, options: &str, by: By, code: i32) -> Ended {
    let quick = ran(cached.gate().args(options), by, code);
    let whole = ran(cached.gate().args(options).args("--no-cache"), By::AllSteps, code);
    assert_eq!(timeless(quick.report().0), timeless(whole.report().0));
    cached.shop.sandbox.assert_empty(&quick.traces);
    quick
}

/// A report without what differs from one run to the next.
pub fn timeless(mut report: Value) -> Value {
    match &mut report {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !["seconds", "hash_seed", "production"].contains(&name.as_str()));
            fields.values_mut().for_each(|value| *value = timeless(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = timeless(item.take())),
        _ => {}
    }
    report
}

#[test]
fn newest_revision_runs_on_the_snapshot() {
    let cached = Cached::new();
    cached.green(By::AllSteps);
    cached.head("CREATE TABLE more (id int)", "DROP TABLE more");
    assert_same(&cached, "", By::Snapshot, 0);
    // A role that the snapshot has is there, and can go.
    cached.head("DROP ROLE reader", "SELECT 1");
    let ended = assert_same(&cached, "", By::Snapshot, 1);
    assert!(!ended.stderr.contains(AGAIN), "{}", ended.stderr);
    // What runs when the newest revision is read may reach the others.
    let file = "versions/d4_added.py";
    cached.head("SELECT 1", "SELECT 1");
    cached.shop.write(file, format!("{}\nMORE = 1\n", cached.shop.read(file)));
    cached.green(By::AllSteps);
    // A failure that is not plainly of the newest revision is found out from the start.
    cached.head("INSERT INTO shop_version VALUES ('other')", "SELECT 1");
    cached.shop.write(file, format!("{}\nMORE = 1\n", cached.shop.read(file)));
    let ended = assert_same(&cached, "", By::Snapshot, 1);
    assert!(ended.stderr.contains(AGAIN), "{}", ended.stderr);
}

#[test]
fn real_trees_say_the_same_and_doctor_cleans_the_cache() {
    let cached = Cached::new();
    let root = Root::copy();
    let gate = |words: &str| {
        let gate = Gate::new(&root.sandbox).args("--format json -v --root").arg(root.path());
        gate.args(words).env("XDG_CACHE_HOME", cached.cache())
    };
    gate("").run().assert_code(0);
    root.add_head(Tree::Raptor, "op.execute('CREATE TABLE x (i int)')", "op.drop_table('x')");
    let quick = gate("").run();
    quick.assert_code(0);
    let at = root.head(Tree::Raptor);
    let begins = format!("Raptor begins on a snapshot at {at}");
    // A new revision is read, and with it the snapshot is another one.
    assert!(!quick.stderr.contains(&begins), "{}", quick.stderr);
    assert_eq!(quick.stderr.matches("[   known] ").count(), 6, "{}", quick.stderr);
    root.add_head(Tree::Raptor, "op.execute('CREATE TABLE y (i int)')", "op.drop_table('y')");
    let quick = gate("raptor").run();
    assert!(quick.stderr.contains(&begins), "{}", quick.stderr);
    let whole = gate("raptor --no-cache").run();
    assert_eq!(timeless(quick.report().0), timeless(whole.report().0));
    assert_eq!(quick.report().tree("raptor")["heads"][0], ADDED);
    // In a cache of its own: the environments in the other are everybody's.
    let cache = tempfile::tempdir().unwrap();
    let copy = cache.path().join("migration-gate/kept/snapshot-0");
    fs::create_dir_all(&copy).unwrap();
    let doctor = Gate::new(&root.sandbox).args("doctor --clean -v --root").arg(root.path());
    let said = doctor.env("XDG_CACHE_HOME", cache.path()).run().stdout;
    assert!(said.contains("snapshot-0") && !copy.exists(), "{said}");
}
