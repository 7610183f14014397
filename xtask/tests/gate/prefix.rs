//! After a green run only what comes after the known beginning of a chain is run, with the same
//! outcome as when all is. What the beginning depends on is changed here, one thing at a time, and
//! each time the whole chain runs again.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::known::Shop;
use crate::support::root::{ADDED, Root, Tree};
use crate::support::run::{Ended, Gate};

/// What the gate says at `-v` where it stands on a known beginning.
const KNOWN: &str = "shop is known up to c3";

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

fn touch(shop: &Shop, file: &str) {
    shop.write(file, &format!("{}\n# more\n", shop.read(file)));
}

/// Runs the gate where nothing is known, so that the beginning is.
#[track_caller]
fn learn(shop: &Shop) {
    let mut ended = shop.gate().run();
    ended.assert_code(0);
    if entry(shop, "prefix-data").is_none() {
        // The first run of all may make the Python environment, which then was touched meanwhile.
        ended = shop.gate().run();
    }
    assert!(entry(shop, "prefix-data").is_some(), "it is kept: {}", ended.stderr);
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
            fields.retain(|name, _| name != "seconds");
            fields.values_mut().for_each(|value| *value = timeless(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = timeless(item.take())),
        _ => {}
    }
    report
}

#[test]
fn what_alembic_asks_of_a_revision_is_known_until_its_file_is_touched() {
    let shop = chain();
    // A file that was written a moment ago may be written again without another time.
    thread::sleep(Duration::from_millis(2200));
    learn(&shop);
    let headers = entry(&shop, "headers").expect("what Alembic asks of the revisions is kept");
    let kept = fs::read(&headers).unwrap();
    touch(&shop, "alembic.ini");
    assert_same(&shop, "", false, 0);
    assert_eq!(fs::read(&headers).unwrap(), kept, "nothing else is known now");
    // As long as it was, and as old as its last change of contents is shown.
    let file = shop.tree().join("versions/c3_x.py");
    let text = shop.read("versions/c3_x.py");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    shop.write("versions/c3_x.py", &text.replace("\"b2\"", "\"zz\""));
    File::options().append(true).open(&file).unwrap().set_modified(modified).unwrap();
    let ended = assert_same(&shop, "", false, 1);
    assert!(ended.stdout.contains("zz"), "{}", ended.stdout);
}

#[test]
fn the_newest_revision_runs_on_what_is_known() {
    let shop = chain();
    learn(&shop);
    touch(&shop, "versions/d4_x.py");
    assert_same(&shop, "", true, 0);
    head(&shop, "CREATE TABLE more (id int)", "DROP TABLE more");
    assert_same(&shop, "--stairway", true, 0);
    revision(&shop, "e5", "d4", "ALTER TABLE more ADD x int", "ALTER TABLE more DROP x");
    assert_same(&shop, "", true, 0);
    // A new name for what comes after.
    fs::remove_file(shop.tree().join("versions/d4_x.py")).unwrap();
    revision(&shop, "e5", "c3", "CREATE ROLE writer", "DROP ROLE writer");
    assert_same(&shop, "--stairway", true, 0);
}

#[test]
fn what_has_come_after_it_becomes_known_too() {
    let shop = chain();
    learn(&shop);
    let mut parent = "d4".to_owned();
    for number in 5..12 {
        let id = format!("r{number}");
        let (upgrade, downgrade) = (format!("CREATE TABLE {id} ()"), format!("DROP TABLE {id}"));
        revision(&shop, &id, &parent, &upgrade, &downgrade);
        parent = id;
    }
    ran(shop.gate(), true).assert_code(0);
    touch(&shop, "versions/r11_x.py");
    let ended = assert_same(&shop, "", false, 0);
    assert!(ended.stderr.contains("shop is known up to r10"), "{}", ended.stderr);
    // The chain up to the older one is known still.
    touch(&shop, "versions/r5_x.py");
    ran(shop.gate(), true).assert_code(0);
}

#[test]
fn red_says_as_much_as_without() {
    let shop = chain();
    learn(&shop);
    let heads = [
        // A role and a table that the beginning made.
        ("CREATE ROLE reader", "SELECT 1"),
        ("CREATE TABLE items (id int)", "SELECT 1"),
        // What is gone was made by the beginning.
        ("DROP TABLE items", "SELECT 1"),
        ("ALTER TABLE items DROP COLUMN price", "SELECT 1"),
        ("DROP ROLE reader", "SELECT 1"),
        ("CREATE TABLE left_behind (id int)", "SELECT 1"),
        ("SELECT 1", "SELECT 1 / 0"),
    ];
    for (upgrade, downgrade) in heads {
        head(&shop, upgrade, downgrade);
        let ended = assert_same(&shop, "", true, 1);
        assert!(!ended.stderr.contains("everything is run again"), "{}", ended.stderr);
    }
}

