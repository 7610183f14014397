//! Where nothing has changed since a green run, its report is the answer; where only the newest revision
//! has, a run begins on the snapshot before that. Whatever could change the outcome is changed here, one
//! thing at a time, and each time the whole chain runs again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::python;
use crate::support::run::{Ended, Gate};
use crate::support::shop::Shop;

/// The line at `-v` where a run begins on a snapshot.
pub const ON_SNAPSHOT: &str = "shop begins on a snapshot at c3";

/// A tree of four revisions with a cache of its own. The third makes a role, the last one grants to it; its
/// env.py imports a module, and reads a file.
pub struct Cached {
    pub shop: Shop,
}

/// How a run came to its report.
#[derive(Debug, PartialEq, Eq)]
pub enum By {
    AllSteps,
    Snapshot,
    Result,
}

impl Cached {
    pub fn new() -> Cached {
        let cached = Cached { shop: Shop::new() };
        // The environments that other tests made serve here too.
        let ours = cached.cache().join("migration-gate");
        let made = python::made();
        let theirs = made.ancestors().nth(3).unwrap();
        fs::create_dir_all(&ours).unwrap();
        std::os::unix::fs::symlink(theirs, ours.join("python")).unwrap();
        let shop = &cached.shop;
        shop.write("beside.py", "PAGE = 10\n");
        shop.write("words.txt", "one two\n");
        let imports = "import pathlib, sys\n\
                       sys.path.insert(0, str(pathlib.Path(__file__).parent))\n\
                       import beside\n\
                       words = open('words.txt').read()\n";
        shop.write("env.py", format!("{imports}{}", shop.read("env.py")));
        let table = "version_table=\"shop_version\"";
        shop.edit("env.py", table, &format!("{table}, transaction_per_migration=True"));
        shop.add_sql("c3", "b2", "CREATE ROLE reader NOLOGIN", "DROP ROLE reader");
        cached.head("GRANT SELECT ON items TO reader", "REVOKE SELECT ON items FROM reader");
        cached
    }

    pub fn cache(&self) -> PathBuf {
        self.shop.above().join("cache")
    }

    fn kept(&self) -> PathBuf {
        self.cache().join("migration-gate/kept")
    }

    /// An entry of the cache.
    fn entry(&self, kind: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(self.kept()).unwrap().map(|entry| entry.unwrap().path());
        let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(kind);
        entries.into_iter().find(is_one)
    }

    /// Makes the newest revision of these statements.
    pub fn head(&self, upgrade: &str, downgrade: &str) {
        self.shop.add_sql("d4", "c3", upgrade, downgrade);
    }

    /// Changes what the newest revision does, but not what runs when it is read.
    pub fn touch_head(&self) {
        let from = "def upgrade():\n";
        self.shop.edit("versions/d4_added.py", from, &format!("{from}    # more\n"));
    }

    fn touch(&self, file: &str) {
        self.shop.write(file, format!("{}\n# more\n", self.shop.read(file)));
    }

    pub fn gate_for_a_person(&self) -> Gate<'_> {
        self.shop.command("-v").env("XDG_CACHE_HOME", self.cache())
    }

    pub fn gate(&self) -> Gate<'_> {
        self.gate_for_a_person().args("--format json")
    }

    #[track_caller]
    pub fn green(&self, by: By) -> Ended {
        ran(self.gate(), by, 0)
    }
}

/// Runs a gate, and sees how it came to its report, and to which.
#[track_caller]
pub fn ran(gate: Gate<'_>, by: By, code: i32) -> Ended {
    let ended = gate.run();
    ended.assert_code(code);
    let known = ended.report().0["known_since"] != Value::Null;
    let came = match (known, ended.stderr.contains(ON_SNAPSHOT)) {
        (true, _) => By::Result,
        (_, true) => By::Snapshot,
        (_, false) => By::AllSteps,
    };
    assert_eq!(came, by, "{}", ended.stderr);
    ended
}

#[test]
fn changed_input_brings_the_whole_chain_back() {
    let cached = Cached::new();
    let shop = &cached.shop;
    cached.green(By::AllSteps);
    cached.green(By::Result);
    let first = shop.read("versions/a1_items.py");
    let third = shop.read("versions/c3_added.py");
    let changes: &[(&str, i32, &dyn Fn())] = &[
        ("the first revision", 0, &|| cached.touch("versions/a1_items.py")),
        ("what it makes", 1, &|| {
            shop.write("versions/a1_items.py", first.replace("\"items\"", "\"things\""));
        }),
        ("the revision before the newest", 0, &|| {
            shop.write("versions/a1_items.py", format!("{first}# more\n"));
            cached.touch("versions/c3_added.py");
        }),
        ("env.py", 0, &|| cached.touch("env.py")),
        ("a module that it imports", 0, &|| shop.write("beside.py", "PAGE = 11\n")),
        ("a file that it reads", 0, &|| shop.write("words.txt", "three\n")),
        ("the settings", 0, &|| cached.touch("alembic.ini")),
        ("a module that could be imported instead", 0, &|| shop.write("sqlalchemyx.py", "")),
        ("a second head", 1, &|| drop(shop.add_sql("other", "b2", "SELECT 1", "SELECT 1"))),
        ("no role", 1, &|| {
            shop.remove("versions/other_added.py");
            shop.add_sql("c3", "b2", "SELECT 1", "SELECT 1");
        }),
        ("a revision more", 0, &|| {
            shop.write("versions/c3_added.py", format!("{third}# and more\n"));
            shop.add_sound("e5", "d4");
        }),
    ];
    for (what, code, change) in changes {
        eprintln!("a change of {what}");
        change();
        ran(cached.gate(), By::AllSteps, *code);
        // What is red is never known.
        if *code == 0 {
            cached.green(By::Result);
        }
    }
    // The result of the old contents is known with them again.
    shop.remove("versions/e5_added.py");
    shop.write("versions/c3_added.py", format!("{third}\n# more\n"));
    cached.green(By::Result);
    shop.sandbox.assert_empty(&shop.sandbox.traces());
}

