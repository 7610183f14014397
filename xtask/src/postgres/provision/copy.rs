//! The copy of a package in the cache: made whole, and known to be whole.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use anyhow::{Context, Result, bail};
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};
use serde::Deserialize;

use super::package::{Package, VERSION, megabytes};
use crate::os::cache_dir;
use crate::os::interrupt::Interrupt;
use crate::os::manifest;
use crate::os::sandbox;
use crate::postgres::binaries::{self, PostgresFolder, SearchedFolder};

/// The package's list of symbolic links, which npm cannot carry.
const LINKS: &str = "pg-symlinks.json";

/// A symbolic link as the package describes it, relative to the package.
#[derive(Deserialize)]
struct Link {
    /// Its target.
    source: Utf8PathBuf,
    /// Where it is.
    target: Utf8PathBuf,
}

/// Makes the copy: `install` puts the package below a folder and returns where its binaries,
/// libraries and links lie. Returns its size in bytes.
pub fn make(
    folder: &Utf8Path,
    user: Option<&User>,
    interrupt: &Interrupt,
    install: &dyn Fn(&Utf8Path) -> Result<Utf8PathBuf>,
) -> Result<u64> {
    let (kind, name) =
        folder.parent().zip(folder.file_name()).context("the cache has no folder")?;
    let beside = format!("{name}.part-");
    // An npm whose gate was killed may still run and write. So each attempt has a name of its own,
    // and the leftovers of such an npm are removed at the end.
    let remove_parts = || -> Result<()> {
        let entries = kind.read_dir_utf8().with_context(|| format!("cannot read `{kind}`"))?;
        for entry in entries.flatten().filter(|entry| entry.file_name().starts_with(&beside)) {
            let _ = fs::remove_dir_all(entry.path());
        }
        Ok(())
    };
    remove_parts()?;
    let part = tempfile::Builder::new().prefix(&beside).tempdir_in(kind);
    let part = part.map_err(|err| cache_dir::cannot(&format!("write in `{kind}`"), &err))?;
    let part = Utf8Path::from_path(part.path()).context("the cache's path is not UTF-8")?;
    if let Some(user) = user {
        check_reachable(kind, user)?;
    }
    let native = install(part)?;
    interrupt.check()?;
    link(&native)?;
    check_that_it_runs(&native.join("bin"), interrupt)?;
    if geteuid().is_root() {
        open_for_all(&native)?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove the damaged `{folder}`"))?;
    }
    fs::rename(&native, folder).with_context(|| format!("cannot name `{folder}`"))?;
    manifest::write(folder)?;
    remove_parts()?;
    Ok(cache_dir::size(folder))
}

/// A system may lack something that the binaries need, such as their C library.
fn check_that_it_runs(dir: &Utf8Path, interrupt: &Interrupt) -> Result<()> {
    match binaries::look_at(dir, interrupt)? {
        PostgresFolder::Fifteen(_) => Ok(()),
        found => bail!(
            "what npm has does not run here: {}",
            SearchedFolder { dir: dir.to_owned(), found }
        ),
    }
}

/// Makes the links that the package describes, and only inside the copy.
fn link(native: &Utf8Path) -> Result<()> {
    let path = native.join(LINKS);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
    let links: Vec<Link> =
        serde_json::from_str(&text).with_context(|| format!("cannot understand `{path}`"))?;
    for Link { source, target } in links {
        let inside = |path: &Utf8Path| {
            let plain = |part| matches!(part, Utf8Component::Normal(_));
            let inside = path.strip_prefix("native").ok()?;
            inside.components().all(plain).then(|| inside.to_owned())
        };
        let (Some(source), Some(target)) = (inside(&source), inside(&target)) else {
            bail!("the package wants a link outside itself: `{target}` to `{source}`");
        };
        // Within one folder, the name is enough, and stays true when the copy is renamed.
        let Some(name) = source.file_name().filter(|_| source.parent() == target.parent()) else {
            bail!("the package wants a link between two folders: `{target}` to `{source}`");
        };
        let at = native.join(&target);
        symlink(name, &at).with_context(|| format!("cannot make the link `{at}`"))?;
    }
    Ok(())
}

/// Lets the server's user read the files that root has installed, in spite of root's umask.
fn open_for_all(folder: &Utf8Path) -> Result<()> {
    let open = |path: &Utf8Path, mode: u32| {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .with_context(|| format!("cannot change the rights of `{path}`"))
    };
    open(folder, 0o755)?;
    let entries = folder.read_dir_utf8().with_context(|| format!("cannot read `{folder}`"))?;
    for entry in entries.flatten() {
        let meta = fs::symlink_metadata(entry.path())
            .with_context(|| format!("cannot read `{}`", entry.path()))?;
        if meta.is_dir() {
            open_for_all(entry.path())?;
        } else if meta.is_file() {
            let run = if meta.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
            open(entry.path(), run)?;
        }
    }
    Ok(())
}

/// Fails where there is less room than the download, its unpacking and the installation need.
pub fn room(kind: &Utf8Path, package: &Package) -> Result<()> {
    let Ok(stat) = rustix::fs::statvfs(kind.as_std_path()) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let needed = package.installed + package.download;
    if free < needed {
        bail!(
            "cannot install Postgres {VERSION} in `{kind}`: {} are free there, {} are needed\n\
             hint: make room, or name a folder elsewhere with XDG_CACHE_HOME",
            megabytes(free),
            megabytes(needed)
        );
    }
    Ok(())
}

/// Asks as the user itself, since rights have more sources than the mode bits of a folder.
fn check_reachable(folder: &Utf8Path, user: &User) -> Result<()> {
    if sandbox::is_reachable_by(user, folder) {
        return Ok(());
    }
    bail!(
        "user {}, whom the server runs as, cannot reach `{folder}`\n\
             hint: name a folder that it can reach with XDG_CACHE_HOME; without it root's is `{}`",
        user.name,
        cache_dir::SYSTEM
    )
}
