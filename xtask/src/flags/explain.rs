//! Arguments of `explain`.

use clap::{Args, ValueEnum};

use super::help::heading;

/// Name the failure in a CI log, or explain a code
///
/// A log is judged by the same rules as a run of the gate: the step, the revision, the file, who fixes
/// it and how. Reads logs of GitHub Actions, with or without the columns of `gh run view --log`, of
/// Docker and of pytest, and what Alembic and psql print.
///
/// Exit status: 0 the input was read, whatever it says; 2 there is no such file, code, mode or SQLSTATE.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// A log, a JSON report, a code, a mode or a SQLSTATE
    ///
    /// `-` is standard input; a code is like `MG003`, a failure mode like `C`, a SQLSTATE like `23505`.
    #[arg(value_name = "WHAT", default_value = "-", hide_default_value = true)]
    pub what: String,

    /// What goes to stdout: human or json
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t = ExplainFormat::Human,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub format: ExplainFormat,
}

/// How an explanation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For a person
    Human,
    /// JSON
    Json,
}
