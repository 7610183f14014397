//! Format for a person: a line a step as it ends, then each finding in full, then the verdict.
//!
//! Colour is written as escape codes and taken out again by the stream it goes to, where that is
//! not a terminal. Words carry the meaning; colour only helps to find them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::words;
use model::code::causes::Cause;
use model::code::{Code, Severity};
use model::finding::{Finding, Place, Standing};
use model::redact::redact;
use model::report::{Report, Verdict};
use model::shown::printable;
use model::step::{Status, Step};
use model::transcript::Transcript;

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
        // The time was another run's; the verdict says since when.
        _ if step.known_since.is_some() => "[   known]".to_owned(),
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

fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
        Severity::Note => ("note", BLUE),
    }
}

/// What a lint found, in a line, before any step ran; the summary has it in full.
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

/// What follows the steps: the findings, what the user should know besides, and the verdict.
pub fn summary(report: &Report) -> String {
    let mut out = standing(report);
    if report.known_since.is_some() {
        // It says so of all of them.
        return out;
    }
    for (since, count) in known_steps(report) {
        let steps = if count == 1 { "1 step".to_owned() } else { format!("{count} steps") };
        line(&mut out, &format!("{:6}{steps} known since {since}: nothing has changed there", ""));
    }
    out
}

/// The same in a watch, where most steps stand from one run to the next.
pub fn standing(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().filter(|f| f.standing != Standing::Merged) {
        out.push('\n');
        out.push_str(&match finding.standing {
            Standing::Disproved => brief(finding, "withdrawn: the step that it was about passed"),
            _ if words::is_again(finding, report) => brief(finding, "again"),
            _ => self::finding(finding),
        });
    }
    if let Some(merged) = words::merged(report) {
        let (word, style) = severity(Severity::Note);
        let _ = write!(out, "\n{style}{word}{style:#}: ");
        line(&mut out, &words::wrap(&merged, 80 - 6).join("\n      "));
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
    line(&mut out, "");
    out.push_str(&verdict(report));
    out
}

fn verdict(report: &Report) -> String {
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
        for wrapped in words::wrap(&compared, 80 - 6) {
            line(&mut out, &format!("{:6}{wrapped}", ""));
        }
    }
    if let (Some(seed), Verdict::Fail) = (&report.hash_seed, report.verdict()) {
        line(&mut out, &format!("{:6}PYTHONHASHSEED={seed} gives sets the same order again", ""));
    }
    if let Some(since) = report.known_since {
        let since = words::date(since);
        line(&mut out, &format!("{:6}a known result, of {since}: nothing has changed since", ""));
        line(&mut out, &format!("{:6}(--no-cache runs it all again)", ""));
    }
    out
}

/// How many steps are known since when, where they were not run now.
fn known_steps(report: &Report) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let steps = report.trees.iter().flat_map(|tree| &tree.steps);
    for since in steps.filter_map(|step: &Step| step.known_since) {
        *counts.entry(words::date(since)).or_default() += 1;
    }
    counts
}

