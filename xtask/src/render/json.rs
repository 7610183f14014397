//! The contract's JSON, with structs of its own: a change elsewhere cannot alter the published
//! format by accident.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words;
use model::finding;
use model::graph;
use model::production::{Impact, Seen};
use model::redact::redact;
use model::report::{self, Verdict};
use model::rollback::Rollback;
use model::shown::escaped_json;
use model::stairs::Stairs;
use model::step;

/// Incremented when a reader of the JSON would have to change.
pub(super) const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Report {
    schema: u32,
    verdict: &'static str,
    seconds: f64,
    known_since: Option<String>,
    hash_seed: Option<String>,
    postgres: Option<Postgres>,
    trees: Vec<Tree>,
    base: Option<Base>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Postgres {
    version: String,
    source: &'static str,
}

#[derive(Serialize)]
struct Base {
    rev: Option<String>,
    commit: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Tree {
    tree: String,
    label: String,
    database: String,
    heads: Vec<String>,
    #[serde(flatten)]
    graph: Option<Graph>,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    production: Vec<Seen>,
    stairway: Option<Stairway>,
    rollback: Option<Rollback>,
}

#[derive(Serialize)]
struct Stairway {
    revisions: usize,
    tried: usize,
    untried: Vec<Untried>,
}

#[derive(Serialize)]
struct Untried {
    revision: String,
    reason: String,
}

/// Only if the text of the files was read.
#[derive(Serialize)]
struct Graph {
    bases: Vec<String>,
    revisions: Vec<Revision>,
}

#[derive(Serialize)]
struct Revision {
    revision: String,
    down_revision: Vec<String>,
    depends_on: Vec<String>,
    branch_labels: Vec<String>,
    file: String,
    line: u32,
}

#[derive(Serialize)]
struct Step {
    name: String,
    status: &'static str,
    reason: Option<String>,
    seconds: f64,
}

#[derive(Serialize)]
pub(super) struct Finding {
    code: &'static str,
    title: &'static str,
    severity: &'static str,
    mode: Option<char>,
    owner: Option<&'static str>,
    sev2: bool,
    tree: Option<String>,
    step: Option<String>,
    revision: Option<String>,
    direction: Option<String>,
    merged: bool,
    file: Option<String>,
    line: Option<u32>,
    message: String,
    also: Vec<String>,
    sqlstate: Option<String>,
    statement: Option<String>,
    remedy: Vec<String>,
    verified: bool,
    patch: Option<String>,
    verify: String,
    /// Only for a finding about production.
    #[serde(skip_serializing_if = "Option::is_none")]
    production: Option<BTreeMap<String, String>>,
}

/// Renders a report.
pub fn report(report: &report::Report) -> String {
    let rendered = Report {
        schema: SCHEMA,
        verdict: match report.verdict() {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Error => "error",
        },
        seconds: seconds(report.elapsed),
        known_since: report.known_since.map(words::date),
        hash_seed: report.hash_seed.clone(),
        postgres: report.postgres.as_ref().map(|postgres| Postgres {
            version: postgres.version.clone(),
            source: words::source(postgres.source),
        }),
        trees: report.trees.iter().map(tree).collect(),
        base: report.base.as_ref().map(|base| Base {
            rev: base.rev.clone(),
            commit: base.commit.clone(),
            reason: words::reason(base),
        }),
        findings: report.findings.iter().map(finding).collect(),
    };
    // Plain structs with string keys cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(&rendered).unwrap_or_default()) + "\n"
}

fn tree(tree: &report::TreeReport) -> Tree {
    Tree {
        tree: tree.tree.clone(),
        label: tree.label.clone(),
        database: tree.database.clone(),
        heads: tree.heads.clone(),
        graph: tree.graph.as_ref().map(graph),
        steps: tree.steps.iter().map(step).collect(),
        production: tree.production.clone(),
        stairway: tree.stairs.as_ref().map(stairway),
        rollback: tree.rollback.clone(),
    }
}

fn stairway(stairs: &Stairs) -> Stairway {
    let untried = |(revision, reason): &(String, String)| Untried {
        revision: revision.clone(),
        reason: redact(reason).into_owned(),
    };
    let untried = stairs.untried.iter().map(untried).collect();
    Stairway { revisions: stairs.count(), tried: stairs.tried(), untried }
}

fn graph(graph: &graph::Graph) -> Graph {
    let revision = |revision: &graph::Revision| Revision {
        revision: revision.id.clone(),
        down_revision: revision.down_revision.clone(),
        depends_on: revision.depends_on.clone(),
        branch_labels: revision.branch_labels.clone(),
        file: revision.file.to_string(),
        line: revision.line,
    };
    Graph {
        bases: graph.ids(&graph.bases),
        revisions: graph.revisions.iter().map(revision).collect(),
    }
}

fn step(step: &step::Step) -> Step {
    Step {
        name: step.name.clone(),
        status: words::status(step.status),
        reason: step.reason.as_deref().map(|reason| redact(reason).into_owned()),
        seconds: seconds(step.elapsed),
    }
}

pub(super) fn finding(finding: &finding::Finding) -> Finding {
    let said = finding.transcript.as_deref();
    Finding {
        code: finding.code.id,
        title: finding.code.title,
        severity: words::severity(finding.severity()),
        mode: finding.code.mode,
        owner: finding.owner.map(words::owner),
        sev2: finding.sev2.is_some(),
        tree: finding.tree.clone(),
        step: finding.step.clone(),
        revision: finding.revision.clone(),
        direction: finding.direction().map(|way| way.to_string()),
        merged: finding.standing == finding::Standing::Merged,
        file: finding.place.as_ref().map(|place| place.file.to_string()),
        line: finding.place.as_ref().and_then(|place| place.line),
        message: redact(&(finding.message.clone() + &words::detail(finding))).into_owned(),
        also: finding.also.iter().map(|text| redact(text).into_owned()).collect(),
        sqlstate: said.and_then(|said| said.sqlstate()).map(Into::into),
        statement: said
            .and_then(|said| said.statement.as_deref())
            .or(finding.statement.as_deref())
            .map(|sql| redact(sql).into_owned()),
        remedy: finding.remedies().iter().map(|text| redact(text).into_owned()).collect(),
        verified: finding.fix.is_some(),
        patch: finding.fix.as_ref().and_then(|fix| fix.own_patch()).map(str::to_owned),
        verify: finding.code.check(),
        production: finding.impact.as_deref().map(impact),
    }
}

/// The direction, the table, and the lines about the table.
fn impact(impact: &Impact) -> BTreeMap<String, String> {
    let told = impact.told.iter().cloned();
    let told = told.map(|(word, text)| (word, redact(&text).into_owned()));
    let direction = ("direction".to_owned(), impact.direction.to_string());
    told.chain([direction, ("table".to_owned(), impact.table.clone())]).collect()
}

fn seconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
