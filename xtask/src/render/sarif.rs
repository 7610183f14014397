//! SARIF 2.1.0, for code scanning: the codes are rules, the findings results.
//!
//! A fault of the gate itself is not a result but a notification of the tool; the same holds for a
//! finding without a place in the repository. Allowed findings are results that are suppressed. The
//! file is whole and valid for every verdict.

use std::collections::BTreeMap;

use camino::Utf8Path;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::words;
use model::called;
use model::code::Code;
use model::finding::{Edit, FileChange, Finding};
use model::redact::redact;
use model::report::{Report, TreeReport, Verdict};
use model::shown::printable;
use model::stairs::Stairs;

/// The characters that a URI's path may contain unescaped.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Renders a report.
pub fn report(report: &Report) -> String {
    // Code scanning refuses a whole file because of one result without a place in the repository.
    let (wrong, told): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .chain(&report.allowed)
        .partition(|finding| !finding.code.infrastructure && place(finding, report).is_some());
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in report.findings.iter().chain(&report.allowed) {
        rules.insert(finding.code.id, finding);
    }
    let ids: Vec<&str> = rules.keys().copied().collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results: Vec<Value> =
        wrong.iter().filter_map(|f| result(f, report, &ids, &mut seen)).collect();
    let mut notifications: Vec<Value> = told.iter().map(|f| notification(f, &ids)).collect();
    if report.interrupted {
        let text = "the run was interrupted: this says nothing about the migrations";
        notifications.push(json!({"level": "error", "message": {"text": text}}));
    }
    let verdict = report.verdict();
    let mut invocation = json!({
        "executionSuccessful": verdict != Verdict::Error,
        "toolExecutionNotifications": notifications,
    });
    // For a run that a signal ended, the exit status is the signal's.
    if !report.interrupted {
        invocation["exitCode"] = json!(match verdict {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Error => 2,
        });
    }
    let stairs = report.trees.iter().filter_map(|tree| Some((tree, tree.stairs.as_ref()?)));
    let told = |(tree, stairs): (&TreeReport, &Stairs)| {
        stairs.told().into_iter().map(|line| format!("{}: {line}", tree.label)).collect::<Vec<_>>()
    };
    let stairway: Vec<String> = stairs.flat_map(told).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "migration-gate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "migration-gate/"},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the root of the monorepo"}}},
            "invocations": [invocation],
            "results": results,
            "properties": {"base": words::compared(report), "stairway": stairway},
        }],
    });
    // A value with string keys cannot fail to be written.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

/// The rule of a finding's code.
fn rule(finding: &Finding) -> Value {
    let (code, owner) = (finding.code, finding.owner.map(words::owner));
    let remedy = match owner {
        None if !code.remedy_elsewhere.is_empty() => code.remedy_elsewhere,
        _ => code.remedy,
    };
    let remedy: Vec<String> = remedy.iter().map(|step| called::named(step)).collect();
    let steps: Vec<String> = remedy.iter().map(|step| format!("- {step}")).collect();
    let who = owner.map(|owner| format!("\n\nOwner: {owner}")).unwrap_or_default();
    let help = format!("{}{who}\n\nHow to verify: {}", steps.join("\n"), code.check());
    let full = format!("{}; {}", code.title, remedy.join("; "));
    let mut tags = vec!["migrations".to_owned()];
    tags.extend(owner.map(str::to_owned));
    tags.extend(code.mode.map(|mode| format!("failure-mode-{mode}")));
    json!({
        "id": code.id,
        "name": name(code.title),
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": full},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level(code)},
        "properties": {"tags": tags},
    })
}

/// `multiple heads` as `MultipleHeads`, the usual form of rule names.
fn name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

fn level(code: &Code) -> &'static str {
    words::severity(code.severity)
}

