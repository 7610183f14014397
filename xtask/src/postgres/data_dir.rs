//! Prepared data directories, copied for each run.
//!
//! `initdb` takes most of a second, and its result is the same each time. So its data directory is
//! made once for each build of Postgres, kept in the cache, and copied. A snapshot of a running
//! server is such a directory too.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::binaries::Binaries;
use super::endpoint::Endpoint;
use super::session::Session;
use crate::os::copy;
use crate::os::interrupt::Interrupt;
use crate::os::store::{Key, Store};

/// `C.UTF-8` sorts by code point and is the same everywhere; macOS has no such locale, and its `C`
/// does the same.
pub(super) const LOCALE: &str = if cfg!(target_os = "macos") { "C" } else { "C.UTF-8" };
/// The options of `initdb` beside the locale and the folder. The log of a fresh cluster is one
/// segment: 1 MB to be written and copied, not 16.
pub(super) const INITDB_OPTIONS: &[&str] = &[
    "--no-sync",
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--no-instructions",
    "--wal-segsize=1",
];

/// The kind of entry that a fresh data directory is.
const KIND: &str = "initdb";
/// The names in the folder of an entry: the directory, and the checksum of all that it holds.
const DATA: &str = "data";
const SUM: &str = "checksum";

/// A data directory on which no server runs.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: Utf8PathBuf,
    /// The folder around it, where that goes with it.
    _around: Option<Arc<TempDir>>,
}

impl DataDir {
    /// The directory at this path.
    pub fn at(path: Utf8PathBuf) -> DataDir {
        DataDir { path, _around: None }
    }

    /// Its path.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Copies it to where nothing is yet.
    pub fn copy_to(&self, to: &Utf8Path, interrupt: &Interrupt) -> Result<()> {
        copy::folder(&self.path, to, &|name| !is_of_server(name), interrupt)
    }

    /// Copies the data directory of a server that runs into a folder, at a moment without writes.
    /// After a checkpoint the files are complete without the log.
    pub fn copy_running(
        (endpoint, data): (&Endpoint, &Utf8Path),
        around: TempDir,
        interrupt: &Interrupt,
    ) -> Result<DataDir> {
        let mut session = Session::open(endpoint, "postgres", interrupt)?;
        session.execute("CHECKPOINT")?;
        let folder = Utf8Path::from_path(around.path()).context("a folder is not UTF-8")?;
        let path = folder.join(DATA);
        DataDir::at(data.to_owned()).copy_to(&path, interrupt)?;
        Ok(DataDir { path, _around: Some(Arc::new(around)) })
    }

    /// Moves it to where it becomes an entry of the cache, with other files beside it. It was made in
    /// the same file system.
    pub fn keep(
        &self,
        cache: &Store,
        id: (&str, &str),
        beside: impl FnOnce(&Utf8Path) -> Result<()>,
    ) -> Result<()> {
        let cannot = || format!("cannot move `{}`", self.path);
        keep(cache, id, |to| fs::rename(&self.path, to).with_context(cannot), beside)
    }

    /// The directory of an entry, with the entry's folder; `None` where it is missing or changed.
    pub fn of_cache(cache: &Store, kind: &str, key: &str) -> Option<(DataDir, Utf8PathBuf)> {
        let folder = cache.folder(kind, key)?;
        let known = fs::read_to_string(folder.join(SUM)).ok();
        let sum = checksum(&folder.join(DATA)).ok().map(|sum| sum.to_string());
        if known.is_none() || known != sum {
            cache.discard(kind, key);
            return None;
        }
        Some((DataDir::at(folder.join(DATA)), folder))
    }
}

/// The key of the data directory that a build of Postgres makes.
fn key_of_fresh(binaries: &Binaries) -> String {
    let mut key = Key::new(KIND).with("locale", LOCALE);
    for argument in INITDB_OPTIONS {
        key = key.with("option", argument);
    }
    for name in ["postgres", "initdb"] {
        key = key.with_stamp(&binaries.dir.join(name));
    }
    key.finish()
}

/// The data directory that a build of Postgres makes, from the cache.
pub fn fresh(cache: &Store, binaries: &Binaries) -> Option<DataDir> {
    DataDir::of_cache(cache, KIND, &key_of_fresh(binaries)).map(|(data, _)| data)
}

/// Keeps the directory that `initdb` made, before a server runs on it.
pub fn keep_fresh(
    cache: &Store,
    binaries: &Binaries,
    data: &DataDir,
    interrupt: &Interrupt,
) -> Result<()> {
    let copy = |to: &Utf8Path| data.copy_to(to, interrupt);
    keep(cache, (KIND, &key_of_fresh(binaries)), copy, |_| Ok(()))
}

/// Makes an entry of a directory that is put there.
fn keep(
    cache: &Store,
    (kind, key): (&str, &str),
    put: impl FnOnce(&Utf8Path) -> Result<()>,
    beside: impl FnOnce(&Utf8Path) -> Result<()>,
) -> Result<()> {
    cache.write_folder(kind, key, |folder| {
        put(&folder.join(DATA))?;
        let sum = checksum(&folder.join(DATA))?;
        fs::write(folder.join(SUM), sum.to_string())
            .with_context(|| format!("cannot write `{}`", folder.join(SUM)))?;
        beside(folder)
    })
}

/// Whether a file belongs to the server on a directory, and not to the directory.
fn is_of_server(name: &str) -> bool {
    ["postmaster.pid", "postmaster.opts"].contains(&name) || name.starts_with("mmap.")
}

/// A checksum of the names and contents of all files.
fn checksum(folder: &Utf8Path) -> Result<u32> {
    let mut sum = crc32fast::Hasher::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let context = || format!("cannot read `{folder}`");
        let entries = folder.read_dir_utf8().with_context(context)?;
        let mut entries = entries.collect::<std::io::Result<Vec<_>>>().with_context(context)?;
        entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
        for entry in entries {
            sum.update(entry.file_name().as_bytes());
            let kind = entry.file_type().with_context(context)?;
            match () {
                () if kind.is_dir() => folders.push(entry.into_path()),
                () if kind.is_file() => {
                    let bytes = fs::read(entry.path());
                    sum.update(&bytes.with_context(|| format!("cannot read `{}`", entry.path()))?);
                }
                () => bail!("`{}` is neither a file nor a folder", entry.path()),
            }
        }
    }
    Ok(sum.finalize())
}
