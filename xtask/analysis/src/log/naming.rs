//! Codes for the failures of a log: first from evidence that only a log has, explicit messages and
//! the shell steps of the old job; then from the recognisers of live runs.

use camino::Utf8Path;

use super::course::Kind;
use super::exceptions;
use super::failure::Failure;
use super::told::Told;
use crate::diagnosis::{self, Known};
use model::code;
use model::finding::Finding;
use model::transcript::{End, Transcript};

/// Names failures of one source, in their order. Later failures in the same command follow from the
/// first, and are not named.
pub(super) fn name(failures: Vec<Failure<'_>>, findings: &mut Vec<Finding>) {
    let mut twice: Vec<String> = Vec::new();
    let mut named = Vec::new();
    let mut warned = None;
    for failure in failures {
        if let Some(Told::Twice(id)) = &failure.told {
            if !twice.contains(id) {
                twice.push(id.clone());
            }
            warned.get_or_insert(failure);
        } else {
            named.push(failure);
        }
    }
    named.dedup_by(|next, first| next.command == first.command && next.step == first.step);
    let mut heads: Vec<Finding> = named.into_iter().map(finding).collect();
    if let Some(first) = warned {
        tell_twice(&twice, &first, &mut heads);
    }
    findings.append(&mut heads);
}

/// Reports ids that are carried by two files: in the finding of their consequence, else as a
/// finding of its own.
fn tell_twice(ids: &[String], first: &Failure<'_>, findings: &mut Vec<Finding>) {
    let ids = ids.join(", ");
    let why = format!(
        "two files carry the revision id {ids}: Alembic only warns of it, and leaves one of them out"
    );
    let of_heads = |finding: &&mut Finding| finding.code == &code::MULTIPLE_HEADS;
    let mut told = false;
    for finding in findings.iter_mut().filter(of_heads) {
        finding.message = format!("{}; {why}", finding.message.trim_end_matches('.'));
        told = true;
    }
    if !told {
        // No step failed of it, and the one that should have is this.
        let step = first.course.and_then(|course| course.step(&Kind::Heads, None));
        let tree = first.course.map(|course| course.tree.clone());
        let step = step.or_else(|| first.step.clone());
        findings.insert(0, Finding { step, tree, ..Finding::new(&code::MULTIPLE_HEADS, why) });
    }
}

fn finding(failure: Failure<'_>) -> Finding {
    let Failure { step, kind, course, candidates, start, said, told, .. } = failure;
    let tree = course.map(|course| course.tree.clone());
    // A file of today is the one that ran only if its id and title are those in the log.
    let revisions: Vec<_> = course
        .zip(start.as_ref())
        .into_iter()
        .flat_map(|(course, start)| {
            let id = start.revision().id;
            let same = move |r: &&super::course::Revision| r.id == id && r.title == start.title;
            course.revisions.iter().filter(same).map(|r| (r.id.clone(), r.file.clone()))
        })
        .collect();
    let before_seed = matches!(kind, Some(Kind::UpgradeTo(_)))
        && step.as_ref().is_some_and(|step| step.contains("(pre-seed)"));
    let known = Known { root: Utf8Path::new(""), revisions: &revisions, before_seed };
    let by_psql = said.exceptions.first().is_some_and(exceptions::is_psql);
    let mut finding = match told {
        Some(told) => by_word(told, said, known),
        None if is_unreachable(&said) => unreachable(said),
        None => {
            let mut finding = diagnosis::diagnose(said, known);
            if kind == Some(Kind::Supply) && by_psql && !finding.code.infrastructure {
                finding.code = &code::SUPPLY_FAILED;
            } else if is_without_revision(&finding) {
                by_step_alone(&mut finding, kind.as_ref(), before_seed);
            }
            finding
        }
    };
    if !candidates.is_empty() {
        let names: Vec<String> = candidates.iter().map(|step| format!("`{step}`")).collect();
        let which = names.join(" or ");
        let message = finding.message.trim_end();
        finding.message = format!("{message}\nThe log does not say which step it was: {which}.");
    }
    finding.step = step.filter(|_| candidates.is_empty());
    finding.tree = tree;
    finding
}

