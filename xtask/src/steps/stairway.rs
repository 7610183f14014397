//! Each new revision up, down and up again on tables with rows, with the comparison after each way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::errors::NotRestored;
use super::gone::LostData;
use super::lane::Lane;
use analysis::production::Judged;
use model::code::{self, Code, Severity};
use model::finding::Finding;
use model::production::Seen;
use model::stairs::Stairs;
use model::transcript::Statement;

/// Why a stair was not tried to its end.
const OUT_OF_TIME: &str = "time ran out (--timeout)";
/// The codes of what only the way down can show; all others belong to the way up.
const OF_DOWNGRADE: [&Code; 6] = [
    &code::REMAINS,
    &code::NOT_RESTORED,
    &code::CHANGED,
    &code::COLUMN_AT_END,
    &code::KEPT,
    &code::SUPPLY_LOST,
];

/// The stairs of a tree, shared by its lanes.
pub struct Stairway {
    stairs: Vec<String>,
    /// The new revisions, which are rehearsed together.
    rehearsed: Vec<String>,
    next: AtomicUsize,
    tried: Mutex<Vec<(usize, StairResult)>>,
    /// Why no further stair is tried.
    stopped: Mutex<Option<String>>,
}

/// Result of one stair.
#[derive(Clone, Debug, Default)]
pub struct StairResult {
    revision: String,
    /// Why it was not tried.
    untried: Option<String>,
    pub(super) findings: Vec<Finding>,
    gone: LostData,
    pub(super) statements: Vec<Statement>,
    /// What it and the other new revisions do to a database in use, where that was tried.
    pub(super) production: Option<Judged>,
}

/// Reason why a lane ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneEnd {
    /// There are no more stairs, or none that can be reached.
    Done,
    /// The lane's server must be made anew; a stair was tried.
    BeginAnew,
    /// A stair went wrong, and its database is to be kept: which one.
    Kept(String),
}

impl Stairway {
    /// A stairway over these revisions, parents first.
    pub fn over(stairs: Vec<String>) -> Stairway {
        let (rehearsed, next) = (Vec::new(), AtomicUsize::new(0));
        let (tried, stopped) = (Mutex::default(), Mutex::default());
        Stairway { stairs, rehearsed, next, tried, stopped }
    }

    /// The same, with a rehearsal of these revisions, parents first.
    #[must_use]
    pub fn rehearsing(self, rehearsed: Vec<String>) -> Stairway {
        Stairway { rehearsed, ..self }
    }

    /// How many stairs there are.
    pub fn len(&self) -> usize {
        self.stairs.len()
    }

