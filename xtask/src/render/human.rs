//! Format for a person: a line a step as it ends, then each finding in full, then the verdict.
//!
//! Colour is written as escape codes and taken out again by the stream it goes to, where that is
//! not a terminal. Words carry the meaning; colour only helps to find them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;

use super::fields::{
    BLUE, BOLD, GREEN, MAGENTA, RED, excerpt, field, fix, impact, line, shows_output, title,
    verbatim,
};
use super::{remedy, words};
use model::code::causes::Cause;
use model::code::{Code, Severity, safe_forms};
use model::finding::{Finding, Standing};
use model::redact::redact;
use model::report::{Next, Report, Verdict};
use model::shown::printable;
use model::step::{Status, Step};
use model::transcript::Transcript;

/// The number of lines shown of a statement and of the output.
const LINES_SHOWN: usize = 20;
/// The rows of a small screen, minus the one of the prompt.
const SCREEN_ROWS: usize = 23;
/// The number of findings named below the details, if those fill more than a screen.
const OVERVIEW_ROWS: usize = 10;
/// The number of lines shown of the first finding's message.
const FIRST_ROWS: usize = 3;

/// A step that ended, with its notes.
pub fn step(step: &Step) -> String {
    let mut out = String::new();
    if step.is_not_begun() {
        return out;
    }
    let (word, style) = match step.status {
        Status::Passed => ("PASS", GREEN),
        Status::Failed => ("FAIL", RED),
        Status::Skipped => ("SKIP", MAGENTA),
    };
    let time = match step.status {
        Status::Skipped => "          ".to_owned(),
        // The time belongs to an earlier run; the verdict gives its date.
        _ if step.known_since.is_some() => "[   known]".to_owned(),
        _ => format!("[{:>7.3}s]", step.elapsed.as_secs_f64()),
    };
    line(&mut out, &format!("{style}{word}{style:#} {time} {}", step.name));
    let reason = step.reason.as_deref().filter(|_| step.status == Status::Skipped);
    let skipped = reason.and_then(|reason| reason.lines().next());
    let skipped = skipped.map(|reason| format!("skipped: {}", redact(reason)));
    for note in step.notes.iter().chain(&skipped).flat_map(|note| note.lines()) {
        for wrapped in words::wrap(note, words::width() - 16) {
            line(&mut out, &format!("{:16}{wrapped}", ""));
        }
    }
    out
}

fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", MAGENTA),
        Severity::Note => ("note", BLUE),
    }
}

/// A finding of a lint, in a line, before any step ran; the summary has the full finding.
pub fn predicted(finding: &Finding) -> String {
    let (word, style) = severity(finding.severity());
    let mut out = String::new();
    let at = finding.place.as_ref().map(|place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("\n{:16}{}{line}", "", place.file)
    });
    let (id, title) = (finding.code.id, finding.code.title);
    line(
        &mut out,
        &format!("LINT            {style}{word}[{id}]{style:#}: {title}{}", at.unwrap_or_default()),
    );
    out
}

/// The part after the steps: the findings, the notes, and the verdict.
pub fn summary(report: &Report) -> String {
    if report.interrupted {
        return interrupted(report);
    }
    let mut out = standing(report);
    if report.known_since.is_some() {
        // The verdict itself says that all steps are reused.
        return out;
    }
    for (since, count) in known_steps(report) {
        let steps = words::counted(count, "step");
        line(&mut out, &format!("{:6}{steps} known since {since}: nothing has changed there", ""));
    }
    out + &next(report)
}

/// The errors and the verdict alone.
pub fn errors(report: &Report) -> String {
    if report.interrupted {
        return interrupted(report);
    }
    let is_error = |finding: &&Finding| finding.severity() == Severity::Error;
    let findings = report.findings.iter().filter(is_error).cloned().collect();
    let only = Report { findings, allowed: Vec::new(), ..report.clone() };
    let mut out = details(&only) + &besides(&only);
    if !out.is_empty() {
        line(&mut out, "");
    }
    out.trim_start_matches('\n').to_owned() + &verdict(report) + &next(report)
}

/// The position of a run that a signal ended. Its findings so far are no verdict.
pub fn interrupted(report: &Report) -> String {
    let steps = report.trees.iter().flat_map(|tree| &tree.steps);
    let was_running = |step: &&Step| {
        let reason = step.reason.as_deref().unwrap_or_default();
        step.status == Status::Skipped && reason.starts_with("interrupted by")
    };
    let running: Vec<&str> = steps.filter(was_running).map(|step| step.name.as_str()).collect();
    let mut all = report.trees.iter().flat_map(|tree| &tree.steps);
    let at = match running.as_slice() {
        [] if all.any(|step| step.status != Status::Skipped) => "after the last step".to_owned(),
        [] => "before a step ran".to_owned(),
        running => format!("in {}", running.join(&format!("\n{:13}and in ", ""))),
    };
    let mut out = String::new();
    let counts = words::counts(report);
    line(&mut out, &format!("{RED}INTERRUPTED{RED:#}  {at}"));
    line(&mut out, &format!("{:6}{counts} in {:.2} s", "", report.elapsed.as_secs_f64()));
    report.notes.iter().for_each(|note| line(&mut out, &redact(note)));
    out
}