/// Whether a statement of some revision failed for a reason that any could have, and the log does not
/// say of which: its beginning is missing.
fn is_without_revision(finding: &Finding) -> bool {
    let said = finding.transcript.as_deref();
    let sent = said.is_some_and(|said| said.revision.is_none() && said.statement.is_some());
    let any = [
        &code::MIGRATION_FAILED,
        &code::UNDEFINED_OBJECT,
        &code::DUPLICATE_OBJECT,
        &code::CONSTRAINT_VIOLATED,
        &code::REFUSED,
    ];
    sent && any.contains(&finding.code)
}

/// Names a failure by its step alone; without a step, by its possible causes.
fn by_step_alone(finding: &mut Finding, kind: Option<&Kind>, before_seed: bool) {
    match kind {
        Some(Kind::Downgrade) => finding.code = &code::DOWNGRADE_FAILED,
        _ if before_seed => finding.code = &code::BEFORE_SEED,
        Some(_) => {}
        None => {
            let (seed, down) = (code::BEFORE_SEED.id, code::DOWNGRADE_FAILED.id);
            finding.message = format!(
                "{}\nThe beginning of the log is missing, and with it the revision and the step: \
                 before the seed it is {seed}, in a downgrade {down}.",
                finding.message.trim_end()
            );
        }
    }
}

/// A failure that the log names itself.
fn by_word(told: Told, said: Transcript, known: Known<'_>) -> Finding {
    match told {
        Told::Heads(message) | Told::Twice(message) => Finding::new(&code::MULTIPLE_HEADS, message),
        Told::NoServer(message) => {
            Finding::new(&code::SERVER_NOT_STARTED, format!("cannot start Postgres: {message}"))
        }
        Told::NoDatabase(message) => Finding::new(&code::CANNOT_WORK, message),
        Told::TimedOut => diagnosis::diagnose(Transcript { end: End::TimedOut, ..said }, known),
        Told::Exited(status) => {
            let message = format!(
                "the command ended with status {status}, and the log does not say why: the lines of \
                 the error itself are missing"
            );
            let revision = said.revision.as_ref().map(|revision| revision.id.clone());
            Finding { revision, ..Finding::new(&code::MIGRATION_FAILED, message) }
        }
    }
}

/// Whether no connection could be made at all: no revision had run, and no statement was sent.
fn is_unreachable(said: &Transcript) -> bool {
    if said.revision.is_some() || said.statement.is_some() {
        return false;
    }
    let connecting = |kind: &str| {
        let name = kind.rsplit('.').next().unwrap_or_default();
        ["OperationalError", "ConnectionRefusedError", "CannotConnectNowError", "gaierror"]
            .contains(&name)
            || kind == exceptions::PSQL
    };
    let state = said.sqlstate().unwrap_or_default();
    // Not let in (28), no such database (3D), starting or stopping (57P), no room (53300).
    let turned_away =
        ["28", "3D", "57P", "08", "53300"].iter().any(|class| state.starts_with(class));
    let silent = state.is_empty() && said.exceptions.iter().any(|e| connecting(&e.kind));
    turned_away || silent
}

fn unreachable(said: Transcript) -> Finding {
    let headline = said.headline();
    let why = headline.map(|e| e.message.trim().to_owned()).unwrap_or_default();
    // A server that answers, if only to refuse, has started.
    let answered = said.sqlstate().is_some() || why.contains("FATAL:");
    let nobody = ["Connection refused", "No such file or directory", "Connect call failed"];
    let (code, what) = if !answered && nobody.iter().any(|text| why.contains(text)) {
        (&code::SERVER_NOT_STARTED, "Postgres does not answer")
    } else {
        (&code::CONNECTION_FAILED, "cannot connect to Postgres")
    };
    Finding { transcript: Some(Box::new(said)), ..Finding::new(code, format!("{what}: {why}")) }
}

/// Leaves out repeated findings, for example of another attempt of the same job.
pub(super) fn without_repeats(findings: &mut Vec<Finding>) {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings.drain(..) {
        let same = |other: &Finding| {
            other.code == finding.code
                && other.step == finding.step
                && other.revision == finding.revision
                && other.message == finding.message
        };
        if !kept.iter().any(same) {
            kept.push(finding);
        }
    }
    *findings = kept;
}
