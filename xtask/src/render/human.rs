//! For a person: a line a step as it ends, then each finding in full, then the verdict.
//!
//! Colour is written as escape codes and taken out again by the stream it goes to, where that is
//! not a terminal. Words carry the meaning; colour only helps to find them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::model::code::{Owner, Severity};
use crate::model::finding::{Finding, Place};
use crate::model::redact::redact;
use crate::model::report::{Report, Source, Verdict};
use crate::model::step::{Status, Step};
use crate::model::transcript::Transcript;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const BLUE: Style = AnsiColor::Blue.on_default().bold();
const BOLD: Style = Style::new().bold();

/// How many lines of a statement and of the output are shown.
const LINES_SHOWN: usize = 20;

/// A step that ended, with what it printed.
pub fn step(step: &Step) -> String {
    let mut out = String::new();
    let (word, style) = match step.status {
        Status::Passed => ("PASS", GREEN),
        Status::Failed => ("FAIL", RED),
        Status::Skipped => ("SKIP", YELLOW),
    };
    let time = match step.status {
        Status::Skipped => "          ".to_owned(),
        _ => format!("[{:>7.3}s]", step.elapsed.as_secs_f64()),
    };
    line(&mut out, &format!("{style}{word}{style:#} {time} {}", step.name));
    for note in &step.notes {
        line(&mut out, &format!("{:16}{note}", ""));
    }
    if step.status == Status::Skipped
        && let Some(reason) = &step.reason
    {
        let reason = redact(reason);
        line(&mut out, &format!("{:16}skipped: {}", "", reason.lines().next().unwrap_or_default()));
    }
    out
}

/// What follows the steps: the findings, what the user should know besides, and the verdict.
pub fn summary(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        out.push('\n');
        out.push_str(&self::finding(finding));
    }
    for note in &report.notes {
        line(&mut out, "");
        line(&mut out, &redact(note));
    }
    line(&mut out, "");
    out.push_str(&verdict(report));
    out
}