/// The next command.
fn next(report: &Report) -> String {
    let mut out = String::new();
    if let Some(Next { when, command }) = &report.next {
        line(&mut out, &format!("{:6}{when}: {BOLD}{command}{BOLD:#}", ""));
    }
    out
}

/// The same for a watch, where most findings stay the same from one run to the next.
pub fn standing(report: &Report) -> String {
    let mut out = details(report);
    out.push_str(&besides(report));
    line(&mut out, "");
    let verdict = verdict(report);
    // Without scrolling, only the end of the output is visible.
    if out.lines().count() + verdict.lines().count() > SCREEN_ROWS {
        out.push_str(&overview(report, 0, OVERVIEW_ROWS));
    }
    out + &verdict
}

/// The findings, the worst first, each in full.
pub(super) fn details(report: &Report) -> String {
    let mut out = String::new();
    let mut findings = report.by_weight();
    findings.retain(|f| f.standing != Standing::Merged && !words::is_brief(f, report));
    for finding in findings {
        out.push('\n');
        out.push_str(&match words::is_again(finding, report) {
            true => brief(finding, "again"),
            false => self::finding(finding),
        });
    }
    out
}

/// Further notes.
pub(super) fn besides(report: &Report) -> String {
    let mut out = String::new();
    let (word, style) = severity(Severity::Note);
    let notes = words::notes_by_code(report).into_iter().chain(words::merged(report));
    for note in notes {
        let _ = write!(out, "\n{style}{word}{style:#}: ");
        line(&mut out, &words::wrap(&redact(&note), words::width() - 6).join("\n      "));
    }
    if !report.allowed.is_empty() {
        line(&mut out, "");
    }
    for (code, place, reason) in words::allowed(report) {
        line(&mut out, &format!("{BLUE}allowed[{code}]{BLUE:#}: {place}"));
        field(&mut out, "", &reason);
    }
    for note in &report.notes {
        line(&mut out, "");
        line(&mut out, &redact(note));
    }
    out
}

/// A line for each error and warning but the first `skipped`; the first of all has its message, too.
pub(super) fn overview(report: &Report, skipped: usize, rows: usize) -> String {
    let mut findings = report.by_weight();
    findings.retain(|f| f.severity() != Severity::Note);
    let mut out = String::new();
    for (number, finding) in findings.iter().enumerate().skip(skipped).take(rows) {
        let (word, style) = severity(finding.severity());
        let place = finding.place.as_ref().map(words::short_place).unwrap_or_default();
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        let head = format!("{word}[{}] {place}", finding.code.id);
        let room = (words::width() - 1).saturating_sub(head.chars().count());
        let title = words::cut(finding.code.title, room);
        line(&mut out, &format!("{style}{word}[{}]{style:#} {place}{title}", finding.code.id));
        if number == 0 {
            let said = words::first_lines(&printable(&finding.message), FIRST_ROWS);
            field(&mut out, "", &words::cut(&said, FIRST_ROWS * 60));
        }
    }
    let more = findings.len().saturating_sub(skipped + rows);
    if more > 0 {
        line(&mut out, &format!("and {more} more"));
    }
    line(&mut out, "");
    out
}

/// The verdict, and its evidence.
pub(super) fn verdict(report: &Report) -> String {
    let mut out = String::new();
    let (word, style) = match report.verdict() {
        Verdict::Pass => ("PASS", GREEN),
        Verdict::Fail => ("FAIL", RED),
        Verdict::Error => ("ERROR", RED),
    };
    let seconds = report.elapsed.as_secs_f64();
    let counts = match report.trees.iter().any(|tree| tree.graph.is_some()) {
        true => read_without_running(report).join(", "),
        false => words::counts(report),
    };
    line(&mut out, &format!("{style}{word}{style:#}  {counts} in {seconds:.2} s"));
    let mut with = Vec::new();
    if let Some(postgres) = &report.postgres {
        with.push(format!("Postgres {} ({})", postgres.version, words::source(postgres.source)));
    }
    with.extend(report.python.iter().cloned());
    if !with.is_empty() {
        line(&mut out, &format!("{:6}{}", "", with.join(", ")));
    }
    for compared in words::compared(report) {
        for wrapped in words::wrap(&compared, words::width() - 6) {
            line(&mut out, &format!("{:6}{wrapped}", ""));
        }
    }
    if let (Some(seed), Verdict::Fail) = (&report.hash_seed, report.verdict()) {
        line(&mut out, &format!("{:6}PYTHONHASHSEED={seed} gives sets this order again", ""));
    }
    if let Some(since) = report.known_since {
        let since = words::date(since);
        line(&mut out, &format!("{:6}a known result, of {since}: nothing has changed since", ""));
        line(&mut out, &format!("{:6}(--no-cache runs it all again)", ""));
    }
    out
}

