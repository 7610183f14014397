//! The folder of one run, in the system's temporary folder and never in the checkout.
//!
//! It holds a folder for each server, with the cluster and its socket, and one for the workers,
//! with the home and temporary folders of migrations. The gate keeps a lock on a file in it for as
//! long as it lives, however it ends. So a folder whose lock is free belongs to a dead run, and the
//! next run clears it away: its server first. A folder that `--keep` left says so by a file and is
//! not touched.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::orphans;
use super::sandbox;

/// Prefix of the names of all run folders, before their random part.
const PREFIX: &str = "migration-gate-";
/// The data directory of a server, in the folder of its run.
pub const DATA_DIR: &str = "data";
/// The data directory that `initdb` makes there, on which no server starts.
pub const FRESH_DIR: &str = "initdb";
/// Held locked by the gate that owns the folder.
pub const LOCK: &str = "lock";
/// Its presence says that `--keep` left the folder on purpose.
const KEPT: &str = "kept";
/// The folders of workers.
const HOME: &str = "home";
const TMP: &str = "tmp";
const PYCACHE: &str = "pycache";
/// A socket's path below a temporary folder.
const SOCKET: &str = "migration-gate-XXXXXX/XXXXXX/.s.PGSQL.5432";
/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// How many bytes must be free there: a cluster takes about a tenth of it.
const MEMORY_ROOM: u64 = 1 << 30;
/// The longest path that a Unix socket can have, in bytes: `sun_path` less its NUL.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A folder for a server or for workers, removed with this value.
#[derive(Debug)]
pub struct RunDir {
    // Dropped in this order: the lock must outlive the folder.
    dir: TempDir,
    path: Utf8PathBuf,
    run: Arc<RunFolder>,
}

/// The folder of this process, in which all its folders lie; removed with the last of them.
#[derive(Debug)]
struct RunFolder {
    dir: Mutex<TempDir>,
    path: Utf8PathBuf,
    _lock: File,
}

/// Written into the folder of a run where the kernel allows no namespaces.
pub const NOT_ISOLATED: &str = "not-isolated";

/// The folder of this process, while there is one.
static RUN: Mutex<Weak<RunFolder>> = Mutex::new(Weak::new());

impl RunDir {
    /// Makes the folder, in memory where that has room: a disk takes longer to make a cluster's thousand
    /// files than the migrations take to run. `TMPDIR`, where it is set, comes before memory. `owner` is the
    /// user that works in the folder, where that is not the caller. Fails where no temporary folder can be
    /// used, and says what is wrong with each.
    pub fn new(owner: Option<&User>) -> Result<RunDir> {
        let mut current = RUN.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match current.upgrade() {
            Some(run) => run,
            None => {
                let run = Arc::new(RunFolder::new(owner)?);
                *current = Arc::downgrade(&run);
                run
            }
        };
        drop(current);
        let dir = tempfile::Builder::new()
            .prefix("")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&run.path)
            .with_context(|| format!("cannot make a folder in `{}`", run.path))?;
        let path = utf8(&dir)?;
        let own = |path: &Utf8Path| match owner {
            Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())),
            None => Ok(()),
        };
        own(&path).with_context(|| format!("cannot give `{path}` to its user"))?;
        for name in [HOME, TMP, PYCACHE] {
            let folder = path.join(name);
            fs::create_dir(&folder)
                .and_then(|()| own(&folder))
                .with_context(|| format!("cannot make `{folder}`"))?;
        }
        Ok(RunDir { dir, path, run })
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The folder in which all folders of this process lie.
    pub fn run_folder(&self) -> &Utf8Path {
        &self.run.path
    }

    /// The home folder of workers.
    pub fn home(&self) -> Utf8PathBuf {
        self.path.join(HOME)
    }

    /// The temporary folder of workers.
    pub fn tmp(&self) -> Utf8PathBuf {
        self.path.join(TMP)
    }

    /// The folder of compiled Python files.
    pub fn pycache(&self) -> Utf8PathBuf {
        self.path.join(PYCACHE)
    }

    /// Leaves the folder where it is, and marks it so that no later run clears it away.
    pub fn keep(&mut self) -> Result<()> {
        File::create(self.path.join(KEPT)).context("cannot mark the folder as kept")?;
        self.dir.disable_cleanup(true);
        let mut run = self.run.dir.lock().unwrap_or_else(PoisonError::into_inner);
        run.disable_cleanup(true);
        Ok(())
    }
}

impl RunFolder {
    fn new(owner: Option<&User>) -> Result<RunFolder> {
        if let Some(run) = RunFolder::in_memory(owner) {
            return Ok(run);
        }
        let mut tried = Vec::new();
        for base in temporary_folders() {
            match Utf8PathBuf::from_path_buf(base) {
                Ok(base) => match RunFolder::new_in(&base, owner) {
                    Ok(run) => return Ok(run),
                    Err(err) => tried.push(format!("  {base}: {err:#}")),
                },
                Err(base) => tried.push(format!("  {}: not UTF-8", base.display())),
            }
        }
        bail!(
            "cannot make a temporary folder:\n{}\nname one that can be used with TMPDIR",
            tried.join("\n")
        )
    }

    /// `None` where there is no memory to be used: a folder there that cannot be used is no loss.
    fn in_memory(owner: Option<&User>) -> Option<RunFolder> {
        let base = Utf8Path::new(MEMORY);
        if std::env::var_os("TMPDIR").is_some() || free_bytes(base) < MEMORY_ROOM {
            return None;
        }
        RunFolder::new_in(base, owner).ok()
    }

