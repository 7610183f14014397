//! Each lint with faults that it must find and sound code that it must pass.

mod bodies;
mod files;
mod graph_lints;
mod production;
mod table;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::Expect;

use super::{Subject, lint};
use crate::graph;
use crate::script::Script;
use model::code::{ALL, Severity};
use model::files::{Ahead, Base, Changed};
use model::finding::Finding;
use model::graph::Graph;

/// A tree of files, and the base branch, if the test has one.
#[derive(Default)]
struct Files {
    now: Vec<(&'static str, String)>,
    base: Option<Vec<(&'static str, String)>>,
    /// The additions of the base branch since.
    ahead: Vec<(&'static str, String)>,
}

/// A file with a revision and its parent; an empty parent is none.
fn rev(file: &'static str, id: &str, down: &str) -> (&'static str, String) {
    let down = if down.is_empty() { "None".into() } else { format!("\"{down}\"") };
    (file, format!("revision = \"{id}\"\ndown_revision = {down}\n"))
}

fn more((file, text): (&'static str, String), more: &str) -> (&'static str, String) {
    (file, text + more)
}

/// `0001 <- 0002 <- 0003`.
fn chain() -> Vec<(&'static str, String)> {
    vec![
        rev("0001_a.py", "0001", ""),
        rev("0002_b.py", "0002", "0001"),
        rev("0003_c.py", "0003", "0002"),
    ]
}

fn with(file: (&'static str, String)) -> Vec<(&'static str, String)> {
    let mut files = chain();
    files.retain(|(name, _)| *name != file.0);
    files.push(file);
    files.sort_unstable();
    files
}

fn scripts(files: &[(&str, String)]) -> (Vec<Script>, Vec<(Utf8PathBuf, crate::script::Trouble)>) {
    let (mut scripts, mut troubles) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let (script, found) = Script::read(Utf8Path::new(name), text.as_bytes());
        let syntax = script.as_ref().and_then(Script::syntax).filter(|_| found.is_empty());
        scripts.extend(script);
        troubles.extend(found.into_iter().chain(syntax).map(|trouble| ((*name).into(), trouble)));
    }
    (scripts, troubles)
}

fn graph_of(scripts: &[Script]) -> Graph {
    graph::build(&scripts.iter().collect::<Vec<_>>())
}

/// An allowed finding has its reason.
fn is_wrong(finding: &Finding) -> bool {
    assert!(finding.allowed.as_ref().is_none_or(|reason| !reason.is_empty()));
    finding.allowed.is_none()
}

fn found(files: &Files) -> String {
    let (scripts, troubles) = scripts(&files.now);
    let mut graph = graph_of(&scripts);
    graph.whole &= !troubles.iter().any(|(_, trouble)| trouble.leaves_a_gap);
    let base = files.base.as_ref().map(|before| base(before, files));
    if let Some((base, _)) = &base {
        for revision in &mut graph.revisions {
            revision.new = !base.files.contains(&revision.file);
        }
    }
    let mut subject = Subject::of(&scripts, &graph);
    subject.tree.label = "Tree".to_owned();
    subject.files.troubles = troubles;
    subject.base = base.as_ref().map(|(base, graph)| (base, graph));
    let findings = lint(&subject);
    let mut out = String::new();
    for finding in findings.into_iter().filter(is_wrong) {
        assert!(ALL.contains(&finding.code), "{} is not in the table", finding.code.id);
        let word = match finding.code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let place = finding.place.map_or(String::new(), |place| {
            let line = place.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{}{line}", place.file)
        });
        out += &format!(
            "{word} {} {place}\n  {}\n",
            finding.code.id,
            finding.message.replace('\n', "\n  ")
        );
    }
    out
}

fn base(before: &[(&'static str, String)], files: &Files) -> (Base, Graph) {
    let now = &files.now;
    let changed = before.iter().filter(|file| !now.contains(file)).map(|(name, text)| Changed {
        file: (*name).into(),
        before: text.clone().into_bytes(),
        gone: !now.iter().any(|(other, _)| other == name),
        by_us: true,
    });
    let changed = changed.collect();
    let ahead = files
        .ahead
        .iter()
        .map(|(name, text)| Ahead { file: (*name).into(), bytes: Some(text.clone().into_bytes()) });
    let base = Base {
        name: "main".into(),
        files: before.iter().map(|(name, _)| (*name).into()).collect(),
        changed,
        ahead: ahead.collect(),
    };
    (base, graph_of(&scripts(&[before, &files.ahead].concat()).0))
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect!` is written in the call")]
fn finds(now: Vec<(&'static str, String)>, expected: Expect) {
    expected.assert_eq(&found(&Files { now, ..Files::default() }));
}

#[track_caller]
fn finds_nothing(now: Vec<(&'static str, String)>) {
    assert_eq!(found(&Files { now, ..Files::default() }), "");
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect!` is written in the call")]
fn finds_since(
    base: Vec<(&'static str, String)>,
    now: Vec<(&'static str, String)>,
    expected: Expect,
) {
    expected.assert_eq(&found(&Files { now, base: Some(base), ..Files::default() }));
}
