//! Answers of `explain`: findings without a run, and single codes.

use serde::Serialize;

use super::{human, json, words};
use model::code::causes::Cause;
use model::code::{Code, Severity};
use model::finding::Finding;
use model::redact::redact;
use model::shown::escaped_json;
use model::shown::printable;

/// The contract's report; a log yields its findings only.
#[derive(Serialize)]
struct Reading {
    schema: u32,
    verdict: &'static str,
    seconds: f64,
    postgres: Option<()>,
    trees: [(); 0],
    findings: Vec<json::Finding>,
}

#[derive(Serialize)]
struct Entry {
    schema: u32,
    code: &'static str,
    title: &'static str,
    severity: &'static str,
    mode: Option<char>,
    owner: &'static str,
    symptom: &'static str,
    why: &'static str,
    remedy: Vec<String>,
    verify: String,
}

/// For a person: each finding in full, then the notes.
pub fn human(findings: &[Finding], notes: &[String]) -> String {
    let mut parts: Vec<String> = findings.iter().map(human::finding).collect();
    if findings.is_empty() {
        parts.push("no failure of a migration found\n".to_owned());
    }
    parts.extend(notes.iter().map(|note| format!("note: {}\n", printable(&redact(note)))));
    parts.join("\n")
}

/// For a program. A value that the log lacks is null.
pub fn json(findings: &[Finding]) -> String {
    let verdict = if findings.iter().any(|finding| finding.code.infrastructure) {
        "error"
    } else if findings.iter().any(|finding| finding.code.severity == Severity::Error) {
        "fail"
    } else {
        "pass"
    };
    let reading = Reading {
        schema: json::SCHEMA,
        verdict,
        seconds: 0.0,
        postgres: None,
        trees: [],
        findings: findings.iter().map(json::finding).collect(),
    };
    written(&reading)
}

/// The whole entry of a code, for a program.
pub fn code(code: &'static Code) -> String {
    written(&Entry {
        schema: json::SCHEMA,
        code: code.id,
        title: code.title,
        severity: words::severity(code.severity),
        mode: code.mode,
        owner: words::owner(code.owner),
        symptom: code.symptom,
        why: code.why,
        remedy: code.steps(),
        verify: code.check(),
    })
}

#[derive(Serialize)]
struct Causes<'a> {
    schema: u32,
    sqlstate: &'a str,
    causes: Vec<CauseEntry<'a>>,
}

#[derive(Serialize)]
struct CauseEntry<'a> {
    code: &'a str,
    /// A part of the message that tells this cause from others with the same SQLSTATE.
    says: &'a str,
    remedy: &'a [&'a str],
    verify: String,
}

/// The possible causes of one SQLSTATE, for a program.
pub fn causes(causes: &[&'static Cause]) -> String {
    let entry = |cause: &&'static Cause| CauseEntry {
        code: cause.code.id,
        says: cause.says,
        remedy: cause.remedy,
        verify: cause.code.check(),
    };
    written(&Causes {
        schema: json::SCHEMA,
        sqlstate: causes.first().map_or("", |cause| cause.state),
        causes: causes.iter().map(entry).collect(),
    })
}

fn written(what: &impl Serialize) -> String {
    // Plain structs with string keys cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(what).unwrap_or_default()) + "\n"
}
