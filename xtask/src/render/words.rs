//! Words that all formats share.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use model::code::{Code, Owner, Severity};
use model::finding::{Finding, Place, Standing};
use model::redact::redact;
use model::report::{Comparison, Report, Source};
use model::shown::printable;
use model::step::{Status, Step};
use model::transcript::Transcript;

/// The columns of wrapped text. Those of the terminal are known at the start of the program, and so
/// is whether it shows colours.
static WIDTH: AtomicUsize = AtomicUsize::new(80);

/// The columns of wrapped text.
pub(super) fn width() -> usize {
    WIDTH.load(Ordering::Relaxed)
}

/// Wraps all later output at so many columns: those of the terminal, as far as that reads well.
pub fn fit(columns: usize) {
    WIDTH.store(columns.clamp(60, 120), Ordering::Relaxed);
}

/// The number of revisions named for each code in a line.
const NAMES_SHOWN: usize = 5;

/// The role that fixes a finding.
pub(super) fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::Sre => "sre",
        Owner::FeatureDev => "feature-dev",
        Owner::Operator => "operator",
    }
}

/// The word for a weight.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The word for an outcome of a step.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    }
}

/// The words for the origin of a server.
pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Local => "local",
        Source::Provided => "provided",
        Source::Provisioned => "provisioned",
    }
}

/// `multiple heads (failure mode C)`.
pub(super) fn title(finding: &Finding) -> String {
    let mode = finding.code.mode.map(|mode| format!(" (failure mode {mode})"));
    format!("{}{}", finding.code.title, mode.unwrap_or_default())
}

/// The findings that the files allow, each with its place and reason.
pub(super) fn allowed(report: &Report) -> impl Iterator<Item = (&'static str, String, String)> {
    report.allowed.iter().map(|finding| {
        let place = finding.place.as_ref().map(place).unwrap_or_default();
        let reason = redact(finding.allowed.as_deref().unwrap_or_default()).into_owned();
        (finding.code.id, printable(&place), printable(&reason))
    })
}

/// Whether a similar finding of the same tree is shown before: one fault of the graph fails several
/// steps, and is shown in full once.
pub(super) fn is_again(finding: &Finding, report: &Report) -> bool {
    let all = report.by_weight();
    let mut before = all.into_iter().take_while(|before| !std::ptr::eq(*before, finding));
    finding.code.mode.is_some() && before.any(|f| f.tree == finding.tree && f.code == finding.code)
}

/// Whether a finding shares one line with all notes of its code.
pub(super) fn is_brief(finding: &Finding, report: &Report) -> bool {
    let counts = finding.standing == Standing::Counts;
    finding.standing == Standing::Disproved
        || (counts && finding.severity() == Severity::Note && !report.verbose)
}

/// The notes, a line a code: `MG407: the columns … another order: 0002, 0005`.
pub(super) fn notes_by_code(report: &Report) -> Vec<String> {
    let mut codes: BTreeMap<(bool, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| is_brief(finding, report)) {
        let is_withdrawn = finding.standing == Standing::Disproved;
        codes.entry((is_withdrawn, finding.code.id)).or_default().push(finding);
    }
    let line = |((is_withdrawn, id), findings): (&(bool, &str), &Vec<&Finding>)| {
        let told = match findings.as_slice() {
            _ if *is_withdrawn => "withdrawn, the run did not meet it".to_owned(),
            [only] => only.message.lines().next().unwrap_or_default().to_owned(),
            [first, ..] => first.code.title.to_owned(),
            [] => String::new(),
        };
        format!("{id}: {told}: {}", places(findings))
    };
    codes.iter().map(line).map(|line| printable(line.trim_end_matches(": "))).collect()
}

/// The revisions or files of findings, the first few by name.
fn places(findings: &[&Finding]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for finding in findings {
        let file = finding.place.as_ref().and_then(|place| place.file.file_name());
        names.extend(finding.revision.as_deref().or(file).filter(|name| !names.contains(name)));
    }
    first_names(&names)
}

/// The first few names, and the number of further ones.
fn first_names(names: &[&str]) -> String {
    match names.get(NAMES_SHOWN..) {
        Some(more) if !more.is_empty() => {
            format!("{} and {} more", names[..NAMES_SHOWN].join(", "), more.len())
        }
        _ => names.join(", "),
    }
}

/// `file.py:12`.
pub(super) fn place(place: &Place) -> String {
    let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}", place.file)
}

/// The same without the folders.
pub(super) fn short_place(place: &Place) -> String {
    let file = place.file.file_name().unwrap_or(place.file.as_str());
    place.line.map_or(file.to_owned(), |line| format!("{file}:{line}"))
}

/// `8 of 11 steps passed, 1 failed, 2 skipped`; without steps, the number of workflows read and of
/// findings.
pub(super) fn counts(report: &Report) -> String {
    let steps = || report.trees.iter().flat_map(|tree| &tree.steps);
    let all = steps().count();
    let ended = |status: Status| steps().filter(|step| step.status == status).count();
    let mut out = match all {
        0 => {
            let found = match report.findings.len() {
                0 => "nothing found".to_owned(),
                many => counted(many, "finding"),
            };
            match report.workflows.len() {
                0 => found,
                many => format!("{} read, {found}", counted(many, "workflow")),
            }
        }
        _ => format!("{} of {all} steps passed", ended(Status::Passed)),
    };
    for (status, word) in [(Status::Failed, "failed"), (Status::Skipped, "skipped")] {
        let count = ended(status);
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(out, ", {count} {word}");
        }
    }
    out
}

