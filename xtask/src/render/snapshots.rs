//! Every format of every canonical report, checked against the published schemas of the formats.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use serde_json::Value;

use super::{canonical, github, human, json, junit, markdown, sarif};
use model::code::{self, Severity};
use model::finding::Finding;
use model::redact::Secrets;
use model::report::{Report, Verdict};
use model::shown::at_edge;

const RUN: &str = "https://github.com/o/r/actions/runs/7";

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn snapshot(name: &str, extension: &str, text: &str) {
    let path: PathBuf = manifest().join(format!("test_data/reports/{name}.{extension}"));
    expect_file![path].assert_eq(text);
}

fn steps(report: &Report, render: fn(&model::step::Step) -> String) -> String {
    report.trees.iter().flat_map(|tree| &tree.steps).map(render).collect()
}

#[test]
fn canonical_reports_are_unchanged_in_each_format() {
    for (name, report) in canonical::all() {
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        let human = steps(&report, human::step) + &human::summary(&report);
        snapshot(name, "txt", &plain(&human));
        snapshot(
            name,
            "github",
            &(steps(&report, github::step) + &github::summary(&report, &human::summary(&report))),
        );
        snapshot(name, "md", &markdown::comment(&report, Some(RUN)));
        snapshot(name, "xml", &junit::report(&report));
        snapshot(name, "sarif", &sarif::report(&report));
        snapshot(name, "json", &json::report(&report));
    }
}

