//! Faults that keep Alembic from making a graph of the files: it raises before any revision runs,
//! through env.py like everything else, and is no fault of env.py.

use super::case::{Case, Known, Named, type_name};
use model::code::{self, Code};
use model::transcript::Transcript;

/// How the message ends about a revision without `downgrade()`.
pub(crate) const NO_DOWNGRADE: &str = "has no attribute 'downgrade'";

/// The revision that has no `downgrade()`, by the name of the module that Alembic made of its file.
pub(super) fn without_downgrade(said: &Transcript, known: Known<'_>) -> Option<String> {
    let told = said.headline()?.message.strip_suffix(NO_DOWNGRADE)?;
    let module = told.split('\'').nth(1)?;
    let plain = |name: &str| name.replace(|c: char| !(c.is_alphanumeric() || c == '_'), "_");
    let is_it =
        |file: &camino::Utf8Path| file.file_name().is_some_and(|name| plain(name) == module);
    known.revisions.iter().find(|(_, file)| is_it(file)).map(|(id, _)| id.clone())
}

/// Names it by the exception's type; where Alembic has one type for several, by its first words.
pub(super) fn recognise(case: &Case<'_>) -> Option<Named> {
    if case.said.revision.is_some() {
        return None;
    }
    let circles =
        ["CycleDetected", "LoopDetected", "DependencyCycleDetected", "DependencyLoopDetected"];
    if circles.iter().any(|kind| case.raised(kind)) {
        return case.is(&code::CYCLE);
    }
    let message = case.headline.message.as_str();
    // A revision without a `downgrade` is loaded, and fails before it counts as running.
    if type_name(case.headline) == "AttributeError" && message.ends_with(NO_DOWNGRADE) {
        return Some((&code::DOWNGRADE_FAILED, "the revision has no `downgrade()`".to_owned()));
    }
    let said: [(&str, &str, &'static Code); 3] = [
        ("RevisionError", "Character(s) ", &code::ILLEGAL_ID),
        ("RevisionError", "Branch name ", &code::LABEL_USED_TWICE),
        ("CommandError", "Could not determine revision id from filename", &code::NOT_A_REVISION),
    ];
    let known =
        said.iter().find(|(kind, start, _)| case.raised(kind) && message.starts_with(start));
    known.and_then(|(_, _, code)| case.is(code))
}
