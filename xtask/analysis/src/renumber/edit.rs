//! The bytes of a file that must change for a revision to have another id and other parents. All
//! others stay: comments, quotes, line ends, and the rest of the docstring.

use std::collections::HashMap;
use std::ops::Range;

use camino::Utf8PathBuf;

use super::change::Change;
use crate::script::{Ident, Script};

/// The intended contents of a file.
pub(super) struct Wanted<'a> {
    pub(super) id: &'a str,
    pub(super) parents: &'a [String],
    /// Whether the id that it has now is another's as well.
    pub(super) collides: bool,
    /// Ids that no revision has any more, and their replacements.
    pub(super) renamed: &'a HashMap<&'a str, &'a str>,
}

type Edits = Vec<(Range<usize>, String)>;

/// How a file changes; `None` where it stays. `Err` where it is written in a way that cannot be
/// edited safely.
pub(super) fn change(
    script: &Script,
    bytes: &[u8],
    wanted: &Wanted<'_>,
) -> Result<Option<Change>, String> {
    let old = &script.revision.text;
    let mut edits: Edits = Vec::new();
    if old != wanted.id {
        edits.push(replace(script, &script.revision, wanted.id)?);
    }
    let parents = &script.down_revision;
    let mut swaps: Vec<(&str, &str)> = Vec::new();
    if parents.names.is_empty() && !wanted.parents.is_empty() {
        let value = script.module.slice(parents.bytes.clone());
        let quoted = script.module.slice(script.revision.bytes.clone());
        if value != "None" || quoted.is_empty() {
            return Err(cannot(script, "down_revision"));
        }
        let new = wanted.parents.first().map_or("", String::as_str);
        edits.push((parents.bytes.clone(), quoted.replace(old.as_str(), new)));
    }
    for (name, new) in parents.names.iter().zip(wanted.parents) {
        if name.text != *new {
            edits.push(replace(script, name, new)?);
            swaps.push((&name.text, new));
        }
    }
    for name in &script.depends_on.names {
        if let Some(new) = wanted.renamed.get(name.text.as_str()) {
            edits.push(replace(script, name, new)?);
        }
    }
    let to = file_name(script, wanted);
    if edits.is_empty() && to == script.file {
        return Ok(None);
    }
    let bom = script.module.bom_len();
    if bytes.get(bom..) != Some(script.module.source().as_bytes()) {
        return Err(format!("{} is not UTF-8 with usual line ends; edit it yourself", script.file));
    }
    docstring(script, wanted.id, &swaps, &mut edits);
    edits.sort_by_key(|(range, _)| range.start);
    edits.dedup();
    let mut after = bytes.to_vec();
    for (range, text) in edits.iter().rev() {
        after.splice(range.start + bom..range.end + bom, text.bytes());
    }
    Ok(Some(Change { from: script.file.clone(), to, before: bytes.to_vec(), after }))
}

fn cannot(script: &Script, name: &str) -> String {
    format!(
        "{} writes its `{name}` in a way that cannot be edited safely; edit it yourself",
        script.file
    )
}

/// Replaces the id in a literal, between the existing quotes.
fn replace(script: &Script, name: &Ident, new: &str) -> Result<(Range<usize>, String), String> {
    let literal = script.module.slice(name.bytes.clone());
    let inside = literal.find(&name.text).filter(|_| literal.matches(&name.text).count() == 1);
    match inside {
        Some(at) => {
            let start = name.bytes.start + at;
            Ok((start..start + name.text.len(), new.to_owned()))
        }
        None => Err(cannot(script, "revision")),
    }
}

/// The file named after its number: where that changes, and where it collides.
fn file_name(script: &Script, wanted: &Wanted<'_>) -> Utf8PathBuf {
    let (name, id) = (script.file.file_name().unwrap_or_default(), wanted.id);
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = name.split_at(digits);
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
    let is_named_so = digits > 0 && rest.starts_with(['_', '.', '-']);
    if is_number && is_named_so && number != id && (script.revision.text != id || wanted.collides) {
        return script.file.with_file_name(format!("{id}{rest}"));
    }
    script.file.clone()
}

/// `Revision ID:` and `Revises:` follow, if they agreed with the code.
fn docstring(script: &Script, id: &str, swaps: &[(&str, &str)], edits: &mut Edits) {
    let Some(doc) = script.module.docstring() else { return };
    let mut at = doc.start_byte();
    for line in script.module.text(doc).split_inclusive('\n') {
        let start = at;
        at += line.len();
        let (field, value) = match line.split_once(':') {
            Some(pair) => pair,
            None => continue,
        };
        let value_at = start + field.len() + 1;
        match field.trim().trim_start_matches(['"', '\'']) {
            "Revision ID" if value.trim() == script.revision.text && value.trim() != id => {
                let from = value_at + value.len() - value.trim_start().len();
                edits.push((from..from + script.revision.text.len(), id.to_owned()));
            }
            "Revises" => {
                for (old, new) in swaps {
                    let word = |at: &usize| is_word(value, *at, old.len());
                    let found = value.match_indices(old).map(|(at, _)| at).find(word);
                    if let Some(found) = found {
                        let from = value_at + found;
                        edits.push((from..from + old.len(), (*new).to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_word(text: &str, at: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].chars().next_back().is_some_and(is_part)
        && !text[at + length..].chars().next().is_some_and(is_part)
}
