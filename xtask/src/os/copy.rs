//! Copies of folders, and edits in them.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};

use anyhow::{Context, Result, bail};
use camino::Utf8Path;
use nix::unistd::geteuid;

use super::interrupt::Interrupt;
use model::incident::Edit;

/// Copies a folder with the owners and modes of its entries. `wanted` can turn entries down by
/// name. The copy must not be there yet.
pub fn folder(
    from: &Utf8Path,
    to: &Utf8Path,
    wanted: &dyn Fn(&str) -> bool,
    interrupt: &Interrupt,
) -> Result<()> {
    interrupt.check()?;
    let context = || format!("cannot copy `{from}` to `{to}`");
    fs::create_dir(to).with_context(context)?;
    for entry in from.read_dir_utf8().with_context(context)? {
        let entry = entry.with_context(context)?;
        if !wanted(entry.file_name()) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() {
            folder(source, &target, wanted, interrupt)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(source).with_context(context)?, &target).with_context(context)?;
        } else if kind.is_file() {
            fs::copy(source, &target).with_context(context)?;
            keep_owner(source, &target).with_context(context)?;
        }
    }
    let mode = fs::metadata(from).with_context(context)?.permissions();
    fs::set_permissions(to, mode).with_context(context)?;
    keep_owner(from, to).with_context(context)
}

/// Only root can give a file away; another user owns both the file and the copy.
fn keep_owner(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(from)?;
    chown(to, Some(owner.uid()), Some(owner.gid()))
}

/// Edits the files below `root`. `today` holds them as they are in the monorepo.
pub fn edit(edits: &[Edit], root: &Utf8Path, today: &Utf8Path) -> Result<()> {
    for edit in edits {
        match edit {
            Edit::Add { file, text } => {
                let path = root.join(file);
                if path.exists() {
                    bail!(
                        "cannot add `{file}`: it is there already\nhint: `replace` changes a file"
                    );
                }
                fs::write(&path, text).with_context(|| format!("cannot add `{file}`"))?;
            }
            Edit::Remove { file } => {
                fs::remove_file(root.join(file))
                    .with_context(|| format!("cannot remove `{file}`"))?;
            }
            Edit::Rename { file, to } => {
                if root.join(to).exists() {
                    bail!("cannot rename `{file}` to `{to}`: that is there already");
                }
                fs::rename(root.join(file), root.join(to))
                    .with_context(|| format!("cannot rename `{file}` to `{to}`"))?;
            }
            Edit::Replace { file, old, new } => {
                let path = root.join(file);
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot replace a text in `{file}`"))?;
                let count = text.matches(old.as_str()).count();
                if count != 1 {
                    bail!(
                        "cannot replace a text in `{file}`: it stands there {count} times, and must \
                         exactly once:\n{old}"
                    );
                }
                fs::write(&path, text.replacen(old.as_str(), new, 1))
                    .with_context(|| format!("cannot write `{file}`"))?;
            }
            Edit::Today { file } => {
                fs::copy(today.join(file), root.join(file))
                    .with_context(|| format!("cannot take `{file}` from the monorepo"))?;
            }
        }
    }
    Ok(())
}
