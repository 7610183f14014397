//! Where nothing has changed since a green run, its report is the answer. Whatever could change the
//! outcome is changed here, one thing at a time, and each time the gate runs again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::python;
use crate::support::root::copy;
use crate::support::run::{Ended, Gate};
use crate::support::sandbox::{Sandbox, temporary};

/// A tree of two revisions whose env.py imports a module beside it, with a cache of its own.
pub struct Shop {
    dir: TempDir,
    pub sandbox: Sandbox,
}

impl Shop {
    pub fn new() -> Shop {
        let dir = temporary("mg-known-");
        let shop = Shop { dir, sandbox: Sandbox::new() };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree"), &shop.tree());
        // The environments that other tests made serve here too.
        let ours = shop.cache().join("migration-gate");
        let theirs = python::made();
        let theirs = theirs.parent().and_then(Path::parent).and_then(Path::parent).unwrap();
        fs::create_dir_all(&ours).unwrap();
        std::os::unix::fs::symlink(theirs, ours.join("python")).unwrap();
        shop.write("beside.py", "PAGE = 10\n");
        shop.write("words.txt", "one two\n");
        let imports = "import pathlib, sys\n\
                       sys.path.insert(0, str(pathlib.Path(__file__).parent))\n\
                       import beside\n\
                       words = open('words.txt').read()\n";
        shop.write("env.py", &format!("{imports}{}", shop.read("env.py")));
        shop
    }

    pub fn tree(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("shop")
    }

    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    pub fn kept(&self) -> PathBuf {
        self.cache().join("migration-gate/kept")
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.tree().join(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.tree().join(file), text).unwrap();
    }

    pub fn gate(&self) -> Gate<'_> {
        // What was touched a moment ago is not yet known to be at rest.
        std::thread::sleep(Duration::from_millis(120));
        Gate::new(&self.sandbox)
            .arg("--ini")
            .arg(self.tree().join("alembic.ini"))
            .args("--format json -v")
            .env("XDG_CACHE_HOME", self.cache())
    }

    /// Runs the gate where nothing is known, so that all is.
    #[track_caller]
    fn learn(&self) {
        assert_green(&self.gate().run(), false);
        assert_green(&self.gate().run(), true);
    }
}

/// That a run was green, and whether it was known to be.
#[track_caller]
fn assert_green(ended: &Ended, known: bool) {
    ended.assert_code(0);
    let report = ended.report();
    assert_eq!(report.0["known_since"] != Value::Null, known, "{}", ended.stderr);
    report.assert_green("shop");
}

#[test]
fn nothing_changed_is_told_from_everything_that_can_change() {
    let shop = Shop::new();
    shop.learn();
    let add = |file: &str| {
        let text = shop.read(file);
        shop.write(file, &format!("{text}\n# more\n"));
    };
    let changes: &[(&str, &dyn Fn())] = &[
        ("the first revision", &|| add("versions/a1_items.py")),
        ("the last revision", &|| add("versions/b2_prices.py")),
        ("env.py", &|| add("env.py")),
        ("a module that env.py imports", &|| shop.write("beside.py", "PAGE = 11\n")),
        ("a file that env.py reads", &|| shop.write("words.txt", "three\n")),
        ("the settings", &|| add("alembic.ini")),
        ("a module that could be imported instead", &|| shop.write("sqlalchemyx.py", "")),
        ("a revision more", &|| {
            let text = shop.read("versions/b2_prices.py");
            let text = text.replace("\"b2\"", "\"c3\"").replace("\"a1\"", "\"b2\"");
            let upgrade = text.split("def upgrade").next().unwrap().to_owned();
            let empty = "def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n";
            shop.write("versions/c3_more.py", &format!("{upgrade}{empty}"));
        }),
    ];
    for (what, change) in changes {
        change();
        let ended = shop.gate().run();
        ended.assert_code(0);
        assert_eq!(ended.report().0["known_since"], Value::Null, "after a change of {what}");
        assert_green(&shop.gate().run(), true);
    }
    shop.sandbox.assert_empty(&shop.sandbox.traces());
}

#[test]
fn another_question_is_another_answer() {
    let shop = Shop::new();
    shop.learn();
    let others: Vec<Gate<'_>> = vec![
        shop.gate().args("--stairway"),
        shop.gate().args("--pass-env SHOP").env("SHOP", "1"),
        shop.gate().args("--pass-env SHOP").env("SHOP", "2"),
        shop.gate().env("PYTHONHASHSEED", "7"),
        shop.gate().args("--no-cache"),
        shop.gate().env("CI", "true"),
    ];
    for other in others {
        let ended = other.run();
        ended.assert_code(0);
        assert_eq!(ended.report().0["known_since"], Value::Null, "{}", ended.stderr);
    }
    assert_green(&shop.gate().run(), true);
}

#[test]
fn red_is_never_known() {
    let shop = Shop::new();
    shop.write("beside.py", "raise RuntimeError('red')\n");
    for _ in 0..2 {
        let ended = shop.gate().run();
        ended.assert_code(1);
        assert_eq!(ended.report().0["known_since"], Value::Null);
    }
}

#[test]
fn run_that_reaches_beyond_files_is_not_kept() {
    let shop = Shop::new();
    for further in [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import socket; socket.getaddrinfo('localhost', None)",
    ] {
        shop.write("beside.py", &format!("{further}\n"));
        let ended = shop.gate().run();
        assert_green(&ended, false);
        assert!(ended.stderr.contains("this result is not kept: "), "{further}: {}", ended.stderr);
    }
    assert_green(&shop.gate().run(), false);
}

#[test]
fn damaged_result_is_made_again() {
    let shop = Shop::new();
    shop.learn();
    let damage = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut_off = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    for change in [&damage as &dyn Fn(&mut Vec<u8>), &cut_off] {
        for entry in fs::read_dir(shop.kept()).unwrap() {
            let path = entry.unwrap().path();
            // A snapshot and a data directory are folders: `snapshot.rs` damages those.
            if path.is_dir() {
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
        }
        // A damaged report may read as another one, but never as one of other things.
        let ended = shop.gate().args("--timeout 298").run();
        assert_green(&ended, false);
        fs::remove_dir_all(shop.kept()).unwrap();
        shop.learn();
    }
}

#[test]
fn gates_at_once_or_killed_leave_a_usable_cache() {
    let shop = Shop::new();
    let gates = [shop.gate().spawn(), shop.gate().spawn()];
    for gate in gates {
        assert_green(&gate.wait(), false);
    }
    fs::remove_dir_all(shop.kept()).unwrap();
    let mut killed = shop.gate().spawn();
    killed.until("its data folder is made", || shop.kept().is_dir());
    killed.signal(rustix::process::Signal::KILL);
    let _ = killed.wait();
    assert_green(&shop.gate().run(), false);
    assert_green(&shop.gate().run(), true);
}
