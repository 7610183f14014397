//! Arguments of `explain`.

use clap::{Args, ValueEnum};

/// Names what a log says went wrong, by the same knowledge as a run of the gate: the step, the
/// revision, the file, who fixes it and how. Reads logs of GitHub Actions, with or without the columns
/// of `gh run view --log`, of Docker and of pytest, and what Alembic and psql print.
///
/// Exit status: 0 it was read, whatever it says; 2 there is no such file, code, mode or SQLSTATE.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// A log or JSON report; `-` for standard input; a code (`MG003`), a failure mode (`C`) or a SQLSTATE
    /// (`23505`)
    #[arg(value_name = "FILE|CODE|MODE|SQLSTATE", default_value = "-")]
    pub what: String,

    /// How to say it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ExplainFormat::Human)]
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
