//! Arguments of the commands about the gate itself: its machine, its workflows, its runbook.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::output::Output;

/// Finds where the CI workflows weaken the gate: what does not run it, does not wait for it, or
/// throws its verdict away.
///
/// `# migration-gate: bypass REASON` on the line, or in the comment above it, turns an error into a
/// note for the operator. Exit status: 0 no error was found; 1 one was; 2 they could not be read.
#[derive(Clone, Debug, Args)]
pub struct WorkflowArgs {
    /// The workflows [default: all of .github/workflows]
    #[arg(value_name = "FILE")]
    pub files: Vec<Utf8PathBuf>,

    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,
}

/// How to write the runbook.
#[derive(Clone, Debug, Args)]
pub struct Runbook {
    /// Print it instead of writing the file
    #[arg(long)]
    pub print: bool,

    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,
}

/// Says what the gate finds on this machine, what is missing, and the command that installs or fixes it.
///
/// Exit status: 0 the gate can run here; 2 it cannot.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Remove what the gate made once and can make again, and what dead runs left
    #[arg(long)]
    pub clean: bool,

    /// As what it is said: human or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DoctorFormat::Human)]
    pub format: DoctorFormat,

    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,
}

/// As what the doctor speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For a person
    Human,
    /// For a program
    Json,
}
