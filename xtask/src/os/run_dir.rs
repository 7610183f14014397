//! The folder of one run, in the system's temporary folder and never in the checkout.
//!
//! It holds the cluster, its socket, and the home and temporary folders of the migrations. The gate
//! keeps a lock on a file in it for as long as it lives, whatever way it dies. So a folder whose
//! lock is free belongs to a dead run, and the next run clears it away: its server first. A folder
//! that `--keep` left says so by a file and is not touched.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::orphans;
use super::process::Group;

/// What the folders of all runs are called before their random part.
const PREFIX: &str = "migration-gate-";
/// Held locked by the gate that owns the folder.
/// The data directory of a server, in the folder of its run.
pub const DATA_DIR: &str = "data";
const LOCK: &str = "lock";
/// Its presence says that `--keep` left the folder on purpose.
const KEPT: &str = "kept";
/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// How many bytes must be free there: a cluster takes about a tenth of it.
const MEMORY_ROOM: u64 = 1 << 30;
/// The longest path that a Unix socket can have, in bytes: `sun_path` less its NUL.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The folder of one run, removed with this value.
#[derive(Debug)]
pub struct RunDir {
    // Dropped in this order: the lock must outlive the folder.
    dir: TempDir,
    path: Utf8PathBuf,
    _lock: File,
}

impl RunDir {
    /// Makes the folder, in memory where that has room, after clearing away those of dead runs: a
    /// disk takes longer to make a cluster's thousand files than the migrations take to run. Who
    /// names a TMPDIR gets that. `server_user` is the user that the server will run as, where that
    /// is not the caller. Fails where no temporary folder can be used, and says what is wrong with
    /// each.
    pub fn new(server_user: Option<&User>) -> Result<RunDir> {
        clear_dead_runs(Utf8Path::new(MEMORY));
        if let Some(scratch) = RunDir::in_memory(server_user) {
            return Ok(scratch);
        }
        let mut tried = Vec::new();
        for base in temporary_folders() {
            match Utf8PathBuf::from_path_buf(base) {
                Ok(base) => {
                    clear_dead_runs(&base);
                    match RunDir::new_in(&base, server_user) {
                        Ok(scratch) => return Ok(scratch),
                        Err(err) => tried.push(format!("  {base}: {err:#}")),
                    }
                }
                Err(base) => tried.push(format!("  {}: not UTF-8", base.display())),
            }
        }
        bail!(
            "cannot make a temporary folder:\n{}\nname one that can be used with TMPDIR",
            tried.join("\n")
        )
    }

    /// `None` where there is no memory to be used: a folder there that cannot be used is no loss.
    fn in_memory(server_user: Option<&User>) -> Option<RunDir> {
        let base = Utf8Path::new(MEMORY);
        if std::env::var_os("TMPDIR").is_some() || free_bytes(base) < MEMORY_ROOM {
            return None;
        }
        RunDir::new_in(base, server_user).ok()
    }

    fn new_in(base: &Utf8Path, server_user: Option<&User>) -> Result<RunDir> {
        let socket = base.join(format!("{PREFIX}XXXXXX/.s.PGSQL.5432"));
        if socket.as_str().len() > SOCKET_PATH_MAX {
            bail!("its path is too long for a Unix socket ({SOCKET_PATH_MAX} bytes at most)");
        }
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(base)?;
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned())
            .map_err(|path| anyhow::anyhow!("`{}` is not UTF-8", path.display()))?;
        // Locked before it has its name: nobody ever sees it free while this run lives.
        let unnamed = path.join("lock.new");
        let lock =
            File::create_new(&unnamed).with_context(|| format!("cannot make `{unnamed}`"))?;
        lock.lock().with_context(|| format!("cannot lock `{unnamed}`"))?;
        fs::rename(&unnamed, path.join(LOCK)).context("cannot name the lock file")?;
        for name in ["home", "tmp"] {
            fs::create_dir(path.join(name)).with_context(|| format!("cannot make `{name}`"))?;
        }
        if let Some(user) = server_user {
            chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .with_context(|| format!("cannot give the folder to user {}", user.name))?;
            check_reachable(&path, user)?;
        }
        Ok(RunDir { dir, path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The home folder of what runs migrations.
    pub fn home(&self) -> Utf8PathBuf {
        self.path.join("home")
    }

    /// The temporary folder of what runs migrations.
    pub fn tmp(&self) -> Utf8PathBuf {
        self.path.join("tmp")
    }

    /// Leaves the folder where it is, and marks it so that no later run clears it away.
    pub fn keep(&mut self) -> Result<()> {
        File::create(self.path.join(KEPT)).context("cannot mark the folder as kept")?;
        self.dir.disable_cleanup(true);
        Ok(())
    }
}

/// How many bytes are free for this user on the file system of a folder.
fn free_bytes(folder: &Utf8Path) -> u64 {
    let stat = rustix::fs::statvfs(folder.as_std_path());
    stat.map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Asks as the user itself, since rights have more sources than the mode bits of a folder.
fn check_reachable(path: &Utf8Path, user: &User) -> Result<()> {
    let mut command = Command::new("sh");
    command
        .args(["-c", "test -w . && cd \"$1\"", "sh", path.as_str()])
        .uid(user.uid.as_raw())
        .gid(user.gid.as_raw())
        .current_dir(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match Group::spawn(&mut command).and_then(|mut group| group.child.wait()) {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("user {}, whom the server would run as, cannot reach it", user.name),
    }
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
    let socket = base.join(format!("{PREFIX}XXXXXX/.s.PGSQL.5432"));
    let fits = socket.as_os_str().len() <= SOCKET_PATH_MAX;
    (base, fits)
}

/// What became of a run whose folder is still there.
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
            let fate = match path.join(KEPT).exists() {
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
    let started = fs::read_to_string(run.join(DATA_DIR).join("postmaster.opts"));
    started.is_ok_and(|command| command.starts_with(&format!("{folder}/")))
}

/// Ends what a dead run left running and removes its folder; says whether that is gone.
pub fn clear(path: &Utf8Path) -> bool {
    if belongs_to_dead_run(path) {
        orphans::end_server(&path.join(DATA_DIR));
        let _ = fs::remove_dir_all(path);
    }
    !path.exists()
}

/// Clears away what runs left that were killed before they could: best effort, since a folder that
/// cannot be removed hinders nobody.
fn clear_dead_runs(base: &Utf8Path) {
    let Ok(entries) = base.read_dir_utf8() else { return };
    for entry in entries.flatten() {
        if entry.file_name().starts_with(PREFIX) {
            clear(entry.path());
        }
    }
}

/// Whether a folder was made by a gate of this user that no longer lives, and not kept.
fn belongs_to_dead_run(path: &Utf8Path) -> bool {
    if !is_ours(path) || path.join(KEPT).exists() {
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
