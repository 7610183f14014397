//! Options that several commands have.

use camino::Utf8PathBuf;
use clap::Args;

use super::help::heading;

/// Repository to work on.
#[derive(Clone, Debug, Default, Args)]
pub struct Repository {
    /// Work on the repository in this folder
    ///
    /// Default: the one that holds the working folder.
    #[arg(long, value_name = "DIR", help_heading = heading::WHAT)]
    pub root: Option<Utf8PathBuf>,
}

/// Programs to run.
#[derive(Clone, Debug, Args)]
pub struct Programs {
    /// Use initdb, pg_ctl and postgres of this folder
    ///
    /// Also read from MIGRATION_GATE_POSTGRES_BIN.
    #[arg(
        long,
        value_name = "DIR",
        env = "MIGRATION_GATE_POSTGRES_BIN",
        hide_env = true,
        help_heading = heading::PROGRAMS
    )]
    pub postgres_bin: Option<Utf8PathBuf>,

    /// Do not download Postgres 15 where it is missing
    ///
    /// Without this option, and where npm is there, pinned Postgres programs are put into the
    /// user's cache, once.
    #[arg(long, hide_short_help = true, help_heading = heading::PROGRAMS)]
    pub no_provision: bool,

    /// The interpreter.
    #[command(flatten)]
    pub interpreter: Interpreter,
}

/// Python to run.
#[derive(Clone, Debug, Args)]
pub struct Interpreter {
    /// Use this Python, which already has Alembic
    ///
    /// Nothing is installed then. Also read from MIGRATION_GATE_PYTHON.
    #[arg(
        long,
        value_name = "PATH",
        env = "MIGRATION_GATE_PYTHON",
        hide_env = true,
        help_heading = heading::PROGRAMS
    )]
    pub python: Option<Utf8PathBuf>,
}

/// Tree to work on that is none of the monorepo's.
#[derive(Clone, Debug, Args)]
pub struct OtherTree {
    /// Work on this alembic.ini or pyproject.toml instead
    ///
    /// Its section `[migration-gate]` says where Alembic runs, if not in its folder.
    #[arg(long, value_name = "PATH", help_heading = heading::OTHER_TREE)]
    pub ini: Option<Utf8PathBuf>,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,
}
