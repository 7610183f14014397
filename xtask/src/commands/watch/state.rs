//! State of a watching gate, and how events change it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::render::human;
use model::code::{Code, Severity};
use model::event::Event;
use model::finding::Finding;
use model::graph::Graph;
use model::report::{Report, TreeReport};
use model::step::Status;
use model::transcript::{Direction, RevisionInFlight};
use model::watch::{Moment, NewRevision, RevisionState, Watch, WatchedTree};

/// A run over some trees begins.
pub(super) fn begin(state: &mut Watch, todo: &BTreeSet<usize>) {
    state.runs += 1;
    state.running = true;
    state.predicted.clear();
    state.reuse.clear();
    state.answer = None;
    for (index, tree) in state.trees.iter_mut().enumerate() {
        tree.in_run = todo.contains(&index);
        tree.doing = None;
        // The server that the last run used goes.
        tree.psql = None;
        if tree.in_run {
            tree.new.iter_mut().for_each(|new| new.state = RevisionState::Waiting);
        }
    }
}

/// Something happened in the run. Returns why that should be shown, if it should.
pub(super) fn take(state: &mut Watch, event: Event<'_>) -> Option<Moment> {
    let moment = match event {
        Event::Predicted(finding) => {
            state.predicted.push(finding.clone());
            return Some(Moment::Linted);
        }
        Event::Reuse(told) => {
            state.reuse.push(told.to_owned());
            return state.verbose.then_some(Moment::Reused);
        }
        Event::StepStarted { label, name } => {
            let tree = tree(state, label)?;
            tree.doing = Some(name.to_owned());
            Moment::Progress
        }
        Event::Revision { label, revision } => {
            let tree = tree(state, label)?;
            reached(tree, revision);
            Moment::Progress
        }
        Event::StepEnded { label, step } => {
            let tree = tree(state, label)?;
            tree.doing = None;
            let under_way = |new: &&mut NewRevision| !matches!(new.state, RevisionState::Waiting);
            for new in tree.new.iter_mut().filter(under_way) {
                match (step.status, new.state) {
                    (Status::Passed, RevisionState::Upgrading) => {
                        new.state = RevisionState::Applied;
                    }
                    (Status::Failed, RevisionState::Upgrading | RevisionState::Downgrading) => {
                        new.state = RevisionState::Failed;
                    }
                    _ => {}
                }
            }
            Moment::Progress
        }
        _ => return None,
    };
    Some(moment)
}

fn tree<'a>(state: &'a mut Watch, label: &str) -> Option<&'a mut WatchedTree> {
    state.trees.iter_mut().find(|tree| tree.label == label)
}

/// Alembic comes to a revision, so it is done with the one before.
fn reached(tree: &mut WatchedTree, revision: &RevisionInFlight) {
    let now = match revision.direction {
        Direction::Upgrade => RevisionState::Upgrading,
        Direction::Downgrade => RevisionState::Downgrading,
    };
    for new in &mut tree.new {
        if new.revision == revision.id {
            new.state = now;
        } else if new.state == RevisionState::Upgrading {
            new.state = RevisionState::Applied;
        }
    }
}

/// The new revisions of a tree are known.
pub(super) fn know(tree: &mut WatchedTree, graph: &Graph) {
    let new = graph.walk.iter().rev().map(|index| &graph.revisions[*index]);
    let was = std::mem::take(&mut tree.new);
    tree.new = new
        .filter(|revision| revision.new)
        .map(|revision| {
            let known = was.iter().find(|known| known.revision == revision.id);
            NewRevision {
                revision: revision.id.clone(),
                file: revision.file.clone(),
                state: known.map_or(RevisionState::Waiting, |known| known.state),
            }
        })
        .collect();
}

/// A run came to its end. Trees that it did not run stay as they were.
pub(super) fn end(state: &mut Watch, report: Report, answered_after: Duration) {
    state.running = false;
    state.answered_after = answered_after;
    for tree in state.trees.iter_mut().filter(|tree| tree.in_run) {
        tree.doing = None;
        settle(tree, &report);
    }
    let before = state.report.take().unwrap_or_default();
    state.report = Some(together(&state.trees, before, report));
}

