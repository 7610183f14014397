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
    /// The age of each file, and the branch on which it is merged already; `None`: unknown.
    pub history: Option<&'a History>,
}

/// History of revision files by git.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The age of each file: the greater, the later. A file without an entry is the latest.
    pub ages: HashMap<Utf8PathBuf, usize>,
    /// The files that others have, each with its branch.
    pub merged: HashMap<Utf8PathBuf, String>,
}

/// Candidate for a remedy.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// Its action, in a few words.
    pub what: String,
    /// The files that it changes.
    pub files: Files,
    /// Its supply.
    pub lacking: Option<Lacking>,
    /// The orders to choose from, if the candidate orders revisions: the files for each. All orders
    /// must have the same result.
    pub orders: Vec<Files>,
}

/// Files with their new text; `None`: the file is deleted.
pub type Files = Vec<(Utf8PathBuf, Option<String>)>;

/// Supply that production has and the recipe lacks.
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
