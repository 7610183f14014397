//! A gate that stays and gates again at every save.

use std::fs;
use std::path::PathBuf;

use super::report::Report;
use super::root::Root;
use super::run::{Gate, Running};

/// A watched monorepo.
pub struct Watched<'a> {
    pub run: Running<'a>,
    pub report: PathBuf,
}

impl<'a> Watched<'a> {
    pub fn begin(root: &'a Root, args: &str) -> Watched<'a> {
        let report = root.sandbox.path().join("report.json");
        let option = format!("--report=json={}", report.display());
        let run = Gate::new(&root.sandbox).args("--watch --root").arg(root.path()).arg(option);
        Watched { run: run.args(args).spawn(), report }
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
}
