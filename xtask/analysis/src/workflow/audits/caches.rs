//! The caches of the job that runs the gate.

use crate::workflow::document::{Document, Step, mapping, text};
use crate::workflow::expression::{Case, holds};
use crate::workflow::repository::{Found, Repository};
use model::code;

/// Actions that save a cache unless an input forbids it.
const CACHE_BY_THEMSELVES: [&str; 5] = [
    "actions/setup-go",
    "actions-rust-lang/setup-rust-toolchain",
    "astral-sh/setup-uv",
    "jdx/mise-action",
    "moonrepo/setup-rust",
];

/// No step saves a cache once the code of a pull request has run in the job.
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

/// The key by which a step saves a cache at the end of its job, or after the gate, and how. A cache
/// that only pushes save is made by merged code.
fn saves(step: &Step, after: bool) -> Option<(&'static str, String)> {
    let never = |condition: String| holds(&condition, Case::PullRequest) == Some(false);
    let uses = step.uses()?;
    if text(&step.value["if"]).is_some_and(never) {
        return None;
    }
    let (_, action) = uses.split_once('/')?;
    let at_end = |how: &str| Some(("uses", format!("`{uses}`{how} saves at the end of the job")));
    // The inputs of an action may disable saving, or the cache as a whole.
    let inputs = mapping(&step.value["with"]).filter_map(|(name, value)| {
        let name = name.as_str()?;
        (name.contains("cache") || name.contains("save")).then_some((name, text(value)?))
    });
    let inputs: Vec<(&str, String)> = inputs.collect();
    let is_off = |value: &String| value == "false" || never(value.clone());
    let is_switch =
        |name: &str| (name.contains("save") && name != "save-always") || name.ends_with("cache");
    if inputs.iter().any(|(name, value)| is_switch(name) && is_off(value)) {
        return None;
    }
    if action.ends_with("/restore") {
        return None;
    }
    if action.ends_with("cache/save") {
        return after.then(|| ("uses", format!("`{uses}` saves after the gate")));
    }
    if action.contains("cache") || CACHE_BY_THEMSELVES.contains(&uses) {
        return at_end("");
    }
    let sets_up = action.starts_with("setup-");
    let named = inputs.iter().any(|(name, value)| is_switch(name) && !value.is_empty());
    (sets_up && named).then(|| at_end(" with a cache")).flatten()
}
