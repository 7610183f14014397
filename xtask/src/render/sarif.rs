//! SARIF 2.1.0, for code scanning: the codes are rules, the findings results.
//!
//! That the gate could not do its work is no result but a notification of the tool. What was allowed
//! is there too, as suppressed. The file is whole and valid whatever the verdict.

use std::collections::BTreeMap;

use camino::Utf8Path;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::words;
use crate::model::code::Code;
use crate::model::finding::Finding;
use crate::model::redact::redact;
use crate::model::report::{Report, Verdict};
use crate::model::tree::Tree;

/// What may stand in a path of a URI as it is.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Renders a report.
pub fn report(report: &Report) -> String {
    let (faults, wrong): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.code.infrastructure);
    let mut rules: BTreeMap<&str, &Code> = BTreeMap::new();
    for finding in &report.findings {
        rules.insert(finding.code.id, finding.code);
    }
    let ids: Vec<&str> = rules.keys().copied().collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results: Vec<Value> = wrong.iter().map(|f| result(f, &ids, &mut seen)).collect();
    let verdict = report.verdict();
    let invocation = json!({
        "executionSuccessful": verdict != Verdict::Error,
        "exitCode": match verdict {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Error => 2,
        },
        "toolExecutionNotifications": faults.iter().map(|f| notification(f, &ids)).collect::<Vec<_>>(),
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "migration-gate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "migration-gate/"},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the root of the monorepo"}}},
            "invocations": [invocation],
            "results": results,
        }],
    });
    // A value with string keys cannot fail to be written.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn rule(code: &Code) -> Value {
    let steps: Vec<String> =
        code.remedy.iter().enumerate().map(|(n, step)| format!("{}. {step}", n + 1)).collect();
    let help = format!(
        "{}\n\nOwner: {}\n\nHow to verify: {}",
        steps.join("\n"),
        words::owner(code.owner),
        code.verify
    );
    let mut tags = vec!["migrations".to_owned(), words::owner(code.owner).to_owned()];
    tags.extend(code.mode.map(|mode| format!("failure-mode-{mode}")));
    json!({
        "id": code.id,
        "name": name(code.title),
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": format!("{}. {}", code.title, code.remedy.join("; "))},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level(code)},
        "properties": {"tags": tags},
    })
}

/// `multiple heads` as `MultipleHeads`, which is what rule names look like.
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

fn result(finding: &Finding, ids: &[&str], seen: &mut BTreeMap<String, usize>) -> Value {
    let message = words::printable(&redact(&words::message(finding)));
    let mut result = json!({
        "ruleId": finding.code.id,
        "ruleIndex": ids.iter().position(|id| *id == finding.code.id),
        "level": level(finding.code),
        "kind": "fail",
        "message": {"text": message},
        "locations": locations(finding),
        "partialFingerprints": {"migrationGate/v1": fingerprint(finding, seen)},
    });
    if let Some(reason) = &finding.allowed {
        result["suppressions"] = json!([{"kind": "inSource", "justification": redact(reason)}]);
    }
    result
}

/// The place, else the ini of the tree: code scanning takes no result without a file.
fn locations(finding: &Finding) -> Value {
    let (file, line) = match (&finding.place, finding.tree.as_deref()) {
        (Some(place), _) => (place.file.clone(), place.line),
        (None, Some("console")) => (Tree::console(Utf8Path::new("")).ini_path(), None),
        (None, Some("raptor")) => (Tree::raptor(Utf8Path::new("")).ini_path(), None),
        (None, _) => return json!([]),
    };
    let uri = utf8_percent_encode(file.as_str(), PATH).to_string();
    let mut physical = json!({"artifactLocation": match file.is_relative() {
        true => json!({"uri": uri, "uriBaseId": "SRCROOT"}),
        false => json!({"uri": format!("file://{uri}")}),
    }});
    let mut region = json!({"startLine": line.filter(|line| *line > 0).unwrap_or(1)});
    if let Some(source) = finding.place.as_ref().and_then(|place| place.source.as_deref()) {
        region["snippet"] = json!({"text": words::printable(&redact(source))});
    }
    physical["region"] = region;
    let mut location = json!({"physicalLocation": physical});
    if let Some(step) = &finding.step {
        location["logicalLocations"] = json!([{"fullyQualifiedName": step, "kind": "function"}]);
    }
    json!([location])
}

/// The same for the same fault when lines move: the code, the tree, the file and the text of the
/// line, and which of several such it is.
fn fingerprint(finding: &Finding, seen: &mut BTreeMap<String, usize>) -> String {
    let place = finding.place.as_ref();
    let parts = [
        finding.code.id,
        finding.tree.as_deref().unwrap_or_default(),
        place.map(|place| place.file.as_str()).unwrap_or_default(),
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
        "level": "error",
        "message": {"text": words::printable(&redact(&words::message(finding)))},
        "associatedRule": {
            "id": finding.code.id,
            "index": ids.iter().position(|id| *id == finding.code.id),
        },
    })
}
