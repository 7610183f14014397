//! Candidates for remedies: changed files or supplies that may turn the gate green.
//!
//! Text in, changed text out. This module does not know whether a candidate helps: the caller tries
//! each on a copy of the tree, and offers those that turn the gate green.

mod at;
mod candidate;
mod chain;
mod changes;
mod downgrade;
mod nameless;
pub mod recipe;
mod rewrite;
mod statement;
mod supply;
mod text;

use similar::TextDiff;

pub use self::candidate::{Candidate, Files, History, Lacking, Lookup, Scene};
pub use self::changes::{StatementChange, WrongStatement};
#[cfg(test)]
pub(crate) use self::changes::{changed, edit_to};
pub use self::downgrade::downgrade;
#[cfg(test)]
pub(crate) use self::text::applied;
pub(crate) use self::text::{function, is_last_raise};
use crate::script::Script;
use model::code;
use model::finding::{Edit, FileChange};

/// The number of context lines in a patch.
const CONTEXT: usize = 3;
/// The most lines of a change that is offered as it is.
const MOST_LINES: usize = 10;

/// Candidates for a finding, the most fitting first.
pub fn candidates(scene: &Scene<'_>) -> Vec<Candidate> {
    // The fault lies in an earlier revision, and what it should have made is in the project's history.
    if scene.finding.code == &code::SCHEMA_OF_TODAY {
        return Vec::new();
    }
    let mut found: Vec<Candidate> = supply::candidates(scene).into_iter().collect();
    found.extend(chain::candidates(scene));
    found.extend(known(scene));
    found.extend(statement::candidates(scene));
    found
}

/// A revision whose `ADD VALUE` accepts the labels that no downgrade can remove, where that is a short change.
pub fn with_labels_kept(script: &Script) -> Option<Edit> {
    let before = script.module.source();
    let after = Some(rewrite::guarded(before));
    FileChange { file: script.file.clone(), before: Some(before.to_owned()), after }
        .edit()
        .filter(|edit| edit.before != edit.after && edit.after.len() <= MOST_LINES)
}

/// The change that is known to the letter.
fn known(scene: &Scene<'_>) -> Option<Candidate> {
    let edit = scene.finding.edit.as_ref()?;
    let text = text::applied(&(scene.read)(&edit.file)?, edit)?;
    let has = |word: &str| edit.after.iter().any(|line| line.contains(word));
    let is_less = edit.after.iter().all(|line| line.trim() == "pass");
    let what = match scene.finding.lacks.is_empty() {
        _ if is_less => format!("take out `{}`", text::shown(&edit.before.join("\n"))),
        false => "add what the downgrade lacks".to_owned(),
        true if has("autocommit_block") => "put the statement into an autocommit block".to_owned(),
        true => match edit.after.as_slice() {
            [one] => format!("change {}:{} to `{}`", edit.file, edit.line, text::shown(one)),
            _ => format!("change {}:{}", edit.file, edit.line),
        },
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
