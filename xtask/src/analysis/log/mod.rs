//! Reads what a CI job, Alembic or psql printed, and puts each failure into a transcript, so that a
//! log is named by the same knowledge as a live run.
//!
//! A log says less than a live run: SQLSTATEs only by the names of exception classes, revisions only
//! by Alembic's `Running upgrade …` lines, statements only where SQLAlchemy printed them. Nothing is
//! guessed beyond that.

mod clean;
mod exceptions;
mod sqlstate;

use crate::model::transcript::{Direction, End, RevisionInFlight, Transcript};

/// A failure in a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The step that failed, as far as the log says it.
    pub step: Option<String>,
    /// What was said.
    pub said: Transcript,
}

/// The failures of a log, in the order in which they are in it.
pub fn failures(text: &str) -> Vec<Failure> {
    let lines = clean::lines(text);
    let mut found = Vec::new();
    let mut context = Context::default();
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        context.read(line);
        match exceptions::starting_at(&lines[at..]) {
            Some((length, exceptions)) => {
                // A traceback may hold further lines that say where the run was.
                for line in &lines[at + 1..at + length] {
                    context.read(line);
                }
                found.push(context.failure(exceptions));
                at += length;
            }
            None => at += 1,
        }
    }
    without_repeats(found)
}

/// The same failure is often printed twice: as a traceback, and again as an annotation or by
/// `FAILED:`; the first has more.
fn without_repeats(failures: Vec<Failure>) -> Vec<Failure> {
    let mut kept: Vec<Failure> = Vec::new();
    for failure in failures {
        let headline = failure.said.headline().map(|exception| exception.message.clone());
        let known = kept.iter().any(|other| {
            other.step == failure.step
                && other.said.headline().map(|exception| exception.message.clone()) == headline
        });
        if !known {
            kept.push(failure);
        }
    }
    kept
}

/// Where in the run a line is.
#[derive(Default)]
struct Context {
    step: Option<String>,
    command: String,
    revision: Option<RevisionInFlight>,
}

impl Context {
    fn read(&mut self, line: &clean::Line) {
        if let Some(step) = &line.step {
            self.enter(step.clone());
        }
        if let Some(step) = step_named_in(&line.text) {
            self.enter(step);
        }
        if let Some(command) = line.text.trim_start().strip_prefix("Run ") {
            self.command = command.to_owned();
            self.revision = None;
        }
        if let Some(revision) = running(&line.text) {
            self.revision = Some(revision);
        }
    }

    fn enter(&mut self, step: String) {
        if self.step.as_ref() != Some(&step) {
            self.step = Some(step);
            self.revision = None;
        }
    }

    fn failure(&self, read: exceptions::Read) -> Failure {
        Failure {
            step: self.step.clone(),
            said: Transcript {
                command: self.command.clone(),
                end: End::Raised,
                exceptions: read.exceptions,
                revision: self.revision.clone(),
                statement: read.statement,
                frames: read.frames,
                ..Transcript::default()
            },
        }
    }
}

/// `… Running upgrade 0001 -> 0002, title` and `… Running downgrade 0002 -> 0001, title`.
fn running(line: &str) -> Option<RevisionInFlight> {
    let (_, rest) = line.split_once("Running ")?;
    let (direction, rest) = match rest.split_once(' ')? {
        ("upgrade", rest) => (Direction::Upgrade, rest),
        ("downgrade", rest) => (Direction::Downgrade, rest),
        _ => return None,
    };
    let (from, to) = rest.split_once("->")?;
    let to = to.split(',').next().unwrap_or_default().trim();
    let id = match direction {
        Direction::Upgrade => to,
        Direction::Downgrade => from.trim(),
    };
    Some(RevisionInFlight { id: id.to_owned(), direction })
}

/// A step of the gate that a line names: a tree's label, a dash, and the words of a step.
fn step_named_in(line: &str) -> Option<String> {
    const WORDS: [&str; 6] = [
        "alembic upgrade to ",
        "alembic upgrade head",
        "assert single head",
        "downgrade -1",
        "seed ",
        "create ",
    ];
    let (before, after) = line.split_once(" — ")?;
    let words = WORDS.iter().find(|words| after.starts_with(**words))?;
    let label = before.rsplit([' ', '\t']).next()?;
    let known = ["Console", "Raptor"].contains(&label);
    // A step's name ends with its parenthesis, where it has one.
    let end = match after.find(')') {
        Some(close) if after[..close].contains('(') => close + 1,
        _ => words.trim_end().len(),
    };
    known.then(|| format!("{label} — {}", &after[..end]))
}

#[cfg(test)]
mod tests;