/// What the gate says at `-v` where the newest revision is tried on rows beside the steps, and where
/// what came of that is not taken.
const BESIDE: (&str, &str) = ("is tried on rows beside the steps", "on rows once more, alone");

#[test]
fn what_is_tried_beside_the_steps_says_as_much_as_between_them() {
    let shop = chain();
    // As many as all the other tables that a revision may touch.
    revision(&shop, "c3", "b2", "CREATE TABLE notes (body text)", "DROP TABLE notes");
    head(&shop, "ALTER TABLE items ADD note text", "ALTER TABLE items DROP note");
    learn(&shop);
    let plain = "ALTER TABLE items ADD note text DEFAULT 'new'";
    let drops = "ALTER TABLE items DROP note";
    let alone = format!(
        "{plain}; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname LIKE '%shop%' AND pid <> pg_backend_pid()"
    );
    let again = "DO $$ BEGIN ASSERT (SELECT count(*) = 0 FROM notes); \
                 INSERT INTO notes VALUES ('x'); END $$";
    // The upgrade, the downgrade, the exit code; whether it is tried beside, and tried once more.
    let heads = [
        (plain, drops, 0, true, false),
        // Rows are lost, and it says so.
        ("DELETE FROM items", "SELECT 1", 0, true, false),
        // It fails on rows, and the way back fails on them.
        ("ALTER TABLE items ADD note text NOT NULL", drops, 1, true, true),
        (
            plain,
            "ALTER TABLE items DROP note; SELECT 1 / count(*) - 1 FROM items WHERE false",
            1,
            true,
            false,
        ),
        // It fails on rows, and the second time.
        (again, "SELECT 1", 1, true, true),
        // It changes what all databases share.
        ("GRANT SELECT ON items TO PUBLIC", "REVOKE SELECT ON items FROM PUBLIC", 0, false, false),
        (&alone, drops, 0, false, false),
    ];
    for (upgrade, downgrade, code, beside, alone) in heads {
        head(&shop, upgrade, downgrade);
        let ended = assert_same(&shop, "", true, code);
        let told = [BESIDE.0, BESIDE.1].map(|what| ended.stderr.contains(what));
        assert_eq!(told, [beside, alone], "{upgrade}: {}", ended.stderr);
    }
    // Which table the downgrade touches is seen when it runs.
    head(&shop, plain, &format!("{drops}; DELETE FROM notes"));
    let text = shop.read("versions/d4_x.py").replace("DELETE FROM notes", "DELETE FROM no\" \"tes");
    shop.write("versions/d4_x.py", &text);
    let ended = assert_same(&shop, "", true, 0);
    assert!(ended.stderr.contains(BESIDE.1), "{}", ended.stderr);
    assert!(ended.stdout.contains("notes: 40 of 40 rows lost"), "{}", ended.stdout);
}

#[test]
fn what_may_come_from_the_beginning_is_run_again_from_an_empty_database() {
    let shop = chain();
    learn(&shop);
    head(&shop, "INSERT INTO shop_version VALUES ('other')", "SELECT 1");
    let ended = assert_same(&shop, "", true, 1);
    assert!(ended.stderr.contains("everything is run again"), "{}", ended.stderr);
    assert!(entry(&shop, "prefix-data").is_none(), "nobody stands on it any more");
    let ended = assert_same(&shop, "", false, 1);
    assert!(!ended.stderr.contains("everything is run again"), "{}", ended.stderr);
}

#[test]
fn a_role_that_a_copy_needs_is_no_fault_of_the_head() {
    let shop = chain();
    let made = "CREATE ROLE reader NOLOGIN; GRANT SELECT ON items TO reader";
    let dropped = "REVOKE SELECT ON items FROM reader; DROP ROLE reader";
    revision(&shop, "c3", "b2", made, dropped);
    head(&shop, "COMMENT ON TABLE items IS 'sold'", "COMMENT ON TABLE items IS NULL");
    learn(&shop);
    // What its text says is seen before.
    head(&shop, dropped, made);
    let ended = assert_same(&shop, "", true, 0);
    assert!(!ended.stderr.contains("everything is run again"), "{}", ended.stderr);
    learn(&shop);
    let text = shop.read("versions/d4_x.py");
    let hidden =
        text.replace("DROP ROLE", "DR\" \"OP ROLE").replace("CREATE ROLE", "CRE\" \"ATE ROLE");
    shop.write("versions/d4_x.py", &hidden);
    let ended = assert_same(&shop, "", true, 0);
    assert!(ended.stderr.contains("everything is run again"), "{}", ended.stderr);
}

