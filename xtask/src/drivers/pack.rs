//! A folder as one file, for what a run leaves to the next.
//!
//! One file is whole or not there, and a thousand small files are read in one go. What is the same in
//! several files, as much is in the databases of a fresh cluster, is in it once.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, fchown};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupt;

/// Begins each file, with the number of its format.
const MAGIC: &[u8; 8] = b"mg-pack1";
/// Room for what a data folder with two trees takes, so that it is not moved again and again while it
/// grows. Until it is filled it costs nothing.
const ROOM: usize = 64 << 20;

/// A folder in memory.
pub struct Pack {
    header: Header,
    /// What the files hold, behind so many bytes of something else.
    contents: Vec<u8>,
    begins: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// What its maker wants to know of it again.
    note: String,
    /// Folders before what lies in them.
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// Relative to the folder.
    path: Utf8PathBuf,
    /// Its permissions.
    mode: u32,
    /// Where its contents begin and how long they are; `None`: it is a folder.
    range: Option<(usize, usize)>,
}

impl Pack {
    /// Packs what lies in a folder, but for entries whose name `wanted` turns down. Fails where
    /// something is neither a file nor a folder.
    pub fn of_folder(
        folder: &Utf8Path,
        note: String,
        wanted: &dyn Fn(&str) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Pack> {
        let header = Header { note, entries: Vec::new() };
        let mut pack = Pack { header, contents: Vec::with_capacity(ROOM), begins: 0 };
        pack.add(folder, Utf8Path::new(""), wanted, &mut HashMap::new(), interrupt)?;
        Ok(pack)
    }

    fn add(
        &mut self,
        folder: &Utf8Path,
        path: &Utf8Path,
        wanted: &dyn Fn(&str) -> bool,
        known: &mut HashMap<(u32, usize), usize>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        interrupt.check()?;
        let from = folder.join(path);
        let context = || format!("cannot read `{from}`");
        let mode = fs::metadata(&from).with_context(context)?.permissions().mode() & 0o7777;
        self.header.entries.push(Entry { path: path.to_owned(), mode, range: None });
        for entry in from.read_dir_utf8().with_context(context)? {
            let entry = entry.with_context(context)?;
            if !wanted(entry.file_name()) {
                continue;
            }
            let path = path.join(entry.file_name());
            let kind = entry.file_type().with_context(context)?;
            if kind.is_dir() {
                self.add(folder, &path, wanted, known, interrupt)?;
                continue;
            }
            if !kind.is_file() {
                bail!("cannot keep `{}`: it is neither a file nor a folder", entry.path());
            }
            let mode = entry.metadata().with_context(context)?.permissions().mode() & 0o7777;
            let mut file = File::open(entry.path()).with_context(context)?;
            let at = self.contents.len();
            let length = file.read_to_end(&mut self.contents).with_context(context)?;
            let at = self.settle(at, known);
            self.header.entries.push(Entry { path, mode, range: Some((at, length)) });
        }
        Ok(())
    }

    /// Where the last bytes of the contents, from `last` on, are among them: they go again where they
    /// were there before.
    fn settle(&mut self, last: usize, known: &mut HashMap<(u32, usize), usize>) -> usize {
        let (before, bytes) = self.contents.split_at(last);
        let key = (crc32fast::hash(bytes), bytes.len());
        if let Some(at) = known.get(&key)
            && before.get(*at..*at + bytes.len()) == Some(bytes)
        {
            self.contents.truncate(last);
            return *at;
        }
        known.insert(key, last);
        last
    }

    /// What was noted when it was packed.
    pub fn note(&self) -> &str {
        &self.header.note
    }

    /// How many bytes its files hold, each that is there twice counted once.
    pub fn size(&self) -> usize {
        self.contents.len() - self.begins
    }

    /// The bytes of a file that holds it: how it begins, and the rest.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, &[u8])> {
        let header = serde_json::to_vec(&self.header).context("cannot write a header")?;
        let begins = [MAGIC, &(header.len() as u64).to_le_bytes()[..], &header].concat();
        Ok((begins, self.contents.get(self.begins..).unwrap_or_default()))
    }

    /// Reads what [`Pack::to_bytes`] says; `None` where it is something else.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Pack> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (header, contents) = rest.split_at_checked(length)?;
        let header: Header = serde_json::from_slice(header).ok()?;
        let begins = bytes.len() - contents.len();
        Some(Pack { header, contents: bytes, begins })
    }

    /// Writes the folder, which must not be there yet, and gives it to `owner` (user and group).
    pub fn lay_out(
        &self,
        to: &Utf8Path,
        owner: Option<(u32, u32)>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut narrow = Vec::new();
        for (number, entry) in self.header.entries.iter().enumerate() {
            if number % 64 == 0 {
                interrupt.check()?;
            }
            let path = to.join(&entry.path);
            let context = || format!("cannot write `{path}`");
            let Some((at, length)) = entry.range else {
                // Its owner must be able to write into it until all lies in it.
                let mode = entry.mode | 0o700;
                DirBuilder::new().mode(mode).create(&path).with_context(context)?;
                if mode != entry.mode {
                    narrow.push((path.clone(), entry.mode));
                }
                if let Some((user, group)) = owner {
                    chown(&path, Some(user), Some(group)).with_context(context)?;
                }
                continue;
            };
            let contents = self.contents.get(self.begins..).unwrap_or_default();
            let bytes = contents.get(at..at + length).with_context(context)?;
            let mut options = File::options();
            let file = options.write(true).create_new(true).mode(entry.mode).open(&path);
            let mut file = file.with_context(context)?;
            file.write_all(bytes).with_context(context)?;
            if let Some((user, group)) = owner {
                fchown(&file, Some(user), Some(group)).with_context(context)?;
            }
        }
        for (path, mode) in narrow {
            fs::set_permissions(&path, Permissions::from_mode(mode))
                .with_context(|| format!("cannot write `{path}`"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::Pack;
    use crate::drivers::interrupt::Interrupt;

    #[test]
    fn a_folder_comes_back_as_it_was() {
        let interrupt = Interrupt::never().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        let (from, to) = (dir.join("from"), dir.join("to"));
        std::fs::create_dir_all(from.join("a/empty")).unwrap();
        std::fs::write(from.join("a/one"), "the same").unwrap();
        std::fs::write(from.join("two"), "the same").unwrap();
        std::fs::write(from.join("left out"), "").unwrap();
        let wanted = |name: &str| name != "left out";
        let pack = Pack::of_folder(&from, "of note".into(), &wanted, &interrupt).unwrap();
        assert_eq!(pack.contents, b"the same", "what is the same is there once");
        let (begins, rest) = pack.to_bytes().unwrap();
        let bytes = [&begins, rest].concat();
        let back = Pack::from_bytes(bytes.clone()).unwrap();
        assert_eq!(back.note(), "of note");
        back.lay_out(&to, None, &interrupt).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("a/one")).unwrap(), "the same");
        assert_eq!(std::fs::read_to_string(to.join("two")).unwrap(), "the same");
        assert!(to.join("a/empty").is_dir() && !to.join("left out").exists());
        for at in 0..bytes.len() {
            assert!(Pack::from_bytes(bytes[at + 1..].to_vec()).is_none(), "begun at {at}");
        }
    }
}
