//! Arguments of the commands with which revisions are written.

use std::ffi::OsString;

use camino::Utf8PathBuf;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::recipes::TREES;

/// Writes a revision on the head of a tree, with the next id, by the tree's own template and file name
/// style, and prints where. Needs neither Postgres nor Python.
///
/// Exit status: 0 it was written; 2 it was not, and why: several heads, revisions that do not fit together.
#[derive(Clone, Debug, Args)]
pub struct New {
    /// The tree
    #[arg(value_name = "TREE", value_parser = tree_names())]
    pub tree: String,

    /// What the revision does, in one line: "add the region of a customer"
    #[arg(value_name = "MESSAGE")]
    pub message: String,

    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,
}

/// Runs a tree's own Alembic, in the environment and the folder in which the gate runs it: `cargo gate alembic
/// console history`. All that follows the tree is Alembic's, and so is the exit status.
///
/// It sees your environment; env.py takes the database from DATABASE_URL.
#[derive(Clone, Debug, Args)]
pub struct AlembicArgs {
    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,

    /// Use this interpreter, which already has Alembic, and install nothing
    #[arg(long, value_name = "PATH", env = "MIGRATION_GATE_PYTHON")]
    pub python: Option<Utf8PathBuf>,

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
