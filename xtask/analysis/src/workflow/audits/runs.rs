//! Runs: whether the gate runs at all, for pull requests and in the merge queue.

use serde_yaml::Value;

use crate::workflow::document::{Document, texts};
use crate::workflow::globs;
use crate::workflow::repository::{Found, Repository};
use model::code;

/// Some job runs the gate; if its step is only commented out, the finding says that.
pub(in crate::workflow) fn not_run(repository: &Repository<'_>) -> Vec<Found> {
    if !repository.calls.is_empty() || repository.unreadable {
        return Vec::new();
    }
    let found: Vec<Found> = repository.documents.iter().flat_map(commented_out).collect();
    if !found.is_empty() {
        return found;
    }
    let found: Vec<Found> = repository.documents.iter().flat_map(elsewhere).collect();
    if !found.is_empty() {
        return found;
    }
    let message = "no command `cargo xtask migration-gate` stands in any workflow, nor in what the \
                   workflows use of this repository";
    let place = repository.documents.first().map(|document| document.place(1));
    vec![Found { code: &code::NOT_RUN, message: message.into(), place, suggestion: None }]
}

fn commented_out(document: &Document<'_>) -> Vec<Found> {
    let lines = (1..).zip(document.source.text.lines());
    lines
        .filter(|(_, line)| {
            let Some(comment) = line.trim().strip_prefix('#') else { return false };
            let command = comment.trim().trim_start_matches("- ").trim_start_matches("run:").trim();
            let words: Vec<String> = command.split_whitespace().map(ToOwned::to_owned).collect();
            words.first().is_some_and(|word| word == "cargo")
                && super::super::calls::gate_arguments(&words).is_some()
        })
        .map(|(number, _)| {
            let message = "the only call of the gate stands in a comment";
            Found::at(&code::COMMENTED_OUT, (document, number), message)
        })
        .collect()
}

/// Calls that are named after the gate and lie in another repository.
fn elsewhere(document: &Document<'_>) -> Vec<Found> {
    let about = |text: &str| text.contains("migration-gate") || text.contains("migration_gate");
    let mut found = Vec::new();
    for job in &document.jobs {
        let uses = job.value["uses"].as_str().filter(|uses| !uses.starts_with("./"));
        if let Some(uses) = uses.filter(|uses| about(uses)) {
            let line = document.line(&job.at("uses"));
            let message = format!("whether `{uses}` runs the gate is not known: it lies elsewhere");
            found.push(Found::at(&code::UNKNOWN, (document, line), message));
        }
        for step in &job.steps {
            let run = step.run().filter(|run| about(run) && !run.contains("cargo"));
            if let Some(run) = run {
                let first = run.lines().next().unwrap_or_default();
                let message = format!("whether `{first}` runs the gate is not known");
                let line = document.line(&step.at("run"));
                found.push(Found::at(&code::UNKNOWN, (document, line), message));
            }
        }
    }
    found
}

/// The workflow runs for each push to a pull request against the branch that is merged to.
pub(in crate::workflow) fn pull_requests(repository: &Repository<'_>) -> Vec<Found> {
    let workflows = repository.workflows();
    if workflows.is_empty() {
        return Vec::new();
    }
    let wrongs: Vec<Option<(u32, String)>> =
        workflows.iter().map(|w| not_for(w, repository)).collect();
    // One workflow that runs for them is enough; another may run the gate every night.
    if wrongs.iter().any(Option::is_none) {
        return Vec::new();
    }
    let pairs = workflows.into_iter().zip(wrongs);
    pairs
        .filter_map(|(workflow, wrong)| {
            let (line, message) = wrong?;
            Some(Found::at(&code::NOT_FOR_PULL_REQUESTS, (workflow, line), message))
        })
        .collect()
}

