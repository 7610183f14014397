//! Arguments of the commands with which revisions are written.

use std::ffi::OsString;

use camino::Utf8PathBuf;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Args};

use super::help::heading;
use crate::recipes::TREES;

/// Write a revision with the next id on the head of a tree
///
/// By the tree's own template and file name style; prints where. Needs neither Postgres nor Python.
///
/// Exit status: 0 it was written; 2 it was not, and why: several heads, revisions that do not fit together.
#[derive(Clone, Debug, Args)]
pub struct New {
    /// The tree, not with --ini, then what the revision does
    ///
    /// `new console "add the region of a customer"`; `new --ini alembic.ini "add the region"`.
    #[arg(value_names = ["TREE", "MESSAGE"], required = true, num_args = 1..=2)]
    #[arg(action = ArgAction::Set)]
    pub words: Vec<String>,

    /// Work on this alembic.ini or pyproject.toml instead
    ///
    /// Its section `[migration-gate]` says where Alembic runs, if not in its folder.
    #[arg(long, value_name = "PATH", help_heading = heading::OTHER_TREE)]
    pub ini: Option<Utf8PathBuf>,

    /// Work on the repository in this folder
    ///
    /// Default: the one that holds the working folder.
    #[arg(long, value_name = "DIR", help_heading = heading::WHAT)]
    pub root: Option<Utf8PathBuf>,
}

/// Run a tree's own Alembic: `alembic console history`
///
/// It runs in the environment and the folder in which the gate runs it. All that follows the tree is Alembic's,
/// and so is the exit status. It sees your environment; env.py takes its database from there (DATABASE_URL).
/// With --ini no tree is named: `alembic --ini alembic.ini history`.
#[derive(Clone, Debug, Args)]
pub struct AlembicArgs {
    /// Work on the repository in this folder
    ///
    /// Default: the one that holds the working folder.
    #[arg(long, value_name = "DIR", help_heading = heading::WHAT)]
    pub root: Option<Utf8PathBuf>,

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

    /// Work on this alembic.ini or pyproject.toml instead
    ///
    /// Its section `[migration-gate]` says where Alembic runs, if not in its folder.
    #[arg(long, value_name = "PATH", help_heading = heading::OTHER_TREE)]
    pub ini: Option<Utf8PathBuf>,

    /// The tree, then what Alembic is given
    #[arg(value_name = "TREE [ARG]", required = true)]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// The names of the monorepo's trees.
pub(super) fn tree_names() -> PossibleValuesParser {
    PossibleValuesParser::new(
        TREES.iter().map(|spec| PossibleValue::new(spec.id).help(format!("`{}`", spec.migrations))),
    )
}
