//! Cache folder of the user: things that are made once and serve every checkout, a subfolder for
//! each kind.
//!
//! A gate holds a shared lock on the folder for as long as it lives, so that `doctor --clean`
//! removes nothing that a running gate uses. An entry is made beside its place, under a lock of its
//! own, and renamed when it is whole.

use std::ffi::OsString;
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};

use super::interrupt::Interrupt;

/// Where caches of the whole system lie.
pub const SYSTEM: &str = if cfg!(target_os = "macos") { "/Library/Caches" } else { "/var/cache" };
/// The folder's name among the caches of the user.
const NAME: &str = "migration-gate";
/// Every running gate locks this file shared, a cleaning process exclusively. The file is never
/// removed: a gate that opened it before would hold a lock on a file that no other process opens.
pub const LOCK: &str = "lock";
/// Suffix of manifest names.
pub const MANIFEST: &str = "manifest";

/// The kind of Postgres binaries.
pub const POSTGRES: &str = "postgres";
/// The kind of Python environments.
pub const PYTHON: &str = "python";

/// Where the cache of this user lies, whether it is there yet or not. Fails where nothing says
/// which folder is the user's.
pub fn folder() -> Result<Utf8PathBuf> {
    let absolute = |value: OsString| {
        Utf8PathBuf::from_path_buf(value.into()).ok().filter(|path| path.is_absolute())
    };
    let named = std::env::var_os("XDG_CACHE_HOME").and_then(absolute);
    let home = std::env::var_os("HOME").and_then(absolute).or_else(|| {
        let user = User::from_uid(geteuid()).ok()??;
        Utf8PathBuf::from_path_buf(user.dir).ok()
    });
    caches(named, home, geteuid().is_root()).map(|caches| caches.join(NAME)).context(
        "cannot tell where this user's caches lie: HOME is not set, and the system does not know \
         the user\nhint: name a folder that can be written with XDG_CACHE_HOME",
    )
}

/// Root's server runs as another user, whom root's home shuts out: root's caches are the system's.
fn caches(
    named: Option<Utf8PathBuf>,
    home: Option<Utf8PathBuf>,
    root: bool,
) -> Option<Utf8PathBuf> {
    let own = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    named.or_else(|| if root { Some(SYSTEM.into()) } else { home.map(|home| home.join(own)) })
}

/// Makes a folder of the cache that the server's user can enter. Fails where it cannot be made.
pub fn make(folder: &Utf8Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make(parent)?;
    }
    match fs::create_dir(folder) {
        Err(err) if err.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(cannot(&format!("make `{folder}`, for what the gate makes once"), &err));
        }
        _ => {}
    }
    if geteuid().is_root() {
        // Another gate may have done so; and a narrow umask must not shut the server's user out.
        let _ = fs::set_permissions(folder, Permissions::from_mode(0o755));
    }
    Ok(())
}

/// Keeps the cache from being cleaned for as long as the value lives. `None` where there is none
/// that could be locked, and so none that could be cleaned.
pub fn hold() -> Option<File> {
    let folder = folder().ok()?;
    make(&folder).ok()?;
    let file = lock_file(&folder.join(LOCK)).ok()?;
    file.lock_shared().ok()?;
    Some(file)
}

/// Keeps every gate from using the cache for as long as the value lives. `None` where one uses it.
pub fn alone() -> Option<File> {
    let folder = folder().ok()?;
    make(&folder).ok()?;
    let file = lock_file(&folder.join(LOCK)).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// The entries of a folder of the cache, without locks, each with its size in bytes.
pub fn things(folder: &Utf8Path) -> Vec<(Utf8PathBuf, u64)> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let things = entries.map(|entry| entry.path().to_owned());
    let is_lock = |path: &Utf8Path| {
        matches!(path.extension(), Some("lock" | MANIFEST)) || path.ends_with(LOCK)
    };
    let mut things: Vec<_> =
        things.filter(|path| !is_lock(path)).map(|path| (path.clone(), size(&path))).collect();
    things.sort();
    things
}

/// The size of a file, or of all files below a folder, in bytes.
pub fn size(path: &Utf8Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let entries = path.read_dir_utf8().into_iter().flatten().flatten();
            entries.map(|entry| size(entry.path())).sum()
        }
        Ok(meta) => meta.len(),
        Err(_) => 0,
    }
}

/// Removes an entry; returns whether it is gone.
pub fn remove(path: &Utf8Path) -> bool {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    !path.exists()
}

/// Takes the lock on a file and waits for it where it must, saying so once with `waiting`.
pub fn lock(
    path: &Utf8Path,
    waiting: &str,
    interrupt: &Interrupt,
    notice: &(dyn Fn(&str) + Sync),
) -> Result<File> {
    let file = lock_file(path)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(err)) => {
                return Err(err).with_context(|| format!("cannot lock `{path}`"));
            }
        }
        if !told {
            notice(waiting);
            told = true;
        }
        interrupt.sleep(Duration::from_millis(50))?;
    }
}

fn lock_file(path: &Utf8Path) -> Result<File> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|err| cannot(&format!("write `{path}`"), &err))
}

/// An error about the cache: the action that failed, the cause, and what to do about it.
pub fn cannot(what: &str, err: &std::io::Error) -> anyhow::Error {
    anyhow!("cannot {what}: {err}\nhint: name a folder that can be written with XDG_CACHE_HOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_folder_named_users_or_systems_in_that_order() {
        let home = || Some(Utf8PathBuf::from("/home/u"));
        assert_eq!(caches(Some("/x".into()), home(), true).unwrap(), "/x");
        assert_eq!(caches(Some("/x".into()), None, false).unwrap(), "/x");
        assert!(caches(None, home(), false).unwrap().starts_with("/home/u"));
        assert!(!caches(None, home(), true).unwrap().starts_with("/home/u"));
        assert_eq!(caches(None, None, false), None);
    }
}
