//! The files of a tree and its settings, as plain values: text and bytes as read, without
//! judgement.

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

/// Settings as Alembic reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folders with revisions, in order.
    pub locations: Vec<Location>,
    /// Whether their subfolders count.
    pub recursive: bool,
    /// Whether compiled files without a source count as revisions.
    pub sourceless: bool,
    /// The folders where Python first looks for imports of a revision, absolute.
    pub import_roots: Vec<Utf8PathBuf>,
    /// The template of its file's name, and after how many characters its words are cut.
    pub file_template: (String, usize),
    /// Settings that cannot be followed, one sentence each.
    pub unknown: Vec<String>,
}

/// A folder with revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// This one.
    Folder(Utf8PathBuf),
    /// A folder of a Python package. Python finds the first of these folders whose package exists.
    Package {
        /// The folder as the ini writes it: `app:migrations`.
        written: String,
        /// Pairs of a package's folder and the named folder within it.
        candidates: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    },
}

/// The files in a tree's folders that Alembic would take for revisions.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The files, with symbolic links followed, in the order in which Alembic reads them.
    pub files: Vec<Utf8PathBuf>,
    /// Files that occur in a location a second time; they are skipped there.
    pub twice: Vec<Utf8PathBuf>,
    /// Locations that cannot be found or listed, one sentence each.
    pub unknown: Vec<String>,
}

/// The base branch: the files that others already have.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// Its name for readers: `origin/main`.
    pub name: String,
    /// Its files in the folders of the trees, relative to the root where they lie below.
    pub files: BTreeSet<Utf8PathBuf>,
    /// The files that this change edits, renames or deletes.
    pub changed: Vec<Changed>,
    /// The files that the base branch changed since this change left it.
    pub ahead: Vec<Ahead>,
}

/// A file that the base branch added, changed or removed since a change left it.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// Its name on the base branch, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its bytes on the base branch; `None`: it was deleted.
    pub bytes: Option<Vec<u8>>,
}

/// A file of the base branch that this change alters.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Its name on the base branch, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its bytes on the base branch.
    pub before: Vec<u8>,
    /// Whether the file was deleted.
    pub gone: bool,
    /// Whether this change changed the file, rather than newer commits of the base branch.
    pub by_us: bool,
}

/// The commit that brought a file into the history of a change.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// The greater, the later.
    pub order: usize,
    /// The commit that brought the file, short; the merge, if a merge brought the file.
    pub commit: String,
    /// Its day: `2026-05-10`.
    pub day: String,
    /// Its author.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// Whether Alembic reads a file of this name as a revision (`_only_source_rev_file`).
pub fn is_revision_name(name: &str) -> bool {
    name.ends_with(".py") && !name.starts_with(".#") && !name.starts_with("__init__")
}

/// Whether Alembic in sourceless mode reads a file of this name as a revision.
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
