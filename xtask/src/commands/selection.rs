//! What a command works on: the root, its trees, and the folder of what is made once.

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::{Gate, TreeName};
use crate::model::tree::Tree;

/// The root and the trees that were asked for.
pub fn select(flags: &Gate) -> Result<(Utf8PathBuf, Vec<Tree>)> {
    let root = root(flags.root.as_deref())?;
    let trees = match &flags.ini {
        Some(ini) => {
            let tree = Tree::plain(&root, ini, flags.cwd.as_deref())?;
            let (url_env, driver) = (flags.url_env.clone(), flags.driver.clone());
            vec![Tree { url_env, driver, ..tree }]
        }
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

/// The monorepo: the one that is named, else the one that holds this xtask.
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

/// Below cargo's target folder, which is where this binary lies; a binary that was moved keeps
/// them below the root's.
pub fn environments_folder(root: &Utf8Path) -> Utf8PathBuf {
    let target = std::env::current_exe()
        .ok()
        .and_then(|exe| Utf8PathBuf::from_path_buf(exe).ok())
        .and_then(|exe| {
            let tagged = |dir: &&Utf8Path| dir.join("CACHEDIR.TAG").is_file();
            exe.ancestors().skip(1).find(tagged).map(Utf8Path::to_owned)
        });
    target.unwrap_or_else(|| root.join("target")).join("migration-gate/python")
}
