//! Inputs of a tree's run. A change of one makes kept results and snapshots stale.
//!
//! Two kinds: those that are declared before the run (options, programs, the content of every file
//! below the folder in which Alembic runs, the names beside that folder), which are the key of an entry;
//! and those that are observed during it (files and folders outside of that), which are kept in the entry
//! and compared.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::os::store::{Key, stamp};
use model::tree::Tree;
use model::used::Used;

/// How far behind the clock a file system's times may be.
const BEHIND: Duration = Duration::from_millis(50);
/// How many bytes below a tree's folder are read at most.
const BYTES_MAX: u64 = 256 << 20;
/// Folders below a tree's folder that hold no source of it. A file in them counts where it is opened.
const LEFT_OUT: [&str; 4] = [".git", "__pycache__", "node_modules", "target"];

/// Why nothing is kept or reused.
#[derive(Clone, Debug)]
pub struct NotCacheable(pub String);

impl Display for NotCacheable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Inputs that are known before a run.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The options that decide the outcome, each with its name.
    pub options: &'a [(&'static str, String)],
    /// The interpreter.
    pub python: &'a Utf8Path,
    /// The folder of Postgres's programs.
    pub binaries: &'a Utf8Path,
}

impl Declared<'_> {
    /// The key of a result: everything counts.
    pub fn key(&self, kind: &str) -> Result<String, NotCacheable> {
        self.key_without(kind, &[])
    }

    /// The key where of some files only the text given here counts.
    pub fn key_without(
        &self,
        kind: &str,
        files: &[(Utf8PathBuf, String)],
    ) -> Result<String, NotCacheable> {
        let mut key = self.surroundings(kind)?;
        for (file, text) in files {
            key = key.with(file.as_str(), text);
        }
        let left_out: BTreeSet<Utf8PathBuf> = files.iter().map(|(file, _)| real(file)).collect();
        let mut bytes = 0;
        let mut inputs = BTreeSet::from([self.tree.ini_path()]);
        inputs.extend(self.tree.requirements.clone());
        inputs.extend(self.tree.scripts.iter().map(|script| script.file.clone()));
        list(&self.tree.cwd, &mut inputs, &mut bytes)?;
        for file in inputs.iter().filter(|file| !left_out.contains(&real(file))) {
            key = key.with(file.as_str(), contents(file)?);
        }
        // A migration may ask whether a file exists without opening it, and Python has no event for
        // that. Below the tree's folder the content of every file counts in any case; beside the
        // folder every name does.
        if let Some(beside) = self.tree.cwd.parent() {
            key = key.with("beside", known(beside, Kind::Names)?);
        }
        Ok(key.finish())
    }

    fn surroundings(&self, kind: &str) -> Result<Key, NotCacheable> {
        let gate = std::env::current_exe().ok().and_then(|exe| Utf8PathBuf::try_from(exe).ok());
        let gate = gate.and_then(|gate| stamp(&gate));
        let gate = gate.ok_or(NotCacheable("the gate does not know its own file".into()))?;
        let mut key = Key::new(kind)
            .with("gate", gate)
            .with("tree", format!("{:?}", self.tree))
            .with("user", nix::unistd::geteuid().to_string())
            .with("path", std::env::var_os("PATH").unwrap_or_default().as_encoded_bytes())
            .with("python", packages_of(self.python)?);
        for (name, value) in self.options {
            key = key.with(name, value);
        }
        for name in ["postgres", "initdb", "pg_ctl"] {
            key = key.with_stamp(&self.binaries.join(name));
        }
        for libraries in ["../lib", "../lib/postgresql"] {
            let folder = self.binaries.join(libraries);
            let mut names: Vec<Utf8PathBuf> = folder
                .read_dir_utf8()
                .into_iter()
                .flatten()
                .flatten()
                .map(camino::Utf8DirEntry::into_path)
                .collect();
            names.sort();
            key = names.iter().fold(key, |key, file| key.with_stamp(file));
        }
        Ok(key)
    }
}

/// All files below a folder.
fn list(
    folder: &Utf8Path,
    files: &mut BTreeSet<Utf8PathBuf>,
    bytes: &mut u64,
) -> Result<(), NotCacheable> {
    let cannot = |err| NotCacheable(format!("`{folder}` cannot be read: {err}"));
    for entry in folder.read_dir_utf8().map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let path = entry.path();
        // A link may lead anywhere: the content of the file at its end counts.
        let meta = fs::symlink_metadata(path).map_err(cannot)?;
        if meta.is_dir() {
            let is_environment = path.join("pyvenv.cfg").is_file();
            if !is_environment && !LEFT_OUT.contains(&entry.file_name()) {
                list(path, files, bytes)?;
            }
        } else if path.is_file() {
            *bytes += path.metadata().map_or(0, |meta| meta.len());
            if *bytes > BYTES_MAX {
                let most = BYTES_MAX >> 20;
                return Err(NotCacheable(format!("`{folder}` holds more than {most} MB")));
            }
            files.insert(path.to_owned());
        }
    }
    Ok(())
}

