//! How long the gate takes beside the plain way (`plain.sh`), alternating, as medians and ratios:
//!
//! ```text
//! cargo bench --profile dev --package xtask --bench gate -- [--rounds N] [--sizes 50,200,1000,5000]
//! ```
//!
//! `--profile dev` measures the binary that `cargo xtask` runs. The plain way trusts exit statuses; the
//! gate does all that it always does. Each row's cache is its own, so the user's is neither used nor
//! filled. `--sizes 0` leaves the generated trees out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a tool for people")]

#[allow(dead_code)]
#[path = "../tests/common/python_env.rs"]
mod python_env;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A tree, real or generated, and the cache of the runs on it.
struct Bench {
    /// What is gated: the options that name it.
    which: Vec<String>,
    /// The tree's folder, for the plain way; `None`: the real trees.
    folder: Option<PathBuf>,
    /// The newest revision, which is edited where one is.
    newest: PathBuf,
    /// The settings, which all that is known hangs on.
    settings: PathBuf,
    python: PathBuf,
    dir: tempfile::TempDir,
}

fn main() {
    let (mut rounds, mut sizes) = (5, vec![50, 200, 1000, 5000]);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().unwrap().parse().unwrap(),
            "--sizes" => {
                let list = words.next().unwrap();
                sizes = list.split(',').map(|size| size.parse().unwrap()).collect();
                sizes.retain(|size| *size > 0);
            }
            _ => {}
        }
    }
    println!("{:<34} {:>9} {:>9} {:>7} {:>8}", "", "gate, s", "plain, s", "ratio", "at most");
    Bench::real().rows("both real trees", rounds);
    let mut saves = Vec::new();
    for size in sizes {
        // The larger the tree, the longer a round takes, and the less chance weighs.
        let rounds = if size >= 1000 { 1 } else { rounds.min(3) };
        saves.push((size, Bench::generated(size).rows(&format!("{size} revisions"), rounds)));
    }
    if let Some((least, first)) = saves.first() {
        for (size, save) in &saves[1..] {
            let (name, ratio) = (format!("--watch, {size} beside {least}"), save / first);
            println!("{name:<34} {save:>9.3} {first:>9.3} {ratio:>7.3} {:>8.2}", 1.5);
        }
    }
}

/// How many saves a watch answers; the machine is busy with what comes after an answer for a while.
const SAVES: usize = 5;
/// How long that may take: as long as it takes to look at an answer.
const LOOKS: Duration = Duration::from_secs(2);
/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

impl Bench {
    /// A copy of the real trees: they are edited.
    fn real() -> Bench {
        let dir = tempfile::Builder::new().prefix("gate-bench-").tempdir().unwrap();
        let root = dir.path().join("root");
        for tree in ["console", "backend_v2"] {
            copy(&python_env::root().join(tree), &root.join(tree));
        }
        let versions = root.join("console/migrations/versions");
        Bench {
            which: vec!["--root".into(), root.to_str().unwrap().into()],
            folder: None,
            newest: newest(&versions),
            settings: root.join("console/migrations/alembic.ini"),
            python: python_env::python(),
            dir,
        }
    }

    /// A chain of so many revisions, each of which makes a table.
    fn generated(size: usize) -> Bench {
        let dir = tempfile::Builder::new().prefix("gate-bench-").tempdir().unwrap();
        let folder = dir.path().join("tree");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree");
        copy(&from, &folder);
        for entry in fs::read_dir(folder.join("versions")).unwrap().flatten() {
            fs::remove_file(entry.path()).unwrap();
        }
        // As both real trees do it: what runs all in one transaction never stands before its head.
        let (env, table) = (folder.join("env.py"), "version_table=\"shop_version\"");
        let text = fs::read_to_string(&env).unwrap();
        let each_its_own = format!("{table}, transaction_per_migration=True");
        fs::write(&env, text.replace(table, &each_its_own)).unwrap();
        for number in 1..=size {
            let parent = if number == 1 { "None".into() } else { format!("\"{:05}\"", number - 1) };
            let text = format!(
                "from alembic import op\nimport sqlalchemy as sa\n\n\
                 revision = \"{number:05}\"\ndown_revision = {parent}\n\n\n\
                 def upgrade():\n    op.create_table(\"t{number}\", sa.Column(\"id\", sa.Integer, \
                 primary_key=True), sa.Column(\"name\", sa.Text, nullable=False))\n\n\n\
                 def downgrade():\n    op.drop_table(\"t{number}\")\n"
            );
            fs::write(folder.join(format!("versions/{number:05}_x.py")), text).unwrap();
        }
        let ini = folder.join("alembic.ini");
        Bench {
            which: vec!["--ini".into(), ini.to_str().unwrap().into()],
            newest: newest(&folder.join("versions")),
            folder: Some(folder),
            settings: ini,
            python: python_env::python(),
            dir,
        }
    }