    /// Tries stairs on a lane until there are no more. With `keep` a stair that goes wrong is the last.
    pub fn work(&self, lane: &mut Lane<'_>, keep: bool) -> Result<LaneEnd> {
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(revision) = self.stairs.get(index) else { return Ok(LaneEnd::Done) };
            let mut tried = StairResult { revision: revision.clone(), ..StairResult::default() };
            let Some(stair) = lane.ladder.chain.iter().find(|s| s.revision == *revision).cloned()
            else {
                tried.untried = Some("it is not among the revisions that Alembic read".to_owned());
                self.add(index, tried);
                continue;
            };
            if let Some(failed) = lane.climb_to_parents(&stair, &mut tried.statements)? {
                let why = self.stop(match &failed.revision {
                    _ if failed.code == &code::TIMED_OUT => OUT_OF_TIME.to_owned(),
                    Some(below) => format!("revision {below}, below it, cannot be applied"),
                    None => "the revisions below it cannot be applied".to_owned(),
                });
                tried.untried = Some(why);
                tried.findings.push(lane.at_stair(revision, failed));
                self.add(index, tried);
                return Ok(LaneEnd::Done);
            }
            let trial = lane.stair(&stair, &mut tried.statements)?;
            (tried.findings, tried.untried) = (trial.findings, trial.untried);
            tried.gone = std::mem::take(&mut lane.trial.gone);
            lane.tree_run.statements.truncate(lane.ladder.climbed);
            let wrong = tried.findings.iter().any(|f| f.code.severity == Severity::Error);
            let is_late = tried.findings.iter().any(|f| f.code == &code::TIMED_OUT);
            if self.rehearsed.first() == Some(revision) && !is_late && !(wrong && keep) {
                tried.production = Some(lane.rehearse(&self.rehearsed)?);
                lane.tree_run.statements.truncate(lane.ladder.climbed);
            }
            if is_late {
                tried.untried = Some(self.stop(OUT_OF_TIME.to_owned()));
            }
            let findings = std::mem::take(&mut tried.findings).into_iter();
            tried.findings = findings.map(|found| lane.at_stair(revision, found)).collect();
            self.add(index, tried);
            if wrong && keep {
                self.stop(format!("--keep stops where revision {revision} went wrong"));
                return Ok(LaneEnd::Kept(revision.clone()));
            }
            match lane.clear_trial() {
                Err(err) if err.is::<NotRestored>() => return Ok(LaneEnd::BeginAnew),
                cleared => cleared?,
            }
        }
    }

    /// Observations of the new revisions on a database in use.
    pub fn seen(&self) -> Vec<Seen> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = tried.iter().filter_map(|(_, tried)| tried.production.as_ref());
        judged.flat_map(|judged| judged.seen.clone()).collect()
    }

    fn add(&self, index: usize, tried: StairResult) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push((index, tried));
    }

    /// Tries no further stair; returns the first reason that was given.
    fn stop(&self, why: String) -> String {
        self.next.store(self.stairs.len(), Ordering::SeqCst);
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert(why).clone()
    }

    /// The results of all stairs, in their order.
    pub fn tried(&self) -> Vec<StairResult> {
        let mut known = self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why = stopped.unwrap_or_else(|| "the revisions below it cannot be applied".to_owned());
        let each = self.stairs.iter().enumerate().map(|(index, revision)| {
            match known.iter().position(|(of, _)| *of == index) {
                Some(at) => known.swap_remove(at).1,
                None => StairResult {
                    revision: revision.clone(),
                    untried: Some(why.clone()),
                    ..StairResult::default()
                },
            }
        });
        let mut tried: Vec<StairResult> = each.collect();
        // Two lanes may fail on the way to their stairs, for one reason, or run out of time.
        let mut told: Vec<(String, Option<String>)> = Vec::new();
        let mut is_late = false;
        for tried in &mut tried {
            tried.findings.retain(|f| {
                let this = (f.message.clone(), f.revision.clone());
                let late_too = f.code == &code::TIMED_OUT && std::mem::replace(&mut is_late, true);
                let is_new = !told.contains(&this) && !late_too;
                told.push(this);
                is_new || f.code.severity != Severity::Error
            });
        }
        tried
    }
}

/// The stairs by their results.
pub(super) fn sorted(tried: &[StairResult]) -> Stairs {
    let mut stairs = Stairs::default();
    for StairResult { revision, untried, findings, gone, .. } in tried {
        let revision = revision.clone();
        let of = |what: &String| (revision.clone(), what.clone());
        stairs.lost_down.extend(gone.added.iter().map(of));
        stairs.lost_up.extend(gone.dropped.iter().map(of));
        stairs.dropped_down.extend(gone.homes.iter().map(of));
        match untried {
            Some(why) => stairs.untried.push((revision, why.clone())),
            None if findings.iter().any(|f| f.code.severity == Severity::Error) => {
                stairs.wrong.push(revision);
            }
            None => stairs.exact.push(revision),
        }
    }
    stairs
}

/// Whether a finding of a stair is about its way down.
fn is_of_downgrade(finding: &Finding) -> bool {
    OF_DOWNGRADE.contains(&finding.code)
}

/// Findings of the stair of the head, of its way down or of the rest.
pub(super) fn of_head(tried: Vec<StairResult>, down: bool) -> impl Iterator<Item = Finding> {
    let findings = tried.into_iter().flat_map(|tried| tried.findings);
    // The downgrade step has reported that.
    let findings = findings.filter(|f| f.code != &code::IRREVERSIBLE_DECLARED);
    findings.filter(move |finding| is_of_downgrade(finding) == down)
}
