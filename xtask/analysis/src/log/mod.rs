//! Logs of CI jobs, Alembic and psql, read into transcripts, for the same recognisers as a live
//! run.
//!
//! A log contains less than a live run: SQLSTATEs only by the names of exception classes, revisions
//! only by Alembic's `Running upgrade …` lines, statements only where SQLAlchemy printed them.
//! Other values stay empty.

mod clean;
mod course;
mod exceptions;
mod failure;
mod naming;
mod position;
mod sqlstate;
mod told;

use model::finding::Finding;
use model::transcript::{Direction, End, Transcript};

use self::clean::Line;
use self::course::{Kind, Start};
use self::failure::Failure;
use self::position::Position;
use self::told::Told;

pub use self::course::{Course, Revision};

/// Findings of a log.
#[derive(Debug, Default)]
pub struct Reading {
    /// Its failures, named, in the order in which they are in it.
    pub findings: Vec<Finding>,
    /// Further notes: a command that failed outside of the migrations.
    pub notes: Vec<String>,
}

/// Reads a log. `courses` are the trees whose runs it may hold.
pub fn read(text: &str, courses: &[Course]) -> Reading {
    let mut reading = Reading::default();
    let mut echoes = Vec::new();
    for lines in clean::streams(text) {
        let own = told::by_the_gate(&lines, courses);
        if !own.is_empty() {
            // The gate's own findings in the log are complete.
            reading.findings.extend(own);
            continue;
        }
        let mut scan = Scan::new(courses);
        scan.over(&lines);
        reading.notes.append(&mut scan.notes);
        let (echo, own) = scan.failures.into_iter().partition(Failure::is_of_server);
        naming::name(own, &mut reading.findings);
        naming::name(echo, &mut echoes);
    }
    // The server's own log repeats the errors of clients, and holds others that are no failure of a
    // step.
    if reading.findings.is_empty() {
        reading.findings = echoes;
    }
    naming::without_repeats(&mut reading.findings);
    reading
}

/// A walk through the lines of one source.
struct Scan<'a> {
    at: Position<'a>,
    failures: Vec<Failure<'a>>,
    notes: Vec<String>,
    /// Where each revision was started.
    starts: Vec<(Position<'a>, Start)>,
}

