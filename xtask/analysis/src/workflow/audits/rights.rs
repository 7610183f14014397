//! Rights of the code of a pull request: secrets, permissions, a token.

use serde_yaml::Value;

use crate::workflow::calls::Call;
use crate::workflow::document::{Document, key, mapping, text, walk};
use crate::workflow::locate::Seg;
use crate::workflow::repository::{Found, Repository};
use model::code;

/// No secret is in the job that runs the gate, nor handed to it from around it.
pub(in crate::workflow) fn secrets(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        for (document, job) in &call.jobs {
            in_value(document, &job.value, &job.path, &mut found);
            in_value(document, &document.value["env"], &[key("env")], &mut found);
        }
        for (document, step) in &call.steps {
            in_value(document, &step.value, &step.path, &mut found);
        }
    }
    found
}

fn in_value(document: &Document<'_>, value: &Value, path: &[Seg], found: &mut Vec<Found>) {
    let mut path = path.to_vec();
    walk(value, &mut path, &mut |path, text| {
        let inherits = path.last() == Some(&key("secrets")) && text == "inherit";
        let to_action = path.iter().rev().nth(1) == Some(&key("with"));
        let Some(name) = secret(text).filter(|name| !(to_action && is_own_token(name))) else {
            if inherits {
                let message = "`secrets: inherit` hands on every secret";
                found.push(Found::at(
                    &code::SECRET_NEAR_CODE,
                    (document, document.line(path)),
                    message,
                ));
            }
            return;
        };
        let message = format!("`{name}` is in reach of the migrations");
        found.push(Found::at(&code::SECRET_NEAR_CODE, (document, document.line(path)), message));
    });
}

/// The token of the job itself has the rights that the permissions give it: none that harm.
fn is_own_token(name: &str) -> bool {
    ["secrets.GITHUB_TOKEN", "github.token"].contains(&name)
}

/// The first secret that an expression of a text names.
fn secret(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        let end = rest[start..].find("}}").map_or(rest.len(), |end| start + end);
        let inner = &rest[start..end];
        for name in ["secrets.", "secrets[", "github.token"] {
            if let Some(at) = inner.find(name) {
                let word = |c: &char| c.is_alphanumeric() || "_.-".contains(*c);
                let whole: String = inner[at..].chars().take_while(word).collect();
                return Some(whole);
            }
        }
        if inner.contains("toJSON(secrets)") || inner.contains("toJson(secrets)") {
            return Some("secrets".to_owned());
        }
        rest = &rest[end..];
    }
    None
}

/// The job that runs the gate may read, and no more.
pub(in crate::workflow) fn permissions(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        // The innermost `permissions` decide; a called workflow's rights are within these.
        let said = call.jobs.iter().rev().find_map(|(document, job)| {
            let of_job = (&job.value["permissions"], job.at("permissions"));
            let of_workflow = (&document.value["permissions"], vec![key("permissions")]);
            let said = [of_job, of_workflow].into_iter().find(|(value, _)| !value.is_null());
            said.map(|(value, path)| (*document, value.clone(), path))
        });
        match said {
            Some((document, value, path)) => found.extend(writes(document, &value, &path)),
            None => found.extend(not_said(call)),
        }
    }
    found
}

fn not_said(call: &Call<'_>) -> Option<Found> {
    let (document, job) = call.jobs.first()?;
    let message = format!("nothing says what job `{}` may do", job.id);
    Some(Found::at(&code::PERMISSIONS_NOT_SAID, (document, document.line(&job.path)), message))
}

fn writes(document: &Document<'_>, value: &Value, path: &[Seg]) -> Vec<Found> {
    let at = |path: &[Seg]| (document, document.line(path));
    if value.as_str() == Some("write-all") {
        return vec![Found::at(&code::WRITE_PERMISSION, at(path), "it may write everything")];
    }
    mapping(value)
        .filter(|(_, right)| right.as_str() == Some("write"))
        .filter_map(|(name, _)| text(name))
        .map(|name| {
            let path = [path.to_vec(), vec![key(&name)]].concat();
            Found::at(&code::WRITE_PERMISSION, at(&path), format!("it may write `{name}`"))
        })
        .collect()
}

/// No trigger gives a pull request's code the rights of the base repository.
pub(in crate::workflow) fn privileged_triggers(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for workflow in repository.workflows() {
        for name in ["pull_request_target", "workflow_run"] {
            if workflow.trigger(name).is_some() {
                let line = workflow.line(&[key("on"), key(name)]);
                let message = format!("`{name}` runs the gate with the base repository's rights");
                found.push(Found::at(&code::PRIVILEGED_TRIGGER, (workflow, line), message));
            }
        }
    }
    found
}

/// The checkout of the gate's job does not leave its token behind.
pub(in crate::workflow) fn token_left_behind(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (document, job) in repository.calls.iter().filter_map(Call::job) {
        for step in job.steps.iter().filter(|step| step.uses() == Some("actions/checkout")) {
            let kept = text(&step.value["with"]["persist-credentials"]);
            if kept.as_deref() != Some("false") {
                let message = "its token stays in `.git`, where a migration can read it";
                let at = (document, document.line(&step.at("uses")));
                found.push(Found::at(&code::TOKEN_LEFT_BEHIND, at, message));
            }
        }
    }
    found
}
