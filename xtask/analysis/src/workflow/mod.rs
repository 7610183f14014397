//! The audit of the CI workflows: the places where they weaken the gate.
//!
//! Pure, as all analysis: from the texts of the files to findings. Each audit is a function of the
//! [`Repository`] and is listed in [`AUDITS`]; a fact that the files do not determine is reported
//! as unknown.

mod audits;
mod calls;
mod document;
mod expression;
mod globs;
mod locate;
mod repository;
mod shell;

use self::document::Document;
pub use self::document::Source;
pub use self::repository::Gated;
use self::repository::{Found, Repository};
use model::code::{self, Severity};
use model::finding::{Edit, Finding, Place};

/// One audit: a function that searches for one fault.
type Audit = fn(&Repository<'_>) -> Vec<Found>;

/// Every audit.
const AUDITS: &[Audit] = &[
    audits::runs::not_run,
    audits::runs::pull_requests,
    audits::runs::merge_queue,
    audits::paths::covered,
    audits::conditions::explicit_if,
    audits::conditions::never_runs,
    audits::conditions::without_status,
    audits::conditions::drafts,
    audits::conditions::forks,
    audits::conditions::queued,
    audits::caches::saved_late,
    audits::status::continue_on_error,
    audits::status::discarded,
    audits::status::lost_in_pipe,
    audits::options::trees,
    audits::options::checks,
    audits::options::history,
    audits::options::another_ref,
    audits::options::isolation,
    audits::postgres::not_15,
    audits::rights::secrets,
    audits::rights::permissions,
    audits::rights::privileged_triggers,
    audits::rights::token_left_behind,
    audits::old_steps::upgrade_heads,
    audits::old_steps::beside_the_gate,
];

/// Audits workflows, and the actions that they use, of a repository with this default branch, where that
/// is known.
pub fn audit(sources: &[Source], gated: &[Gated], default_branch: Option<&str>) -> Vec<Finding> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for source in sources {
        match Document::read(source) {
            Ok(document) => documents.push(document),
            Err((why, line)) => findings.push(Finding {
                place: Some(Place { file: source.file.clone(), line, source: None }),
                ..Finding::new(&code::UNREADABLE_WORKFLOW, why)
            }),
        }
    }
    let calls = calls::find(&documents);
    let unreadable = !findings.is_empty();
    let repository = Repository { documents: &documents, calls, gated, default_branch, unreadable };
    let mut found: Vec<Found> = AUDITS.iter().flat_map(|audit| audit(&repository)).collect();
    found.sort_by_key(|found| {
        let place = found.place.as_ref();
        (place.map(|place| (place.file.clone(), place.line)), found.code.id)
    });
    // Two calls in one job are weakened by the same line.
    found.dedup_by(|a, b| a.code == b.code && a.place == b.place && a.message == b.message);
    findings.extend(found.into_iter().map(|found| conclude(found, sources)));
    findings
}

/// A finding; with a bypass directive, a note for the operator.
fn conclude(found: Found, sources: &[Source]) -> Finding {
    let reason = found.place.as_ref().and_then(|place| bypass(place, sources));
    let Found { code, message, place, suggestion } = found;
    match reason {
        Some(reason) if code.severity != Severity::Note => {
            let message = format!("{message} ({}), because: {reason}", code.id);
            Finding { place, allowed: Some(reason), ..Finding::new(&code::BYPASSED, message) }
        }
        _ => {
            let edit = suggestion.and_then(|line| edit(place.as_ref()?, line, sources));
            Finding { place, edit, ..Finding::new(code, message) }
        }
    }
}

/// The corrected line at a place; an empty one is deleted.
fn edit(place: &Place, line: String, sources: &[Source]) -> Option<Edit> {
    let source = sources.iter().find(|source| source.file == place.file)?;
    let index = usize::try_from(place.line?).ok()?.checked_sub(1)?;
    Some(Edit {
        file: place.file.clone(),
        line: place.line?,
        before: vec![source.text.lines().nth(index)?.to_owned()],
        after: Some(line).filter(|line| !line.is_empty()).into_iter().collect(),
    })
}

/// The reason of `# migration-gate: bypass REASON`, on the line or in the comment above it.
fn bypass(place: &Place, sources: &[Source]) -> Option<String> {
    let source = sources.iter().find(|source| source.file == place.file)?;
    let lines: Vec<&str> = source.text.lines().collect();
    let at = usize::try_from(place.line?).ok()?.checked_sub(1)?;
    let above = lines.get(..at)?.iter().rev().take_while(|line| line.trim().starts_with('#'));
    lines.get(at).into_iter().chain(above).find_map(|line| {
        let (_, reason) = line.split_once("# migration-gate: bypass")?;
        let reason = reason.trim();
        (!reason.is_empty()).then(|| reason.to_owned())
    })
}

#[cfg(test)]
mod tests;
