//! The caches of the job that runs the gate.

use crate::workflow::document::{Document, Step, text};
use crate::workflow::expression::{Case, holds};
use crate::workflow::repository::{Found, Repository};
use model::code;

/// Nothing is saved into a cache once the code of a pull request has run in the job.
pub(in crate::workflow) fn saved_late(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let (Some((document, job)), Some((_, gate))) = (call.jobs.last(), call.steps.first())
        else {
            continue;
        };
        let at = job.steps.iter().position(|step| step.path == gate.path).unwrap_or(0);
        for (index, step) in job.steps.iter().enumerate() {
            let Some((key, how)) = saves(step, index > at) else { continue };
            let line = document.line(&step.at(key));
            let message = format!("{how}, when the code of the pull request has run in the job");
            found.push(Found::at(
                &code::CACHE_SAVED_LATE,
                (document as &Document<'_>, line),
                message,
            ));
        }
    }
    found
}

/// The key by which a step saves a cache at the end of its job, or after the gate, and how. What is
/// saved for pushes alone is made by code that was merged.
fn saves(step: &Step, after: bool) -> Option<(&'static str, String)> {
    let with = |name: &str| text(&step.value["with"][name]);
    let never = |condition: String| holds(&condition, Case::PullRequest) == Some(false);
    let uses = step.uses()?;
    if text(&step.value["if"]).is_some_and(never) {
        return None;
    }
    match uses {
        "actions/cache" => Some(("uses", format!("`{uses}` saves at the end of the job"))),
        "actions/cache/save" => after.then(|| ("uses", format!("`{uses}` saves after the gate"))),
        "Swatinem/rust-cache" => {
            let off = with("save-if").is_some_and(never);
            (!off).then(|| ("uses", format!("`{uses}` saves at the end of the job")))
        }
        _ if uses.starts_with("actions/setup-") => {
            let named = with("cache").filter(|value| !["", "false"].contains(&value.as_str()));
            named.map(|_| ("uses", format!("`{uses}` with `cache:` saves at the end of the job")))
        }
        _ => None,
    }
}
