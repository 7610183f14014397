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
    /// The server that was used, if it came to that.
    pub postgres: Option<Postgres>,
    /// The interpreters that were used, as `Python 3.11.7, Alembic 1.20.1, SQLAlchemy 2.1.9`.
    pub python: Vec<String>,
    /// The hash seed of the interpreter that ran the steps: `PYTHONHASHSEED` reproduces it.
    pub hash_seed: Option<String>,
    /// The trees, in the order asked for.
    pub trees: Vec<TreeReport>,
    /// The workflows that were read, where it is they that were audited, relative to the root.
    pub workflows: Vec<Utf8PathBuf>,
    /// What the change was compared with; `None` where that was not asked.
    pub base: Option<Comparison>,
    /// What is wrong, in the order found.
    pub findings: Vec<Finding>,
    /// What would be wrong, had the files not allowed it with a reason.
    pub allowed: Vec<Finding>,
    /// What the user should know besides: how to reach what `--keep` left, say.
    pub notes: Vec<String>,
    /// What to run next, where something is wrong.
    pub next: Option<Next>,
    /// Whether notes are wanted in full.
    pub verbose: bool,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Whether the change on trial touches none of the trees that were asked for.
    pub untouched: bool,
    /// When the run was that this is the report of, where nothing was run because nothing had
    /// changed since.
    pub known_since: Option<SystemTime>,
}

/// What to run next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// When, or what for: `to fix it`.
    pub when: String,
    /// The command, as a shell takes it.
    pub command: String,
}

/// What a change is compared with, which says what is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The base by its name: `origin/main`; `None`: there is none.
    pub rev: Option<String>,
    /// Its commit: where the change left it, or what `--since` names.
    pub commit: Option<String>,
    /// Why there is none, or what of it could not be compared.
    pub reason: Option<String>,
    /// Where the base has gone on to, a sentence a tree.
    pub moved: Vec<String>,
}

/// The server that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postgres {
    /// As the server says it: `15.18`.
    pub version: String,
    /// Where it came from.
    pub source: Source,
}

/// Where a server came from.
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
    /// Whether it has a recipe and an operator of its own.
    pub operated: bool,
    /// Its ini, relative to the root where it lies below, else absolute.
    pub ini: Utf8PathBuf,
    /// The heads that Alembic reports; empty where it could not load the tree.
    pub heads: Vec<String>,
    /// Its graph, where the text of the files was read.
    pub graph: Option<Graph>,
    /// Its graph, where that is what is wrong: for a picture, whatever else is reported.
    pub wrong_graph: Option<Graph>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// What came of its revisions one by one, where they were tried so.
    pub stairs: Option<Stairs>,
    /// Its new revisions: those that are not on the base branch, and without one the head.
    pub new_revisions: Vec<String>,
    /// What the new revisions ran on the way up, in order.
    pub sql: Vec<Statement>,
    /// What was seen of the new revisions in production, a way each.
    pub production: Vec<Seen>,
    /// The way back from the new revisions, where they were tried.
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
            operated: tree.recipe.is_some(),
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

/// What a run says in one word.
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
    /// Adds what a tree was compared with. Trees of one repository have one base; where one of
    /// several has none, that is told.
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

    /// Takes from the findings of other people's trees whom they have not: an owner, and an operator
    /// to escalate to.
    pub fn forget_operators(&mut self) {
        let others: Vec<&TreeReport> = self.trees.iter().filter(|tree| !tree.operated).collect();
        let alone = !others.is_empty() && others.len() == self.trees.len();
        for finding in self.findings.iter_mut().chain(&mut self.allowed) {
            let tree = finding.tree.as_ref();
            if tree.map_or(alone, |id| others.iter().any(|other| other.tree == *id)) {
                (finding.owner, finding.sev2) = (None, None);
            }
        }
    }

    /// The verdict. That the gate could not do its work outweighs what it found until then; a step
    /// that did not pass is never green, whatever the findings say.
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

    /// The findings, what matters most first: what kept the gate from its work, then errors,
    /// warnings and notes; among equals what failed a step, then what has a place, then as found.
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
