//! `cargo xtask migration-gate alembic`: the tree's own Alembic.

use std::cell::OnceCell;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::alembic::python::{self, Search};
use crate::flags::AlembicArgs;
use crate::gate::{context, selection};
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::store::Store;
use model::template::Template;

/// The code of the command `alembic` in an environment. Unlike `python -m alembic`, it puts no
/// folder of its own on the path.
const MAIN: &str =
    "import sys; sys.path.pop(0); from alembic.config import main; main(prog='alembic')";

/// Becomes the tree's Alembic. Returns only where it cannot.
pub fn run(flags: &AlembicArgs, interrupt: &Interrupt) -> Result<String> {
    let (which, arguments) = selection::one(&flags.words, &flags.other)?;
    let (root, trees) = selection::select(&which)?;
    let mut tree = trees.into_iter().next().context("no tree was named")?;
    // These may lead to databases of the gate, and there are none.
    tree.x_args.clear();
    let environments = cache_dir::folder()?.join(cache_dir::PYTHON);
    let kept = Store::of_this_user().filter(|_| !context::is_ci());
    let search = Search {
        root: &root,
        named: flags.interpreter.python.as_deref(),
        environments: &environments,
        interrupt,
        notice: &|text| {
            let _ = writeln!(anstream::stderr(), "{text}");
        },
        base: OnceCell::new(),
        kept: kept.as_ref(),
    };
    let python = python::interpreter(&search, &tree)?;
    let mut command = Command::new(&python);
    command
        .args(["-c", MAIN])
        .args(tree.alembic_options(Template::written))
        .args(arguments)
        .current_dir(&tree.cwd);
    Err(command.exec()).with_context(|| format!("cannot start `{python}` in `{}`", tree.cwd))
}