fn result(
    finding: &Finding,
    report: &Report,
    ids: &[&str],
    seen: &mut BTreeMap<String, usize>,
) -> Option<Value> {
    let (file, line) = place(finding, report)?;
    let mut message = words::message(finding);
    if let Some(escalation) = finding.escalation() {
        message += &format!("\nSEV-2: {escalation}");
    }
    let message = printable(&redact(&message));
    let fingerprint = fingerprint(finding, file, seen);
    let mut result = json!({
        "ruleId": finding.code.id,
        "ruleIndex": ids.iter().position(|id| *id == finding.code.id),
        "level": words::severity(finding.severity()),
        "kind": "fail",
        "message": {"text": message},
        "locations": [location(finding, file, line)],
        // Code scanning recognises a result by the first fingerprint.
        "partialFingerprints": {
            "primaryLocationLineHash": fingerprint,
            "migrationGate/v1": fingerprint,
        },
    });
    if let Some(reason) = &finding.allowed {
        result["suppressions"] =
            json!([{"kind": "inSource", "justification": printable(&redact(reason))}]);
    }
    // SARIF cannot express the creation or deletion of a file as a replacement of text.
    let verified = finding.fix.iter().flat_map(|fix| &fix.changes).map(FileChange::edit);
    let edits: Option<Vec<Edit>> = match &finding.fix {
        Some(_) => verified.collect(),
        None => finding.edit.clone().map(|edit| vec![edit]),
    };
    if let Some(edits) = edits.filter(|edits| !edits.is_empty()) {
        result["fixes"] = json!([fix(&edits)]);
    }
    Some(result)
}

/// A change of some files.
fn fix(edits: &[Edit]) -> Value {
    let changes: Vec<Value> = edits.iter().map(change).collect();
    json!({"description": {"text": "what the gate would write"}, "artifactChanges": changes})
}

/// A change of a file. The replaced region spans whole lines without the last line end; a deletion
/// includes that line end.
fn change(edit: &Edit) -> Value {
    let columns = |line: &String| line.chars().count() + 1;
    let last = u32::try_from(edit.before.len()).unwrap_or(u32::MAX).saturating_sub(1);
    let (end_line, end_column, text) = match (edit.before.last(), edit.after.is_empty()) {
        (None, _) => (edit.line, 1, edit.after.join("\n") + "\n"),
        (Some(_), true) => (edit.line + last + 1, 1, String::new()),
        (Some(line), false) => (edit.line + last, columns(line), edit.after.join("\n")),
    };
    json!({
        "artifactLocation": artifact(&edit.file),
        "replacements": [{
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": 1,
                "endLine": end_line,
                "endColumn": end_column,
            },
            "insertedContent": {"text": text},
        }],
    })
}

fn artifact(file: &Utf8Path) -> Value {
    let uri = utf8_percent_encode(file.as_str(), PATH).to_string();
    match file.is_relative() {
        true => json!({"uri": uri, "uriBaseId": "SRCROOT"}),
        false => json!({"uri": format!("file://{uri}")}),
    }
}

/// The file and line that a result points at: its place, else the ini of its tree, else the workflow
/// that was audited.
fn place<'a>(finding: &'a Finding, report: &'a Report) -> Option<(&'a Utf8Path, Option<u32>)> {
    if let Some(place) = &finding.place {
        return Some((&place.file, place.line));
    }
    let mut trees = report.trees.iter();
    let tree = trees.find(|tree| Some(&tree.tree) == finding.tree.as_ref());
    let file = tree.map(|tree| &tree.ini).or(report.workflows.first())?;
    Some((file, None))
}

fn location(finding: &Finding, file: &Utf8Path, line: Option<u32>) -> Value {
    let mut physical = json!({"artifactLocation": artifact(file)});
    let mut region = json!({"startLine": line.filter(|line| *line > 0).unwrap_or(1)});
    if let Some(source) = finding.place.as_ref().and_then(|place| place.source.as_deref()) {
        region["snippet"] = json!({"text": printable(&redact(source))});
    }
    physical["region"] = region;
    let mut location = json!({"physicalLocation": physical});
    if let Some(step) = &finding.step {
        location["logicalLocations"] = json!([{"fullyQualifiedName": step, "kind": "function"}]);
    }
    location
}

/// A fingerprint that stays the same for the same fault when lines move: the code, the tree, the
/// file and the text of the line, and a number among equal ones.
fn fingerprint(finding: &Finding, file: &Utf8Path, seen: &mut BTreeMap<String, usize>) -> String {
    let place = finding.place.as_ref();
    let parts = [
        finding.code.id,
        finding.tree.as_deref().unwrap_or_default(),
        file.as_str(),
        place.and_then(|place| place.source.as_deref()).unwrap_or_default().trim(),
    ];
    let hash = Sha256::digest(parts.join("\0"));
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let count = seen.entry(hash.clone()).or_insert(0);
    *count += 1;
    format!("{hash}:{count}")
}

fn notification(finding: &Finding, ids: &[&str]) -> Value {
    json!({
        "level": words::severity(finding.severity()),
        "message": {"text": printable(&redact(&words::message(finding)))},
        "associatedRule": {
            "id": finding.code.id,
            "index": ids.iter().position(|id| *id == finding.code.id),
        },
    })
}