    /// Prints its rows, and returns how long a watch takes from a save to its verdict.
    fn rows(&self, name: &str, rounds: usize) -> f64 {
        let mut taken: [Vec<Duration>; 5] = Default::default();
        // Nothing of what is made once is measured.
        self.gate(&[]);
        for round in 0..rounds {
            let note = format!("\n# round {round}\n");
            let comment = |file: &Path| {
                let text = fs::read_to_string(file).unwrap();
                fs::write(file, text + &note).unwrap();
                // What was touched a moment ago is not yet known to be at rest.
                std::thread::sleep(Duration::from_millis(100));
            };
            taken[0].push(self.plain());
            taken[1].push(self.gate(&["--no-cache"]));
            comment(&self.settings);
            taken[2].push(self.gate(&[]));
            comment(&self.newest);
            taken[3].push(self.gate(&[]));
            taken[4].push(self.gate(&[]));
        }
        let [plain, medians @ ..] = taken.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        });
        println!("{name}");
        let rows = [
            ("  nothing cached but the venv", 0.25),
            ("  prepared data folder", 0.21),
            ("  the newest revision edited", 0.15),
            ("  nothing changed since", 0.01),
            ("  --watch, the newest one saved", 0.05),
        ];
        let watch = self.watch();
        for ((row, at_most), gate) in rows.into_iter().zip(medians.into_iter().chain([watch])) {
            let ratio = gate / plain;
            println!("{row:<34} {gate:>9.3} {plain:>9.3} {ratio:>7.3} {at_most:>8.3}");
        }
        watch
    }

    /// From a save of the newest revision to the report of its verdict: the median, in seconds.
    fn watch(&self) -> f64 {
        let report = self.dir.path().join("report.json");
        let mut gate = python_env::gate();
        gate.args(&self.which).arg("--watch").arg(format!("--report=json={}", report.display()));
        gate.env_remove("CI").env_remove("MIGRATION_GATE_PYTHON");
        gate.env("XDG_CACHE_HOME", self.dir.path().join("cache"));
        let watch = gate.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut watch = Watching(watch.unwrap());
        let mut answer = || {
            let asked = Instant::now();
            while !fs::read(&report).is_ok_and(|text| text.ends_with(b"}\n")) {
                assert!(watch.0.try_wait().unwrap().is_none(), "the watch has ended");
                assert!(asked.elapsed() < PATIENCE, "the watch gives no answer");
                std::thread::sleep(Duration::from_millis(1));
            }
            let taken = asked.elapsed();
            assert!(fs::read_to_string(&report).unwrap().contains("\"verdict\": \"pass\""));
            fs::remove_file(&report).unwrap();
            taken
        };
        answer();
        let mut times: Vec<f64> = (0..SAVES)
            .map(|save| {
                std::thread::sleep(LOOKS);
                let text = fs::read_to_string(&self.newest).unwrap();
                fs::write(&self.newest, format!("{text}\n# save {save}\n")).unwrap();
                answer().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }

    fn gate(&self, options: &[&str]) -> Duration {
        let mut gate = python_env::gate();
        gate.args(&self.which).args(options).env_remove("CI").env_remove("MIGRATION_GATE_PYTHON");
        time(gate.env("XDG_CACHE_HOME", self.dir.path().join("cache")))
    }

    fn plain(&self) -> Duration {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/plain.sh");
        time(Command::new(script).args(&self.folder).env("MIGRATION_GATE_PYTHON", &self.python))
    }
}

/// A gate that watches, ended with this value.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.0.wait();
    }
}

fn time(command: &mut Command) -> Duration {
    let started = Instant::now();
    let said = command.stdin(Stdio::null()).output().unwrap();
    let taken = started.elapsed();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{command:?}\n{}{}", text(&said.stdout), text(&said.stderr));
    taken
}

/// The file whose name comes last.
fn newest(versions: &Path) -> PathBuf {
    let files = fs::read_dir(versions).unwrap().flatten().map(|entry| entry.path());
    files.filter(|file| file.extension().is_some_and(|e| e == "py")).max().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
