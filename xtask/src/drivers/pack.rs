//! A folder as one file, for what a run leaves to the next.
//!
//! One file is whole or not there, and a thousand small files are read in one go. What is the same in
//! several files, as much is in the databases of a fresh cluster, is in it once.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::thread;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupt;

/// Begins each file, with the number of its format.
const MAGIC: &[u8; 8] = b"mg-pack1";
/// Room for what a data folder with two trees takes, so that it is not moved again and again while it
/// grows. Until it is filled it costs nothing.
const ROOM: usize = 64 << 20;

/// A folder that is to be laid out.
pub struct Pack {
    header: Header,
    contents: Contents,
}

/// What the files hold.
enum Contents {
    Memory(Vec<u8>),
    /// So many bytes from there on: to hold them all takes longer than to read them again.
    File {
        file: File,
        begins: u64,
        length: usize,
    },
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

/// Files that are being packed.
#[derive(Default)]
struct Packing {
    entries: Vec<Entry>,
    contents: Vec<u8>,
    /// Where what has this sum and length is.
    known: HashMap<(u32, usize), usize>,
}

/// A file as it lies in the folder.
struct Listed {
    path: Utf8PathBuf,
    mode: u32,
}

/// What lies in a folder: the folders, each before what lies in it, and the files.
#[derive(Default)]
struct Listing {
    folders: Vec<Entry>,
    files: Vec<Listed>,
}

impl Listing {
    fn add(
        &mut self,
        folder: &Utf8Path,
        path: &Utf8Path,
        wanted: &dyn Fn(&str) -> bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        interrupt.check()?;
        let from = folder.join(path);
        let context = || format!("cannot read `{from}`");
        let mode = fs::metadata(&from).with_context(context)?.permissions().mode() & 0o7777;
        self.folders.push(Entry { path: path.to_owned(), mode, range: None });
        for entry in from.read_dir_utf8().with_context(context)? {
            let entry = entry.with_context(context)?;
            if !wanted(entry.file_name()) {
                continue;
            }
            let path = path.join(entry.file_name());
            let kind = entry.file_type().with_context(context)?;
            if kind.is_dir() {
                self.add(folder, &path, wanted, interrupt)?;
                continue;
            }
            if !kind.is_file() {
                bail!("cannot keep `{}`: it is neither a file nor a folder", entry.path());
            }
            let mode = entry.metadata().with_context(context)?.permissions().mode() & 0o7777;
            self.files.push(Listed { path, mode });
        }
        Ok(())
    }
}

impl Packing {
    fn of(folder: &Utf8Path, files: &[Listed], interrupt: &Interrupt) -> Result<Packing> {
        let mut packing = Packing { contents: Vec::with_capacity(ROOM), ..Packing::default() };
        for (number, Listed { path, mode }) in files.iter().enumerate() {
            if number % 64 == 0 {
                interrupt.check()?;
            }
            let from = folder.join(path);
            let context = || format!("cannot read `{from}`");
            let mut file = File::open(&from).with_context(context)?;
            let at = packing.contents.len();
            let length = file.read_to_end(&mut packing.contents).with_context(context)?;
            let at = packing.settle(at);
            let range = Some((at, length));
            packing.entries.push(Entry { path: path.clone(), mode: *mode, range });
        }
        Ok(packing)
    }

    /// Where the last bytes of the contents, from `last` on, are among them: they go again where they
    /// were there before.
    fn settle(&mut self, last: usize) -> usize {
        let (before, bytes) = self.contents.split_at(last);
        let key = (crc32fast::hash(bytes), bytes.len());
        if let Some(at) = self.known.get(&key)
            && before.get(*at..*at + bytes.len()) == Some(bytes)
        {
            self.contents.truncate(last);
            return *at;
        }
        self.known.insert(key, last);
        last
    }