#[test]
fn another_question_is_another_answer() {
    let cached = Cached::new();
    cached.green(By::AllSteps);
    for gate in [
        cached.gate().env("PYTHONHASHSEED", "7"),
        cached.gate().args("--stairway"),
        cached.gate().args("--pass-env SHOP").env("SHOP", "1"),
        cached.gate().args("--pass-env SHOP").env("SHOP", "2"),
        cached.gate().env("CI", "true"),
    ] {
        ran(gate, By::AllSteps, 0);
    }
    cached.green(By::Result);
    cached.touch_head();
    cached.green(By::Snapshot);
}

#[test]
fn red_is_never_known() {
    let cached = Cached::new();
    cached.shop.write("beside.py", "raise RuntimeError('red')\n");
    for _ in 0..2 {
        ran(cached.gate(), By::AllSteps, 1);
    }
}

#[test]
fn run_that_reaches_beyond_files_is_not_kept() {
    let cached = Cached::new();
    for further in [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import socket; socket.getaddrinfo('localhost', None)",
        "import os\nif os.fork() == 0: os._exit(0)",
    ] {
        cached.shop.write("beside.py", format!("{further}\nPAGE = 10\n"));
        let ended = cached.green(By::AllSteps);
        assert!(ended.stderr.contains("this result is not kept: "), "{further}: {}", ended.stderr);
        assert_no_snapshot(&cached, &ended, &[]);
    }
    cached.green(By::AllSteps);
}

#[test]
fn state_of_a_connection_leaves_no_snapshot() {
    let cached = Cached::new();
    let carried = "SET statement_timeout = 700000; SELECT pg_advisory_lock(7); \
                   CREATE TEMPORARY TABLE x (); PREPARE p AS SELECT 1; LISTEN c";
    cached.shop.add_sql("c3", "b2", carried, "SELECT 1");
    cached.head("SELECT 1", "SELECT 1");
    let told = ["statement_timeout = 700000", "lock ", "temporary x", "statement p", "channel c"];
    assert_no_snapshot(&cached, &cached.green(By::AllSteps), &told);
    // All revisions in one transaction: what fails only there would not be seen.
    let cached = Cached::new();
    cached.shop.edit("env.py", ", transaction_per_migration=True", "");
    assert_no_snapshot(&cached, &cached.green(By::AllSteps), &["an open transaction"]);
}

/// Fails unless no snapshot is kept, for a reason that holds these words.
#[track_caller]
fn assert_no_snapshot(cached: &Cached, ended: &Ended, words: &[&str]) {
    assert!(cached.entry("snapshot").is_none(), "{}", ended.stderr);
    let told = ["no snapshot of shop is taken", "the snapshot is not kept"];
    let line = ended.stderr.lines().find(|line| told.iter().any(|told| line.contains(told)));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {line}");
}

#[test]
fn damaged_entries_are_made_again() {
    let cached = Cached::new();
    cached.green(By::AllSteps);
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    for file in ["data/PG_VERSION", "checksum", "start.json"] {
        damage(&cached.entry("snapshot").unwrap().join(file), &|bytes| bytes[0] ^= 1);
        cached.touch_head();
        cached.green(By::AllSteps);
    }
    cached.touch_head();
    cached.green(By::Snapshot);
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut_off = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    for change in [&flip as &dyn Fn(&mut Vec<u8>), &cut_off] {
        let entries = fs::read_dir(cached.kept()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).for_each(|path| damage(&path, change));
        cached.green(By::Snapshot);
    }
    cached.green(By::Result);
}

#[test]
fn gates_at_once_or_killed_leave_a_usable_cache() {
    let cached = Cached::new();
    for is_known in [false, true] {
        for gate in [cached.gate().spawn(), cached.gate().spawn()] {
            let ended = gate.wait();
            ended.assert_code(0);
            assert_eq!(ended.stderr.contains(ON_SNAPSHOT), is_known, "{}", ended.stderr);
        }
        cached.touch_head();
    }
    fs::remove_dir_all(cached.kept()).unwrap();
    let mut killed = cached.gate().spawn();
    killed.until("its data folder is made", || cached.kept().is_dir());
    killed.signal(rustix::process::Signal::KILL);
    let _ = killed.wait();
    cached.green(By::AllSteps);
    cached.green(By::Result);
}
