//! `--only-changed`: which trees a change touches.

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use crate::drivers::git::Git;
use crate::drivers::interrupt::Interrupt;
use model::tree::Tree;

/// What the monorepo's trees are all gated by: a change of it touches each.
const OF_ALL: &[&str] = &["xtask", "Cargo.toml", "Cargo.lock", ".cargo"];

/// The trees that a change touches, and what it is a change of.
pub(super) struct Touched {
    /// The trees, in the order given.
    pub(super) trees: Vec<Tree>,
    /// The labels of the others.
    pub(super) others: Vec<String>,
    /// The base branch.
    pub(super) base: String,
}

/// Finds the trees that the change since `since` touches; `None` where nothing says what has
/// changed. Fails where there is no `since`, or git cannot tell.
pub(super) fn touched(
    trees: &[Tree],
    root: &Utf8Path,
    since: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Option<Touched>> {
    let Some(first) = trees.first() else { return Ok(None) };
    let Some(git) = Git::at(&first.cwd, root, interrupt)? else { return Ok(None) };
    let Some((base, changed)) = git.touched(since)? else { return Ok(None) };
    let of_all: Vec<Utf8PathBuf> = OF_ALL.iter().map(|name| root.join(name)).collect();
    let all = of(&of_all, &changed);
    let is_touched = |tree: &&Tree| {
        let ini = tree.ini_path();
        let folder = ini.parent().unwrap_or(&ini).to_owned();
        all || of(&[tree.cwd.clone(), folder, tree.requirements.clone()], &changed)
    };
    let (touched, others): (Vec<&Tree>, Vec<&Tree>) = trees.iter().partition(is_touched);
    Ok(Some(Touched {
        trees: touched.into_iter().cloned().collect(),
        others: others.into_iter().map(|tree| tree.label.clone()).collect(),
        base,
    }))
}

fn of(places: &[Utf8PathBuf], changed: &[Utf8PathBuf]) -> bool {
    changed.iter().any(|file| places.iter().any(|place| file.starts_with(place)))
}