/// What was looked at and found, where nothing was run.
fn read_without_running(report: &Report) -> Vec<String> {
    let graphs = || report.trees.iter().filter_map(|tree| tree.graph.as_ref());
    let revisions: usize = graphs().map(|graph| graph.revisions.len()).sum();
    let mut counts = vec![format!("{revisions} revisions read")];
    let kinds =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    for (severity, word) in kinds {
        let count = report.findings.iter().filter(|f| f.severity() == severity).count();
        if count > 0 {
            counts.push(format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if report.findings.is_empty() {
        counts.push("nothing found".to_owned());
    }
    counts
}

/// A finding without its remedies: one whose like was told in full before, say.
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

/// A finding in full: what, where, why, who and how.
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
        verbatim(&mut out, "statement", &words::first_lines(sql, LINES_SHOWN));
    }
    if let Some(said) = said.filter(|said| shows_output(said)) {
        verbatim(&mut out, "output", &words::last_lines(&said.output, LINES_SHOWN));
    }
    if let Some(statement) = &finding.statement {
        verbatim(&mut out, "made by", &words::first_lines(statement, LINES_SHOWN));
    }
    if let Some(fix) = &finding.fix {
        field(&mut out, "verified", &words::verified(fix));
    }
    match words::change(finding) {
        Some(patch) => verbatim(&mut out, "change", patch.trim_end()),
        None => verbatim(&mut out, "add", &finding.lacks.join("\n")),
    }
    if let Some(predicted) = &finding.predicted {
        field(&mut out, "predicted", predicted);
    }
    field(&mut out, "SEV-2", &finding.escalation().unwrap_or_default());
    // Where a remedy was verified, or the finding names its own, what else might help is of no use.
    let told = finding.impact.iter().flat_map(|impact| &impact.told);
    let is_told = finding.fix.is_some() || { told }.any(|(word, _)| word == "instead");
    mend(&mut out, code, if is_told { &[] } else { finding.steps() });
    verbatim(&mut out, "by hand", &finding.by_hand.join("\n"));
    out
}

/// The title of its code; about production its own sentence, which says more, on as many lines as it needs.
fn title(finding: &Finding, word: &str) -> String {
    let title =
        if finding.impact.is_some() { finding.message.as_str() } else { finding.code.title };
    let indent = word.len() + finding.code.id.len() + 4;
    words::wrap(&redact(title), 80 - indent).join(&format!("\n{:indent$}", ""))
}

/// What is told of production, and why it may be so.
fn impact(out: &mut String, finding: &Finding) {
    let Some(impact) = &finding.impact else { return };
    field(out, "allowed", finding.allowed.as_deref().unwrap_or_default());
    for (word, text) in &impact.told {
        field(out, word, text);
    }
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
        let number = number.to_string();
        // It is there to be recognised, not to be copied.
        let source = printable(&redact(source.trim()));
        let source = words::cut(&source, 80 - number.len() - 10);
        let gap = " ".repeat(number.len());
        line(&mut out, &format!("  {BLUE}{gap} |{BLUE:#}"));
        line(&mut out, &format!("  {BLUE}{number} |{BLUE:#}     {source}"));
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
        for wrapped in words::wrap(&printable(paragraph), 80 - 14) {
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

/// All that is known of a code.
pub fn code(code: &Code) -> String {
    let mut out = String::new();
    let mode = code.mode.map(|mode| format!(" (failure mode {mode})")).unwrap_or_default();
    line(&mut out, &format!("{BOLD}{}: {}{mode}{BOLD:#}", code.id, code.title));
    field(&mut out, "symptom", code.symptom);
    field(&mut out, "why", code.why);
    mend(&mut out, code, code.remedy);
    if let Some(example) = code.example {
        verbatim(&mut out, "wrong", example.bad);
        verbatim(&mut out, "right", example.good);
    }
    out
}

/// What one SQLSTATE may mean, and how each is fixed.
pub fn causes(causes: &[&Cause]) -> String {
    let mut out = String::new();
    for Cause { state, says, code, remedy, .. } in causes {
        line(&mut out, &format!("{BOLD}SQLSTATE {state} ({}: {}){BOLD:#}", code.id, code.title));
        field(&mut out, "says", says);
        mend(&mut out, code, remedy);
    }
    out
}

/// Who mends it, how, and how one sees that it is mended.
fn mend(out: &mut String, code: &Code, steps: &[&str]) {
    field(out, "owner", words::owner(code.owner));
    for (number, remedy) in steps.iter().enumerate() {
        field(out, if number == 0 { "mend" } else { "" }, remedy);
    }
    field(out, "verify", code.verify);
}

fn label(out: &mut String, name: &str, text: &str) {
    let mark = if name.is_empty() { " " } else { ":" };
    line(out, &format!("  {BOLD}{name:>9}{BOLD:#}{mark} {text}"));
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}