    fn new_in(base: &Utf8Path, owner: Option<&User>) -> Result<RunFolder> {
        if base.join(SOCKET).as_str().len() > SOCKET_PATH_MAX {
            bail!("its path is too long for a Unix socket ({SOCKET_PATH_MAX} bytes at most)");
        }
        // Others only pass through, to folders of their own.
        let mode = if owner.is_some() { 0o711 } else { 0o700 };
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(mode))
            .tempdir_in(base)?;
        let path = utf8(&dir)?;
        // It is locked before it has its name, so no other process sees it unlocked while this run
        // lives.
        let unnamed = path.join("lock.new");
        let lock =
            File::create_new(&unnamed).with_context(|| format!("cannot make `{unnamed}`"))?;
        lock.lock().with_context(|| format!("cannot lock `{unnamed}`"))?;
        fs::rename(&unnamed, path.join(LOCK)).context("cannot name the lock file")?;
        if let Some(user) = owner {
            // A umask may have taken away rights that other users need.
            fs::set_permissions(&path, Permissions::from_mode(mode))
                .context("cannot open the folder to others")?;
            if !sandbox::is_reachable_by(user, &path) {
                bail!("user {}, whom the server would run as, cannot reach it", user.name);
            }
        }
        Ok(RunFolder { dir: Mutex::new(dir), path, _lock: lock })
    }
}

fn utf8(dir: &TempDir) -> Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(dir.path().to_owned())
        .map_err(|path| anyhow::anyhow!("`{}` is not UTF-8", path.display()))
}

/// How many bytes are free for this user on the file system of a folder.
fn free_bytes(folder: &Utf8Path) -> u64 {
    let stat = rustix::fs::statvfs(folder.as_std_path());
    stat.map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Where the folders of runs may lie, in order, beside memory.
fn temporary_folders() -> Vec<PathBuf> {
    let mut bases = vec![std::env::temp_dir()];
    bases.extend(["/tmp", "/var/tmp"].map(Into::into));
    bases.dedup();
    bases
}

/// The first of the temporary folders, and whether a socket's path has room in it.
pub fn temporary_folder() -> (PathBuf, bool) {
    let base = temporary_folders().swap_remove(0);
    let socket = base.join(SOCKET);
    let fits = socket.as_os_str().len() <= SOCKET_PATH_MAX;
    (base, fits)
}

/// State of a run whose folder is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunDirState {
    /// It goes on.
    Lives,
    /// It ended before it could clear up.
    Died,
    /// `--keep` left it on purpose.
    Kept,
}

/// The folders of this user's runs that are still there.
pub fn runs() -> Vec<(Utf8PathBuf, RunDirState)> {
    let mut bases: Vec<Utf8PathBuf> = vec![MEMORY.into()];
    bases
        .extend(temporary_folders().into_iter().filter_map(|b| Utf8PathBuf::from_path_buf(b).ok()));
    let entries = bases.iter().filter_map(|base| base.read_dir_utf8().ok()).flatten().flatten();
    let mut runs: Vec<(Utf8PathBuf, RunDirState)> = entries
        .filter(|entry| entry.file_name().starts_with(PREFIX) && is_ours(entry.path()))
        .map(|entry| {
            let path = entry.path().to_owned();
            let fate = match is_kept(&path) {
                true => RunDirState::Kept,
                false if belongs_to_dead_run(&path) => RunDirState::Died,
                false => RunDirState::Lives,
            };
            (path, fate)
        })
        .collect();
    runs.sort_by(|a, b| a.0.cmp(&b.0));
    runs.dedup_by(|a, b| a.0 == b.0);
    runs
}

/// Whether the server of a run was started from a folder, which `postmaster.opts` tells.
pub fn runs_from(run: &Utf8Path, folder: &Utf8Path) -> bool {
    folders_in(run).iter().any(|sub| {
        let started = fs::read_to_string(sub.join(DATA_DIR).join("postmaster.opts"));
        started.is_ok_and(|command| command.starts_with(&format!("{folder}/")))
    })
}

/// Ends the processes that a dead run left and removes its folder; returns whether the folder is
/// gone.
pub fn clear(path: &Utf8Path) -> bool {
    if belongs_to_dead_run(path) {
        for folder in folders_in(path) {
            orphans::end_server(&folder.join(DATA_DIR));
            orphans::end_server(&folder.join(FRESH_DIR));
        }
        orphans::end_processes_of(path);
        let _ = fs::remove_dir_all(path);
    }
    !path.exists()
}

/// Clears away the remains of killed runs. Best effort: a folder that cannot be removed does no
/// harm.
pub fn clear_dead_runs() {
    for (path, _) in runs().iter().filter(|(_, state)| *state == RunDirState::Died) {
        clear(path);
    }
}

/// The folders in the folder of a run.
fn folders_in(run: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = run.read_dir_utf8().into_iter().flatten().flatten();
    entries.map(camino::Utf8DirEntry::into_path).filter(|path| path.is_dir()).collect()
}

/// Whether `--keep` left something in the folder of a run that is there still.
fn is_kept(run: &Utf8Path) -> bool {
    folders_in(run).iter().any(|folder| folder.join(KEPT).exists())
}

/// Whether a folder was made by a gate of this user that no longer lives, and not kept.
fn belongs_to_dead_run(path: &Utf8Path) -> bool {
    if !is_ours(path) || is_kept(path) {
        return false;
    }
    let Ok(file) = File::open(path.join(LOCK)) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Whether a folder was made by a gate of this user.
fn is_ours(path: &Utf8Path) -> bool {
    // The temporary folder is everybody's: a folder that someone else made to look like ours must
    // not lead the gate to end processes or remove files for them.
    fs::symlink_metadata(path.join(LOCK))
        .is_ok_and(|meta| meta.is_file() && meta.uid() == geteuid().as_raw() && meta.nlink() == 1)
}
