//! Calls of the gate: through jobs, reusable workflows and composite actions, down to the command in a
//! script.

use super::document::{Document, Job, Step};
use super::shell::{self, Command};

/// Programs of a step that calls the gate.
const PROGRAMS: &[&str] = &["cargo", "xtask"];
/// Verbs of the command that are not the gate.
const VERBS: &[&str] = &[
    "lint",
    "graph",
    "renumber",
    "collisions",
    "replay",
    "explain",
    "workflow",
    "runbook",
    "doctor",
    "help",
];
/// Options whose next word belongs to them.
const WITH_VALUE: &[&str] = &[
    "--postgres-url",
    "--postgres-bin",
    "--python",
    "--ini",
    "--cwd",
    "--url-env",
    "--driver",
    "--root",
    "--format",
    "--report",
    "--since",
    "--timeout",
    "--pass-env",
];

/// A call of the gate, and its surroundings, outermost first.
pub struct Call<'a> {
    /// The workflow that is triggered.
    pub workflow: &'a Document<'a>,
    /// The job that calls, then that of each reusable workflow on the way.
    pub jobs: Vec<(&'a Document<'a>, &'a Job)>,
    /// The step that calls, then that of each composite action on the way.
    pub steps: Vec<(&'a Document<'a>, &'a Step)>,
    /// All commands of the script.
    pub script: Vec<Command>,
    /// The index of the gate's command.
    pub index: usize,
    /// Its words after `migration-gate`.
    pub arguments: Vec<String>,
}

impl<'a> Call<'a> {
    /// The file and the line of the command.
    pub fn place(&self) -> (&'a Document<'a>, u32) {
        match self.steps.last() {
            Some((document, step)) => {
                (document, step.script_line(document, self.script[self.index].line))
            }
            None => (self.workflow, 1),
        }
    }

    /// The job that the command runs in.
    pub fn job(&self) -> Option<(&'a Document<'a>, &'a Job)> {
        self.jobs.last().copied()
    }

    /// The value of an option, however it is written.
    pub fn option(&self, name: &str) -> Option<&str> {
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            if word == name {
                return words.next().map(String::as_str);
            }
            if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                return Some(value);
            }
        }
        None
    }

    /// The trees that it names.
    pub fn trees(&self) -> Vec<String> {
        let mut trees = Vec::new();
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            // The file of a redirection is the next word, unless it is joined to the operator.
            if WITH_VALUE.contains(&word.as_str()) || word.ends_with(['>', '<']) {
                words.next();
            } else if !word.starts_with('-') && !is_redirection(word) {
                trees.push(word.clone());
            }
        }
        trees
    }
}

fn is_redirection(word: &str) -> bool {
    word.contains('>') || word.contains('<')
}

/// Every call in every workflow that has a trigger.
pub fn find<'a>(documents: &'a [Document<'a>]) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for workflow in documents.iter().filter(|document| !document.triggers().is_empty()) {
        // A workflow that is only called runs where it is called.
        if workflow.triggers().iter().all(|(name, _)| name == "workflow_call") {
            continue;
        }
        for job in &workflow.jobs {
            in_job(documents, workflow, vec![(workflow, job)], &mut calls);
        }
    }
    calls
}

/// How deep GitHub follows reusable workflows and composite actions.
const DEPTH: usize = 10;

fn in_job<'a>(
    documents: &'a [Document<'a>],
    workflow: &'a Document<'a>,
    jobs: Vec<(&'a Document<'a>, &'a Job)>,
    calls: &mut Vec<Call<'a>>,
) {
    let Some((document, job)) = jobs.last().copied() else { return };
    if let Some(called) = job.value["uses"].as_str().and_then(|uses| local(documents, uses)) {
        for inner in called.jobs.iter().filter(|_| jobs.len() < DEPTH) {
            in_job(documents, workflow, [jobs.clone(), vec![(called, inner)]].concat(), calls);
        }
    }
    for step in &job.steps {
        in_step(documents, workflow, &jobs, vec![(document, step)], calls);
    }
}

fn in_step<'a>(
    documents: &'a [Document<'a>],
    workflow: &'a Document<'a>,
    jobs: &[(&'a Document<'a>, &'a Job)],
    steps: Vec<(&'a Document<'a>, &'a Step)>,
    calls: &mut Vec<Call<'a>>,
) {
    let Some((_, step)) = steps.last().copied() else { return };
    if let Some(action) = step.value["uses"].as_str().and_then(|uses| local(documents, uses)) {
        let inner = action.jobs.iter().flat_map(|job| &job.steps);
        for inner in inner.filter(|_| steps.len() < DEPTH) {
            let steps = [steps.clone(), vec![(action, inner)]].concat();
            in_step(documents, workflow, jobs, steps, calls);
        }
    }
    let Some(run) = step.run() else { return };
    let script = shell::commands(run);
    for (index, command) in script.iter().enumerate() {
        if let Some(arguments) = gate_arguments(&command.words) {
            let (jobs, steps, script) = (jobs.to_vec(), steps.clone(), script.clone());
            calls.push(Call { workflow, jobs, steps, script, index, arguments });
        }
    }
}

/// The file that `uses: ./…` names: a workflow, or the folder of an action.
pub fn local<'a>(documents: &'a [Document<'a>], uses: &str) -> Option<&'a Document<'a>> {
    let path = uses.strip_prefix("./")?.trim_end_matches('/');
    let names = [path.to_owned(), format!("{path}/action.yml"), format!("{path}/action.yaml")];
    documents.iter().find(|document| names.iter().any(|name| document.source.file == name.as_str()))
}

/// The words after `migration-gate`, where the command is the gate itself.
pub fn gate_arguments(words: &[String]) -> Option<Vec<String>> {
    let program = words.iter().position(|word| {
        let name = word.rsplit('/').next().unwrap_or(word);
        PROGRAMS.contains(&name)
    })?;
    // A step that only prints the command does not run it.
    if words[..program]
        .iter()
        .any(|word| ["echo", "printf", "grep", "test"].contains(&word.as_str()))
    {
        return None;
    }
    let rest = &words[program + 1..];
    let alias = words[program] == "cargo" && rest.iter().find(|w| !w.starts_with('+'))? == "gate";
    let name = if alias { "gate" } else { "migration-gate" };
    let at = rest.iter().position(|word| word == name)?;
    let arguments = rest[at + 1..].to_vec();
    let verb = arguments.first().is_some_and(|word| VERBS.contains(&word.as_str()));
    let asks = arguments.iter().any(|word| ["--help", "-h", "--version"].contains(&word.as_str()));
    (!verb && !asks).then_some(arguments)
}

#[cfg(test)]
mod tests {
    use super::gate_arguments;

    #[track_caller]
    fn check(command: &str, expected: Option<&str>) {
        let words: Vec<String> = command.split(' ').map(ToOwned::to_owned).collect();
        assert_eq!(gate_arguments(&words).map(|words| words.join(" ")).as_deref(), expected);
    }

    #[test]
    fn the_gate_by_each_of_its_names() {
        check("cargo xtask migration-gate --since x", Some("--since x"));
        check("cargo +stable gate console", Some("console"));
        check("env CI=true cargo run -p xtask -- migration-gate", Some(""));
        check("target/debug/xtask migration-gate", Some(""));
        check("cargo gate lint", None);
        check("cargo xtask migration-gate --help", None);
        check("cargo test", None);
        check("echo cargo gate", None);
    }
}
