//! Formats of the output and of the report files.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::help::heading;
use crate::render::{FILE_FORMATS, FileFormat};

/// Output of findings.
#[derive(Clone, Debug, Args)]
pub struct Output {
    /// What goes to stdout: human, github or json
    ///
    /// github is for the log of a GitHub Actions job: folds and annotations. json is described by
    /// xtask/report.schema.json. Default: human; github where GITHUB_ACTIONS=true.
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub format: Option<Format>,

    /// Also write a report to a file; repeatable
    #[arg(
        long = "report",
        long_help = format!(
            "Also write a report to a file; repeatable\n\nFORMAT is {}.",
            formats("")
        ),
        value_name = "FORMAT=PATH",
        value_parser = parse_report,
        help_heading = heading::OUTPUT
    )]
    pub reports: Vec<ReportFile>,

    /// Show only errors and the verdict
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub quiet: bool,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// As `git log --graph` draws one
    Text,
    /// A Mermaid flowchart, which GitHub shows in Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// JSON, as `lint --format json` prints it
    Json,
}

/// How a replay is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// For a person, and for the log of a job
    Human,
    /// JSON
    Json,
}

/// What goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Human,
    /// For the log of a GitHub Actions job: folds and annotations
    Github,
    /// JSON, as `xtask/report.schema.json` describes it
    Json,
}

/// A report to write beside the one on stdout.
#[derive(Clone, Debug)]
pub struct ReportFile {
    /// Its format.
    pub format: &'static FileFormat,
    /// Its path.
    pub path: Utf8PathBuf,
}

/// The names of the formats, each with a suffix, as a list.
fn formats(suffix: &str) -> String {
    let names = FILE_FORMATS.iter().map(|format| format!("{}{suffix}", format.name));
    let names = names.collect::<Vec<_>>().join(", ");
    names.rsplit_once(", ").map_or(names.clone(), |(all, last)| format!("{all} or {last}"))
}

fn parse_report(text: &str) -> Result<ReportFile, String> {
    let parsed =
        text.split_once('=').filter(|(_, path)| !path.is_empty()).and_then(|(name, path)| {
            let format = FILE_FORMATS.iter().find(|format| format.name == name)?;
            Some(ReportFile { format, path: path.into() })
        });
    parsed.ok_or_else(|| format!("write it as {}", formats("=PATH")))
}
