//! The `if:` of jobs and steps.

use super::document::{Document, Job, text};
use super::{Found, Repository, expression};
use model::code;

/// Names that jobs have which find out what changed.
const DETECT: &[&str] = &["detect-changes", "detect_changes", "detect", "changes", "changed-files"];

/// A job downstream of the detection of changes has an `if:` of its own.
pub(crate) fn explicit_if(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for document in repository.documents {
        for job in document.jobs.iter().filter(|job| job.condition().is_none()) {
            let detects = |upstream: &&&Job| is_detection(document, upstream);
            if let Some(detect) = document.upstream(job).iter().find(detects) {
                let message = format!(
                    "job `{}` needs `{}`, directly or not, and has no `if:`",
                    job.id, detect.id
                );
                let line = document.line(&job.path);
                found.push(Found::at(&code::NO_EXPLICIT_IF, (document, line), message));
            }
        }
    }
    found
}

/// By its name, or since conditions ask for its outputs.
fn is_detection(document: &Document<'_>, job: &Job) -> bool {
    let asked = format!("needs.{}.outputs.", job.id);
    DETECT.contains(&job.id.as_str())
        || document.jobs.iter().filter_map(Job::condition).any(|text| text.contains(&asked))
}

/// Nothing on the way to the gate has a condition that no pull request meets.
pub(crate) fn never_runs(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    // Another call may be the one for pull requests: a nightly one has a condition of its own.
    let mut one_runs = false;
    for call in &repository.calls {
        let mut wrong = Vec::new();
        for (document, job) in &call.jobs {
            if let Some(condition) = job.condition().filter(|text| never(text)) {
                let line = document.line(&job.at("if"));
                wrong.push(report(document, line, &format!("job `{}`", job.id), &condition));
            }
            wrong.extend(blocked(document, job));
        }
        for (document, step) in &call.steps {
            let condition = text(&step.value["if"]).filter(|text| never(text));
            if let Some(condition) = condition {
                wrong.push(report(document, document.line(&step.at("if")), "the step", &condition));
            }
        }
        one_runs |= wrong.is_empty();
        found.extend(wrong);
    }
    if one_runs { Vec::new() } else { found }
}

fn never(condition: &str) -> bool {
    expression::holds(condition) == Some(false)
}

fn report(document: &Document<'_>, line: u32, what: &str, condition: &str) -> Found {
    let message = format!("{what} does not run for a pull request: `if: {condition}`");
    Found::at(&code::NEVER_RUNS, (document, line), message)
}

/// A job is skipped with one that it needs, unless its condition says to go on all the same.
fn blocked(document: &Document<'_>, job: &Job) -> Vec<Found> {
    let condition = job.condition().unwrap_or_default();
    if condition.contains("always()") || condition.contains("cancelled()") {
        return Vec::new();
    }
    let upstream = document.upstream(job);
    let skipped = upstream.iter().filter_map(|up| Some((up, up.condition().filter(|c| never(c))?)));
    skipped
        .map(|(up, condition)| {
            let line = document.line(&up.at("if"));
            let what = format!("job `{}`, which `{}` needs,", up.id, job.id);
            report(document, line, &what, &condition)
        })
        .collect()
}
