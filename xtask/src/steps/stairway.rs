//! Each new revision up, down and up again on tables with rows, with the comparison after each way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::errors::NotRestored;
use super::fixtures::{self, Filled, Gone, Rows};
use super::lane::{Lane, Place, not_where_asked};
use super::revisions::Stair;
use super::round_trip::Way;
use analysis::production::Judged;
use analysis::rows;
use model::code::{self, Code, Severity};
use model::event::timed;
use model::finding::Finding;
use model::production::Seen;
use model::rows::Contents;
use model::schema::Schema;
use model::stairs::Stairs;
use model::transcript::{End, Statement};

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
    tried: Mutex<Vec<(usize, Tried)>>,
    /// Why no further stair is tried.
    stopped: Mutex<Option<String>>,
}

/// What came of one stair.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    revision: String,
    /// Why it was not tried.
    untried: Option<String>,
    pub(super) findings: Vec<Finding>,
    gone: Gone,
    pub(super) statements: Vec<Statement>,
    /// What it and the other new revisions do to a database in use, where that was tried.
    pub(super) production: Option<Judged>,
}

/// How a lane came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
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
    pub fn work(&self, lane: &mut Lane<'_>, keep: bool) -> Result<Ended> {
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(revision) = self.stairs.get(index) else { return Ok(Ended::Done) };
            let mut tried = Tried { revision: revision.clone(), ..Tried::default() };
            let Some(stair) = lane.chain.iter().find(|s| s.revision == *revision).cloned() else {
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
                return Ok(Ended::Done);
            }
            let trial = lane.stair(&stair, &mut tried.statements)?;
            (tried.findings, tried.untried) = (trial.findings, trial.untried);
            tried.gone = std::mem::take(&mut lane.gone);
            lane.live.statements.truncate(lane.climbed);
            let wrong = tried.findings.iter().any(|f| f.code.severity == Severity::Error);
            let is_late = tried.findings.iter().any(|f| f.code == &code::TIMED_OUT);
            if self.rehearsed.first() == Some(revision) && !is_late && !(wrong && keep) {
                tried.production = Some(lane.rehearse(&self.rehearsed)?);
                lane.live.statements.truncate(lane.climbed);
            }
            if is_late {
                tried.untried = Some(self.stop(OUT_OF_TIME.to_owned()));
            }
            let findings = std::mem::take(&mut tried.findings).into_iter();
            tried.findings = findings.map(|found| lane.at_stair(revision, found)).collect();
            self.add(index, tried);
            if wrong && keep {
                self.stop(format!("--keep stops where revision {revision} went wrong"));
                return Ok(Ended::Kept(revision.clone()));
            }
            match lane.clear_trial() {
                Err(err) if err.is::<NotRestored>() => return Ok(Ended::BeginAnew),
                cleared => cleared?,
            }
        }
    }

    /// What was seen of the new revisions in production.
    pub fn seen(&self) -> Vec<Seen> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = tried.iter().filter_map(|(_, tried)| tried.production.as_ref());
        judged.flat_map(|judged| judged.seen.clone()).collect()
    }

    fn add(&self, index: usize, tried: Tried) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push((index, tried));
    }

    /// Tries no further stair; why, in the words of the first who had a reason.
    fn stop(&self, why: String) -> String {
        self.next.store(self.stairs.len(), Ordering::SeqCst);
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert(why).clone()
    }

    /// What came of all stairs, in their order.
    pub fn tried(&self) -> Vec<Tried> {
        let mut known = self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why = stopped.unwrap_or_else(|| "the revisions below it cannot be applied".to_owned());
        let each = self.stairs.iter().enumerate().map(|(index, revision)| {
            match known.iter().position(|(of, _)| *of == index) {
                Some(at) => known.swap_remove(at).1,
                None => Tried {
                    revision: revision.clone(),
                    untried: Some(why.clone()),
                    ..Tried::default()
                },
            }
        });
        let mut tried: Vec<Tried> = each.collect();
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

/// The stairs by what came of them.
pub(super) fn sorted(tried: &[Tried]) -> Stairs {
    let mut stairs = Stairs::default();
    for Tried { revision, untried, findings, .. } in tried {
        let revision = revision.clone();
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
pub(super) fn is_of_downgrade(finding: &Finding) -> bool {
    OF_DOWNGRADE.contains(&finding.code)
}

/// Lines about what went with columns and tables, where anything did.
pub(super) fn told_gone(tried: &[Tried]) -> Vec<String> {
    fixtures::told_gone(tried.iter().map(|tried| &tried.gone))
}

/// What is to be said of a stair, and why it was not tried to its end.
#[derive(Default)]
struct Trial {
    findings: Vec<Finding>,
    untried: Option<String>,
}

impl Trial {
    fn of(findings: Vec<Finding>) -> Trial {
        let declared = findings.iter().any(|f| f.code == &code::IRREVERSIBLE_DECLARED);
        let untried = declared.then(|| "its file says that it cannot be taken back".to_owned());
        Trial { findings, untried }
    }
}

/// What came of taking a revision up, down and up again.
enum Trip {
    /// It could be done, and this is to be said of it.
    Went(Vec<Finding>),
    /// A way up or down failed.
    Broke {
        failed: Box<Finding>,
        /// Whether tables that the revision touches had rows.
        rows: bool,
    },
}

impl Lane<'_> {
    /// A finding of the time that ran out, at the stair where it did, unless a revision was at work.
    fn at_stair(&self, revision: &str, found: Finding) -> Finding {
        match found.revision {
            None if found.code == &code::TIMED_OUT => self.live.about(revision, &[], found),
            _ => found,
        }
    }

    /// One revision up, down and up again, on tables with rows. Where that fails, it is tried on empty
    /// tables, and where it passes there, on rows that anybody could have written: so it is known
    /// whether rows are to blame, and which.
    fn stair(&mut self, stair: &Stair, seen: &mut Vec<Statement>) -> Result<Trial> {
        let (first, made) = match self.round_trip(stair, Rows::All, seen)? {
            Trip::Went(findings) => return Ok(Trial::of(findings)),
            Trip::Broke { failed, rows } => (failed, rows),
        };
        if let Some(note) = self.needed_by_ladder(&first, &stair.revision) {
            let untried = Some(note.message.clone());
            return Ok(Trial { findings: vec![note], untried });
        }
        let raised = first.transcript.as_ref().is_some_and(|said| said.end == End::Raised);
        if !made || !raised || first.code.infrastructure {
            return Ok(Trial::of(vec![*first]));
        }
        let mut findings = match self.round_trip(stair, Rows::None, seen)? {
            Trip::Went(findings) => findings,
            Trip::Broke { failed, .. } => return Ok(Trial::of(vec![*failed])),
        };
        match self.round_trip(stair, Rows::Plain, seen)? {
            Trip::Broke { failed, .. } => {
                findings.push(self.blamed_on_rows(stair, *failed, seen)?);
            }
            Trip::Went(with_rows) => {
                let message = format!(
                    "revision {} fails on values that the schema allows and hardly anybody writes: {}",
                    stair.revision, first.message
                );
                findings = with_rows;
                findings.push(Finding { code: &code::FAILS_ON_EXTREMES, message, ..*first });
            }
        }
        Ok(Trial::of(findings))
    }

    /// A note where a role could not be dropped only because the database that the trial was copied from
    /// needs it too: that says nothing of the revision, which the steps have run.
    fn needed_by_ladder(&self, failed: &Finding, revision: &str) -> Option<Finding> {
        let said = failed.transcript.as_deref()?;
        let named = format!("in database {}", self.ladder);
        let details = said.exceptions.iter().filter_map(|e| e.detail.as_ref());
        if said.sqlstate() != Some("2BP01") || !{ details }.any(|detail| detail.contains(&named)) {
            return None;
        }
        let message = format!(
            "revision {revision} was not tried on rows: it drops a role that a copy of the database needs"
        );
        let revision = Some(revision.to_owned());
        Some(Finding { revision, ..Finding::new(&code::NOT_FILLED, message) })
    }

    /// A fresh copy of the ladder, and on it the revision up, down and up again.
    fn round_trip(
        &mut self,
        stair: &Stair,
        which: Rows,
        seen: &mut Vec<Statement>,
    ) -> Result<Trip> {
        let (revision, trial) = (stair.revision.as_str(), self.trial.clone());
        self.clear_trial_of_roles()?;
        self.copy(None, &trial)?;
        self.live.statements.truncate(self.climbed);
        let (tell, label) = (self.live.tell, self.live.tree.label.clone());
        let filled = timed(tell, &label, "  filling tables", || self.fill(revision, which))?;
        let broke = |failed: Finding| {
            Ok(Trip::Broke { failed: Box::new(failed), rows: !filled.touched.is_empty() })
        };
        let (before, version) = (self.look()?, self.version()?);
        if let Err(failed) = self.run(("upgrade", revision), &trial, Place::Here, seen)? {
            return broke(*failed);
        }
        let between = self.look()?;
        if let Some(note) = self.live.declared_irreversible(revision) {
            return Ok(Trip::Went([filled.notes, vec![note]].concat()));
        }
        let held = self.contents(&filled)?;
        let version_above = self.version()?;
        let target = self.live.down_from(revision, &version_above);
        if let Err(failed) = self.run(("downgrade", &target), &trial, Place::Here, seen)? {
            return broke(*failed);
        }
        let found = self.version()?;
        if found != version {
            return Ok(Trip::Went(vec![not_where_asked(revision, &found, &version)]));
        }
        let after = self.look()?;
        let mut findings = self.live.judge(revision, &before, &after, Way::Down);
        let (live, rows) = (&self.live, self.supplied);
        findings.extend(self.watch.ask(|session| live.lost_supplies(revision, session, rows))?);
        let wrong = findings.iter().any(|finding| finding.code.severity == Severity::Error);
        let left = self.contents(&filled)?;
        findings.extend(self.judge_rows(revision, &filled, &held, &left));
        let dropped = rows::gone_with_drops(&filled.before, &held, &left);
        self.gone.dropped = dropped.into_iter().map(|what| format!("{revision} {what}")).collect();
        if !wrong {
            // Else what the second upgrade would meet is only what the downgrade left.
            match self.up_again(revision, &between, seen)? {
                Ok(differences) => {
                    if differences.is_empty() {
                        self.note_rows(revision, &filled, &held)?;
                    }
                    findings.extend(differences);
                }
                Err(failed) => return broke(*failed),
            }
        }
        Ok(Trip::Went([filled.notes, findings].concat()))
    }

    /// The second upgrade, in another environment: the schema must be the one of the first. Where it is
    /// another one, or the upgrade fails, a fresh copy tells whether the environment is to blame.
    fn up_again(
        &mut self,
        revision: &str,
        between: &[Schema],
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<Vec<Finding>, Box<Finding>>> {
        let (trial, second) = (self.trial.clone(), self.live.statements.len());
        let upgrade = ("upgrade", revision);
        let again = self.run(upgrade, &trial, Place::Elsewhere, seen)?;
        let found = match &again {
            Ok(()) => Some(self.look()?),
            Err(_) => None,
        };
        if let Some(found) = &found {
            let differs = self.live.judge(revision, between, found, Way::UpAgain);
            if differs.iter().all(|finding| finding.code.severity == Severity::Note) {
                return Ok(Ok(differs));
            }
        }
        let copy = format!("{trial}_anew");
        self.clear_trial_of_roles()?;
        self.copy(None, &copy)?;
        let anew = self.run(upgrade, &copy, Place::Elsewhere, seen)?;
        let looked = match anew {
            Ok(()) => self.look_at(&copy).map(Some),
            Err(_) => Ok(None),
        };
        self.drop(&copy)?;
        let elsewhere = self.elsewhere_is.clone();
        Ok(match (again, found, looked?) {
            (Err(failed), _, None) => {
                let message = format!("{}, {elsewhere}", failed.message);
                Err(Box::new(Finding { message, ..*failed }))
            }
            (Err(failed), ..) => Err(failed),
            (Ok(()), Some(found), Some(anew)) if anew == between => {
                Ok(self.live.judge(revision, between, &found, Way::UpAgain))
            }
            (Ok(()), found, _) => {
                let found = found.unwrap_or_default();
                Ok(self.live.judge_environment(between, &found, (second, &elsewhere)))
            }
        })
    }

    /// Remembers what the second upgrade did to the rows.
    fn note_rows(&mut self, revision: &str, filled: &Filled, held: &Contents) -> Result<()> {
        let now = self.contents(filled)?;
        let gone = rows::gone_with_columns(&filled.before, held, &now);
        self.gone.added = gone.into_iter().map(|what| format!("{revision} {what}")).collect();
        Ok(())
    }
}
