//! Paths: whether each file that decides the outcome of the gate also triggers it.

use serde_yaml::Value;

use crate::workflow::calls::Call;
use crate::workflow::document::{Document, Job, Step, key, text, texts};
use crate::workflow::globs::{Dialect, takes};
use crate::workflow::repository::{Found, Gated, Repository};
use crate::workflow::shell;
use model::code;

/// Files of the gate that decide the outcome.
const OF_THE_GATE: [&str; 2] = ["xtask/src/main.rs", "Cargo.lock"];

/// Result of reading a filter.
enum Filter {
    Patterns(Vec<String>, Dialect),
    Unknown(String),
}

/// Every filter between a change and the gate takes each decisive file.
pub(in crate::workflow) fn covered(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let own = [OF_THE_GATE[0], OF_THE_GATE[1], call.workflow.source.file.as_str()];
        let of_trees = repository.gated.iter().flat_map(Gated::decisive);
        let decisive: Vec<String> = of_trees.chain(own.map(str::to_owned)).collect();
        found.extend(of_workflow(call.workflow, &decisive));
        let conditions = call.jobs.iter().map(|(document, job)| (*document, *job, job.condition()));
        for (document, job, condition) in conditions {
            for (id, output) in outputs(&condition.unwrap_or_default(), "needs.") {
                let filter =
                    document.job(&id).and_then(|detect| of_output(document, detect, &output));
                found.extend(judge(document, document.line(&job.at("if")), filter, &decisive));
            }
        }
        found.extend(of_steps(call, &decisive));
    }
    found
}

/// A step may ask a step before it in the same job.
fn of_steps(call: &Call<'_>, decisive: &[String]) -> Vec<Found> {
    let Some((document, job)) = call.job() else { return Vec::new() };
    let conditions =
        call.steps.iter().filter_map(|(at, step)| Some((*at, *step, text(&step.value["if"])?)));
    let mut found = Vec::new();
    for (at, step, condition) in conditions {
        for (id, output) in outputs(&condition, "steps.") {
            let asked =
                job.steps.iter().find(|step| step.value["id"].as_str() == Some(id.as_str()));
            let filter = asked.and_then(|asked| of_step(document, asked, &output));
            found.extend(judge(at, at.line(&step.at("if")), filter, decisive));
        }
    }
    found
}

fn of_workflow(workflow: &Document<'_>, decisive: &[String]) -> Vec<Found> {
    let Some(trigger) = workflow.trigger("pull_request") else { return Vec::new() };
    let at = |name: &str| workflow.line(&[key("on"), key("pull_request"), key(name)]);
    let mut found = Vec::new();
    if !trigger["paths"].is_null() {
        let filter = Filter::Patterns(texts(&trigger["paths"]), Dialect::GitHub);
        found.extend(judge(workflow, at("paths"), Some(filter), decisive));
    }
    let ignored = texts(&trigger["paths-ignore"]);
    let lost = |path: &&str| takes(&ignored, path, Dialect::GitHub);
    let missing: Vec<&str> = decisive.iter().map(String::as_str).filter(lost).collect();
    if !missing.is_empty() {
        found.push(missed(workflow, at("paths-ignore"), &missing));
    }
    found
}

fn judge(
    document: &Document<'_>,
    line: u32,
    filter: Option<Filter>,
    decisive: &[String],
) -> Option<Found> {
    match filter? {
        Filter::Unknown(why) => {
            let message = format!("which changes run the gate is not known: {why}");
            Some(Found::at(&code::UNKNOWN, (document, line), message))
        }
        Filter::Patterns(patterns, dialect) => {
            let missing: Vec<&str> = decisive
                .iter()
                .map(String::as_str)
                .filter(|path| !takes(&patterns, path, dialect))
                .collect();
            (!missing.is_empty()).then(|| missed(document, line, &missing))
        }
    }
}

fn missed(document: &Document<'_>, line: u32, missing: &[&str]) -> Found {
    let message = format!("a change of any of these does not run the gate: {}", missing.join(", "));
    Found::at(&code::PATH_NOT_COVERED, (document, line), message)
}

/// The `ID.outputs.NAME` that a condition asks for.
fn outputs(condition: &str, context: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for rest in condition.split(context).skip(1) {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let id: String = rest.chars().take_while(|c| word(*c)).collect();
        let Some(rest) = rest[id.len()..].strip_prefix(".outputs.") else { continue };
        let output: String = rest.chars().take_while(|c| word(*c)).collect();
        if !found.contains(&(id.clone(), output.clone())) {
            found.push((id, output));
        }
    }
    found
}

/// The filter behind an output of a job.
fn of_output(document: &Document<'_>, detect: &Job, output: &str) -> Option<Filter> {
    let value = text(&detect.value["outputs"][output])?;
    let asked = outputs(&value, "steps.");
    let (id, name) = asked.first()?;
    let step = detect.steps.iter().find(|step| step.value["id"].as_str() == Some(id.as_str()))?;
    of_step(document, step, name)
}

/// The filter that a step decides an output by; `None`: the output is of another kind.
fn of_step(_document: &Document<'_>, step: &Step, output: &str) -> Option<Filter> {
    match step.uses() {
        Some("dorny/paths-filter") => return of_paths_filter(step, output),
        Some("tj-actions/changed-files" | "step-security/changed-files") => {
            if !output.starts_with("any_") {
                return Some(Filter::Unknown(format!("the output `{output}` of `changed-files`")));
            }
            let files = text(&step.value["with"]["files"])?;
            let patterns = files.lines().map(str::trim).filter(|l| !l.is_empty());
            return Some(Filter::Patterns(patterns.map(Into::into).collect(), Dialect::GitHub));
        }
        Some(other) => return Some(Filter::Unknown(format!("`{other}` decides it"))),
        None => {}
    }
    let run = step.run()?;
    let script = shell::commands(run);
    let diffs: Vec<&Vec<String>> = script
        .iter()
        .map(|command| &command.words)
        .filter(|words| words[0] == "git" && words.iter().any(|word| word == "diff"))
        .collect();
    let mut patterns = Vec::new();
    for words in &diffs {
        let Some(at) = words.iter().position(|word| word == "--") else {
            let why = "a `git diff` without paths, whose output the script reads";
            return Some(Filter::Unknown(why.to_owned()));
        };
        let paths = words[at + 1..].iter().filter(|word| !word.contains('>'));
        patterns.extend(paths.cloned());
    }
    if diffs.is_empty() || patterns.iter().any(|pattern| pattern.contains('$')) {
        return Some(Filter::Unknown("a script decides it by other means than paths".to_owned()));
    }
    Some(Filter::Patterns(patterns, Dialect::Git))
}

fn of_paths_filter(step: &Step, output: &str) -> Option<Filter> {
    let filters = text(&step.value["with"]["filters"])?;
    let parsed: Result<Value, _> = serde_yaml::from_str(&filters);
    let Ok(value) = parsed else {
        return Some(Filter::Unknown("the filters lie in a file, or cannot be read".to_owned()));
    };
    let mut patterns = Vec::new();
    flatten(&value[output], &mut patterns);
    Some(Filter::Patterns(patterns, Dialect::GitHub))
}

/// Its lists may hold lists, by anchors, and `added|modified: pattern`.
fn flatten(value: &Value, patterns: &mut Vec<String>) {
    match value {
        Value::Sequence(items) => items.iter().for_each(|item| flatten(item, patterns)),
        Value::Mapping(entries) => entries.values().for_each(|item| flatten(item, patterns)),
        other => patterns.extend(text(other)),
    }
}
