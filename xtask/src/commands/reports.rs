//! Report files that are written beside the report on stdout.

use std::fs::{self, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result};
use camino::Utf8Path;

use crate::flags::{Gate, ReportFile};
use crate::os::process;
use crate::postgres::endpoint::Endpoint;
use crate::render::markdown;
use model::code;
use model::finding::Finding;
use model::report::Report;

/// The report that stands in its file until the run has one.
pub fn unfinished() -> Report {
    sick("the gate was ended before it was done")
}

/// The report of a bug in the gate.
pub fn bug() -> Report {
    process::end_strays();
    sick("this is a bug in the gate; please report it")
}

fn sick(message: &str) -> Report {
    Report { findings: vec![Finding::new(&code::CANNOT_WORK, message)], ..Report::default() }
}

/// The password that the caller named, for removing it from output.
pub fn password(flags: &Gate) -> Option<String> {
    Endpoint::from_url(flags.postgres_url.as_deref()?).ok()?.password()
}

/// Values of the caller that no report may hold: that password, and those of `--pass-env`.
pub fn secrets(flags: &Gate) -> Vec<String> {
    let passed = flags.pass_env.iter().filter_map(|name| std::env::var(name).ok());
    password(flags).into_iter().chain(passed).collect()
}

/// Facts of a GitHub Actions job.
#[derive(Debug, Default)]
pub struct Runner {
    /// Whether there is one.
    pub present: bool,
    /// The file that it makes the job's summary of.
    summary: Option<String>,
    /// The page of the run, where its artifacts are.
    run: Option<String>,
}

impl Runner {
    /// From the environment.
    pub fn of_this_job() -> Runner {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let run = || {
            let (server, repository) = (get("GITHUB_SERVER_URL")?, get("GITHUB_REPOSITORY")?);
            Some(format!("{server}/{repository}/actions/runs/{}", get("GITHUB_RUN_ID")?))
        };
        Runner {
            present: get("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            summary: get("GITHUB_STEP_SUMMARY"),
            run: run(),
        }
    }
}

/// Writes each file, and returns the errors.
pub fn write(report: &Report, files: &[ReportFile], runner: &Runner) -> Vec<anyhow::Error> {
    files.iter().filter_map(|file| write_one(report, file, runner).err()).collect()
}

/// Adds to the job's summary, where there is one.
pub fn summarise(report: &Report, runner: &Runner) -> Result<()> {
    let Some(path) = &runner.summary else { return Ok(()) };
    let text = markdown::summary(&report.printable(), runner.run.as_deref());
    // Other steps' summaries are in the same file.
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot open the job's summary `{path}`"))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write the job's summary `{path}`"))
}

fn write_one(report: &Report, file: &ReportFile, runner: &Runner) -> Result<()> {
    let text = (file.format.render)(report, runner.run.as_deref());
    let path = &file.path;
    // A folder below this one is made; elsewhere, one that is not there is a slip of the pen.
    let here = |folder: &&Utf8Path| folder.is_relative() && *folder != "";
    let folder = path.parent().filter(here);
    folder.map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text)).with_context(
        || format!("cannot write the report `{path}`; name a path that can be written"),
    )
}
