//! Finding: one thing that is wrong. Severity, title, owner and remedy follow from the code.

use std::borrow::Cow;
use std::iter;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::called;
use super::code::causes::Cause;
use super::code::modes::LISTED;
use super::code::{Code, FAILS_ON_ROWS, OPERATOR, Owner, Severity};
use super::production::Impact;
use super::transcript::{Direction, Transcript};

/// The beginning of a comment that allows what a revision does.
const DIRECTIVE: &str = "# migration-gate:";
/// The ends of directives whose object is not named.
const NAMELESS: [&str; 2] = [" TABLE, reason", " TABLE.COLUMN, reason"];

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The code: the kind of fault.
    #[serde(with = "super::code::by_id")]
    pub code: &'static Code,
    /// The tree's id.
    pub tree: Option<String>,
    /// The step that showed the fault.
    pub step: Option<String>,
    /// The revision that has the fault.
    pub revision: Option<String>,
    /// Which way the revision was taken, where that is known without a transcript.
    pub direction: Option<Direction>,
    /// The place of the fault, as far as known.
    pub place: Option<Place>,
    /// The observation, in one or a few sentences.
    pub message: String,
    /// The role that fixes it; `None`: the tree has no such roles.
    pub owner: Option<Owner>,
    /// The sensitive area that the migration touches: SEV-2 until shown that no data was lost.
    pub sev2: Option<Cow<'static, str>>,
    /// The prediction of a lint for the same fault.
    pub predicted: Option<String>,
    /// Further effects of the same cause, a line each.
    pub also: Vec<String>,
    /// The transcript, for readers who want to read on.
    pub transcript: Option<Box<Transcript>>,
    /// The statement that caused the finding.
    pub statement: Option<String>,
    /// The name for a directive: `type order_side`, `orders.note`.
    pub subject: Option<String>,
    /// The column of the subject, a table, whose values are at fault.
    pub column: Option<String>,
    /// The lines that the migration lacks, as Python ready to paste.
    pub lacks: Vec<String>,
    /// The remedy of this very case, step by step, where that of its code or cause does not fit.
    pub own_steps: Vec<String>,
    /// The commands that run the failed step again by hand.
    pub by_hand: Vec<String>,
    /// The change that fixes it, if the gate knows the exact lines.
    pub edit: Option<Edit>,
    /// The remedy that turned the gate green on a copy of the tree.
    pub fix: Option<Box<Fix>>,
    /// The reason of the directive that allows it.
    pub allowed: Option<String>,
    /// Whether the finding decides the verdict.
    pub standing: Standing,
    /// Its own weight, where it differs from that of its code.
    pub severity: Option<Severity>,
    /// The impact on production.
    pub impact: Option<Box<Impact>>,
}

/// Whether a finding decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The finding decides.
    #[default]
    Counts,
    /// The finding is about a revision that is on the base, and no step depends on that revision.
    Merged,
    /// A lint predicted that a step would fail, and the step passed.
    Disproved,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the root where it lies below, else absolute.
    pub file: Utf8PathBuf,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The text of that line.
    pub source: Option<String>,
}

/// Lines of a file to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The file, relative to the root where it lies below, else absolute.
    pub file: Utf8PathBuf,
    /// The first of the lines, from 1; for an insertion, the line before which the new lines are
    /// put.
    pub line: u32,
    /// The lines now.
    pub before: Vec<String>,
    /// The lines after the edit; empty: the lines are deleted.
    pub after: Vec<String>,
}

impl Edit {
    /// The edit in words.
    fn told(&self) -> String {
        let Edit { file, line, before, after } = self;
        let text =
            |lines: &[String]| lines.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n");
        match (before.is_empty(), after.is_empty()) {
            (_, true) => format!("delete {file}:{line}: {}", text(before).trim_start()),
            _ if after.iter().all(|line| line.trim() == "pass") => {
                format!("write `pass` in the place of {file}:{line}: {}", text(before).trim_start())
            }
            (true, false) => format!("add before {file}:{line}:\n{}", text(after)),
            (false, false) => format!("change {file}:{line} to: {}", text(after).trim_start()),
        }
    }
}

/// A remedy that was tried on a copy of the tree, and turned the gate green there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The changes that it makes, a few words each.
    pub what: Vec<String>,
    /// The files that it changes.
    pub changes: Vec<FileChange>,
    /// The same for `git apply` at the root.
    pub patch: String,
}

/// A file that is changed, written anew or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The file, relative to the root.
    pub file: Utf8PathBuf,
    /// Its text before the fix; `None`: the fix creates the file.
    pub before: Option<String>,
    /// Its text after the fix; `None`: the fix deletes the file.
    pub after: Option<String>,
}

impl Fix {
    /// The patch; `None` if the patch of another finding fixes this one, too.
    pub fn own_patch(&self) -> Option<&str> {
        Some(self.patch.as_str()).filter(|patch| !patch.is_empty())
    }

    /// The step that follows the change: the runbook lists what the recipes supply.
    pub fn then(&self) -> Option<String> {
        let recipes = |change: &FileChange| change.file.starts_with("xtask/src/recipes");
        self.changes.iter().any(recipes).then(|| called::named(LISTED))
    }
}

