//! Candidates for remedies, and their sources.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::renumber::Change;
use crate::script::Script;
use model::finding::Finding;
use model::graph::Graph;
use model::supply::Given;

/// Input of the candidates.
pub struct Scene<'a> {
    /// The fault.
    pub finding: &'a Finding,
    /// The revisions, and how they hang together; its indexes are theirs.
    pub scripts: &'a [Script],
    /// The graph.
    pub graph: &'a Graph,
    /// The supplies of the recipe.
    pub given: &'a [Given],
    /// The text of a file, relative to the root.
    pub read: &'a dyn Fn(&Utf8Path) -> Option<String>,
    /// How late each file came, and where it is merged already; `None`: unknown.
    pub history: Option<&'a History>,
}

/// History of revision files by git.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How late each came: the greater, the later. A file without an entry came last.
    pub ages: HashMap<Utf8PathBuf, usize>,
    /// Those that others have, and where.
    pub merged: HashMap<Utf8PathBuf, String>,
}

/// Something to try.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// Its action, in a few words.
    pub what: String,
    /// The files that it changes.
    pub files: Files,
    /// Its supply.
    pub lacking: Option<Lacking>,
    /// The orders that it chooses among, where it orders revisions: the files that make each. They must
    /// leave the same.
    pub orders: Vec<Files>,
}

/// Files with their new text; `None`: the file is deleted.
pub type Files = Vec<(Utf8PathBuf, Option<String>)>;

/// Something that production has and the recipe does not supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// A role, by its name.
    Role(String),
    /// A row, by the conditions of a lookup.
    Row(Lookup),
}

/// A lookup of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The table.
    pub table: String,
    /// The columns that are asked for, with their values.
    pub conditions: Vec<(String, String)>,
    /// The revision before the one that looks it up.
    pub after: String,
}

impl Candidate {
    pub(super) fn of_file(what: impl Into<String>, file: &Utf8Path, text: String) -> Candidate {
        let files = vec![(file.to_owned(), Some(text))];
        Candidate { what: what.into(), files, ..Candidate::default() }
    }
}

/// Changes as files.
pub(super) fn files(changes: Vec<Change>) -> Files {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut files = Vec::new();
    for change in changes {
        if change.from != change.to {
            files.push((change.from, None));
        }
        files.push((change.to, Some(text(change.after))));
    }
    files
}
