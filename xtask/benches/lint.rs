//! How long `lint` takes as a whole process, beside `alembic heads` on the same tree in the same
//! run: `cargo bench --package xtask --bench lint`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a tool for people")]

#[allow(dead_code)]
#[path = "../tests/common/python_env.rs"]
mod python_env;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many revisions the trees have.
const SIZES: [usize; 5] = [50, 200, 1000, 5000, 10_000];
/// Of so many runs the fastest counts: what slows a run down is not what is measured.
const RUNS: usize = 5;

fn main() {
    let root = python_env::root();
    let python = python_env::python();
    println!("{:<22} {:>10} {:>16} {:>8}", "tree", "lint, ms", "alembic, ms", "times");
    let mut both = python_env::gate();
    both.args(["lint", "--root"]).arg(&root);
    row(
        "both real trees",
        &mut both,
        &mut alembic(&python, &root.join("console"), "migrations/alembic.ini"),
    );
    let models = models(&root);
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), size, &models);
        let mut lint = python_env::gate();
        lint.args(["lint", "--ini"]).arg(folder.path().join("alembic.ini"));
        row(
            &format!("{size} revisions"),
            &mut lint,
            &mut alembic(&python, folder.path(), "alembic.ini"),
        );
    }
}

fn alembic(python: &Path, folder: &Path, ini: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "alembic", "-c", ini, "heads"]).current_dir(folder);
    command
}

fn row(name: &str, lint: &mut Command, alembic: &mut Command) {
    let (lint, alembic) = (fastest(lint, RUNS), fastest(alembic, 2));
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let times = ms(alembic) / ms(lint);
    println!("{name:<22} {:>10.1} {:>16.1} {times:>8.0}", ms(lint), ms(alembic));
}

fn fastest(command: &mut Command, runs: usize) -> Duration {
    let run = |_| {
        let started = Instant::now();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?} ended with {status}");
        started.elapsed()
    };
    (0..runs).map(run).min().unwrap()
}

/// The real revisions, from whose bodies the trees are made.
fn models(root: &Path) -> Vec<String> {
    let mut models = Vec::new();
    for folder in ["console/migrations/versions", "backend_v2/alembic/versions"] {
        for entry in fs::read_dir(root.join(folder)).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "py") {
                models.push(fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    models.sort();
    models
}

fn write(folder: &Path, size: usize, models: &[String]) {
    let versions = folder.join("m/versions");
    fs::create_dir_all(&versions).unwrap();
    let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
    fs::write(folder.join("alembic.ini"), ini).unwrap();
    for number in 1..=size {
        let parent = if number == 1 { "None".into() } else { format!("\"{:05}\"", number - 1) };
        let line = |line: &str| match line {
            line if line.starts_with("revision") => format!("revision: str = \"{number:05}\"\n"),
            line if line.starts_with("down_revision") => format!("down_revision = {parent}\n"),
            line => format!("{line}\n"),
        };
        let text: String = models[number % models.len()].lines().map(line).collect();
        fs::write(versions.join(format!("{number:05}_x.py")), text).unwrap();
    }
}