/// The faults of merged revisions, which do not decide, in one line.
pub(super) fn merged(report: &Report) -> Option<String> {
    let mut codes: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    let merged = report.findings.iter().filter(|f| f.standing == Standing::Merged);
    for finding in merged.clone() {
        codes.entry(finding.code.id).or_default().push(finding);
    }
    let count = merged.count();
    let told: Vec<String> =
        codes.iter().map(|(code, findings)| format!("{code} in {}", places(findings))).collect();
    let what = counted(count, "finding");
    (count > 0).then(|| {
        printable(&format!(
            "{what} about merged revisions, which do not decide (`--all` tells and counts them): {}",
            told.join("; ")
        ))
    })
}

/// Why no base was found, with the skipped checks; or the part of the base that is unreadable.
pub(super) fn reason(base: &Comparison) -> Option<String> {
    let reason = base.reason.as_deref().map(|reason| redact(reason).into_owned());
    if base.rev.is_some() {
        return reason;
    }
    Some(format!(
        "{}. Left out: what is new, and what was changed, moved or taken on the base (MG206, MG207, \
         MG216); everything counts",
        reason.unwrap_or_default()
    ))
}

/// The bases, and the checks that were left out for lack of one; a sentence each.
pub(super) fn compared(report: &Report) -> Vec<String> {
    let Some(base) = &report.base else { return Vec::new() };
    let why = reason(base);
    let first = match (&base.rev, why) {
        (Some(rev), why) => {
            let commit: String =
                base.commit.iter().flat_map(|commit| commit.chars().take(10)).collect();
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            format!("compared with {rev} ({commit}){why}")
        }
        (None, why) => format!("compared with no base: {}", why.unwrap_or_default()),
    };
    std::iter::once(first).chain(base.moved.iter().cloned()).map(|line| printable(&line)).collect()
}

/// The number of lines shown for further effects of a cause.
const ALSO_SHOWN: usize = 10;

/// Further effects of a finding's cause, a line each.
pub(super) fn also(finding: &Finding) -> Vec<String> {
    let mut lines: Vec<String> = finding.also.iter().take(ALSO_SHOWN).cloned().collect();
    let more = finding.also.len().saturating_sub(ALSO_SHOWN);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}

/// The message with the error of Postgres, and the prediction of a lint.
pub(super) fn message(finding: &Finding) -> String {
    let mut out = finding.message.trim_end().to_owned();
    for line in also(finding) {
        let _ = write!(out, "\nalso: {line}");
    }
    out += &detail(finding);
    if let Some(predicted) = &finding.predicted {
        let _ = write!(out, "\nlint said before the run: {}", predicted.trim_end());
    }
    out
}

/// The detail and the hint of Postgres, each on a line of its own after the message.
pub(super) fn detail(finding: &Finding) -> String {
    let mut out = String::new();
    let exception = finding.transcript.as_deref().and_then(Transcript::headline);
    let details = exception.map(|e| [("detail", &e.detail), ("hint", &e.hint)]);
    for (name, text) in details.into_iter().flatten() {
        if let Some(text) = text {
            let _ = write!(out, "\n{name}: {}", text.trim_end());
        }
    }
    out
}

/// The relation of the named statement to the object: made, removed or changed by it.
pub(super) fn origin(code: &Code) -> &'static str {
    match code.id {
        "MG401" => "gone by",
        "MG402" => "set by",
        _ => "made by",
    }
}

/// `1 line`, `2 lines`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The first lines of a text, and the number of further ones.
pub(super) fn first_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    if lines.len() <= count {
        return lines.join("\n");
    }
    format!("{}\n… {}", lines[..count].join("\n"), counted(lines.len() - count, "more line"))
}

/// The first lines of a text, which show its purpose, and more of the last, which show how it
/// ended.
pub(super) fn both_ends(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.len() <= count {
        return lines.join("\n");
    }
    let (first, last) = (count / 4, count - count / 4);
    let left = counted(lines.len() - count, "line");
    let parts = [
        lines[..first].join("\n"),
        format!("… {left} left out"),
        lines[lines.len() - last..].join("\n"),
    ];
    parts.join("\n")
}
/// The first characters of a text.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Breaks a line between words; a word that is longer than the line stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    // Indented text is code, or a log, and keeps its shape.
    if text.starts_with(' ') {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    let text = held(text, width);
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
    lines.iter().map(|line| line.replace(HELD, " ")).collect()
}

/// Placeholder for a blank at which a line must not end.
const HELD: char = '\u{1}';

/// A text in which no line ends within a piece of code that fits into a line: code is copied whole.
fn held(text: &str, width: usize) -> String {
    let is_whole =
        |span: &str| span.starts_with("# migration-gate:") || span.chars().count() + 4 <= width;
    let spans =
        text.split('`').enumerate().map(|(number, span)| match number % 2 == 1 && is_whole(span) {
            true => span.replace(' ', &HELD.to_string()),
            false => span.to_owned(),
        });
    spans.collect::<Vec<_>>().join("`")
}

/// A moment, to the second: `2026-11-22T23:40:00Z`.
pub fn date(moment: SystemTime) -> String {
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// The notes of a step, and the date of its run if an earlier one.
pub fn notes(step: &Step) -> Vec<String> {
    let known = step.known_since.map(date);
    let known =
        known.map(|date| format!("known since {date}: nothing that it depends on has changed"));
    step.notes.iter().cloned().chain(known).collect()
}
