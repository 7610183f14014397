//! A report as text. Each format is a function of `&Report`; some also need the address where the
//! reader finds the rest.

pub mod diagram;
pub mod doctor;
pub mod explained;
mod fields;
mod fitting;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod log_graph;
pub mod markdown;
mod markup;
pub mod mutants;
mod remedy;
pub mod replay;
mod rollback;
pub mod runbook;
pub mod sarif;
pub mod timings;
mod trial;
pub mod watch;
mod words;

pub use words::fit;

use model::report::Report;

/// Format of report files.
#[derive(Debug)]
pub struct FileFormat {
    /// The name on the command line.
    pub name: &'static str,
    /// Renders a report, with the address of the CI run if the run has one.
    pub render: fn(&Report, Option<&str>) -> String,
}

/// The formats of report files.
pub const FILE_FORMATS: &[FileFormat] = &[
    FileFormat { name: "json", render: |report, _| json::report(report) },
    FileFormat { name: "junit", render: |report, _| junit::report(&report.printable()) },
    FileFormat { name: "sarif", render: |report, _| sarif::report(&report.printable()) },
    FileFormat {
        name: "markdown",
        render: |report, run| markdown::comment(&report.printable(), run),
    },
];

#[cfg(test)]
mod canonical;
#[cfg(test)]
mod snapshots;