#[test]
fn whatever_made_it_brings_the_whole_chain_back_when_it_changes() {
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
        // What was known with the old contents is known with them again.
        let quick = ran(shop.gate(), *what == "back again");
        let red = ["what it makes", "a second head", "no role"].contains(what);
        quick.assert_code(i32::from(red));
    }
}

#[test]
fn it_is_used_where_it_may_be() {
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
fn what_was_damaged_is_of_no_use_and_no_harm() {
    let shop = chain();
    for kind in ["prefix-data", "prefix-told", "prefixes"] {
        learn(&shop);
        let path = entry(&shop, kind).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        touch(&shop, "versions/d4_x.py");
        ran(shop.gate(), false).assert_code(0);
        touch(&shop, "versions/d4_x.py");
        ran(shop.gate(), true).assert_code(0);
        fs::remove_dir_all(shop.kept()).unwrap();
    }
}

#[test]
fn two_gates_at_once_stand_on_the_same() {
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
fn what_reaches_further_is_not_kept() {
    // The first run of all may make the Python environment, which then was touched meanwhile.
    learn(&chain());
    for (file, text) in [
        ("beside.py", "import importlib\nPAGE = 10\n"),
        ("beside.py", "import os\nos.environ['SHOP'] = '1'\n"),
        ("beside.py", "import subprocess; subprocess.run(['true'])\n"),
        ("versions/__init__.py", "PAGE = 10\n"),
    ] {
        let shop = chain();
        shop.write(file, text);
        if file.starts_with("versions") {
            shop.write("env.py", &format!("{}\nimport versions\n", shop.read("env.py")));
        }
        assert_not_kept(&shop);
    }
    for sql in ["SET search_path = public", "SELECT pg_advisory_lock(7)"] {
        let shop = chain();
        revision(&shop, "c3", "b2", sql, "SELECT 1");
        head(&shop, "SELECT 1", "SELECT 1");
        assert_not_kept(&shop);
    }
    // All revisions in one transaction: what fails only there would not be seen.
    let shop = chain();
    shop.write("env.py", &shop.read("env.py").replace(", transaction_per_migration=True", ""));
    assert_not_kept(&shop);
}

#[track_caller]
fn assert_not_kept(shop: &Shop) {
    let ended = shop.gate().run();
    ended.assert_code(0);
    assert!(entry(shop, "prefix").is_none(), "{}", ended.stderr);
    assert!(ended.stderr.contains("is not kept: "), "{}", ended.stderr);
}

#[test]
fn the_real_trees_say_the_same_and_doctor_cleans_what_is_kept() {
    let shop = Shop::new();
    let root = Root::copy();
    let gate = || {
        std::thread::sleep(std::time::Duration::from_millis(120));
        root.gate().args("-v").env("XDG_CACHE_HOME", shop.cache())
    };
    gate().args("--no-cache").run().assert_code(0);
    gate().run().assert_code(0);
    root.add_head(Tree::Raptor, "op.execute('CREATE TABLE x (i int)')", "op.drop_table('x')");
    let quick = gate().run();
    quick.assert_code(0);
    let at = root.before_head(Tree::Raptor);
    assert!(quick.stderr.contains(&format!("Raptor is known up to {at}")), "{}", quick.stderr);
    assert_eq!(quick.stderr.matches("[   known] ").count(), 7, "{}", quick.stderr);
    let whole = gate().args("--no-cache").run();
    assert_eq!(timeless(quick.report().0), timeless(whole.report().0));
    assert_eq!(quick.report().tree("raptor")["heads"][0], ADDED);
    // In a cache of its own: the environments in the other are everybody's.
    let (data, cache) = (entry(&shop, "prefix-data").unwrap(), tempfile::tempdir().unwrap());
    let copy = cache.path().join("migration-gate/kept").join(data.file_name().unwrap());
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(data, &copy).unwrap();
    let doctor = Gate::new(&root.sandbox).args("doctor --clean --root").arg(root.path());
    let said = doctor.env("XDG_CACHE_HOME", cache.path()).run().stdout;
    assert!(said.contains("prefix-data-") && !copy.exists(), "{said}");
}