fn not_for(workflow: &Document<'_>, repository: &Repository<'_>) -> Option<(u32, String)> {
    let on = crate::workflow::document::key("on");
    // A privileged trigger has an audit of its own.
    let names = ["pull_request", "pull_request_target"];
    let Some((name, trigger)) =
        names.iter().find_map(|name| Some((*name, workflow.trigger(name)?)))
    else {
        let line = workflow.line(&[on]);
        return Some((
            line,
            "nothing triggers it when a pull request is opened or pushed to".into(),
        ));
    };
    let at = |part: &str| {
        workflow.line(&[
            on.clone(),
            crate::workflow::document::key(name),
            crate::workflow::document::key(part),
        ])
    };
    if let Value::Sequence(_) | Value::String(_) = &trigger["types"] {
        let types = texts(&trigger["types"]);
        let missing: Vec<&str> = ["opened", "synchronize"]
            .into_iter()
            .filter(|t| !types.iter().any(|x| x == t))
            .collect();
        if !missing.is_empty() {
            return Some((at("types"), format!("its types leave out {}", missing.join(" and "))));
        }
    }
    let branch = repository.default_branch.unwrap_or("main");
    leaves_out(&trigger, repository).map(|(part, how)| {
        (at(part), format!("pull requests against the default branch, {branch}, {how}"))
    })
}

/// The part of a trigger that leaves the default branch out, and how.
fn leaves_out(
    trigger: &Value,
    repository: &Repository<'_>,
) -> Option<(&'static str, &'static str)> {
    // Without a known name, one of the usual names.
    let named = repository.default_branch.as_ref().map(std::slice::from_ref);
    let takes = |patterns: &[String]| {
        let mut branches = named.unwrap_or(&["main", "master"]).iter();
        branches.any(|branch| globs::takes(patterns, branch, globs::Dialect::GitHub))
    };
    if takes(&texts(&trigger["branches-ignore"])) {
        return Some(("branches-ignore", "are ignored"));
    }
    let left_out = !trigger["branches"].is_null() && !takes(&texts(&trigger["branches"]));
    left_out.then_some(("branches", "do not trigger it"))
}

/// If some workflow runs in the merge queue, the gate's does, too.
pub(in crate::workflow) fn merge_queue(repository: &Repository<'_>) -> Vec<Found> {
    let queued = |document: &Document<'_>| document.trigger("merge_group").is_some();
    let workflows = repository.workflows();
    let Some(other) = repository.documents.iter().find(|document| queued(document)) else {
        return Vec::new();
    };
    let own: Vec<_> = workflows.iter().filter(|workflow| queued(workflow)).collect();
    if !own.is_empty() {
        let wrongs: Vec<Option<Found>> =
            own.into_iter().map(|workflow| not_for_the_queue(workflow, repository)).collect();
        let all = wrongs.iter().all(Option::is_some);
        return wrongs.into_iter().flatten().filter(|_| all).collect();
    }
    let message = format!(
        "`{}` runs in the merge queue, and this, which runs the gate, does not",
        other.source.file
    );
    let at = |workflow: &&Document<'_>| workflow.line(&[crate::workflow::document::key("on")]);
    workflows
        .iter()
        .take(1)
        .map(|w| Found::at(&code::NOT_IN_MERGE_QUEUE, (w, at(w)), message.clone()))
        .collect()
}

/// Triggers that leave out the merge queue of the default branch.
fn not_for_the_queue(workflow: &Document<'_>, repository: &Repository<'_>) -> Option<Found> {
    let trigger = workflow.trigger("merge_group")?;
    let types = texts(&trigger["types"]);
    let asked = types.is_empty() || types.iter().any(|name| name == "checks_requested");
    let (part, how) = match asked {
        false => ("types", "are no checks of it"),
        true => leaves_out(&trigger, repository)?,
    };
    let [on, name, part] = ["on", "merge_group", part].map(crate::workflow::document::key);
    let message = format!("entries of the default branch's merge queue {how}");
    let at = (workflow, workflow.line(&[on, name, part]));
    Some(Found::at(&code::NOT_IN_MERGE_QUEUE, at, message))
}

impl<'a> Repository<'a> {
    /// The workflows that run the gate, each once.
    pub(super) fn workflows(&self) -> Vec<&'a Document<'a>> {
        let mut found: Vec<&Document<'_>> = Vec::new();
        for call in &self.calls {
            if !found.iter().any(|known| known.source.file == call.workflow.source.file) {
                found.push(call.workflow);
            }
        }
        found
    }
}
