//! Manifests of folders that the gate executes from: each file with its checksum, beside the folder.
//!
//! Every change of a file changes its metadata, at least its change time, which no program can set.
//! So a file is read again only where its metadata differs, as in a restored cache.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use super::cache_dir::MANIFEST;
use super::store::stamp_of;

/// Files by their paths below the folder, each with its checksum and its metadata.
type Files = BTreeMap<Utf8PathBuf, (String, String)>;

/// Where the manifest of a folder is.
fn place(folder: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{folder}.{MANIFEST}"))
}

/// Writes a manifest of a folder as it is now.
pub fn write(folder: &Utf8Path) -> Result<()> {
    let mut files = Files::new();
    for (below, stamp) in list(folder)? {
        let sum = checksum(&folder.join(&below))?;
        files.insert(below, (sum, stamp));
    }
    save(folder, &files)
}

/// Whether a folder was made whole once.
pub fn is_there(folder: &Utf8Path) -> bool {
    place(folder).is_file()
}

/// How a folder differs from its manifest; `None` where it does not.
pub fn difference(folder: &Utf8Path) -> Option<String> {
    let compared = compare(folder);
    compared.unwrap_or_else(|err| Some(format!("{err:#}")))
}

fn compare(folder: &Utf8Path) -> Result<Option<String>> {
    let Ok(text) = fs::read_to_string(place(folder)) else {
        return Ok(Some(format!("nothing says what `{folder}` must hold")));
    };
    let mut known = parse(&text);
    let (mut files, mut is_fresh) = (Files::new(), true);
    for (below, stamp) in list(folder)? {
        let Some((sum, seen)) = known.remove(&below) else {
            return Ok(Some(format!("`{folder}/{below}` was added")));
        };
        if seen != stamp {
            if checksum(&folder.join(&below))? != sum {
                return Ok(Some(format!("`{folder}/{below}` was changed")));
            }
            is_fresh = false;
        }
        files.insert(below, (sum, stamp));
    }
    if let Some(below) = known.keys().next() {
        return Ok(Some(format!("`{folder}/{below}` is missing")));
    }
    if !is_fresh {
        // Where it cannot be written, the files are read each time.
        let _ = save(folder, &files);
    }
    Ok(None)
}

fn parse(text: &str) -> Files {
    let line = |line: &str| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        let (sum, stamp) = (fields.next()?, fields.next()?);
        Some((Utf8PathBuf::from(fields.next()?), (sum, stamp)))
    };
    text.lines().filter_map(line).collect()
}

fn save(folder: &Utf8Path, files: &Files) -> Result<()> {
    let mut text = String::new();
    for (below, (sum, stamp)) in files {
        // A text cannot fail to be written to.
        let _ = writeln!(text, "{sum}\t{stamp}\t{below}");
    }
    let path = place(folder);
    let cannot = || format!("cannot write `{path}`");
    let beside = path.parent().context("a manifest has a folder")?;
    // Several gates may save it at once.
    let mut new = tempfile::NamedTempFile::new_in(beside).with_context(cannot)?;
    new.write_all(text.as_bytes()).with_context(cannot)?;
    new.persist(&path).with_context(cannot)?;
    Ok(())
}

/// The files and links below a folder, each with its metadata.
fn list(folder: &Utf8Path) -> Result<Vec<(Utf8PathBuf, String)>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        let cannot = || format!("cannot read `{at}`");
        for entry in at.read_dir_utf8().with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let meta = entry.metadata().with_context(cannot)?;
            match meta.is_dir() {
                true => folders.push(entry.into_path()),
                false => {
                    let below = entry.path().strip_prefix(folder)?.to_owned();
                    files.push((below, stamp_of(&meta)));
                }
            }
        }
    }
    Ok(files)
}

/// The checksum of a file's content, or of where a link leads.
fn checksum(path: &Utf8Path) -> Result<String> {
    let cannot = || format!("cannot read `{path}`");
    let meta = path.symlink_metadata().with_context(cannot)?;
    let bytes = match () {
        () if meta.is_symlink() => path.read_link_utf8().with_context(cannot)?.to_string().into(),
        () if meta.is_file() => fs::read(path).with_context(cannot)?,
        () => return Err(anyhow!("`{path}` is neither a file nor a link")),
    };
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_that_was_changed_in_any_way_differs() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(dir.path()).unwrap().join("env");
        let at = |name: &str| folder.join(name);
        fs::create_dir_all(at("lib")).unwrap();
        fs::write(at("lib/a.py"), "1").unwrap();
        std::os::unix::fs::symlink("a.py", at("lib/b.py")).unwrap();
        assert!(difference(&folder).unwrap().contains("nothing says"));
        write(&folder).unwrap();
        assert_eq!(difference(&folder), None);
        // The same content under another time, as of a cache that was restored.
        fs::remove_file(at("lib/a.py")).unwrap();
        assert_eq!(difference(&folder).unwrap(), format!("`{folder}/lib/a.py` is missing"));
        fs::write(at("lib/a.py"), "1").unwrap();
        assert_eq!(difference(&folder), None);
        fs::write(at("lib/a.py"), "2").unwrap();
        assert_eq!(difference(&folder).unwrap(), format!("`{folder}/lib/a.py` was changed"));
        fs::write(at("lib/a.py"), "1").unwrap();
        fs::write(at("lib/left.pth"), "import os").unwrap();
        assert_eq!(difference(&folder).unwrap(), format!("`{folder}/lib/left.pth` was added"));
        fs::remove_file(at("lib/left.pth")).unwrap();
        fs::remove_file(at("lib/b.py")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("lib/b.py")).unwrap();
        assert_eq!(difference(&folder).unwrap(), format!("`{folder}/lib/b.py` was changed"));
    }
}