/// Inputs that were observed outside of the tree's folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observed(Vec<(Utf8PathBuf, Kind, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    /// The content of a file, or its absence.
    Contents,
    /// The names in a folder.
    Names,
}

impl Observed {
    /// The inputs that the calls of a run used. Fails where the calls did something that no input
    /// can stand for, or where a file was changed since the run began.
    pub fn of(used: &Used, tree: &Tree, began: SystemTime) -> Result<Observed, NotCacheable> {
        if used.told != used.calls {
            return Err(NotCacheable("a call of Alembic did not say what it read".into()));
        }
        if let Some(doubt) = used.doubts.first() {
            return Err(NotCacheable(format!("the migrations reach further than files ({doubt})")));
        }
        let outside = |path: &&Utf8PathBuf| {
            let below = path.strip_prefix(&tree.cwd).ok();
            below.is_none_or(|below| below.components().any(|c| LEFT_OUT.contains(&c.as_str())))
        };
        let files = used.files.iter().filter(outside).map(|path| (path, Kind::Contents));
        let folders = used.folders.iter().filter(outside).map(|path| (path, Kind::Names));
        let mut observed = Vec::new();
        for (path, kind) in files.chain(folders) {
            if changed_since(path, began) {
                return Err(NotCacheable(format!("`{path}` was touched while the gate ran")));
            }
            observed.push((path.clone(), kind, known(path, kind)?));
        }
        Ok(Observed(observed))
    }

    /// The first that is not as it was.
    pub fn stale(&self) -> Option<&Utf8Path> {
        let is_another = |(path, kind, was): &&(Utf8PathBuf, Kind, String)| {
            known(path, *kind).is_ok_and(|now| now != *was) || known(path, *kind).is_err()
        };
        self.0.iter().find(is_another).map(|(path, ..)| path.as_path())
    }
}

fn known(path: &Utf8Path, kind: Kind) -> Result<String, NotCacheable> {
    match kind {
        Kind::Contents => contents(path),
        Kind::Names => {
            let Ok(entries) = path.read_dir_utf8() else { return Ok("none".into()) };
            let mut names: Vec<String> =
                entries.flatten().map(|entry| entry.file_name().to_owned()).collect();
            names.sort();
            Ok(names.iter().fold(Key::new("names"), |key, name| key.with("", name)).finish())
        }
    }
}

/// The hash of a file.
fn contents(path: &Utf8Path) -> Result<String, NotCacheable> {
    match fs::read(path) {
        Ok(bytes) => Ok(Key::new("contents").with("", bytes).finish()),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok("none".into()),
        Err(err) => Err(NotCacheable(format!("`{path}` cannot be read: {err}"))),
    }
}

/// Whether a path, or the folder that it would be in, was changed since.
fn changed_since(path: &Utf8Path, began: SystemTime) -> bool {
    let Some(meta) = path.ancestors().find_map(|path| fs::metadata(path).ok()) else { return true };
    let nanos = u32::try_from(meta.ctime_nsec()).unwrap_or_default();
    let changed = Duration::new(u64::try_from(meta.ctime()).unwrap_or_default(), nanos);
    let began = began.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BEHIND);
    changed >= began
}

/// The path without links, where there is such a file.
fn real(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned())
}

/// The packages of an interpreter's environment, as the file system knows them.
fn packages_of(python: &Utf8Path) -> Result<String, NotCacheable> {
    let unknown =
        |what: &str| NotCacheable(format!("it is not known what {python} imports: {what}"));
    let home = python.parent().and_then(Utf8Path::parent).ok_or_else(|| unknown("its folder"))?;
    let settings = fs::read_to_string(home.join("pyvenv.cfg"))
        .map_err(|_| unknown("it is no virtual environment"))?;
    if settings.lines().any(|line| line.replace(' ', "") == "include-system-site-packages=true") {
        return Err(unknown("it sees the packages of the system"));
    }
    let mut key = Key::new("packages").with("settings", settings).with_stamp(&real(python));
    let mut folders = vec![home.join("lib")];
    while let Some(folder) = folders.pop() {
        let entries = folder.read_dir_utf8().map_err(|_| unknown("its packages"))?;
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
        for entry in entries {
            let name = entry.file_name();
            // A path file that names a folder adds files that are not hashed here.
            let adds_a_path = name.ends_with(".pth")
                && fs::read_to_string(entry.path())
                    .map_or(true, |text| text.lines().any(|line| !line.starts_with("import")));
            if adds_a_path || name.ends_with(".egg-link") {
                return Err(unknown(name));
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name == "__pycache__" => {}
                Ok(kind) if kind.is_dir() => folders.push(entry.into_path()),
                _ => key = key.with_stamp(entry.path()),
            }
        }
    }
    Ok(key.finish())
}
