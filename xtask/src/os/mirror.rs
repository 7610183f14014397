//! Mirrors of a repository: the same layout in another folder, where some files are other ones.
//!
//! Only the folders that matter are copied, file by file; everything beside them is a link to the
//! original. So files can be changed and the tree be run without touching the original.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::interrupt::Interrupt;

/// Files that are other ones in a mirror, by their path in the original; `None`: they are not there.
pub type Changed = BTreeMap<Utf8PathBuf, Option<String>>;

/// Makes the mirror of `top` in the folder `to`, which is not there yet. The files of the folders
/// `copied` below it, and of those above them, are copied.
pub fn make(
    top: &Utf8Path,
    to: &Utf8Path,
    copied: &BTreeSet<Utf8PathBuf>,
    changed: &Changed,
    interrupt: &Interrupt,
) -> Result<()> {
    let above = |file: &Utf8Path| -> Vec<Utf8PathBuf> {
        file.ancestors().take_while(|f| f.starts_with(top)).map(Utf8Path::to_owned).collect()
    };
    let parents = changed.keys().filter_map(|file| file.parent());
    let folders = copied.iter().map(Utf8PathBuf::as_path).chain(parents);
    let real: BTreeSet<Utf8PathBuf> = folders.flat_map(above).collect();
    folder(top, to, &real, interrupt)?;
    for (file, text) in changed {
        let Ok(below) = file.strip_prefix(top) else { bail!("`{file}` lies outside of `{top}`") };
        let path = to.join(below);
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).with_context(|| format!("cannot replace `{path}`"))?;
        }
        if let Some(text) = text {
            fs::write(&path, text).with_context(|| format!("cannot write `{path}`"))?;
        }
    }
    Ok(())
}

fn folder(
    from: &Utf8Path,
    to: &Utf8Path,
    real: &BTreeSet<Utf8PathBuf>,
    interrupt: &Interrupt,
) -> Result<()> {
    interrupt.check()?;
    let context = || format!("cannot mirror `{from}` in `{to}`");
    fs::create_dir_all(to).with_context(context)?;
    for entry in from.read_dir_utf8().with_context(context)? {
        let entry = entry.with_context(context)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() && real.contains(source) {
            folder(source, &target, real, interrupt)?;
        } else if kind.is_file() && entry.file_name() != ".git" {
            fs::copy(source, &target).with_context(context)?;
        } else if entry.file_name() != "__pycache__" {
            symlink(source, &target).with_context(context)?;
        }
    }
    Ok(())
}
