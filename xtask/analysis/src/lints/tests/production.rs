//! Predictions about production against measurements: each must be true.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde::Deserialize;

use super::graph_of;
use crate::lints::{Subject, lint};
use crate::production::Sizes;
use crate::script::Script;
use model::code::Severity;
use model::finding::Finding;

/// The fields read of a case: see `tests/production/corpus.rs` of xtask.
#[derive(Deserialize)]
struct Case {
    name: String,
    before: Option<String>,
    together: Option<String>,
    up: String,
    seen_up: Seen,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Seen {
    rewrites: BTreeSet<String>,
    scans: BTreeSet<String>,
    held_over: BTreeMap<String, BTreeSet<String>>,
    breaks: BTreeSet<String>,
    row_locks: BTreeSet<String>,
    lost: BTreeSet<String>,
    hazards: BTreeSet<String>,
}

/// The predictions for the newest revisions of a chain.
fn predicted(bodies: &[(&str, bool)], sizes: Option<&str>) -> Vec<Finding> {
    let (mut scripts, mut is_new) = (Vec::new(), Vec::new());
    let mut parent = "None".to_owned();
    for (number, (body, new)) in bodies.iter().enumerate() {
        let text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = '{number}'\ndown_revision = {parent}\n\n\ndef upgrade():\n    {}\n",
            body.trim_end().replace('\n', "\n    ")
        );
        parent = format!("'{number}'");
        let file = format!("{number}.py");
        scripts.extend(Script::read(Utf8Path::new(&file), text.as_bytes()).0);
        is_new.push(*new);
    }
    let mut graph = graph_of(&scripts);
    for (revision, new) in graph.revisions.iter_mut().zip(is_new) {
        revision.new = new;
    }
    let base = (super::base(&[], &super::Files::default()).0, graph.clone());
    let mut subject = Subject::of(&scripts, &graph);
    subject.base = Some((&base.0, &base.1));
    subject.files.sizes = sizes.map(|text| Sizes::read(text).unwrap());
    let findings = lint(&subject);
    findings.into_iter().filter(|finding| finding.code.id.starts_with("MG50")).collect()
}

/// Whether a measurement confirms a prediction.
fn is_true(finding: &Finding, seen: &Seen) -> bool {
    let table = &finding.impact.as_ref().unwrap().table;
    let is_part = |name: &String| name == table || name.starts_with(&format!("{table}_"));
    let tables: BTreeSet<&String> = match finding.code.id {
        "MG500" => seen.rewrites.iter().chain(&seen.scans).chain(seen.held_over.keys()).collect(),
        "MG503" => seen.row_locks.iter().chain(&seen.lost).collect(),
        _ => return seen.breaks.iter().any(|b| b.contains(table.as_str())),
    };
    !seen.hazards.is_empty() && tables.into_iter().any(is_part)
}

#[test]
fn each_prediction_is_among_what_was_measured() {
    let cases = include_str!("../../../../test_data/production/cases.yaml");
    let cases: Vec<Case> = serde_yaml::from_str(cases).unwrap();
    let base = include_str!("../../../../test_data/production/base.sql");
    let base = format!("op.execute({})", serde_json::to_string(base).unwrap());
    let (mut wrong, mut told, mut hazards) = (Vec::new(), Vec::new(), 0);
    for case in &cases {
        let together = case.together.is_some();
        let before = case.before.iter().map(|before| (before.as_str(), together));
        let bodies: Vec<(&str, bool)> =
            [(base.as_str(), false)].into_iter().chain(before).chain([(&*case.up, true)]).collect();
        // Five rows of `settings` are no hazard, whatever is done to them.
        for sizes in [None, Some("table,rows,bytes\nsettings,5,8192\n")] {
            let findings = predicted(&bodies, sizes);
            let loud =
                findings.iter().filter(|f| sizes.is_some() || f.severity() != Severity::Note);
            let loud: Vec<&Finding> = loud.collect();
            let untrue = loud.iter().filter(|finding| !is_true(finding, &case.seen_up));
            wrong.extend(untrue.map(|f| format!("{}: {} {}", case.name, f.code.id, f.message)));
            told.extend(loud.first().filter(|_| sizes.is_some()).map(|_| &case.name));
        }
        hazards += usize::from(!case.seen_up.hazards.is_empty());
    }
    assert!(wrong.is_empty(), "{} are not true:\n{}", wrong.len(), wrong.join("\n"));
    assert!(told.len() * 5 > hazards * 2, "{} of {hazards}: {told:?}", told.len());
}

#[test]
fn a_lock_on_purpose_is_a_note_where_no_size_is_known() {
    let table = "op.execute('CREATE TABLE t (a int, b int)')";
    let check = |lock: &str, sizes, expected| {
        let up = format!("{lock}\nop.create_index('ix', 't', ['a'])");
        let found = predicted(&[(table, false), (&up, true)], sizes);
        let weights: Vec<_> = found.iter().map(|f| (f.code.id, f.severity())).collect();
        assert_eq!(weights, [("MG500", expected)], "{lock}");
    };
    let warning = Severity::Warning;
    check("op.execute('LOCK TABLE t IN ACCESS EXCLUSIVE MODE')", None, Severity::Note);
    check("op.get_bind().execute(sa.text('LOCK t'))", None, Severity::Note);
    check("op.execute('LOCK TABLE t IN ROW SHARE MODE')", None, warning);
    check("op.execute('SELECT 1')", None, warning);
    // How long it takes, the lock does not say.
    let sizes = Some("table,rows,bytes\nt,100000000,10000000000\n");
    check("op.execute('LOCK TABLE t')", sizes, Severity::Error);
}