/// A rehearsal came to its end: what it adds to the verdict.
pub(super) fn rehearsed(
    state: &mut Watch,
    todo: &BTreeSet<usize>,
    report: Report,
    after: Duration,
) {
    let before = state.report.take().unwrap_or_default();
    let is_known = |finding: &Finding| {
        let same = |f: &&Finding| f.code == finding.code && f.message == finding.message;
        before.findings.iter().any(|known| same(&known))
    };
    let said = |report: &Report| -> Vec<String> {
        let steps = report.trees.iter().flat_map(|tree| &tree.steps);
        steps.flat_map(|step| step.notes.clone()).collect()
    };
    let known = said(&before);
    let notes = said(&report).into_iter().filter(|note| !known.contains(note)).collect();
    let findings = report.findings.iter().filter(|finding| !is_known(finding)).cloned().collect();
    state.rehearsed = Report { findings, notes, elapsed: after, ..Report::default() };
    for (index, tree) in state.trees.iter_mut().enumerate() {
        tree.in_run = todo.contains(&index);
    }
    state.report = Some(together(&state.trees, before, report));
}

/// How far the new revisions came, by the report.
fn settle(tree: &mut WatchedTree, report: &Report) {
    let is_error = |finding: &&Finding| {
        finding.severity() == Severity::Error && finding.tree.as_ref() == Some(&tree.tree)
    };
    let errors: Vec<&Finding> = report.findings.iter().filter(is_error).collect();
    let steps = report.trees.iter().filter(|t| t.tree == tree.tree).flat_map(|t| &t.steps);
    let all_passed = steps.clone().count() > 0 && { steps }.all(|s| s.status == Status::Passed);
    for new in &mut tree.new {
        let blamed = |finding: &&Finding| {
            finding.revision.as_ref() == Some(&new.revision)
                || finding.place.as_ref().is_some_and(|place| place.file == new.file)
        };
        if errors.iter().any(blamed) {
            new.state = RevisionState::Failed;
        } else if all_passed {
            new.state = RevisionState::Passed;
        }
    }
}

/// One report of the trees of this run and of earlier ones.
fn together(trees: &[WatchedTree], before: Report, now: Report) -> Report {
    let kept: Vec<&str> =
        trees.iter().filter(|t| !t.in_run).map(|tree| tree.tree.as_str()).collect();
    let is_kept = |tree: &Option<String>| tree.as_deref().is_some_and(|t| kept.contains(&t));
    let mut all: Vec<TreeReport> = Vec::new();
    for tree in trees {
        let from = if tree.in_run { &now } else { &before };
        all.extend(from.trees.iter().filter(|report| report.tree == tree.tree).cloned());
    }
    let still = before.findings.into_iter().filter(|finding| is_kept(&finding.tree));
    Report { trees: all, findings: now.findings.into_iter().chain(still).collect(), ..now }
}

/// The codes of the last run's findings, explained.
pub(super) fn explain(state: &Watch) -> String {
    let found = state.report.iter().flat_map(|report| &report.findings);
    let mut codes: Vec<&Code> = found.map(|finding| finding.code).collect();
    codes.sort_by_key(|code| code.id);
    codes.dedup();
    match codes.as_slice() {
        [] => "Nothing was found, so there is nothing to explain.\n".to_owned(),
        codes => codes.iter().map(|code| human::code(code)).collect::<Vec<_>>().join("\n"),
    }
}

/// The message where no database can be opened.
pub(super) const NO_DATABASE: &str = "There is no database yet: wait until the run has ended.\n";

/// The command that opens a database as the last run left it: that of the n-th tree, else of the first that
/// something is wrong with, else of the first.
pub(super) fn open(state: &Watch, tree: Option<usize>) -> Option<&str> {
    let is_wrong = |tree: &&WatchedTree| {
        let findings = state.report.iter().flat_map(|report| &report.findings);
        let of_it = |f: &&Finding| f.tree.as_ref() == Some(&tree.tree);
        findings.filter(of_it).any(|f| f.severity() == Severity::Error)
    };
    let mut there = state.trees.iter().filter(|tree| tree.psql.is_some());
    let chosen = match tree {
        Some(index) => state.trees.get(index),
        None => there.clone().find(is_wrong).or_else(|| there.next()),
    };
    chosen?.psql.as_deref()
}
