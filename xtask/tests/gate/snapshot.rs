//! A run begins on the snapshot of an earlier one where only the newest revisions have changed, with the
//! same outcome as from an empty database. The inputs of a snapshot are changed here, one at a time, and
//! each time the whole chain runs again.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::known::Shop;
use crate::support::root::{ADDED, Root, Tree};
use crate::support::run::{Ended, Gate};

/// The line at `-v` where a run begins on a snapshot.
const KNOWN: &str = "shop begins on a snapshot at c3";
/// The line where a failure may come from the snapshot.
const AGAIN: &str = "failed on a snapshot: it is run again from the start";

/// A tree of four revisions, each in a transaction of its own; the third makes a role, the last one
/// grants to it.
fn chain() -> Shop {
    let shop = Shop::new();
    let env = shop.read("env.py");
    let table = "version_table=\"shop_version\"";
    assert!(env.contains(table));
    shop.write("env.py", &env.replace(table, &format!("{table}, transaction_per_migration=True")));
    let (upgrade, downgrade) = ("CREATE ROLE reader NOLOGIN", "DROP ROLE reader");
    revision(&shop, "c3", "b2", upgrade, downgrade);
    head(&shop, "GRANT SELECT ON items TO reader", "REVOKE SELECT ON items FROM reader");
    shop
}

fn head(shop: &Shop, upgrade: &str, downgrade: &str) {
    revision(shop, "d4", "c3", upgrade, downgrade);
}

fn revision(shop: &Shop, id: &str, parent: &str, upgrade: &str, downgrade: &str) {
    let text = format!(
        "from alembic import op\n\nrevision = {id:?}\ndown_revision = {parent:?}\n\n\n\
         def upgrade():\n    op.execute({upgrade:?})\n\n\n\
         def downgrade():\n    op.execute({downgrade:?})\n"
    );
    shop.write(&format!("versions/{id}_x.py"), &text);
}

/// Changes a file: a revision in its upgrade, so that what runs when it is read stays the same.
fn touch(shop: &Shop, file: &str) {
    let text = shop.read(file);
    let text = match text.contains("def upgrade():\n") && file.contains("d4") {
        true => text.replace("def upgrade():\n", "def upgrade():\n    # more\n"),
        false => format!("{text}\n# more\n"),
    };
    shop.write(file, &text);
}

/// Runs the gate where nothing is known, so that the beginning is.
#[track_caller]
fn learn(shop: &Shop) {
    let ended = shop.gate().run();
    ended.assert_code(0);
    assert!(entry(shop, "snapshot").is_some(), "it is kept: {}", ended.stderr);
}

fn entry(shop: &Shop, kind: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(shop.kept()).unwrap().map(|entry| entry.unwrap().path());
    let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(kind);
    entries.into_iter().find(is_one)
}

/// The report of a run that stood on what was known, or did not.
#[track_caller]
fn ran(gate: Gate<'_>, known: bool) -> Ended {
    let ended = gate.run();
    assert_eq!(ended.report().0["known_since"], Value::Null, "all was known: {}", ended.stderr);
    assert_eq!(ended.stderr.contains(KNOWN), known, "{}", ended.stderr);
    ended
}

