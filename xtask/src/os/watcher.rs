//! Watcher of the files below some folders.
//!
//! The system's own service (inotify, FSEvents) says where something happened; whether a file holds
//! something else than before is seen by reading it, so that a save that changes nothing, or an
//! editor's temporary file that is gone again, is no change. Events at one moment are one change:
//! an editor that replaces a file, a checkout, a rebase of many commits. Where the system says that
//! a file was closed (inotify), one that is being written is waited for: half a revision is no
//! save.

use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use sha2::{Digest, Sha256};

use super::interrupt::Interrupt;

/// How long nothing must happen for a change to be complete. An editor replaces a file within a
/// millisecond; git writes file after file without a rest.
const QUIET: Duration = Duration::from_millis(6);
/// How long a file may stay open after it was written to for that to count as one change.
const WRITING_TIMEOUT: Duration = Duration::from_secs(1);
/// How long git may hold its index lock for its edits to count as one change.
const GIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often git's lock is looked at.
const GIT_POLL: Duration = Duration::from_millis(20);
/// Files above this are not read: that they were written is change enough.
const READ_MAX: u64 = 16 << 20;

/// Watches folders.
pub struct Watcher {
    _service: RecommendedWatcher,
    noted: Arc<Mutex<PendingChanges>>,
    alarm: UnixStream,
    /// Hashes of the files when they were last read.
    held: HashMap<Utf8PathBuf, Option<[u8; 32]>>,
    /// `.git/index.lock`, which git holds while it changes the work tree.
    git_lock: Option<Utf8PathBuf>,
}

impl Watcher {
    /// Begins to watch. Fails where a folder cannot be watched: the system may bound how many can.
    pub fn new(folders: &[Utf8PathBuf], git_folder: Option<&Utf8Path>) -> Result<Watcher> {
        let (alarm, mut bell) = UnixStream::pair().context("cannot make a socket pair")?;
        for end in [&alarm, &bell] {
            end.set_nonblocking(true).context("cannot set up a socket")?;
        }
        let noted = Arc::new(Mutex::new(PendingChanges::default()));
        let notes = Arc::clone(&noted);
        let mut service =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // An overflow names no file, so all files are read.
                let Ok(event) = event else { return };
                let mut noted = notes.lock().unwrap_or_else(PoisonError::into_inner);
                if noted.note(event) {
                    // A full socket is readable, which is all that is wanted.
                    let _ = bell.write(&[1]);
                }
            })
            .context("cannot watch files")?;
        let mut held = HashMap::new();
        for folder in folders {
            service
                .watch(folder.as_std_path(), RecursiveMode::Recursive)
                .with_context(|| format!("cannot watch `{folder}`"))?;
            remember(folder, &mut held);
        }
        let git_lock = git_folder.map(|folder| folder.join("index.lock"));
        Ok(Watcher { _service: service, noted, alarm, held, git_lock })
    }

    /// Readable once something happened.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.alarm.as_fd()
    }

    /// Waits until a change is over, and returns the files that have other content, are new, or are
    /// gone.
    pub fn changed(&mut self, interrupt: &Interrupt) -> Result<Vec<Utf8PathBuf>> {
        self.wait_until_over(interrupt)?;
        let PendingChanges { touched, .. } = std::mem::take(&mut *self.noted());
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for path in touched {
            if path.is_dir() {
                // A file that was moved here with its folder has no event of its own.
                let mut below = HashMap::new();
                remember(&path, &mut below);
                for (file, holds) in below {
                    if self.held.insert(file.clone(), holds) != Some(holds) {
                        changed.push(file);
                    }
                }
                continue;
            }
            let holds = digest(&path);
            let before = match holds {
                Some(_) => self.held.insert(path.clone(), holds).flatten(),
                None => self.held.remove(&path).flatten(),
            };
            if before != holds {
                changed.push(path);
            } else if holds.is_none() {
                gone.push(path);
            }
        }
        // A folder that is gone took its files with it.
        let was_below = |file: &Utf8PathBuf| gone.iter().any(|folder| file.starts_with(folder));
        let taken = |(file, _): (Utf8PathBuf, _)| file;
        if !gone.is_empty() {
            changed.extend(
                self.held.extract_if(|file, _| was_below(file) && !file.exists()).map(taken),
            );
        }
        changed.sort();
        changed.dedup();
        Ok(changed)
    }

    fn wait_until_over(&mut self, interrupt: &Interrupt) -> Result<()> {
        let began = Instant::now();
        let mut git_worked = false;
        loop {
            let quiet_until = Instant::now() + QUIET;
            let mut chunk = [0; 4096];
            // The bytes say nothing; reading them makes the socket quiet.
            while matches!(self.alarm.read(&mut chunk), Ok(1..)) {}
            if interrupt.wait(&[self.alarm.as_fd()], quiet_until)?.is_some() {
                continue;
            }
            if self.noted().is_being_written() && began.elapsed() < WRITING_TIMEOUT {
                continue;
            }
            if self.git_is_at_work() && began.elapsed() < GIT_TIMEOUT {
                git_worked = true;
                interrupt.sleep(GIT_POLL)?;
                continue;
            }
            // Word of its last edits may come after the lock is gone.
            if std::mem::take(&mut git_worked) {
                interrupt.sleep(GIT_POLL)?;
                continue;
            }
            return Ok(());
        }
    }

    fn noted(&self) -> MutexGuard<'_, PendingChanges> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn git_is_at_work(&self) -> bool {
        self.git_lock.as_ref().is_some_and(|lock| lock.exists())
    }
}

