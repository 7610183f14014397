//! The shell steps that the gate took the place of.

use crate::workflow::document::{Document, Job, Step, text};
use crate::workflow::repository::{Found, Gated, Repository};
use crate::workflow::shell;
use model::code;

/// A call of Alembic in a script.
struct Alembic<'a> {
    document: &'a Document<'a>,
    job: &'a Job,
    step: &'a Step,
    line: u32,
    words: Vec<String>,
}

impl Alembic<'_> {
    /// `upgrade`, `heads` and its arguments.
    fn verb(&self) -> (&str, &str) {
        let verbs = ["upgrade", "downgrade", "heads", "check", "current", "history"];
        let at = self.words.iter().position(|word| verbs.contains(&word.as_str()));
        let at = at.unwrap_or(self.words.len());
        let word = |at: usize| self.words.get(at).map(String::as_str).unwrap_or_default();
        (word(at), word(at + 1))
    }

    /// The tree that it runs on, by its folder.
    fn tree<'g>(&self, gated: &'g [Gated]) -> Option<&'g Gated> {
        let folder = |value: &serde_yaml::Value| text(&value["working-directory"]);
        let run = |value: &serde_yaml::Value| folder(&value["defaults"]["run"]);
        let around = folder(&self.step.value)
            .or_else(|| run(&self.job.value))
            .or_else(|| run(&self.document.value));
        let script = self.step.run().unwrap_or_default();
        let said = format!("{} {script}", around.unwrap_or_default());
        let mut named = gated.iter().filter(|gated| said.contains(gated.folder));
        named.next().filter(|_| named.next().is_none())
    }
}

fn alembics<'a>(document: &'a Document<'a>) -> Vec<Alembic<'a>> {
    let mut found = Vec::new();
    for job in &document.jobs {
        for step in &job.steps {
            for command in shell::commands(step.run().unwrap_or_default()) {
                let program = |word: &String| word.rsplit('/').next() == Some("alembic");
                if let Some(at) = command.words.iter().position(program) {
                    let line = step.script_line(document, command.line);
                    let words = command.words[at + 1..].to_vec();
                    found.push(Alembic { document, job, step, line, words });
                }
            }
        }
    }
    found
}

/// `upgrade heads` hides two heads, on which deployment's `upgrade head` fails.
pub(in crate::workflow) fn upgrade_heads(repository: &Repository<'_>) -> Vec<Found> {
    let found = repository.documents.iter().flat_map(alembics);
    found
        .filter(|call| call.verb() == ("upgrade", "heads"))
        .map(|call| {
            let message = "two heads pass here, and fail in deployment";
            let found = Found::at(&code::UPGRADE_HEADS, (call.document, call.line), message);
            let index = usize::try_from(call.line).unwrap_or(1).saturating_sub(1);
            match call.document.source.text.lines().nth(index) {
                Some(line) => found.suggest(line.replace("upgrade heads", "upgrade head")),
                None => found,
            }
        })
        .collect()
}

/// Old steps for pull requests: beside the gate they repeat its result, and without a supply they
/// contradict it.
pub(in crate::workflow) fn beside_the_gate(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    // Deployment runs Alembic too, and that is no old step.
    let gates = |document: &&Document<'_>| document.trigger("pull_request").is_some();
    for document in repository.documents.iter().filter(gates) {
        let calls = alembics(document);
        for job in &document.jobs {
            let mut here = calls.iter().filter(|call| call.job.id == job.id).peekable();
            let Some(first) = here.peek().filter(|_| !repository.calls.is_empty()) else {
                found.extend(here.filter_map(|call| lacks_supply(repository, call)));
                continue;
            };
            let message = format!("job `{}` runs Alembic by itself", job.id);
            found.push(Found::at(&code::OLD_STEPS, (document, first.line), message));
            found.extend(here.filter_map(|call| lacks_supply(repository, call)));
        }
    }
    found
}

fn lacks_supply(repository: &Repository<'_>, call: &Alembic<'_>) -> Option<Found> {
    if call.verb() != ("upgrade", "head") {
        return None;
    }
    let tree = call.tree(repository.gated)?;
    let scripts: Vec<&str> = call.job.steps.iter().filter_map(|step| step.run()).collect();
    let is_supplied = |marker: &str| scripts.iter().any(|script| script.contains(marker));
    let (what, _) = tree.supplied.iter().find(|(_, marker)| !is_supplied(marker))?;
    let message = format!("job `{}` never supplies the {what}", call.job.id);
    Some(Found::at(&code::OLD_STEPS_LACK_SUPPLY, (call.document, call.line), message))
}