/// That a run which stands on what is known, or does not, says the same as one that knows nothing.
#[track_caller]
fn assert_same(shop: &Shop, options: &str, known: bool, code: i32) -> Ended {
    let quick = ran(shop.gate().args(options), known);
    let whole = shop.gate().args(options).args("--no-cache").run();
    whole.assert_code(code);
    quick.assert_code(code);
    assert_eq!(timeless(quick.report().0), timeless(whole.report().0));
    shop.sandbox.assert_empty(&quick.traces);
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
    let shop = chain();
    learn(&shop);
    touch(&shop, "versions/d4_x.py");
    assert_same(&shop, "", true, 0);
    head(&shop, "CREATE TABLE more (id int)", "DROP TABLE more");
    assert_same(&shop, "", true, 0);
    // With a stairway the chain is run from its beginning.
    assert_same(&shop, "--stairway", false, 0);
    // What runs when the newest revision is read may reach the others.
    shop.write("versions/d4_x.py", &format!("{}\nMORE = 1\n", shop.read("versions/d4_x.py")));
    assert_same(&shop, "", false, 0);
    // A failure that is not plainly of the newest revision is found out from the start.
    learn(&shop);
    head(&shop, "INSERT INTO shop_version VALUES ('other')", "SELECT 1");
    shop.write("versions/d4_x.py", &format!("{}\nMORE = 1\n", shop.read("versions/d4_x.py")));
    let ended = assert_same(&shop, "", true, 1);
    assert!(ended.stderr.contains(AGAIN), "{}", ended.stderr);
}

#[test]
fn red_on_a_snapshot_says_as_much_as_without() {
    let shop = chain();
    learn(&shop);
    let heads = [
        // The beginning made the role, and what is gone.
        ("CREATE ROLE reader", "SELECT 1"),
        ("ALTER TABLE items DROP COLUMN price", "SELECT 1"),
        ("DROP ROLE reader", "SELECT 1"),
        ("CREATE TABLE left_behind (id int)", "SELECT 1"),
        ("SELECT 1", "SELECT 1 / 0"),
    ];
    for (upgrade, downgrade) in heads {
        head(&shop, upgrade, downgrade);
        let ended = assert_same(&shop, "", true, 1);
        assert!(!ended.stderr.contains(AGAIN), "{}", ended.stderr);
    }
}

#[test]
fn changed_input_brings_the_whole_chain_back() {
    let shop = chain();
    learn(&shop);
    let first = shop.read("versions/a1_items.py");
    let changes: &[(&str, &dyn Fn())] = &[
        ("the first revision", &|| touch(&shop, "versions/a1_items.py")),
        ("what it makes", &|| {
            shop.write("versions/a1_items.py", &first.replace("\"items\"", "\"things\""));
        }),
        ("back again", &|| shop.write("versions/a1_items.py", &first)),
        ("the revision before the newest", &|| touch(&shop, "versions/c3_x.py")),
        ("env.py", &|| touch(&shop, "env.py")),
        ("a module that it imports", &|| shop.write("beside.py", "PAGE = 11\n")),
        ("a file that it reads", &|| shop.write("words.txt", "three\n")),
        ("the settings", &|| touch(&shop, "alembic.ini")),
        ("a module that could be imported instead", &|| shop.write("sqlalchemyx.py", "")),
        ("a second head", &|| revision(&shop, "other", "b2", "SELECT 1", "SELECT 1")),
        ("one head again", &|| {
            fs::remove_file(shop.tree().join("versions/other_x.py")).unwrap();
            touch(&shop, "versions/c3_x.py");
        }),
        ("no role", &|| revision(&shop, "c3", "b2", "SELECT 1", "SELECT 1")),
    ];
    for (what, change) in changes {
        change();
        if *what == "back again" {
            // The result of the old contents is known with them again.
            shop.gate().run().assert_code(0);
            continue;
        }
        let quick = ran(shop.gate(), false);
        let red = ["what it makes", "a second head", "no role"].contains(what);
        quick.assert_code(i32::from(red));
    }
}

#[test]
fn snapshot_is_used_where_it_may_be() {
    let shop = chain();
    learn(&shop);
    for number in 0..3 {
        touch(&shop, "versions/d4_x.py");
        let gate = match number {
            0 => shop.gate().args("--no-cache"),
            1 => shop.gate().env("CI", "true"),
            _ => shop.gate().args("--pass-env SHOP").env("SHOP", "1"),
        };
        ran(gate, false).assert_code(0);
    }
    ran(shop.gate(), true).assert_code(0);
}