impl FileChange {
    /// The lines that change, from the first to the last; `None` for a file that is created or
    /// deleted.
    pub fn edit(&self) -> Option<Edit> {
        let (before, after) = (self.before.as_ref()?, self.after.as_ref()?);
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.lines().collect(), after.lines().collect());
        let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
        let first = before.iter().zip(&after).take_while(same).count();
        let rest = before[first..].iter().rev().zip(after[first..].iter().rev());
        let last = rest.take_while(same).count();
        let lines = |text: &[&str]| -> Vec<String> {
            text[first..text.len() - last].iter().map(|line| (*line).to_owned()).collect()
        };
        Some(Edit {
            file: self.file.clone(),
            line: u32::try_from(first + 1).ok()?,
            before: lines(&before),
            after: lines(&after),
        })
    }
}

impl Finding {
    /// Its weight: a finding that does not decide is a note.
    pub fn severity(&self) -> Severity {
        match self.standing {
            Standing::Counts => self.severity.unwrap_or(self.code.severity),
            Standing::Merged | Standing::Disproved => Severity::Note,
        }
    }

    /// The direction of the revision in the step that showed the fault.
    pub fn direction(&self) -> Option<Direction> {
        let said = self.transcript.as_deref().and_then(|said| said.revision.as_ref());
        let impact = self.impact.as_ref().map(|impact| impact.direction);
        self.direction.or(said.map(|revision| revision.direction)).or(impact)
    }

    /// The person to notify, if the finding touches sensitive data (runbook, 'Escalation').
    pub fn escalation(&self) -> Option<String> {
        self.sev2.as_ref().map(|area| {
            format!(
                "escalate to the operator ({OPERATOR}): it touches {area} schema, and is SEV-2 \
                 until it is shown that no data was lost"
            )
        })
    }

    /// The fix: first the person to notify, then the verified remedy; without one, the missing
    /// lines, then the remedy of its code.
    pub fn remedies(&self) -> Vec<String> {
        if let Some(fix) = &self.fix {
            let steps = fix.what.iter().cloned().chain(fix.then());
            return self.escalation().into_iter().chain(steps).collect();
        }
        let lacks = (!self.lacks.is_empty()).then(|| format!("add: {}", self.lacks.join("\n")));
        // A change may do more than add what is lacking.
        let does_more =
            |edit: &&Edit| lacks.is_none() || edit.before.iter().any(|line| line.trim() != "pass");
        let change = self.edit.as_ref().filter(does_more).map(Edit::told).or(lacks);
        self.escalation().into_iter().chain(change).chain(self.steps()).collect()
    }

    /// The fix, step by step: that of the very case, else the safe form of what was seen, else the
    /// remedy of its cause, if known, else of its code.
    pub fn steps(&self) -> Vec<String> {
        if !self.own_steps.is_empty() {
            return self.own_steps.clone();
        }
        let cause = self.transcript.as_deref().and_then(Cause::of);
        let steps = match cause.filter(|cause| cause.explains(self.code)) {
            // Rows only bring the cause to light.
            Some(cause) if self.code == &FAILS_ON_ROWS => {
                &[cause.remedy, &self.code.remedy[1..]].concat()
            }
            Some(cause) => cause.remedy,
            None if self.owner.is_none() && !self.code.remedy_elsewhere.is_empty() => {
                self.code.remedy_elsewhere
            }
            None => self.code.remedy,
        };
        let about = |step: &&str| match (called::named(step), &self.subject) {
            (step, Some(subject)) => step
                .replace("KIND NAME", subject)
                .replace("TABLE.COLUMN", subject)
                .replace(" TABLE, reason", &format!(" {subject}, reason")),
            (step, None) => step,
        };
        let about = |step: &&str| match (&self.subject, &self.column) {
            (Some(table), Some(column)) => about(step)
                .replace("TABLE SET COLUMN", &format!("{table} SET {column}"))
                .replace("COLUMN IS NULL", &format!("{column} IS NULL")),
            _ => about(step),
        };
        // A directive without the name of its object is none.
        let is_known = |step: &&&str| {
            self.subject.is_some() || !NAMELESS.iter().any(|name| step.contains(name))
        };
        let steps = steps.iter().filter(is_known);
        let Some(instead) = self.instead() else { return steps.map(about).collect() };
        let directive = |step: &&&str| self.subject.is_some() && step.contains(DIRECTIVE);
        let directives = steps.filter(directive).map(about);
        iter::once(instead.to_owned()).chain(directives).collect()
    }

    /// The safe form of what a revision does to production.
    pub fn instead(&self) -> Option<&str> {
        self.impact.as_deref()?.told("instead")
    }

    /// A finding of which nothing but the message is known yet.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Finding {
        Finding {
            code,
            tree: None,
            step: None,
            revision: None,
            direction: None,
            place: None,
            message: message.into(),
            owner: Some(code.owner),
            sev2: None,
            predicted: None,
            also: Vec::new(),
            transcript: None,
            statement: None,
            subject: None,
            column: None,
            lacks: Vec::new(),
            own_steps: Vec::new(),
            by_hand: Vec::new(),
            edit: None,
            fix: None,
            allowed: None,
            standing: Standing::Counts,
            severity: None,
            impact: None,
        }
    }
}
