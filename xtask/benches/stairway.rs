//! How long the stairway over both trees takes, beside the default tests of `pytest-alembic` on them in
//! the same run: `cargo bench --package xtask --bench stairway`.
//!
//! The gate is timed as a whole process that makes its own Postgres; the tests have one that runs
//! already, with the same settings: what `--keep` leaves. Of the four tests the one that compares with
//! models is left out: these trees have none, and Alembic refuses it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a tool for people")]

#[allow(dead_code)]
#[path = "../tests/common/python_env.rs"]
mod python_env;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How many times both are run, in turns.
const ROUNDS: usize = 3;
const PYTEST_ALEMBIC: &str = "pytest-alembic==0.13.1";
const TESTS: &str = "from pytest_alembic.tests import (
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
";
const CONFTEST: &str = r#"import os

import pytest
import sqlalchemy as sa
from pytest_alembic.config import Config

URL, DATABASE = os.environ["BENCH_URL"], os.environ["BENCH_DATABASE"]
ROW = {
    "__tablename__": "admins",
    "id": "00000000-0000-0000-0000-000000000001",
    "email": "kris@moosequest.net",
    "display_name": "a seed",
    "created_at": "2026-01-01T00:00:00",
    "updated_at": "2026-01-01T00:00:00",
}


@pytest.fixture
def alembic_engine():
    server = sa.create_engine(URL, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    url = sa.engine.make_url(URL).set(database=DATABASE)
    os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
    return sa.create_engine(url)


@pytest.fixture
def alembic_config():
    options = {"file": os.environ["BENCH_INI"]}
    data = {"0016": ROW} if DATABASE.startswith("console") else None
    return Config(config_options=options, before_revision_data=data)
"#;

fn main() {
    let (root, folder) = (python_env::root(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("conftest.py"), CONFTEST).unwrap();
    fs::write(folder.path().join("test_trees.py"), TESTS).unwrap();
    let python = with_pytest_alembic(folder.path(), &root);
    let server = Server::start(&root);
    let (mut gate, mut pytest, mut looking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, said) =
            timed(python_env::gate().args(["--stairway", "--no-cache"]).arg("--root").arg(&root));
        looking.extend(looked(&said));
        gate.push(took);
        pytest.push(
            [("console", "migrations/alembic.ini"), ("backend_v2", "alembic.ini")]
                .map(|(cwd, ini)| tests(&python, &server.url, &root.join(cwd), ini, folder.path()))
                .iter()
                .sum(),
        );
    }
    let (gate, pytest) = (median(gate), median(pytest));
    println!("gate --stairway, both trees: {:.2} s", gate.as_secs_f64());
    println!("pytest-alembic, both trees:  {:.2} s", pytest.as_secs_f64());
    println!("ratio:                       {:.2}", gate.as_secs_f64() / pytest.as_secs_f64());
    let looks: f64 = looking.iter().sum::<f64>() / ROUNDS as f64;
    println!("of it snapshots, both trees: {looks:.2} s, side by side");
}

/// A virtual environment with what the trees need and the tests.
fn with_pytest_alembic(folder: &Path, root: &Path) -> PathBuf {
    let python = folder.join("venv/bin/python");
    run(Command::new(python_env::python()).args(["-m", "venv"]).arg(folder.join("venv")));
    let lock = root.join("console/requirements.txt");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).arg("-r").arg(lock));
    run(Command::new(&python).args(pip).arg(PYTEST_ALEMBIC));
    python
}

/// A server that runs already, with the role that Raptor needs.
struct Server {
    /// Of its database `postgres`.
    url: String,
    removal: String,
}

impl Server {
    fn start(root: &Path) -> Server {
        let said = run(python_env::gate()
            .args(["raptor", "--keep", "--format", "human"])
            .arg("--root")
            .arg(root));
        let said = String::from_utf8(said.stdout).unwrap();
        let after = |mark: &str| {
            let (_, after) = said.split_once(mark).unwrap_or_else(|| panic!("no {mark}:\n{said}"));
            after.lines().next().unwrap().trim().trim_matches('\'').to_owned()
        };
        let url = after("DATABASE_URL=").replacen("/raptor_ci", "/postgres", 1);
        let (_, removal) = said.split_once("to remove it all:\n").unwrap();
        Server { url, removal: removal.lines().next().unwrap().trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        run(Command::new("sh").args(["-c", &self.removal]));
    }
}

fn tests(python: &Path, url: &str, cwd: &Path, ini: &str, folder: &Path) -> Duration {
    let database = format!("{}_bench", cwd.file_name().unwrap().to_str().unwrap());
    let mut command = Command::new(python);
    command
        .args([
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "--rootdir",
        ])
        .arg(folder)
        .arg(folder)
        .current_dir(cwd)
        .env("BENCH_URL", url)
        .env("BENCH_DATABASE", database)
        .env("BENCH_INI", ini);
    timed(&mut command).0
}

fn timed(command: &mut Command) -> (Duration, String) {
    let started = Instant::now();
    let said = run(command);
    (started.elapsed(), String::from_utf8_lossy(&said.stdout).into_owned())
}

/// The seconds that a report says were spent on looking at schemas.
fn looked(said: &str) -> impl Iterator<Item = f64> {
    let lines = said.lines().filter(|line| line.contains("looked at the schema"));
    lines.map(|line| line.rsplit_once("in ").unwrap().1.trim_end_matches(" s").parse().unwrap())
}

fn run(command: &mut Command) -> Output {
    let said = command.output().unwrap();
    let told = || String::from_utf8_lossy(&[&said.stdout[..], &said.stderr].concat()).into_owned();
    assert!(said.status.success(), "{command:?} ended with {}\n{}", said.status, told());
    said
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