#[test]
fn damaged_snapshot_is_made_again() {
    let shop = chain();
    for file in ["data/PG_VERSION", "checksum", "start.json"] {
        learn(&shop);
        let path = entry(&shop, "snapshot").unwrap().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(&path, bytes).unwrap();
        touch(&shop, "versions/d4_x.py");
        ran(shop.gate(), false).assert_code(0);
        touch(&shop, "versions/d4_x.py");
        ran(shop.gate(), true).assert_code(0);
        fs::remove_dir_all(shop.kept()).unwrap();
    }
}

#[test]
fn two_gates_share_a_snapshot() {
    let shop = chain();
    learn(&shop);
    touch(&shop, "versions/d4_x.py");
    let gates = [shop.gate().spawn(), shop.gate().spawn()];
    for gate in gates {
        let ended = gate.wait();
        ended.assert_code(0);
        assert!(ended.stderr.contains(KNOWN), "{}", ended.stderr);
    }
}

#[test]
fn run_that_reaches_beyond_files_leaves_no_snapshot() {
    for (file, text) in [
        ("beside.py", "import subprocess; subprocess.run(['true'])\nPAGE = 10\n"),
        ("beside.py", "import os\nif os.fork() == 0: os._exit(0)\nPAGE = 10\n"),
    ] {
        let shop = chain();
        shop.write(file, text);
        assert_not_kept(&shop, &[]);
    }
    let carried = "SET statement_timeout = 700000; SELECT pg_advisory_lock(7); \
                   CREATE TEMPORARY TABLE x (); PREPARE p AS SELECT 1; LISTEN c";
    let shop = chain();
    revision(&shop, "c3", "b2", carried, "SELECT 1");
    head(&shop, "SELECT 1", "SELECT 1");
    let told = ["statement_timeout = 700000", "lock ", "temporary x", "statement p", "channel c"];
    assert_not_kept(&shop, &told);
    // All revisions in one transaction: what fails only there would not be seen.
    let shop = chain();
    shop.write("env.py", &shop.read("env.py").replace(", transaction_per_migration=True", ""));
    assert_not_kept(&shop, &["an open transaction"]);
}

/// Fails unless no snapshot is kept, for a reason that holds these words.
#[track_caller]
fn assert_not_kept(shop: &Shop, words: &[&str]) {
    let ended = shop.gate().run();
    ended.assert_code(0);
    assert!(entry(shop, "snapshot").is_none(), "{}", ended.stderr);
    let told = ["no snapshot of shop is taken", "the snapshot is not kept"];
    let line = ended.stderr.lines().find(|line| told.iter().any(|told| line.contains(told)));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {line}");
}

#[test]
fn real_trees_say_the_same_and_doctor_cleans_the_cache() {
    let shop = Shop::new();
    let root = Root::copy();
    let gate = || {
        std::thread::sleep(std::time::Duration::from_millis(120));
        let gate = Gate::new(&root.sandbox).args("--format json -v --root").arg(root.path());
        gate.env("XDG_CACHE_HOME", shop.cache())
    };
    gate().args("--no-cache").run().assert_code(0);
    gate().run().assert_code(0);
    root.add_head(Tree::Raptor, "op.execute('CREATE TABLE x (i int)')", "op.drop_table('x')");
    let quick = gate().run();
    quick.assert_code(0);
    let at = root.head(Tree::Raptor);
    let begins = format!("Raptor begins on a snapshot at {at}");
    // A new revision is read, and with it the snapshot is another one.
    assert!(!quick.stderr.contains(&begins), "{}", quick.stderr);
    assert_eq!(quick.stderr.matches("[   known] ").count(), 6, "{}", quick.stderr);
    root.add_head(Tree::Raptor, "op.execute('CREATE TABLE y (i int)')", "op.drop_table('y')");
    let quick = gate().run();
    assert!(quick.stderr.contains(&begins), "{}", quick.stderr);
    let whole = gate().args("--no-cache").run();
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
