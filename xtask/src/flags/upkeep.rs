//! What is asked about the gate itself: its machine, its workflows, its runbook.

use camino::Utf8PathBuf;
use clap::Args;

use super::Output;

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

    /// The monorepo to work on [default: the one that holds this xtask]
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

    /// The monorepo to work on [default: the one that holds this xtask]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,
}
