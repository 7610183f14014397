//! The options that the gate is called with.

use crate::workflow::calls::Call;
use crate::workflow::repository::{Found, Repository};
use model::code;

/// The calls together gate all trees.
pub(in crate::workflow) fn trees(repository: &Repository<'_>) -> Vec<Found> {
    let Some(first) = repository.calls.first() else { return Vec::new() };
    let mut gated: Vec<String> = Vec::new();
    let mut unknown = None;
    for call in repository.calls.iter().filter(|call| call.option("--ini").is_none()) {
        let trees = call.trees();
        if trees.is_empty() {
            return Vec::new();
        }
        for tree in trees.iter().flat_map(|tree| expand(call, tree)) {
            if tree.contains('$') {
                unknown = Some((call.place(), tree));
            } else {
                gated.push(tree);
            }
        }
    }
    if let Some((place, tree)) = unknown {
        let message = format!("which trees are gated is not known: `{tree}`");
        return vec![Found::at(&code::UNKNOWN, place, message)];
    }
    let missing = |tree: &&str| !gated.iter().any(|gated| gated == tree);
    let missing: Vec<&str> =
        repository.gated.iter().map(|gated| gated.tree).filter(missing).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let message = format!("no call gates {}", missing.join(" or "));
    vec![Found::at(&code::TREE_LEFT_OUT, first.place(), message)]
}

fn expand(call: &Call<'_>, text: &str) -> Vec<String> {
    call.job().map_or_else(|| vec![text.to_owned()], |(_, job)| job.expand(text))
}

/// No option compares with the gated code itself, or gates other code.
pub(in crate::workflow) fn checks(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let since = call.option("--since").unwrap_or_default().replace(' ', "");
        let own = ["HEAD", "@", "${{github.sha}}", "$GITHUB_SHA", "${GITHUB_SHA}", "HEAD~0"];
        if own.contains(&since.as_str()) {
            let message = format!("`--since {since}` is what is gated: no revision is new");
            found.push(Found::at(&code::CHECK_LEFT_OUT, call.place(), message));
        }
        for option in ["--ini", "--root"] {
            if let Some(value) = call.option(option) {
                let message =
                    format!("`{option} {value}` gates something else than this repository");
                found.push(Found::at(&code::CHECK_LEFT_OUT, call.place(), message));
            }
        }
    }
    found
}

/// The history that the comparison needs is checked out.
pub(in crate::workflow) fn history(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let compares = call.option("--since").is_some()
            || call.arguments.iter().any(|word| word == "--only-changed");
        let Some((document, job)) = call.job().filter(|_| compares) else { continue };
        let runs = job.steps.iter().filter_map(|step| step.run());
        if runs.into_iter().any(|run| run.contains("git fetch")) {
            continue;
        }
        for step in job.steps.iter().filter(|step| step.uses() == Some("actions/checkout")) {
            let depth = crate::workflow::document::text(&step.value["with"]["fetch-depth"]);
            if depth.as_deref().is_none_or(|depth| depth == "1") {
                let line = document.line(&step.at("uses"));
                let message = "one commit is checked out, and the gate compares with another";
                found.push(Found::at(&code::SHALLOW_HISTORY, (document, line), message));
            }
        }
    }
    found
}

/// Checks that the job checks out the pull request.
pub(in crate::workflow) fn another_ref(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (document, job) in repository.calls.iter().filter_map(Call::job) {
        for step in job.steps.iter().filter(|step| step.uses() == Some("actions/checkout")) {
            let Some(named) = crate::workflow::document::text(&step.value["with"]["ref"]) else {
                continue;
            };
            let of_base = ["base_ref", ".base.", "base_sha", "default_branch"];
            let is_fixed = !named.is_empty() && !named.contains("${{");
            if is_fixed || of_base.iter().any(|part| named.contains(part)) {
                let line = document.line(&step.at("with"));
                let message = format!("`ref: {named}` is not the pull request: it is never gated");
                found.push(Found::at(&code::CHECK_LEFT_OUT, (document, line), message));
            }
        }
    }
    found
}

/// No option weakens the isolation of migrations.
pub(in crate::workflow) fn isolation(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        for option in ["--allow-remote", "--pass-env"] {
            let given = |word: &String| word.split('=').next() == Some(option);
            if call.arguments.iter().any(given) {
                let message = format!("the gate is called with `{option}`");
                found.push(Found::at(&code::ISOLATION_OPENED, call.place(), message));
            }
        }
    }
    found
}