/// Changes that the system reported since files were last looked at.
#[derive(Default)]
struct PendingChanges {
    /// Where something happened.
    touched: BTreeSet<Utf8PathBuf>,
    /// Files that were written to and are not closed yet.
    open: BTreeSet<Utf8PathBuf>,
}

impl PendingChanges {
    /// Notes an event; returns whether files have to be read.
    fn note(&mut self, event: notify::Event) -> bool {
        let paths =
            event.paths.into_iter().filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
        for path in paths.filter(|path| matters(path)) {
            match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                    self.open.remove(&path);
                    continue;
                }
                EventKind::Access(_) => continue,
                EventKind::Create(_) | EventKind::Modify(ModifyKind::Data(_)) if closes(&path) => {
                    self.open.insert(path.clone());
                }
                EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => {
                    self.open.remove(&path);
                }
                _ => {}
            }
            self.touched.insert(path);
        }
        !self.touched.is_empty()
    }

    fn is_being_written(&self) -> bool {
        !self.open.is_empty()
    }
}

/// Whether the system will say that this file, which was made or written to, was closed. A link is
/// made without being opened.
fn closes(path: &Utf8Path) -> bool {
    let is_file = |meta: Metadata| meta.is_file() && meta.nlink() == 1;
    cfg!(target_os = "linux") && std::fs::symlink_metadata(path).is_ok_and(is_file)
}

/// Whether a file can decide how a migration runs. Compiled Python files, files of git and an
/// editor's temporary files cannot.
fn matters(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let kept_aside = name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".pyc");
    !kept_aside && !path.components().any(|part| is_left_out(part.as_str()))
}

/// Folders that nothing is imported from: they would only cost.
fn is_left_out(name: &str) -> bool {
    ["__pycache__", ".git", "node_modules", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"]
        .contains(&name)
}

fn remember(folder: &Utf8Path, held: &mut HashMap<Utf8PathBuf, Option<[u8; 32]>>) {
    // A folder that cannot be read holds nothing that could be imported.
    let Ok(entries) = folder.read_dir_utf8() else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !is_left_out(entry.file_name()) => remember(path, held),
            Ok(kind) if kind.is_file() && matters(path) => {
                held.insert(path.to_owned(), digest(path));
            }
            _ => {}
        }
    }
}

