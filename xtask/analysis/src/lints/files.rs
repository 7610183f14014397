//! Lints on single files, their names and the settings that lead to them.

use super::subject::{Subject, in_file};
use crate::script::Script;
use model::code::{self, Code, Severity};
use model::finding::{Finding, Place};

/// Settings that cannot be followed, and files that cannot be listed.
pub(super) fn settings(subject: &Subject<'_>) -> Vec<Finding> {
    let all = subject.files.unknown_settings.iter().chain(&subject.files.listing.unknown);
    all.map(|text| in_file(&code::CONFIG_UNKNOWN, &subject.tree.ini, None, text.as_str())).collect()
}

/// Files in two version locations.
pub(super) fn loaded_twice(subject: &Subject<'_>) -> Vec<Finding> {
    let message = "the file lies in two version locations; Alembic warns and reads it once";
    let twice = subject.files.listing.twice.iter();
    twice.map(|file| in_file(&code::LOADED_TWICE, file, None, message)).collect()
}

/// Files that are no Python.
pub(super) fn unreadable(subject: &Subject<'_>) -> Vec<Finding> {
    troubles(subject, &code::UNREADABLE)
}

/// Files that are no revision.
pub(super) fn not_a_revision(subject: &Subject<'_>) -> Vec<Finding> {
    troubles(subject, &code::NOT_A_REVISION)
}

/// Revisions whose ids are computed at run time.
pub(super) fn computed(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = troubles(subject, &code::COMPUTED);
    // A label is another name of a revision: the order of the chain does not depend on it.
    let is_label = |finding: &Finding| {
        let is_at = |place: &Place, script: &Script| {
            script.file == place.file && script.branch_labels.line == place.line
        };
        let place = finding.place.as_ref();
        place.is_some_and(|place| subject.scripts.iter().any(|script| is_at(place, script)))
    };
    for label in findings.iter_mut().filter(|finding| is_label(finding)) {
        label.severity = Some(Severity::Note);
    }
    if let Some(first) = findings.iter_mut().find(|finding| !is_label(finding)) {
        first.message.push_str(
            "; heads, bases and missing parents of this tree cannot be judged from its text",
        );
    }
    findings
}

fn troubles(subject: &Subject<'_>, code: &'static Code) -> Vec<Finding> {
    let of_code = subject.files.troubles.iter().filter(|(_, trouble)| trouble.code == code);
    of_code
        .map(|(file, trouble)| {
            let index = subject.scripts.iter().position(|script| script.file == *file);
            match (index, trouble.line) {
                (Some(index), Some(line)) => {
                    subject.in_script(code, index, line, trouble.message.clone())
                }
                _ => in_file(code, file, trouble.line, trouble.message.as_str()),
            }
        })
        .collect()
}

/// Files whose number is another than their revision's: `0037_x.py` with `revision = "0038"`.
pub(super) fn number_differs(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, script) in subject.scripts.iter().enumerate() {
        let stem = script.file.file_stem().unwrap_or_default();
        let (id, line) = (script.revision.text.as_str(), script.revision.line);
        let Some(number) = number_of_id(id) else { continue };
        let in_name = leading_digits(stem);
        // `20260511_0038_x.py` has its number, only not first.
        let words = stem.split(|c: char| !c.is_ascii_alphanumeric());
        let named = words.into_iter().any(|word| word == number);
        if in_name.is_empty() || named || stem.starts_with(id) {
            continue;
        }
        let message = format!("the file's name says {in_name}, its `revision` is `{id}`");
        findings.push(subject.in_script(&code::NUMBER_DIFFERS, index, line, message));
    }
    findings
}

/// The number that an id is, or starts with. Hashes are none, not even one that is all digits.
fn number_of_id(id: &str) -> Option<&str> {
    let number = leading_digits(id);
    let rest = &id[number.len()..];
    let counted = (1..=8).contains(&number.len());
    (counted && (rest.is_empty() || rest.starts_with('_'))).then_some(number)
}

pub(super) fn leading_digits(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())]
}