/// The number of reused steps by the date of the run that they come from.
fn known_steps(report: &Report) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let steps = report.trees.iter().flat_map(|tree| &tree.steps);
    for since in steps.filter_map(|step: &Step| step.known_since) {
        *counts.entry(words::date(since)).or_default() += 1;
    }
    counts
}

/// The number of revisions read and of findings, if no step was run.
fn read_without_running(report: &Report) -> Vec<String> {
    let graphs = || report.trees.iter().filter_map(|tree| tree.graph.as_ref());
    let revisions: usize = graphs().map(|graph| graph.revisions.len()).sum();
    let mut counts = vec![format!("{revisions} revisions read")];
    let kinds =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    for (severity, word) in kinds {
        let count = report.findings.iter().filter(|f| f.severity() == severity).count();
        if count > 0 {
            counts.push(words::counted(count, word));
        }
    }
    if report.findings.is_empty() {
        counts.push("nothing found".to_owned());
    }
    counts
}

/// A finding without its remedies, for example because a similar one was shown in full before.
fn brief(finding: &Finding, why: &str) -> String {
    let (word, style) = severity(finding.severity());
    let mut out = String::new();
    let (id, title) = (finding.code.id, finding.code.title);
    line(&mut out, &format!("{style}{word}[{id}]{style:#}{BOLD}: {title}, {why}{BOLD:#}"));
    if let Some(place) = &finding.place {
        out.push_str(&excerpt(place));
    }
    field(&mut out, "", &finding.message);
    if let Some(step) = &finding.step {
        field(&mut out, "step", step);
    }
    out
}

/// A finding in full: title, place, reason, owner and fix.
pub fn finding(finding: &Finding) -> String {
    let code = finding.code;
    let mut out = String::new();
    let mode = code.mode.map(|mode| format!(" (failure mode {mode})")).unwrap_or_default();
    let (word, style) = severity(finding.severity());
    let title = title(finding, word);
    line(&mut out, &format!("{style}{word}[{}]{style:#}{BOLD}: {title}{mode}{BOLD:#}", code.id));
    if let Some(place) = &finding.place {
        out.push_str(&excerpt(place));
    }
    let said = finding.transcript.as_deref();
    if finding.impact.is_none() {
        field(&mut out, "", &finding.message);
    }
    impact(&mut out, finding);
    field(&mut out, "also", &words::also(finding).join("\n"));
    if let Some(exception) = said.and_then(Transcript::headline) {
        let (detail, hint) = (&exception.detail, &exception.hint);
        for (name, text) in [("detail", detail), ("hint", hint), ("sqlstate", &exception.sqlstate)]
        {
            field(&mut out, name, text.as_deref().unwrap_or_default());
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
        verbatim(&mut out, "statement", &words::first_lines(sql, LINES_SHOWN));
    }
    if let Some(said) = said.filter(|said| shows_output(said)) {
        verbatim(&mut out, "output", &words::both_ends(&said.output, LINES_SHOWN));
    }
    if let Some(statement) = &finding.statement {
        let label = words::origin(finding.code);
        verbatim(&mut out, label, &words::first_lines(statement, LINES_SHOWN));
    }
    if let Some(fix) = &finding.fix {
        field(&mut out, "verified", &remedy::verified(fix));
    }
    if let Some(predicted) = &finding.predicted {
        field(&mut out, "lint said", predicted);
    }
    field(&mut out, "SEV-2", &finding.escalation().unwrap_or_default());
    let steps = remedy::further_steps(finding);
    fix(&mut out, (finding.owner, code), remedy::ready(finding), (remedy::word(finding), &steps));
    verbatim(&mut out, "by hand", &finding.by_hand.join("\n"));
    out
}

/// The whole entry of a code.
pub fn code(code: &Code) -> String {
    let mut out = String::new();
    let mode = code.mode.map(|mode| format!(" (failure mode {mode})")).unwrap_or_default();
    line(&mut out, &format!("{BOLD}{}: {}{mode}{BOLD:#}", code.id, code.title));
    field(&mut out, "symptom", code.symptom);
    field(&mut out, "why", code.why);
    fix(&mut out, (Some(code.owner), code), None, ("fix", &code.steps()));
    if let Some(example) = code.example {
        verbatim(&mut out, "wrong", example.bad);
        verbatim(&mut out, "right", example.good);
    }
    for form in safe_forms(code) {
        field(&mut out, "safe", form.what);
        verbatim(&mut out, "wrong", form.bad);
        verbatim(&mut out, "right", form.good);
    }
    out
}

/// The possible causes of one SQLSTATE, each with its fix.
pub fn causes(causes: &[&Cause]) -> String {
    let mut out = String::new();
    for Cause { state, says, code, remedy, .. } in causes {
        line(&mut out, &format!("{BOLD}SQLSTATE {state} ({}: {}){BOLD:#}", code.id, code.title));
        field(&mut out, "says", says);
        fix(&mut out, (Some(code.owner), code), None, ("fix", remedy));
    }
    out
}