impl<'a> Scan<'a> {
    fn new(courses: &'a [Course]) -> Scan<'a> {
        Scan {
            at: Position::new(courses),
            failures: Vec::new(),
            notes: Vec::new(),
            starts: Vec::new(),
        }
    }

    fn over(&mut self, lines: &[Line]) {
        let mut at = 0;
        while at < lines.len() {
            at += self.step(&lines[at..]);
        }
        self.see_silent_ends();
        self.failures.sort_by_key(|failure| failure.command);
    }

    /// Reads the item that starts at the first of these lines. Returns its number of lines.
    fn step(&mut self, lines: &[Line]) -> usize {
        let line = &lines[0];
        self.at.read(line);
        if let Some(start) = Start::read(&line.text) {
            self.starts.push((self.at.clone(), start));
        }
        if let Some((length, read)) = exceptions::starting_at(lines) {
            // A traceback holds further lines that say where the run was.
            lines[1..length].iter().for_each(|line| self.at.read(line));
            self.fail(read);
            return length;
        }
        if let Some(told) = told::by_lines(lines) {
            let start = self.at.start.clone();
            self.push(Transcript::default(), Some(told), start);
        } else if let Some(status) = told::exit_status(&line.text) {
            self.see_exit(status);
        }
        1
    }

    /// Finds upgrades that ended in the middle without a word: the next command of Alembic starts
    /// the same revision again, or the revision that was asked for was never started.
    fn see_silent_ends(&mut self) {
        let starts = std::mem::take(&mut self.starts);
        for (number, (first, start)) in starts.iter().enumerate() {
            let next = starts.get(number + 1);
            let goes_on = next.is_some_and(|(next, _)| next.commands == first.commands);
            if goes_on || start.direction == Direction::Downgrade {
                continue;
            }
            // Two databases may both begin with the first revision.
            let again = !start.from.is_empty() && next.is_some_and(|(_, next)| next == start);
            let asked = match first.kind() {
                Some(Kind::UpgradeTo(to)) if !first.command.is_empty() => Some(to),
                _ => None,
            };
            let is_id = |to: &String| to.chars().all(|c| c.is_alphanumeric() || c == '_');
            let short = asked.filter(is_id).is_some_and(|to| !start.to.starts_with(&to));
            if again || (short && self.at.commands > first.commands) {
                self.end_silently(first);
            }
        }
    }

    fn end_silently(&mut self, first: &Position<'a>) {
        let failed = self.failures.iter().any(|failure| failure.command == first.commands);
        let known = self
            .failures
            .iter()
            .any(|failure| failure.said.end == End::Exited(0) && failure.start == first.start);
        if failed || known {
            return;
        }
        let kind = first.kind();
        self.failures.push(Failure {
            step: first.step(kind.as_ref(), None),
            candidates: first.candidates(kind.as_ref(), None),
            kind,
            course: first.course(),
            command: first.commands,
            start: first.start.clone(),
            said: Transcript {
                command: first.command.clone(),
                end: End::Exited(0),
                revision: first.start.as_ref().map(Start::revision),
                ..Transcript::default()
            },
            told: None,
        });
    }

    fn fail(&mut self, read: exceptions::Read) {
        self.at.start_by(&read.frames);
        let start = self.at.start.clone();
        let said = Transcript {
            command: self.at.command.clone(),
            end: End::Raised,
            exceptions: read.exceptions,
            revision: start.as_ref().map(Start::revision),
            statement: read.statement,
            frames: read.frames,
            ..Transcript::default()
        };
        self.push(said, None, start);
    }

    fn see_exit(&mut self, status: i32) {
        if status == 0 || self.failures.iter().any(|f| f.command == self.at.commands) {
            return;
        }
        let kind = self.at.kind();
        if kind.is_none() || (self.at.start.is_none() && self.at.command.is_empty()) {
            let what = match self.at.command.as_str() {
                "" => "a command".to_owned(),
                command => format!("`{command}`"),
            };
            self.notes.push(format!(
                "{what} failed with exit status {status}; nothing in the log says that a migration \
                 was the reason"
            ));
            return;
        }
        let start = self.at.start.clone();
        let revision = start.as_ref().map(Start::revision);
        let command = self.at.command.clone();
        // By the shell's convention.
        if status > 128 {
            let end = End::Killed(status - 128);
            self.push(Transcript { command, end, revision, ..Transcript::default() }, None, start);
        } else {
            let said = Transcript { command, end: End::Raised, revision, ..Transcript::default() };
            self.push(said, Some(Told::Exited(status)), start);
        }
    }

    fn push(&mut self, mut said: Transcript, told: Option<Told>, start: Option<Start>) {
        let by_psql = said.exceptions.first().is_some_and(exceptions::is_psql);
        let sql = by_psql.then(|| exceptions::supplying(&said)).flatten();
        if let Some(sql) = &sql {
            self.at.find_tree_by_supply(sql);
        }
        let kind = match self.at.kind() {
            _ if by_psql && self.at.command.is_empty() => Some(Kind::Supply),
            _ if matches!(told, Some(Told::Heads(_))) => Some(Kind::Heads),
            _ if matches!(told, Some(Told::NoDatabase(_))) => None,
            // Alembic prints the requested target.
            Some(_) if asked_for_head(&said) => Some(self.at.upgrade_to_head()),
            kind => kind,
        };
        let start = start.filter(|_| !matches!(kind, Some(Kind::Supply | Kind::Heads)));
        if start.is_none() {
            said.revision = None;
        }
        let step = self.at.step(kind.as_ref(), sql.as_deref());
        self.at.shorten(&mut said.frames);
        self.failures.push(Failure {
            step,
            candidates: self.at.candidates(kind.as_ref(), sql.as_deref()),
            kind,
            course: self.at.course(),
            command: self.at.commands,
            start,
            said,
            told,
        });
    }
}

/// Whether the words of Alembic's exception are about `head`, the target.
fn asked_for_head(said: &Transcript) -> bool {
    let about = |message: &str| message.contains(" for given argument 'head'");
    said.exceptions.iter().any(|e| e.kind.starts_with("alembic.") && about(&e.message))
}

#[cfg(test)]
mod tests;
