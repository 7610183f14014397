//! A gate that stays and gates again at every save.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use super::report::Report;
use super::run::{Ended, Gate, Running};
use super::sandbox::Sandbox;

/// A watch, and where its reports lie.
pub struct Watched<'a> {
    pub run: Running<'a>,
    pub report: PathBuf,
}

impl<'a> Watched<'a> {
    pub fn begin(gate: Gate<'a>, sandbox: &Sandbox) -> Watched<'a> {
        let report = sandbox.path().join("report.json");
        let option = format!("--report=json={}", report.display());
        Watched { run: gate.arg("--watch").arg(option).spawn(), report }
    }

    /// The report of the next verdict.
    #[track_caller]
    pub fn verdict(&mut self) -> Report {
        let report = self.report.clone();
        self.run.until("a verdict", || fs::read(&report).is_ok_and(|text| text.ends_with(b"}\n")));
        let text = fs::read_to_string(&report).unwrap();
        fs::remove_file(&report).unwrap();
        Report::parse(&text)
    }

    /// Waits for a verdict that is green.
    #[track_caller]
    pub fn passes(&mut self) {
        let report = self.verdict();
        assert_eq!(report.verdict(), "pass", "{:#}", report.0);
    }
}

/// The first verdict of a watch, which tries no remedies: a red run does so for up to a minute.
#[track_caller]
pub fn first_verdict(gate: Gate<'_>, sandbox: &Sandbox) -> (Report, Ended) {
    let mut watched = Watched::begin(gate, sandbox);
    let report = watched.verdict();
    watched.run.until_said("\nwatching: ");
    watched.run.signal(Signal::INT);
    let ended = watched.run.wait();
    ended.assert_code(130);
    (report, ended)
}
