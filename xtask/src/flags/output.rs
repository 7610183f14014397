//! Formats of the output and of the report files.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::help::heading;

/// How what was found is reported.
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
    ///
    /// FORMAT is json, junit, sarif or markdown.
    #[arg(
        long = "report",
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

/// A report to write beside what goes to stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// As what.
    pub format: FileFormat,
    /// Where.
    pub path: Utf8PathBuf,
}

/// What a report file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// JSON, as `xtask/report.schema.json` describes it
    Json,
    /// JUnit's XML
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// A comment for a pull request
    Markdown,
}

fn parse_report(text: &str) -> Result<ReportFile, String> {
    let wanted = || "write it as json=PATH, junit=PATH, sarif=PATH or markdown=PATH".to_owned();
    let (format, path) = text.split_once('=').ok_or_else(wanted)?;
    let format = FileFormat::from_str(format, false).map_err(|_| wanted())?;
    if path.is_empty() { Err(wanted()) } else { Ok(ReportFile { format, path: path.into() }) }
}
