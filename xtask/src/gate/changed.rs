//! `--only-changed`: which trees a change touches.

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::os::git::Git;
use crate::os::interrupt::Interrupt;
use model::report::Comparison;
use model::tree::Tree;

/// Paths that decide how every tree is gated: a change of one touches all trees.
const OF_ALL: &[&str] = &["xtask", "Cargo.toml", "Cargo.lock", ".cargo"];

/// Trees that a change touches, with the base of the comparison.
pub struct ChangedTrees {
    /// The trees, in the order given.
    pub trees: Vec<Tree>,
    /// The labels of the others.
    pub others: Vec<String>,
    /// The base of the comparison.
    pub base: Comparison,
}

/// Finds the trees that the change since `since` touches, or says why the changes cannot be known.
/// Fails where `since` is given and cannot be honoured.
pub fn touched(
    trees: &[Tree],
    root: &Utf8Path,
    since: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Result<ChangedTrees, String>> {
    let Some(first) = trees.first() else { return Ok(Err("there is no tree".to_owned())) };
    let git = match (Git::at(&first.cwd, root, interrupt)?, since) {
        (Ok(git), _) => git,
        (Err(why), None) => return Ok(Err(why)),
        (Err(why), Some(since)) => {
            bail!("cannot compare with `{since}`, named by --since: {why}")
        }
    };
    let (base, changed) = match git.touched(since)? {
        Ok(touched) => touched,
        Err(why) => return Ok(Err(why)),
    };
    let of_all: Vec<Utf8PathBuf> = OF_ALL.iter().map(|name| root.join(name)).collect();
    let all = of(&of_all, &changed);
    let is_touched = |tree: &&Tree| {
        let ini = tree.ini_path();
        let folder = ini.parent().unwrap_or(&ini).to_owned();
        let own = [tree.cwd.clone(), folder].into_iter().chain(tree.requirements.clone());
        all || of(&own.collect::<Vec<_>>(), &changed)
    };
    let (touched, others): (Vec<&Tree>, Vec<&Tree>) = trees.iter().partition(is_touched);
    Ok(Ok(ChangedTrees {
        trees: touched.into_iter().cloned().collect(),
        others: others.into_iter().map(|tree| tree.label.clone()).collect(),
        base,
    }))
}

fn of(places: &[Utf8PathBuf], changed: &[Utf8PathBuf]) -> bool {
    changed.iter().any(|file| places.iter().any(|place| file.starts_with(place)))
}
