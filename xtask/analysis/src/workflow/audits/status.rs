//! Status: use of the gate's exit status.

use serde_yaml::Value;

use crate::workflow::calls::Call;
use crate::workflow::document::{Document, text};
use crate::workflow::expression;
use crate::workflow::locate::Seg;
use crate::workflow::repository::{Found, Repository};
use crate::workflow::shell::{Command, Then};
use model::code;

/// Neither the step nor any job on the way continues after a failure.
pub(in crate::workflow) fn continue_on_error(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let jobs = call.jobs.iter().map(|(document, job)| {
            (*document, &job.value, job.at("continue-on-error"), format!("job `{}`", job.id))
        });
        let steps = call.steps.iter().map(|(document, step)| {
            (*document, &step.value, step.at("continue-on-error"), "the step".to_owned())
        });
        for (document, value, path, what) in jobs.chain(steps) {
            let heeded = what == "the step" && heeded_later(call);
            found.extend(
                goes_on(document, &value["continue-on-error"], &path, &what).filter(|_| !heeded),
            );
        }
    }
    found
}

/// Whether a later step of the job fails where the step that calls the gate did: by its `outcome`,
/// since its `conclusion` is a success.
fn heeded_later(call: &Call<'_>) -> bool {
    let (Some((_, job)), [(_, step)]) = (call.job(), call.steps.as_slice()) else { return false };
    let Some(id) = step.value["id"].as_str() else { return false };
    let outcome = format!("steps.{id}.outcome");
    let after = job.steps.iter().skip_while(|other| other.value != step.value).skip(1);
    after.into_iter().any(|later| {
        let condition: String = text(&later.value["if"]).unwrap_or_default();
        let condition: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
        let condition = condition.trim_start_matches("${{").trim_end_matches("}}");
        let asks = ["=='failure'", "!='success'"].map(|test| format!("{outcome}{test}"));
        let fails = later
            .run()
            .is_some_and(|run| crate::workflow::shell::commands(run).iter().any(is_failure));
        asks.iter().any(|test| condition == test)
            && fails
            && later.value["continue-on-error"].is_null()
    })
}

fn goes_on(document: &Document<'_>, value: &Value, path: &[Seg], what: &str) -> Option<Found> {
    let condition = text(value)?;
    let at = (document, document.line(path));
    match expression::holds(&condition, expression::Case::PullRequest) {
        Some(false) => None,
        Some(true) => {
            let message = format!("{what} passes whatever the gate says");
            Some(Found::at(&code::CONTINUES_ON_ERROR, at, message).suggest(""))
        }
        None => {
            let message = format!("whether {what} passes whatever the gate says: `{condition}`");
            Some(Found::at(&code::UNKNOWN, at, message))
        }
    }
}

/// The script that the gate is called in fails with it.
pub(in crate::workflow) fn discarded(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        if let Some(how) = how_discarded(call) {
            found.push(Found::at(&code::STATUS_DISCARDED, call.place(), how));
        }
    }
    found
}

fn how_discarded(call: &Call<'_>) -> Option<String> {
    let command = &call.script[call.index];
    let after = &call.script[call.index + 1..];
    let last = after.is_empty();
    if command.in_condition {
        // `if ! gate; then exit 1; fi` is sound.
        let sound = after.iter().any(is_failure) || later_exit(after);
        return (!sound).then(|| "an `if` takes it".to_owned());
    }
    if command.negated {
        return Some("`!` turns it round".to_owned());
    }
    if command.then.contains(&Then::Background) {
        return Some("it runs in the background".to_owned());
    }
    if command.then.contains(&Then::Or) {
        let fails = after.first().is_some_and(is_failure) || in_block(after) || later_exit(after);
        if !fails {
            let handler = after.first().map(|next| next.words.join(" ")).unwrap_or_default();
            return Some(format!("`|| {handler}` takes it"));
        }
        return None;
    }
    if command.then.contains(&Then::Pipe) || last {
        return None;
    }
    // In the cases below only a shell without `-e` continues with the next command.
    if later_exit(after) {
        return None;
    }
    if command.then.contains(&Then::And) {
        let chain = after.iter().take_while(|next| next.then.contains(&Then::And)).count() + 1;
        return (after.len() > chain)
            .then(|| "`&&` keeps the shell from stopping, and more commands follow".to_owned());
    }
    (!stops_at_errors(call))
        .then(|| "the shell goes on after a failure, and more follows".to_owned())
}

/// `exit 1`, `exit "$status"`, `false`.
fn is_failure(command: &Command) -> bool {
    match command.words.first().map(String::as_str) {
        Some("exit" | "return") => command.words.get(1).is_none_or(|status| status != "0"),
        Some("false") => true,
        _ => false,
    }
}

/// `|| { echo …; exit 1; }`: the failure comes before the block ends.
fn in_block(after: &[Command]) -> bool {
    after.iter().take(8).any(is_failure)
}

/// `status=$?` and later `exit $status`.
fn later_exit(after: &[Command]) -> bool {
    let saved = after.iter().find_map(|next| next.words.first()?.strip_suffix("=$?"));
    saved.is_some_and(|name| {
        let uses = |word: &String| {
            word.contains(&format!("${name}")) || word.contains(&format!("${{{name}"))
        };
        let ends = |next: &Command| next.words[0] == "exit" && next.words.iter().any(uses);
        after.iter().any(ends)
    })
}

/// `-e` as the runner or the script sets it.
fn stops_at_errors(call: &Call<'_>) -> bool {
    // The runner's own shells have `-e`; a template of the workflow has only its own flags.
    let mut stops = shell(call).is_none_or(|shell| !shell.contains("{0}") || has_flag(&shell, 'e'));
    for command in &call.script[..call.index] {
        if command.words[0] == "set" {
            for word in &command.words[1..] {
                stops |= word.starts_with('-') && has_flag(word, 'e') || word == "errexit";
                stops &= !(word.starts_with('+') && word.contains('e'));
            }
        }
    }
    stops
}

fn has_flag(text: &str, flag: char) -> bool {
    let short = |word: &str| word.starts_with('-') && !word.starts_with("--");
    text.split_whitespace().any(|word| short(word) && word.contains(flag))
}

/// The shell that the workflow names, if it names one.
fn shell(call: &Call<'_>) -> Option<String> {
    let step = call.steps.last().and_then(|(_, step)| text(&step.value["shell"]));
    let (document, job) = call.job()?;
    let default = |value: &Value| text(&value["defaults"]["run"]["shell"]);
    step.or_else(|| default(&job.value)).or_else(|| default(&document.value))
}

/// A pipe has the status of its last command, unless `pipefail` is on.
pub(in crate::workflow) fn lost_in_pipe(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        if !call.script[call.index].then.contains(&Then::Pipe) || pipefail(call) {
            continue;
        }
        let message = "the status of the pipe is that of its last command: `pipefail` is not on";
        found.push(Found::at(&code::STATUS_LOST_IN_PIPE, call.place(), message));
    }
    found
}

fn pipefail(call: &Call<'_>) -> bool {
    let set = |command: &Command| {
        command.words[0] == "set" && command.words.iter().any(|word| word == "pipefail")
    };
    // An explicit `shell: bash` is `bash --noprofile --norc -eo pipefail`.
    call.script[..call.index].iter().any(set)
        || shell(call).is_some_and(|shell| shell == "bash" || shell.contains("pipefail"))
}
