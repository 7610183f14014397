//! Store of the entries of the cache, in the user's cache folder.
//!
//! An entry is a file or a folder, named after its kind and the hash of everything that made it. It
//! is written under another name and renamed, so that it is whole or not there, however many gates
//! run and however they end. An entry that cannot be read or written is no error: nothing is reused
//! then.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::cache_dir;

/// Entries that were not used for this long go.
const AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// The most bytes of all entries; the least recently used entries are removed first.
const BYTES_MAX: u64 = 1 << 30;
/// How old a file is that was never named: its writer was cut off.
const CUT_OFF_AFTER: Duration = Duration::from_secs(3600);
/// The folder's name in the user's cache.
pub const FOLDER: &str = "kept";
/// Prefix of the names of unfinished entries.
const UNNAMED: &str = "new-";

/// The user's cache folder, as far as it is the gate's.
#[derive(Clone, Debug)]
pub struct Store {
    dir: Utf8PathBuf,
}

impl Store {
    /// The folder of this user; `None` where there is none to be had.
    pub fn of_this_user() -> Option<Store> {
        Store::at(cache_dir::folder().ok()?.join(FOLDER))
    }

    /// The cache in a folder, which is made where it is not there.
    pub fn at(dir: Utf8PathBuf) -> Option<Store> {
        cache_dir::make(&dir).ok()?;
        Some(Store { dir })
    }

    fn path(&self, kind: &str, key: &str) -> Utf8PathBuf {
        self.dir.join(format!("{kind}-{key}"))
    }

    /// The bytes of an entry, where it is there and was not damaged; using it keeps it.
    pub fn read(&self, kind: &str, key: &str) -> Option<Vec<u8>> {
        let path = self.path(kind, key);
        let mut bytes = fs::read(&path).ok()?;
        let sum = bytes.split_last_chunk::<4>().map(|(bytes, sum)| (crc32fast::hash(bytes), *sum));
        match sum {
            Some((sum, kept)) if sum.to_le_bytes() == kept => bytes.truncate(bytes.len() - 4),
            _ => {
                self.discard(kind, key);
                return None;
            }
        }
        keep_longer(&path);
        Some(bytes)
    }

    /// Makes an entry, or puts it in the place of another.
    pub fn write(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<()> {
        self.make_room(bytes.len() as u64);
        let cannot = || format!("cannot write to the cache folder `{}`", self.dir);
        let file = tempfile::Builder::new().prefix(UNNAMED).tempfile_in(&self.dir);
        let mut file = file.with_context(cannot)?;
        let sum = crc32fast::hash(bytes).to_le_bytes();
        file.write_all(bytes).and_then(|()| file.write_all(&sum)).with_context(cannot)?;
        let path = self.path(kind, key);
        file.persist(&path).with_context(|| format!("cannot name `{path}`"))?;
        Ok(())
    }

    /// The folder of an entry, where it is there; using it keeps it.
    pub fn folder(&self, kind: &str, key: &str) -> Option<Utf8PathBuf> {
        let path = self.path(kind, key);
        keep_longer(&path);
        path.is_dir().then_some(path)
    }

    /// A folder beside the entries in which an entry can be made; removed with the value.
    pub fn new_folder(&self) -> Result<TempDir> {
        let dir = tempfile::Builder::new().prefix(UNNAMED).tempdir_in(&self.dir);
        dir.with_context(|| format!("cannot write to the cache folder `{}`", self.dir))
    }

    /// Makes an entry that is a folder, unless one is there. Only its owner can enter it.
    pub fn write_folder(
        &self,
        kind: &str,
        key: &str,
        fill: impl FnOnce(&Utf8Path) -> Result<()>,
    ) -> Result<()> {
        self.make_room(0);
        let dir = self.new_folder()?;
        fill(Utf8Path::from_path(dir.path()).context("the cache folder is not UTF-8")?)?;
        let path = self.path(kind, key);
        match fs::rename(dir.path(), &path) {
            // Another gate was quicker.
            Err(_) if path.is_dir() => Ok(()),
            Err(err) => Err(err).with_context(|| format!("cannot name `{path}`")),
            Ok(()) => {
                let _ = dir.keep();
                Ok(())
            }
        }
    }

    /// Removes an entry that turned out to be of no use.
    pub fn discard(&self, kind: &str, key: &str) {
        // Somebody else may have been quicker.
        cache_dir::remove(&self.path(kind, key));
    }

    /// Leaves so many entries of a kind: those that were used last.
    pub fn limit(&self, kind: &str, count: usize) {
        let begins = format!("{kind}-");
        let entries = self.dir.read_dir_utf8().into_iter().flatten().flatten();
        let of_kind = entries.filter(|entry| entry.file_name().starts_with(&begins));
        let mut entries: Vec<_> = of_kind
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.into_path())))
            .collect();
        entries.sort();
        for (_, path) in entries.iter().rev().skip(count) {
            cache_dir::remove(path);
        }
    }

    /// Removes entries that are too old, then the least recently used ones until `more` bytes fit.
    fn make_room(&self, more: u64) {
        let Ok(entries) = self.dir.read_dir_utf8() else { return };
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            let age = meta.modified().ok().and_then(|used| now.duration_since(used).ok());
            let age = age.unwrap_or_default();
            let unnamed = entry.file_name().starts_with(UNNAMED);
            if age > AGE_MAX || (unnamed && age > CUT_OFF_AFTER) {
                cache_dir::remove(entry.path());
            } else {
                kept.push((age, cache_dir::size(entry.path()), entry.path().to_owned()));
            }
        }
        kept.sort_by_key(|(age, ..)| std::cmp::Reverse(*age));
        let mut total: u64 = kept.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in kept {
            if total.saturating_add(more) <= BYTES_MAX {
                return;
            }
            cache_dir::remove(&path);
            total -= length;
        }
    }
}