/// The hash of a file; `None`: it is not there. Of a file that is too large, size and time are
/// hashed.
fn digest(path: &Utf8Path) -> Option<[u8; 32]> {
    let meta = std::fs::metadata(path).ok()?;
    if meta.len() > READ_MAX {
        let written = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let told = format!("{} {}", meta.len(), written.as_nanos());
        return Some(Sha256::digest(told).into());
    }
    Some(Sha256::digest(std::fs::read(path).ok()?).into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The files of a change that is over; empty where nothing changed within two seconds.
    fn changed(watcher: &mut Watcher, root: &Utf8Path) -> Vec<String> {
        let interrupt = Interrupt::never().unwrap();
        let deadline = Instant::now() + Duration::from_secs(2);
        while interrupt.wait(&[watcher.fd()], deadline).unwrap().is_some() {
            let changed = watcher.changed(&interrupt).unwrap();
            if !changed.is_empty() {
                return changed.iter().map(|p| p.strip_prefix(root).unwrap().to_string()).collect();
            }
        }
        Vec::new()
    }

    fn watched() -> (tempfile::TempDir, Utf8PathBuf, Watcher) {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        fs::create_dir_all(root.join("versions/__pycache__")).unwrap();
        fs::write(root.join("versions/0001_a.py"), "one").unwrap();
        fs::write(root.join("env.py"), "env").unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        let watcher = Watcher::new(std::slice::from_ref(&root), Some(&root.join(".git"))).unwrap();
        (dir, root, watcher)
    }

    #[test]
    fn a_file_that_is_replaced_is_one_change() {
        let (_dir, root, mut watcher) = watched();
        fs::write(root.join("versions/.0001_a.py.tmp"), "two").unwrap();
        fs::rename(root.join("versions/.0001_a.py.tmp"), root.join("versions/0001_a.py")).unwrap();
        assert_eq!(changed(&mut watcher, &root), ["versions/0001_a.py"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_is_being_written_is_one_change() {
        let (_dir, root, mut watcher) = watched();
        let mut file = fs::File::create(root.join("versions/0001_a.py")).unwrap();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(QUIET * 8);
            file.write_all(b"two").unwrap();
            std::thread::sleep(QUIET * 8);
            file.write_all(b" and three").unwrap();
        });
        assert_eq!(changed(&mut watcher, &root), ["versions/0001_a.py"]);
        writer.join().unwrap();
        assert_eq!(changed(&mut watcher, &root), [""; 0]);
    }

    #[test]
    fn a_file_that_stays_open_and_one_that_is_linked_are_told() {
        let (_dir, root, mut watcher) = watched();
        fs::hard_link(root.join("env.py"), root.join("versions/0002_b.py")).unwrap();
        std::os::unix::fs::symlink("0001_a.py", root.join("versions/0003_c.py")).unwrap();
        assert_eq!(changed(&mut watcher, &root), ["versions/0002_b.py", "versions/0003_c.py"]);
        let mut file = fs::File::create(root.join("versions/0004_d.py")).unwrap();
        file.write_all(b"open").unwrap();
        assert_eq!(changed(&mut watcher, &root), ["versions/0004_d.py"]);
        drop(file);
        assert_eq!(changed(&mut watcher, &root), [""; 0]);
    }

    #[test]
    fn same_content_and_irrelevant_files_are_no_change() {
        let (_dir, root, mut watcher) = watched();
        fs::write(root.join("versions/0001_a.py"), "one").unwrap();
        fs::write(root.join("versions/__pycache__/0001_a.pyc"), "x").unwrap();
        fs::write(root.join("versions/0001_a.py~"), "x").unwrap();
        assert_eq!(changed(&mut watcher, &root), [""; 0]);
        fs::write(root.join("env.py"), "other").unwrap();
        assert_eq!(changed(&mut watcher, &root), ["env.py"]);
    }

    #[test]
    fn git_edits_under_its_lock_are_one_change() {
        let (_dir, root, mut watcher) = watched();
        fs::write(root.join(".git/index.lock"), "").unwrap();
        let writer = std::thread::spawn({
            let root = root.clone();
            move || {
                fs::write(root.join("versions/0002_b.py"), "b").unwrap();
                std::thread::sleep(QUIET * 8);
                fs::remove_file(root.join("versions/0001_a.py")).unwrap();
                fs::remove_file(root.join(".git/index.lock")).unwrap();
            }
        });
        assert_eq!(changed(&mut watcher, &root), ["versions/0001_a.py", "versions/0002_b.py"]);
        writer.join().unwrap();
    }

    #[test]
    fn a_folder_that_comes_or_goes_brings_and_takes_its_files() {
        let (_dir, root, mut watcher) = watched();
        let aside = tempfile::tempdir_in(root.parent().unwrap()).unwrap();
        fs::create_dir(aside.path().join("more")).unwrap();
        fs::write(aside.path().join("more/0003_c.py"), "c").unwrap();
        fs::rename(aside.path().join("more"), root.join("more")).unwrap();
        assert_eq!(changed(&mut watcher, &root), ["more/0003_c.py"]);
        fs::rename(root.join("more"), aside.path().join("more")).unwrap();
        assert_eq!(changed(&mut watcher, &root), ["more/0003_c.py"]);
    }
}
