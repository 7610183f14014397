//! The files of a tree and what configures it, as plain values: text and bytes in, nothing judged.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// The texts that configure a tree, as far as the files exist.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The ini and its folder.
    pub ini: Option<(Utf8PathBuf, String)>,
    /// `pyproject.toml` and its folder.
    pub pyproject: Option<(Utf8PathBuf, String)>,
}

/// What Alembic makes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folders with revisions, in order.
    pub locations: Vec<Location>,
    /// Whether their subfolders count.
    pub recursive: bool,
    /// Whether compiled files without a source count as revisions.
    pub sourceless: bool,
    /// Where Python looks first for what a revision imports, absolute.
    pub import_roots: Vec<Utf8PathBuf>,
    /// The template of its file's name, and after how many characters its words are cut.
    pub file_template: (String, usize),
    /// What cannot be followed, one sentence each.
    pub unknown: Vec<String>,
}

/// A folder with revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// This one.
    Folder(Utf8PathBuf),
    /// A folder of a Python package: the first of these whose package exists is the one that Python
    /// finds, if it finds any.
    Package {
        /// As it is written: `app:migrations`.
        written: String,
        /// The package's folder, and the folder meant in it.
        candidates: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    },
}

/// The files in a tree's folders that Alembic would take for revisions.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Them, with symbolic links followed, in the order in which Alembic reads them.
    pub files: Vec<Utf8PathBuf>,
    /// Those that lie in a location a second time, and are passed over there.
    pub twice: Vec<Utf8PathBuf>,
    /// What cannot be found or listed, one sentence each.
    pub unknown: Vec<String>,
}

/// The base branch: what others already have.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// As a reader knows it: `origin/main`.
    pub name: String,
    /// Its files in the folders of the trees, relative to the root where they lie below.
    pub files: BTreeSet<Utf8PathBuf>,
    /// Those that are not as they are there.
    pub changed: Vec<Changed>,
    /// What it did since this change left it.
    pub ahead: Vec<Ahead>,
}

/// A file that the base branch added, changed or removed since a change left it.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// Its name there, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its bytes there; `None`: it is gone.
    pub bytes: Option<Vec<u8>>,
}

/// A file of the base branch that is not what it was there.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Its name there, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its bytes there.
    pub before: Vec<u8>,
    /// Whether it is gone.
    pub gone: bool,
    /// Whether it is this change that changed it, and not the base branch that went on.
    pub by_us: bool,
}

/// How a file came into the history that a change stands on.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// The greater, the later.
    pub order: usize,
    /// The commit that brought it, short; a merge where it came with one.
    pub commit: String,
    /// Its day: `2026-05-10`.
    pub day: String,
    /// Who made it.
    pub author: String,
    /// The first line of what they said.
    pub subject: String,
}

/// Whether Alembic reads a file of this name as a revision (`_only_source_rev_file`).
pub fn is_revision_name(name: &str) -> bool {
    name.ends_with(".py") && !name.starts_with(".#") && !name.starts_with("__init__")
}

/// Whether Alembic, asked for sourceless operation, reads a file of this name as one.
pub fn is_compiled_name(name: &str) -> bool {
    let skipped = name.starts_with(".#") || name.starts_with("__init__");
    (name.ends_with(".pyc") || name.ends_with(".pyo")) && !skipped
}

#[cfg(test)]
mod tests {
    use super::is_revision_name;

    #[test]
    fn names_that_alembic_passes_over() {
        for name in ["__init__.py", "__init__x.py", ".#a.py", "a.pyc", "a.py~", "README", "a.sql"] {
            assert!(!is_revision_name(name), "{name}");
        }
        assert!(is_revision_name("a.py") && is_revision_name("_a.py") && is_revision_name(".py"));
    }
}
