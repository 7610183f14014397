//! Arguments of the commands about the gate itself: its machine, its workflows, its runbook.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use clap_complete::Shell;

use super::help::heading;
use super::output::Output;
use super::shared::Repository;

/// Find where the CI workflows weaken the gate
///
/// Finds jobs that do not run the gate, do not wait for it, or throw its verdict away.
///
/// `# migration-gate: bypass REASON` on the line, or in the comment above it, turns an error into a
/// note for the operator.
///
/// Exit status: 0 no error was found; 1 one was; 2 the workflows could not be read.
#[derive(Clone, Debug, Args)]
pub struct WorkflowArgs {
    /// The workflows; all of .github/workflows unless named
    #[arg(value_name = "FILE")]
    pub files: Vec<Utf8PathBuf>,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,
}

/// Write xtask/RUNBOOK.md from the gate's own tables
#[derive(Clone, Debug, Args)]
pub struct Runbook {
    /// Print it instead of writing the file
    #[arg(long, help_heading = heading::OUTPUT)]
    pub print: bool,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,
}

/// Check what this machine has and lacks
///
/// Lists what the gate needs, whether it is there, and the command that installs or repairs what is
/// not; then what the gate keeps on this machine.
///
/// Exit status: 0 the gate can run here; 2 it cannot.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Remove caches, failed environments, and what dead runs left
    ///
    /// The gate makes again what it needs. What a running gate uses, and what `--keep` left, stays.
    #[arg(long, help_heading = heading::HOW)]
    pub clean: bool,

    /// List each place that was looked at and each kept folder
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub verbose: bool,

    /// What goes to stdout: human or json
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t = DoctorFormat::Human,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub format: DoctorFormat,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,
}

/// Format of the doctor's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For a person
    Human,
    /// For a program
    Json,
}

/// Print completions of the command line for a shell
///
/// They are for the program `xtask`, as `cargo install --path xtask --locked` installs it. For bash:
/// `source <(xtask migration-gate completions bash)`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}