fn verdict(report: &Report) -> String {
    let mut out = String::new();
    let steps = || report.trees.iter().flat_map(|tree| &tree.steps);
    let count = |status: Status| steps().filter(|step| step.status == status).count();
    let (passed, failed, skipped) =
        (count(Status::Passed), count(Status::Failed), count(Status::Skipped));
    let (word, style) = match report.verdict() {
        Verdict::Pass => ("PASS", GREEN),
        Verdict::Fail => ("FAIL", RED),
        Verdict::Error => ("ERROR", RED),
    };
    let mut counts = vec![format!("{passed} of {} steps passed", steps().count())];
    for (count, what) in [(failed, "failed"), (skipped, "skipped")] {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    let seconds = report.elapsed.as_secs_f64();
    line(&mut out, &format!("{style}{word}{style:#}  {} in {seconds:.2} s", counts.join(", ")));
    let mut with = Vec::new();
    if let Some(postgres) = &report.postgres {
        let source = match postgres.source {
            Source::Local => "local",
            Source::Provided => "provided",
        };
        with.push(format!("Postgres {} ({source})", postgres.version));
    }
    with.extend(report.python.iter().cloned());
    if !with.is_empty() {
        line(&mut out, &format!("{:6}{}", "", with.join(", ")));
    }
    out
}

/// A finding in full: what, where, why, who and how.
fn finding(finding: &Finding) -> String {
    let code = finding.code;
    let mut out = String::new();
    let mode = code.mode.map(|mode| format!(" (failure mode {mode})")).unwrap_or_default();
    let (word, style) = match code.severity {
        Severity::Error => ("error", RED),
        Severity::Note => ("note", BLUE),
    };
    let heading =
        format!("{style}{word}[{}]{style:#}{BOLD}: {}{mode}{BOLD:#}", code.id, code.title);
    line(&mut out, &heading);
    if let Some(place) = &finding.place {
        out.push_str(&excerpt(place));
    }
    let said = finding.transcript.as_deref();
    field(&mut out, "", &finding.message);
    if let Some(exception) = said.and_then(Transcript::headline) {
        for (name, text) in [("detail", &exception.detail), ("hint", &exception.hint)] {
            if let Some(text) = text {
                field(&mut out, name, text);
            }
        }
        if let Some(sqlstate) = &exception.sqlstate {
            field(&mut out, "sqlstate", sqlstate);
        }
    }
    if let Some(step) = &finding.step {
        field(&mut out, "step", step);
    }
    if let Some(revision) = said.and_then(|said| said.revision.as_ref()) {
        field(&mut out, "revision", &format!("{} ({})", revision.id, revision.direction));
    } else if let Some(revision) = &finding.revision {
        field(&mut out, "revision", revision);
    }
    if let Some(sql) = said.and_then(|said| said.statement.as_deref()) {
        verbatim(&mut out, "statement", &first_lines(sql));
    }
    if let Some(said) = said.filter(|said| shows_output(said)) {
        verbatim(&mut out, "output", &last_lines(&said.output));
    }
    if let Some(statement) = &finding.statement {
        verbatim(&mut out, "made by", &first_lines(statement));
    }
    verbatim(&mut out, "add", &finding.lacks.join("\n"));
    let owner = match code.owner {
        Owner::Sre => "sre",
        Owner::FeatureDev => "feature-dev",
    };
    field(&mut out, "owner", owner);
    for (number, remedy) in code.remedy.iter().enumerate() {
        field(&mut out, if number == 0 { "mend" } else { "" }, remedy);
    }
    field(&mut out, "verify", code.verify);
    verbatim(&mut out, "by hand", &finding.by_hand.join("\n"));
    out
}

/// The output is worth showing where the exception alone does not say which file is meant.
fn shows_output(said: &Transcript) -> bool {
    !said.output.trim().is_empty() && (said.exceptions.is_empty() || said.frames.is_empty())
}

fn excerpt(place: &Place) -> String {
    let mut out = String::new();
    let at = place.line.map(|line| format!(":{line}")).unwrap_or_default();
    line(&mut out, &format!("  {BLUE}-->{BLUE:#} {}{at}", place.file));
    if let (Some(number), Some(source)) = (place.line, &place.source) {
        let source = source.trim();
        let number = number.to_string();
        let gap = " ".repeat(number.len());
        line(&mut out, &format!("  {BLUE}{gap} |{BLUE:#}"));
        line(&mut out, &format!("  {BLUE}{number} |{BLUE:#}     {}", printable(&redact(source))));
        let caret = "^".repeat(source.chars().count().min(60));
        line(&mut out, &format!("  {BLUE}{gap} |{BLUE:#}     {RED}{caret}{RED:#}"));
    }
    out
}

/// A named text, wrapped at 80 columns, with its further lines below its first.
fn field(out: &mut String, name: &str, text: &str) {
    let text = redact(text);
    let mut first = true;
    for paragraph in text.trim_end().lines() {
        for wrapped in wrap(&printable(paragraph), 80 - 14) {
            label(out, if first { name } else { "" }, &wrapped);
            first = false;
        }
    }
}

/// A named text that is for copying, or that keeps its shape: not wrapped.
fn verbatim(out: &mut String, name: &str, text: &str) {
    for (number, line) in redact(text).lines().enumerate() {
        label(out, if number == 0 { name } else { "" }, &printable(line));
    }
}

/// A line as a terminal can show it: tabs widened, and no code that moves the cursor or worse.
fn printable(line: &str) -> String {
    line.replace('\t', "    ").chars().filter(|c| !c.is_control()).collect()
}

fn label(out: &mut String, name: &str, text: &str) {
    let mark = if name.is_empty() { " " } else { ":" };
    line(out, &format!("  {BOLD}{name:>9}{BOLD:#}{mark} {text}"));
}

/// Breaks a line between words; a word that is longer than the line stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    // What is indented is code, or a log, and keeps its shape.
    if text.starts_with(' ') {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else if let Some(line) = lines.last_mut() {
            if last > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    if lines.len() <= LINES_SHOWN {
        return lines.join("\n");
    }
    format!("{}\n… {} more lines", lines[..LINES_SHOWN].join("\n"), lines.len() - LINES_SHOWN)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.len() <= LINES_SHOWN {
        return lines.join("\n");
    }
    let left = lines.len() - LINES_SHOWN;
    format!("… {left} lines before\n{}", lines[left..].join("\n"))
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}
