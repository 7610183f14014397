//! Report of the gate: the trees, their steps, the findings. Every format is a function of it.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::code::Severity;
use super::finding::Finding;
use super::graph::Graph;
use super::production::Seen;
use super::rollback::Rollback;
use super::stairs::Stairs;
use super::step::{Status, Step};
use super::transcript::Statement;
use super::tree::Tree;

/// The outcome of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Wall time of the run.
    pub elapsed: Duration,
    /// The server, if the run needed one.
    pub postgres: Option<Postgres>,
    /// The interpreters that were used, as `Python 3.11.7, Alembic 1.20.1, SQLAlchemy 2.1.9`.
    pub python: Vec<String>,
    /// The hash seed of the interpreter that ran the steps: `PYTHONHASHSEED` reproduces it.
    pub hash_seed: Option<String>,
    /// The trees, in the order asked for.
    pub trees: Vec<TreeReport>,
    /// The workflows that were read, if workflows are audited, relative to the root.
    pub workflows: Vec<Utf8PathBuf>,
    /// The base of the comparison; `None`: no comparison was requested.
    pub base: Option<Comparison>,
    /// The faults, in the order found.
    pub findings: Vec<Finding>,
    /// The faults that the files allow with a reason.
    pub allowed: Vec<Finding>,
    /// Further notes for the user: how to reach the databases that `--keep` left, for example.
    pub notes: Vec<String>,
    /// The next command, if the report has a fault.
    pub next: Option<Next>,
    /// Whether notes are wanted in full.
    pub verbose: bool,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Whether the change on trial touches none of the trees that were asked for.
    pub untouched: bool,
    /// The time of the reported run, if this run was skipped because nothing had changed since.
    pub known_since: Option<SystemTime>,
}

/// Next command to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Its purpose: `to fix it`.
    pub when: String,
    /// The command, in shell syntax.
    pub command: String,
}

/// Base of a comparison; revisions that it lacks are new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The base by its name: `origin/main`; `None`: no base was found.
    pub rev: Option<String>,
    /// Its commit: the point where the change left the base, or the commit of `--since`.
    pub commit: Option<String>,
    /// Why no base was found, or which part of it could not be compared.
    pub reason: Option<String>,
    /// The current head of the base, if it has advanced; a sentence a tree.
    pub moved: Vec<String>,
}

/// The server that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postgres {
    /// As the server reports it: `15.18`.
    pub version: String,
    /// Its origin.
    pub source: Source,
}

/// Origin of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A private cluster, made by the gate from binaries found on the machine.
    Local,
    /// A running server, named by `--postgres-url`.
    Provided,
    /// A private cluster, made by the gate from binaries that it installed itself.
    Provisioned,
}

/// The outcome for one tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TreeReport {
    /// Its id.
    pub tree: String,
    /// Its label.
    pub label: String,
    /// Its database.
    pub database: String,
    /// Its ini, relative to the root where it lies below, else absolute.
    pub ini: Utf8PathBuf,
    /// The heads that Alembic reports; empty if Alembic could not load the tree.
    pub heads: Vec<String>,
    /// Its graph, where the text of the files was read.
    pub graph: Option<Graph>,
    /// Its graph, if the graph is at fault: for a picture beside the other findings.
    pub wrong_graph: Option<Graph>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// The results of its revisions one by one, if they were run so.
    pub stairs: Option<Stairs>,
    /// Its new revisions: those that are not on the base branch; without a base branch, the head.
    pub new_revisions: Vec<String>,
    /// The statements that the new revisions ran on the way up, in order.
    pub sql: Vec<Statement>,
    /// The observations of the new revisions in production, a way each.
    pub production: Vec<Seen>,
    /// The way back from the new revisions, if it was tried.
    pub rollback: Option<Rollback>,
}

impl TreeReport {
    /// Of a tree of which nothing is known yet.
    pub fn new(tree: &Tree, root: &Utf8Path) -> TreeReport {
        let ini = tree.ini_path();
        TreeReport {
            tree: tree.id.clone(),
            label: tree.label.clone(),
            database: tree.database.clone(),
            ini: ini.strip_prefix(root).map(Utf8Path::to_owned).unwrap_or(ini),
            heads: Vec::new(),
            graph: None,
            wrong_graph: None,
            steps: Vec::new(),
            stairs: None,
            new_revisions: Vec::new(),
            sql: Vec::new(),
            production: Vec::new(),
            rollback: None,
        }
    }
}

/// Result of a run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every step ran and passed, and no finding is an error.
    Pass,
    /// The migrations are at fault.
    Fail,
    /// The gate could not do its work.
    Error,
}

impl Report {
    /// Adds the base of a tree. Trees of one repository share a base; if one of several trees has
    /// none, the report says so.
    pub fn compared_with(&mut self, tree: &Comparison) {
        let Some(base) = &mut self.base else {
            self.base = Some(tree.clone());
            return;
        };
        if tree.rev.is_none() && base.rev.is_some() {
            base.rev = None;
            base.commit = None;
        }
        base.reason = base.reason.take().or(tree.reason.clone());
        base.moved.extend(tree.moved.iter().cloned());
    }

    /// Removes owners and escalations: the people of an `--ini` tree have no such roles.
    pub fn forget_operators(&mut self) {
        for finding in self.findings.iter_mut().chain(&mut self.allowed) {
            (finding.owner, finding.sev2) = (None, None);
        }
    }

    /// The verdict. A gate that could not do its work outweighs its other findings; a report with a
    /// step that did not pass is never green, whatever the findings are.
    pub fn verdict(&self) -> Verdict {
        let mut errors = self.findings.iter().filter(|f| f.severity() == Severity::Error);
        let mut steps = self.trees.iter().flat_map(|t| &t.steps);
        let sick = self.findings.iter().any(|f| f.code.infrastructure);
        let nothing_done = self.trees.is_empty() && self.workflows.is_empty() && !self.untouched;
        if sick || self.interrupted || nothing_done {
            Verdict::Error
        } else if errors.next().is_some() || steps.any(|s| s.status != Status::Passed) {
            Verdict::Fail
        } else {
            Verdict::Pass
        }
    }

    /// The findings, most important first: faults of the gate itself, then errors, warnings and
    /// notes; among equals those that failed a step, then those with a place, then in the order
    /// found.
    pub fn by_weight(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| {
            let weight = match finding.severity() {
                _ if finding.code.infrastructure => 0,
                Severity::Error => 1,
                Severity::Warning => 2,
                Severity::Note => 3,
            };
            (weight, finding.step.is_none(), finding.place.is_none())
        });
        findings
    }
}