    /// Adds what was packed beside.
    fn join(&mut self, other: Packing) {
        let mut places = HashMap::new();
        for mut entry in other.entries {
            if let Some((at, length)) = entry.range {
                let place = *places.entry((at, length)).or_insert_with(|| {
                    let last = self.contents.len();
                    self.contents.extend_from_slice(&other.contents[at..at + length]);
                    self.settle(last)
                });
                entry.range = Some((place, length));
            }
            self.entries.push(entry);
        }
    }
}

impl Pack {
    /// Packs what lies in a folder, but for entries whose name `wanted` turns down. Fails where
    /// something is neither a file nor a folder. One half is read beside the other: who waits for it waits
    /// half as long.
    pub fn of_folder(
        folder: &Utf8Path,
        note: String,
        wanted: &dyn Fn(&str) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Pack> {
        let mut listing = Listing::default();
        listing.add(folder, Utf8Path::new(""), wanted, interrupt)?;
        let Listing { folders, files } = listing;
        let (one, other) = files.split_at(files.len() / 2);
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(|| Packing::of(folder, other, interrupt));
            let one = Packing::of(folder, one, interrupt);
            (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let mut packing = one?;
        packing.join(other?);
        let Packing { entries, contents, .. } = packing;
        let header = Header { note, entries: folders.into_iter().chain(entries).collect() };
        Ok(Pack { header, contents: Contents::Memory(contents) })
    }

    /// What was noted when it was packed.
    pub fn note(&self) -> &str {
        &self.header.note
    }

    /// How many bytes its files hold, each that is there twice counted once.
    pub fn size(&self) -> usize {
        match &self.contents {
            Contents::Memory(bytes) => bytes.len(),
            Contents::File { length, .. } => *length,
        }
    }

    /// The bytes of a file that holds it: how it begins, and the rest. Fails where it came from one.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, &[u8])> {
        let Contents::Memory(contents) = &self.contents else {
            bail!("cannot write what is in a file already");
        };
        let header = serde_json::to_vec(&self.header).context("cannot write a header")?;
        let begins = [MAGIC, &(header.len() as u64).to_le_bytes()[..], &header].concat();
        Ok((begins, contents))
    }

    /// Reads the beginning of a file of so many bytes that holds what [`Pack::to_bytes`] says; `None`
    /// where it is something else.
    pub fn from_file(mut file: File, length: u64) -> Option<Pack> {
        let (mut magic, mut header) = ([0; MAGIC.len()], [0; 8]);
        file.read_exact(&mut magic).ok()?;
        file.read_exact(&mut header).ok()?;
        let (begins, header) = (magic.len() + header.len(), u64::from_le_bytes(header));
        let left = length.checked_sub(begins as u64)?.checked_sub(header)?;
        if &magic != MAGIC {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(header).ok()?];
        file.read_exact(&mut bytes).ok()?;
        let begins = begins as u64 + header;
        let (header, length) = (serde_json::from_slice(&bytes).ok()?, usize::try_from(left).ok()?);
        Some(Pack { header, contents: Contents::File { file, begins, length } })
    }

    /// What a file holds, in memory that is used again and again.
    fn bytes<'a>(&'a self, at: usize, length: usize, room: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let end = at.checked_add(length).filter(|end| *end <= self.size());
        let end = end.context("it holds less than its header says")?;
        match &self.contents {
            Contents::Memory(bytes) => Ok(bytes.get(at..end).unwrap_or_default()),
            Contents::File { file, begins, .. } => {
                if room.len() < length {
                    // Zeroed by the system. To resize it writes each byte, which is as slow as it sounds.
                    *room = vec![0; length];
                }
                let room = room.get_mut(..length).context("it is too large for this machine")?;
                file.read_exact_at(room, begins + at as u64)?;
                Ok(room)
            }
        }
    }

    /// Writes the folder, which must not be there yet, and gives it to `owner` (user and group).
    pub fn lay_out(
        &self,
        to: &Utf8Path,
        owner: Option<(u32, u32)>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let (mut narrow, mut room) = (Vec::new(), Vec::new());
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
            let bytes = self.bytes(at, length, &mut room).with_context(context)?;
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
        let (begins, rest) = pack.to_bytes().unwrap();
        assert_eq!(rest, b"the same", "what is the same is there once");
        let bytes = [&begins, rest].concat();
        let read = |bytes: &[u8]| {
            let file = dir.join("packed");
            std::fs::write(&file, bytes).unwrap();
            Pack::from_file(std::fs::File::open(file).unwrap(), bytes.len() as u64)
        };
        let back = read(&bytes).unwrap();
        assert_eq!(back.note(), "of note");
        back.lay_out(&to, None, &interrupt).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("a/one")).unwrap(), "the same");
        assert_eq!(std::fs::read_to_string(to.join("two")).unwrap(), "the same");
        assert!(to.join("a/empty").is_dir() && !to.join("left out").exists());
        for at in 0..bytes.len() {
            assert!(read(&bytes[at + 1..]).is_none(), "begun at {at}");
        }
    }
}
