//! Candidates for remedies: changed files or supplies that may turn the gate green.
//!
//! Text in, changed text out. Nothing is known here of whether a candidate helps: whoever asks tries
//! each on a copy of the tree, and offers what the gate is green with.

mod chain;
pub mod recipe;
mod rewrite;
mod statement;
mod supply;
mod text;

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};
use similar::TextDiff;

use crate::renumber::Change;
use crate::script::Script;
use model::finding::{FileChange, Finding};
use model::graph::Graph;
use model::supply::Given;

/// How many lines of context a patch has.
const CONTEXT: usize = 3;

/// What candidates are made from.
pub struct Scene<'a> {
    /// What is wrong.
    pub finding: &'a Finding,
    /// The revisions, and how they hang together; its indexes are theirs.
    pub scripts: &'a [Script],
    /// The graph.
    pub graph: &'a Graph,
    /// What the recipe supplies.
    pub given: &'a [Given],
    /// The text of a file, relative to the root.
    pub read: &'a dyn Fn(&Utf8Path) -> Option<String>,
    /// How late each file came, and where it is merged already; `None`: nobody knows.
    pub history: Option<&'a History>,
}

/// What git knows of revision files.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How late each came: the greater, the later. What is not there came last.
    pub ages: HashMap<Utf8PathBuf, usize>,
    /// Those that others have, and where.
    pub merged: HashMap<Utf8PathBuf, String>,
}

/// Something to try.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// What it does, in a few words.
    pub what: String,
    /// The files that it changes with their new text; `None`: the file goes.
    pub files: Vec<(Utf8PathBuf, Option<String>)>,
    /// What it supplies.
    pub lacking: Option<Lacking>,
}

/// Something that production has and the recipe does not supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// A role, by its name.
    Role(String),
    /// A row, by what a lookup asks for.
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
    fn of_file(what: impl Into<String>, file: &Utf8Path, text: String) -> Candidate {
        let files = vec![(file.to_owned(), Some(text))];
        Candidate { what: what.into(), files, lacking: None }
    }

    fn of_changes(what: String, changes: Vec<Change>) -> Candidate {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut files = Vec::new();
        for change in changes {
            if change.from != change.to {
                files.push((change.from, None));
            }
            files.push((change.to, Some(text(change.after))));
        }
        Candidate { what, files, lacking: None }
    }
}

/// What may fix a finding, the most fitting first.
pub fn candidates(scene: &Scene<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = supply::candidates(scene).into_iter().collect();
    found.extend(chain::candidates(scene));
    found.extend(known(scene));
    found.extend(statement::candidates(scene));
    found
}

/// The change that is known to the letter.
fn known(scene: &Scene<'_>) -> Option<Candidate> {
    let edit = scene.finding.edit.as_ref()?;
    let text = text::applied(&(scene.read)(&edit.file)?, edit)?;
    let has = |word: &str| edit.after.iter().any(|line| line.contains(word));
    let what = match scene.finding.lacks.is_empty() {
        false => "add what the downgrade lacks".to_owned(),
        true if has("autocommit_block") => "put the statement into an autocommit block".to_owned(),
        true => format!("change {}:{}", edit.file, edit.line),
    };
    Some(Candidate::of_file(what, &edit.file, text))
}

/// Changes as a patch for `git apply`.
pub fn patch(changes: &[FileChange]) -> String {
    let mut out = String::new();
    for FileChange { file, before, after } in changes {
        let (from, to) = (format!("a/{file}"), format!("b/{file}"));
        out += &format!("diff --git {from} {to}\n");
        let (from, to) = match (before, after) {
            (None, _) => {
                out += "new file mode 100644\n";
                ("/dev/null".to_owned(), to)
            }
            (_, None) => {
                out += "deleted file mode 100644\n";
                (from, "/dev/null".to_owned())
            }
            _ => (from, to),
        };
        let (before, after) =
            (before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
        let diff = TextDiff::from_lines(before, after);
        out += &diff.unified_diff().context_radius(CONTEXT).header(&from, &to).to_string();
    }
    out
}
