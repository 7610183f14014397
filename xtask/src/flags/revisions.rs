//! Arguments of the commands with which revisions are written.

use std::ffi::OsString;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Args};

use super::shared::{Interpreter, OtherTree};
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

    /// The tree, where it is none of the monorepo's.
    #[command(flatten)]
    pub other: OtherTree,
}

/// Run a tree's own Alembic: `alembic console history`
///
/// It runs in the environment and the folder in which the gate runs it. All that follows the tree is Alembic's,
/// and so is the exit status. It sees your environment; env.py takes its database from there (DATABASE_URL).
/// With --ini no tree is named: `alembic --ini alembic.ini history`.
#[derive(Clone, Debug, Args)]
pub struct AlembicArgs {
    /// The tree, where it is none of the monorepo's.
    #[command(flatten)]
    pub other: OtherTree,

    /// The interpreter.
    #[command(flatten)]
    pub interpreter: Interpreter,

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
