//! Remedy of a finding, as each format shows it: what is copied, and the steps around it.

use std::fmt::Write as _;

use model::finding::{Edit, Finding, Fix};

/// The steps of a finding's remedy; of a verified fix, what follows the change.
pub fn further_steps(finding: &Finding) -> Vec<String> {
    match &finding.fix {
        Some(fix) => fix.then().into_iter().collect(),
        None => finding.steps(),
    }
}

/// What is said of a finding's impact on production, but for the safe form, which is a step of the remedy.
pub(super) fn seen(finding: &Finding) -> impl Iterator<Item = &(String, String)> {
    let told = finding.impact.iter().flat_map(|impact| &impact.told);
    told.filter(|(word, _)| word != "instead")
}

/// The word before the steps of a finding's remedy.
pub(super) fn word(finding: &Finding) -> &'static str {
    if finding.instead().is_some() { "instead" } else { "fix" }
}

/// A change as a patch without context.
pub(super) fn patch(edit: &Edit) -> String {
    let (line, before, after) = (edit.line, edit.before.len(), edit.after.len());
    // For a pure insertion or deletion, a patch has the number of the line before.
    let from = if before == 0 { line - 1 } else { line };
    let to = if after == 0 { line - 1 } else { line };
    let file = &edit.file;
    let mut out = format!("--- a/{file}\n+++ b/{file}\n@@ -{from},{before} +{to},{after} @@\n");
    let signed = [('-', &edit.before), ('+', &edit.after)];
    for (sign, text) in signed.iter().flat_map(|(sign, lines)| lines.iter().map(move |l| (sign, l)))
    {
        let _ = writeln!(out, "{sign}{text}");
    }
    out
}

/// The change that fixes a finding: the verified one, else the known one, which `git apply` takes
/// with `--unidiff-zero`.
pub(super) fn change(finding: &Finding) -> Option<String> {
    let fix = finding.fix.as_ref().and_then(|fix| fix.own_patch());
    fix.map(str::to_owned).or_else(|| finding.edit.as_ref().map(patch))
}

/// The part of a fix that is to be copied.
pub(super) struct Ready {
    /// Its description.
    pub what: &'static str,
    /// A change, or lines to add.
    pub text: String,
    /// The word before the steps after it.
    pub next: &'static str,
}

/// The part of a finding's fix that is to be copied.
pub(super) fn ready(finding: &Finding) -> Option<Ready> {
    let lines = || (!finding.lacks.is_empty()).then(|| finding.lacks.join("\n"));
    let (what, text, next) = match (&finding.fix, change(finding)) {
        (Some(_), Some(patch)) => ("apply this change (`git apply`, or --fix):", patch, "then"),
        (None, Some(patch)) => ("a change, not tried (`git apply --unidiff-zero`):", patch, "or"),
        _ => ("add:", lines()?, "or"),
    };
    Some(Ready { what, text, next })
}

/// The changes of a verified remedy, in a sentence.
pub(super) fn verified(fix: &Fix) -> String {
    format!("{}: on a copy of the tree the gate is green with it", fix.what.join(", then "))
}
