//! A Python with Alembic for tests, and a process of it that stays.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The monorepo that this test belongs to.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The built gate.
pub fn gate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("migration-gate");
    command
}

/// An interpreter that has Alembic: the one that MIGRATION_GATE_PYTHON names, else the one that the
/// gate has made for itself, which it is asked to do where it has not yet.
pub fn python() -> PathBuf {
    if let Some(named) = std::env::var_os("MIGRATION_GATE_PYTHON") {
        return named.into();
    }
    made_by_the_gate().unwrap_or_else(|| {
        let said = gate().arg("console").arg("--root").arg(root()).output().unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        made_by_the_gate().unwrap_or_else(|| panic!("the gate has made no Python:\n{said}"))
    })
}

fn made_by_the_gate() -> Option<PathBuf> {
    let said = gate().args(["doctor", "--format", "json"]).output().unwrap();
    let doctor: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let things = doctor["things"].as_array().unwrap();
    let made = things
        .iter()
        .filter(|thing| thing["kind"] == "python")
        .map(|thing| PathBuf::from(thing["path"].as_str().unwrap()));
    let made = made.filter(|path| path.with_extension("manifest").exists());
    made.map(|path| path.join("bin/python")).min()
}

/// A Python process that answers a line of JSON with a line of JSON.
pub struct Answers {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Answers {
    /// Starts this program.
    pub fn start(program: &str) -> Answers {
        let mut child = Command::new(python())
            .args(["-I", "-B", "-W", "ignore", "-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Answers { child, ask, answers: BufReader::new(answers) }
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, question: &serde_json::Value) -> serde_json::Value {
        writeln!(self.ask, "{question}").unwrap();
        self.ask.flush().unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|err| panic!("{err} in answer {answer:?}"))
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