/// Hash of the inputs of an entry, in 32 letters and digits.
#[derive(Clone, Default)]
pub struct Key {
    hash: Sha256,
}

impl Key {
    /// A key of nothing yet but its kind and the number of its format.
    pub fn new(kind: &str) -> Key {
        Key::default().with("kind", kind)
    }

    /// The key with one more input, under a name, so that two different lists of inputs have
    /// different keys.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Key {
        for part in [name.as_bytes(), value.as_ref()] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        self
    }

    /// The key with a file's metadata: every change of the file changes the key.
    pub fn with_stamp(self, path: &Utf8Path) -> Key {
        self.with(path.as_str(), stamp(path).unwrap_or_default())
    }

    /// As a name.
    pub fn finish(self) -> String {
        self.hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Metadata of a file: its place, its length, and when it was last written or changed. No program
/// can set back the time of change.
pub fn stamp(path: &Utf8Path) -> Option<String> {
    Some(stamp_of(&fs::metadata(path).ok()?))
}

/// The same of a file that was asked about already.
pub fn stamp_of(meta: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let (dev, ino, length) = (meta.dev(), meta.ino(), meta.len());
    let written = (meta.mtime(), meta.mtime_nsec());
    let changed = (meta.ctime(), meta.ctime_nsec());
    format!("{dev} {ino} {length} {}.{} {}.{}", written.0, written.1, changed.0, changed.1)
}

/// Where its time cannot be set, it goes sooner.
fn keep_longer(path: &Utf8Path) {
    let file =
        if path.is_dir() { File::open(path) } else { File::options().append(true).open(path) };
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use camino::Utf8PathBuf;

    use super::{AGE_MAX, BYTES_MAX, Key, Store};

    fn cache() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("cache")).unwrap();
        let cache = Store::at(path).unwrap();
        (dir, cache)
    }

    #[test]
    fn entry_is_read_until_it_is_discarded() {
        let (_dir, cache) = cache();
        assert_eq!(cache.read("data", "k"), None);
        cache.write("data", "k", b"one").unwrap();
        cache.write("data", "k", b"two").unwrap();
        assert_eq!(cache.read("data", "k").unwrap(), b"two");
        cache.discard("data", "k");
        assert_eq!(cache.read("data", "k"), None);
    }

    #[test]
    fn damaged_entry_is_missing() {
        let (_dir, cache) = cache();
        let path = cache.path("data", "k");
        cache.write("data", "k", b"whole").unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for bytes in [&damaged[..], &whole[..at]] {
                fs::write(&path, bytes).unwrap();
                assert_eq!(cache.read("data", "k"), None, "at {at}");
                assert!(!path.exists());
            }
        }
    }

    #[test]
    fn store_is_bounded_in_age_and_size() {
        let (_dir, cache) = cache();
        let ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        for (name, length, days) in [
            ("data-old", 1, AGE_MAX.as_secs() / 86400 + 1),
            ("data-long-ago", BYTES_MAX / 2, 3),
            ("data-yesterday", BYTES_MAX / 2, 1),
            ("new-cut-off", 1, 1),
        ] {
            let file = File::create(cache.dir.join(name)).unwrap();
            // Sparse: it takes no room on the disk.
            file.set_len(length).unwrap();
            file.set_modified(ago(days)).unwrap();
        }
        cache.write("data", "now", b"x").unwrap();
        let mut names: Vec<String> = fs::read_dir(&cache.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["data-now", "data-yesterday"]);
    }

    #[test]
    fn of_a_kind_the_newest_stay() {
        let (_dir, cache) = cache();
        for (number, name) in
            ["data-old", "data-new", "data-newest", "other-old"].iter().enumerate()
        {
            let file = File::create(cache.dir.join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(number as u64)).unwrap();
        }
        cache.limit("data", 2);
        let there = |name: &str| cache.dir.join(name).exists();
        assert!(there("data-newest") && there("data-new") && there("other-old"));
        assert!(!there("data-old"));
    }

    #[test]
    fn no_two_lists_of_things_have_one_key() {
        let key = |parts: &[(&str, &str)]| {
            parts.iter().fold(Key::new("x"), |key, (name, value)| key.with(name, value)).finish()
        };
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b"), ("c", "d")]), key(&[("a", "bcd")]));
        assert_eq!(key(&[("a", "b")]).len(), 32);
    }
}