fn schema(path: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(manifest().join(path)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn valid(name: &str, schema: &jsonschema::Validator, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap();
    let wrong: Vec<String> =
        schema.iter_errors(&value).map(|err| format!("{}: {err}", err.instance_path)).collect();
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[test]
fn json_and_sarif_keep_to_their_schemas() {
    let (ours, theirs) =
        (schema("report.schema.json"), schema("test_data/schemas/sarif-2.1.0.json"));
    for (name, report) in canonical::all() {
        valid(name, &ours, &json::report(&report));
        valid(name, &theirs, &sarif::report(&report));
    }
    assert!(!ours.is_valid(&serde_json::json!({"schema": 1})), "the schema takes anything");
}

/// Code scanning refuses a file that has a result without a place.
#[test]
fn sarif_result_has_path_in_repository_and_own_name() {
    for (name, report) in canonical::all() {
        let log: Value = serde_json::from_str(&sarif::report(&report)).unwrap();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        let told = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
        let all = report.findings.len() + report.allowed.len() + usize::from(report.interrupted);
        assert_eq!(results.len() + told.len(), all, "{name}");
        let mut names = std::collections::BTreeSet::new();
        for result in results {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.contains("://"), "{uri}");
            assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
            let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
            assert!(names.insert(hash.to_owned()), "{name}: {hash} twice");
        }
    }
}

#[test]
fn junit_is_xml_whose_counts_are_right() {
    for (name, report) in canonical::all() {
        let text = junit::report(&report);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let count =
            |tag: &str| document.descendants().filter(|node| node.has_tag_name(tag)).count();
        let root = document.root_element();
        let said = |attribute: &str| root.attribute(attribute).unwrap().parse::<usize>().unwrap();
        assert_eq!(said("tests"), count("testcase"), "{name}");
        assert_eq!(said("failures"), count("failure"), "{name}");
        assert_eq!(said("errors"), count("error"), "{name}");
        let green = said("failures") + said("errors") == 0;
        assert_eq!(green, report.verdict() == Verdict::Pass, "{name}");
    }
}

/// The schema's rules for an element: its allowed and required attributes, and its allowed
/// children.
fn declared(
    schema: &roxmltree::Document<'_>,
    tag: &str,
) -> (Vec<String>, Vec<String>, Vec<String>) {
    let named = |node: &roxmltree::Node<'_, '_>| node.attribute("name") == Some(tag);
    let mut top = schema.root_element().children().filter(|node| node.has_tag_name(XS_ELEMENT));
    let element = top.find(named).unwrap_or_else(|| panic!("<{tag}> is not in the schema"));
    let of = |kind, what: &str| -> Vec<String> {
        let nodes = element.descendants().filter(move |node| node.has_tag_name(kind));
        nodes.filter_map(|node| node.attribute(what)).map(ToOwned::to_owned).collect()
    };
    let attributes = element.descendants().filter(|node| node.has_tag_name(XS_ATTRIBUTE));
    let required = attributes.filter(|node| node.attribute("use") == Some("required"));
    let required = required.filter_map(|node| node.attribute("name")).map(ToOwned::to_owned);
    (of(XS_ATTRIBUTE, "name"), required.collect(), of(XS_ELEMENT, "ref"))
}

const XS_ELEMENT: (&str, &str) = ("http://www.w3.org/2001/XMLSchema", "element");
const XS_ATTRIBUTE: (&str, &str) = ("http://www.w3.org/2001/XMLSchema", "attribute");

#[test]
fn junit_keeps_to_its_schema() {
    let schema = manifest().join("test_data/schemas/junit-10.xsd");
    let schema = std::fs::read_to_string(schema).unwrap();
    let schema = roxmltree::Document::parse(&schema).unwrap();
    for (name, report) in canonical::all() {
        let text = junit::report(&report);
        let document = roxmltree::Document::parse(&text).unwrap();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let tag = node.tag_name().name();
            let (may, must, inside) = declared(&schema, tag);
            for attribute in node.attributes() {
                let known = may.iter().any(|may| may == attribute.name());
                assert!(known, "{name}: <{tag} {}>", attribute.name());
            }
            assert!(must.iter().all(|must| node.has_attribute(must.as_str())), "{name}: <{tag}>");
            for child in node.children().filter(roxmltree::Node::is_element) {
                let child = child.tag_name().name();
                assert!(inside.iter().any(|inside| inside == child), "{name}: <{tag}><{child}>");
            }
        }
    }
}

/// A line that the runner would execute as a command.
fn commands(text: &str) -> Vec<&str> {
    let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    text.lines().filter(is_command).collect()
}

#[test]
fn no_word_of_a_migration_is_a_command_or_a_secret() {
    let (_, report) = canonical::all().into_iter().find(|(name, _)| *name == "hostile").unwrap();
    let text = steps(&report, github::step) + &github::summary(&report, &human::summary(&report));
    let allowed =
        ["::group::", "::endgroup::", "::error file=backend_v2/alembic/versions/a%2C b%3A c%25"];
    for command in commands(&text) {
        assert!(allowed.iter().any(|start| command.starts_with(start)), "{command}");
    }
    for text in
        [text, markdown::comment(&report, None), junit::report(&report), sarif::report(&report)]
    {
        assert!(!text.contains("s3cret"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
}

/// Text that ends lines, begins commands, moves the cursor, reverses the line, and contains a
/// secret.
const HOSTILE: &str = "x\r::error::owned\n::warning::owned\u{2028}::notice::owned\u{85}::debug::owned \
                       ##[error]owned \u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}1m\u{61c}\u{202e}\u{2067} s3cr3t";

/// A report with hostile text in every field.
fn hostile(report: &Report) -> Report {
    let secrets = Secrets::of(["s3cr3t".to_owned()]);
    let everywhere = report.clone().map_texts(&|text, _| format!("{text}{HOSTILE}"));
    everywhere.map_texts(&|text, _| secrets.hide(text))
}

#[test]
fn hostile_words_in_any_field_do_no_harm_in_any_format() {
    for (name, report) in canonical::all() {
        let raw = hostile(&report);
        let shown = raw.printable();
        let human = steps(&shown, human::step) + &human::summary(&shown);
        let github =
            steps(&shown, github::step) + &github::summary(&shown, &human::summary(&shown));
        for command in commands(&github) {
            let own = ["::group::", "::endgroup::", "::error ", "::warning ", "::notice "];
            assert!(own.iter().any(|own| command.starts_with(own)), "{name}: {command}");
        }
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        for text in [
            plain(&human),
            github,
            markdown::comment(&shown, Some(RUN)),
            markdown::summary(&shown, None),
            junit::report(&shown),
            sarif::report(&shown),
            json::report(&raw),
        ] {
            let bad = text.chars().find(|c| {
                (c.is_control() && *c != '\n')
                    || ['\u{61c}', '\u{2028}', '\u{202e}', '\u{2067}'].contains(c)
            });
            assert_eq!(bad, None, "{name}:\n{text}");
            assert!(!text.contains("s3cr3t"), "{name}:\n{text}");
        }
        assert_eq!(human, at_edge(&human), "{name}: the edge has nothing left to do");
    }
}

#[test]
fn annotations_do_not_exceed_githubs_limit() {
    let (_, report) = canonical::all().into_iter().find(|(name, _)| *name == "several").unwrap();
    let text = github::summary(&report, &human::summary(&report));
    assert_eq!(text.lines().filter(|line| line.starts_with("::warning")).count(), 10);
    assert!(text.find("::error").unwrap() < text.find("::warning").unwrap());
}

/// A report that is longer than its room.
fn huge(findings: usize) -> Report {
    let (_, mut report) = canonical::all().into_iter().find(|(name, _)| *name == "mode_f").unwrap();
    let worst = report.findings.remove(0);
    assert_eq!(worst.code.severity, Severity::Error);
    let trifle = Finding::new(&code::SHALLOW_HISTORY, "é".repeat(2000));
    report.findings = vec![trifle; findings];
    report.findings.push(worst);
    report
}

#[test]
fn least_important_parts_are_left_out_without_room() {
    let report = huge(20_000);
    let comment = markdown::comment(&report, Some(RUN));
    assert!(comment.len() <= 65_000, "{}", comment.len());
    assert!(comment.contains("MG006") && comment.starts_with("<!-- migration-gate -->\n"));
    assert!(comment.contains("more findings: see [the run's artifacts](https://"));
    assert!(comment.contains("| ❌ | Raptor — alembic upgrade head |"));
    let summary = markdown::summary(&report, None);
    assert!(summary.len() <= 1_048_576 && summary.len() > 500_000, "{}", summary.len());
}

#[test]
fn a_fingerprint_does_not_move_with_its_line() {
    let fingerprint = |line: u32| {
        let (_, mut report) = canonical::all().into_iter().find(|(n, _)| *n == "mode_a").unwrap();
        report.findings[0].place.as_mut().unwrap().line = Some(line);
        let log: Value = serde_json::from_str(&sarif::report(&report)).unwrap();
        log["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    assert_eq!(fingerprint(3), fingerprint(300));
}
