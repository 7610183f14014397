//! The `if:` of jobs and steps.

use crate::workflow::calls::Call;
use crate::workflow::document::{Document, Job, text, texts};
use crate::workflow::expression::{self, Case};
use crate::workflow::repository::{Found, Repository};
use model::code::{self, Code};

/// Names of jobs that find out which files changed.
const DETECT: &[&str] = &["detect-changes", "detect_changes", "detect", "changes", "changed-files"];

/// A job downstream of the detection of changes has an `if:` of its own.
pub(in crate::workflow) fn explicit_if(repository: &Repository<'_>) -> Vec<Found> {
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

/// No job or step on the way to the gate has a condition that no pull request meets.
pub(in crate::workflow) fn never_runs(repository: &Repository<'_>) -> Vec<Found> {
    let calls = repository.calls.iter().collect();
    left_out(calls, Case::PullRequest, &code::NEVER_RUNS, "does not run for a pull request")
}

/// No condition excludes a draft, unless a trigger runs the gate when the draft is ready.
pub(in crate::workflow) fn drafts(repository: &Repository<'_>) -> Vec<Found> {
    let mut calls = for_pull_requests(repository);
    calls.retain(|call| {
        let trigger = call.workflow.trigger("pull_request").unwrap_or_default();
        !texts(&trigger["types"]).iter().any(|name| name == "ready_for_review")
    });
    let message = "does not run for a draft, nor when the draft is ready";
    left_out(calls, Case::Draft, &code::DRAFT_NEVER_GATED, message)
}

/// Nor one that a fork does not meet.
pub(in crate::workflow) fn forks(repository: &Repository<'_>) -> Vec<Found> {
    let calls = for_pull_requests(repository);
    left_out(
        calls,
        Case::Fork,
        &code::FORKS_LEFT_OUT,
        "does not run for a pull request from a fork",
    )
}

/// Nor one that the merge queue does not meet.
pub(in crate::workflow) fn queued(repository: &Repository<'_>) -> Vec<Found> {
    let mut calls: Vec<&Call<'_>> = repository.calls.iter().collect();
    calls.retain(|call| call.workflow.trigger("merge_group").is_some());
    let message = "does not run in the merge queue";
    left_out(calls, Case::MergeGroup, &code::NOT_IN_MERGE_QUEUE, message)
}

/// The gate's job runs even if a job that it needs fails, by an explicit condition.
pub(in crate::workflow) fn without_status(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        for (document, job) in &call.jobs {
            let condition = job.condition().filter(|_| !job.needs().is_empty());
            let Some(condition) = condition.filter(|text| !never(text)) else { continue };
            let why = match has_status(&condition) {
                false => "has no `!cancelled()` or `always()`",
                true if fails_with_a_need(&condition) => "does not hold then",
                true => continue,
            };
            if is_heeded(document, job) {
                continue;
            }
            let needs = job.needs().join("` and `");
            let message = format!(
                "job `{}` is skipped, which GitHub takes for success, where `{needs}` fails or is \
                 skipped: `if: {condition}` {why}",
                job.id
            );
            let line = document.line(&job.at("if"));
            found.push(Found::at(&code::SKIPPED_WITH_ANOTHER, (document, line), message));
        }
        for (document, step) in &call.steps {
            // A status function in a step is about the steps before it.
            let condition = text(&step.value["if"]).filter(|text| !has_status(text));
            let Some(condition) = condition.filter(|text| fails_with_a_need(text)) else {
                continue;
            };
            let message = format!(
                "the step is skipped, and its job passes, where a job that is needed fails: \
                 `if: {condition}` does not hold then"
            );
            let line = document.line(&step.at("if"));
            found.push(Found::at(&code::SKIPPED_WITH_ANOTHER, (document, line), message));
        }
    }
    found
}

/// Whether a condition that a pull request may meet does not hold where the needed jobs have failed.
fn fails_with_a_need(condition: &str) -> bool {
    !never(condition) && expression::holds(condition, Case::NeedFailed) == Some(false)
}

/// Whether a job that always runs, the one that is required, asks how this one and those that it needs
/// ended.
fn is_heeded(document: &Document<'_>, job: &Job) -> bool {
    document.jobs.iter().any(|last| {
        let needs = last.needs();
        let all = job.needs().into_iter().chain([job.id.clone()]).all(|id| needs.contains(&id));
        let always = last.condition().is_some_and(|condition| condition.contains("always()"));
        let steps = serde_yaml::to_string(&last.value["steps"]).unwrap_or_default();
        let asks = ["needs.*.result", "toJSON(needs)", "toJson(needs)"];
        all && always && asks.iter().any(|words| steps.contains(words))
    })
}

fn for_pull_requests<'a>(repository: &'a Repository<'a>) -> Vec<&'a Call<'a>> {
    let mut calls: Vec<&Call<'_>> = repository.calls.iter().collect();
    calls.retain(|call| {
        call.workflow.trigger("pull_request").is_some()
            && stopped(call, Case::PullRequest).is_empty()
    });
    calls
}

/// The conditions that leave out a case, where every call has one. Another call may be the one for it:
/// a nightly one has a condition of its own.
fn left_out(calls: Vec<&Call<'_>>, case: Case, code: &'static Code, message: &str) -> Vec<Found> {
    let stopped: Vec<Vec<Stop<'_>>> = calls.into_iter().map(|call| stopped(call, case)).collect();
    if stopped.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let found = stopped.into_iter().flatten().map(|stop| {
        let message = format!("{} {message}: `if: {}`", stop.what, stop.condition);
        Found::at(code, (stop.document, stop.line), message)
    });
    found.collect()
}

/// A condition that does not hold.
struct Stop<'a> {
    document: &'a Document<'a>,
    line: u32,
    /// The job or step of the condition.
    what: String,
    condition: String,
}

/// The condition that keeps a call from running in a case.
fn stopped<'a>(call: &'a Call<'a>, case: Case) -> Vec<Stop<'a>> {
    let fails = |text: &String| expression::holds(text, case) == Some(false);
    let mut stops = Vec::new();
    for (document, job) in &call.jobs {
        let own = job.condition();
        if let Some(condition) = own.clone().filter(fails) {
            let (line, what) = (document.line(&job.at("if")), format!("job `{}`", job.id));
            stops.push(Stop { document, line, what, condition });
        }
        // A job is skipped with one that it needs, unless its condition has a status function.
        if own.is_some_and(|own| own.contains("always()") || own.contains("cancelled()")) {
            continue;
        }
        for up in document.upstream(job) {
            let Some(condition) = up.condition().filter(fails) else { continue };
            let what = format!("job `{}`, which `{}` needs,", up.id, job.id);
            stops.push(Stop { document, line: document.line(&up.at("if")), what, condition });
        }
    }
    for (document, step) in &call.steps {
        if let Some(condition) = text(&step.value["if"]).filter(fails) {
            let (line, what) = (document.line(&step.at("if")), "the step".to_owned());
            stops.push(Stop { document, line, what, condition });
        }
    }
    stops
}

fn never(condition: &str) -> bool {
    expression::holds(condition, Case::PullRequest) == Some(false)
}

/// Whether a condition decides about the job if one that it needs did not succeed. `success()` only
/// repeats GitHub's default.
fn has_status(condition: &str) -> bool {
    ["always()", "cancelled()", "failure()"].iter().any(|name| condition.contains(name))
}
