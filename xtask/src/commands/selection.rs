//! What a command works on: the root and its trees.

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::{TreeName, Which};
use model::tree::Tree;

/// The monorepo to work on.
pub fn root(named: Option<&Utf8Path>) -> Result<Utf8PathBuf> {
    let root = match named {
        Some(root) => root.to_owned(),
        // Cargo says where the package that it runs lies; what was compiled in serves a binary that
        // is run by itself.
        None => std::env::var("CARGO_MANIFEST_DIR")
            .map_or(Utf8Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(), Utf8PathBuf::from)
            .join(".."),
    };
    root.canonicalize_utf8().with_context(|| format!("cannot read the root `{root}`"))
}

/// The root and the trees that were asked for.
pub fn select(flags: &Which) -> Result<(Utf8PathBuf, Vec<Tree>)> {
    let root = root(flags.root.as_deref())?;
    let trees = match &flags.ini {
        Some(ini) => vec![Tree::plain(&root, ini, &flags.name, flags.cwd.as_deref())?],
        None => {
            [(TreeName::Console, Tree::console(&root)), (TreeName::Raptor, Tree::raptor(&root))]
                .into_iter()
                .filter(|(name, _)| flags.trees.is_empty() || flags.trees.contains(name))
                .map(|(_, tree)| tree)
                .collect()
        }
    };
    Ok((root, trees))
}
