//! Each new revision up, down and up again from its parent, with the comparison at each stair, on a
//! database of its own: the official steps stay as they are.
//!
//! One process of Alembic climbs the chain once. A stair that goes wrong leaves the database where
//! no next stair can be trusted, so those after it start on a fresh one.

use std::collections::BTreeSet;

use anyhow::Result;

use super::chain::{Stair, below};
use super::climb::Climb;
use super::filled::{Filled, Rows};
use super::live::{Live, Outcome, list};
use super::reversal::Way;
use crate::drivers::postgres::aside;
use analysis::rows;
use model::code::{self, Severity};
use model::event::timed;
use model::finding::Finding;
use model::rows::Contents;
use model::schema::Schema;
use model::transcript::{End, Statement};

/// How much of what goes with added columns is told.
const TOLD: usize = 4;

/// What another environment is, at the end of a sentence.
pub(super) const ELSEWHERE: &str =
    "in another time zone and locale, on another day, with another hash seed";

impl<'a> Live<'a> {
    /// Climbs the stairs, on a database of its own.
    pub(super) fn stairway(
        &mut self,
        stairs: &[String],
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let stairs: BTreeSet<&str> = stairs.iter().map(String::as_str).collect();
        self.elsewhere(seen, |live, climb, seen| {
            let mut outcome = Outcome::default();
            for stair in climb.chain.clone() {
                if stairs.contains(stair.revision.as_str()) {
                    let findings = live.stair(climb, &stair, seen)?;
                    let wrong = findings.iter().any(|f| f.code.severity == Severity::Error);
                    outcome.findings.extend(findings);
                    if wrong && live.keep {
                        outcome.notes.push(live.keep_stairs(climb, &stair.revision));
                        break;
                    }
                    // What stands on a revision that cannot be applied cannot be reached.
                    if wrong && !live.start_again(climb, &stair, seen)? {
                        break;
                    }
                } else if live.is_milestone(&stair.revision)
                    && let Some(failed) = live.climb_to(climb, &stair.revision, seen)?
                {
                    outcome.findings.push(failed);
                    break;
                }
            }
            if outcome.error().is_none() {
                outcome.findings.extend(live.once_more_elsewhere(climb, seen)?);
            }
            let (looks, seconds) = (climb.looks, climb.looking.as_secs_f64());
            outcome.notes.push(format!("looked at the schema {looks} times, in {seconds:.2} s"));
            outcome.notes.extend(told_gone(&climb.gone));
            Ok(outcome)
        })
    }

    /// The head on tables with rows, on a copy of the tree's database, which stands below it: what the
    /// stairway does, where only the head is new and there is none.
    pub(super) fn head_on_rows(
        &mut self,
        head: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let there = self.tables_of(&mut self.watch.borrow_mut(), head)?;
        if !there.iter().any(|table| table.touched) {
            return Ok(Outcome::default());
        }
        if self.declared_irreversible(head).is_none() && !self.changes_roles(head) {
            return self.on_a_copy(head, seen, |live, climb, seen| {
                climb.tables = Some(there);
                live.stair_of(climb, head, seen)
            });
        }
        // The tree's database still stands at the head, which was not taken down; or a copy would share
        // with it the roles that the head makes and drops.
        self.head_on_rows_elsewhere(head, seen)
    }

    /// The same on a database that begins empty.
    pub(super) fn head_on_rows_elsewhere(
        &mut self,
        head: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let work = |live: &mut Self, climb: &mut Climb<'a>, seen: &mut Vec<Statement>| {
            live.stair_of(climb, head, seen)
        };
        let mut outcome = self.elsewhere(seen, work)?;
        outcome.findings.retain(|finding| finding.code != &code::IRREVERSIBLE_DECLARED);
        Ok(outcome)
    }

    /// The same on the copy that is there; `None` where it goes wrong, unless it ran past its time.
    pub(super) fn head_on_copied_rows(
        &mut self,
        head: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Outcome>> {
        self.on_a_copy(head, seen, |live, climb, seen| {
            let there = live.tables_of(&mut climb.watch, head)?;
            let stair = climb.chain.iter().find(|stair| stair.revision == head).cloned();
            let Some(stair) = stair.filter(|_| there.iter().any(|table| table.touched)) else {
                return Ok(Some(Outcome::default()));
            };
            climb.tables = Some(there);
            let notes = |climb: &Climb<'a>| told_gone(&climb.gone);
            let ended = |finding: &Finding| finding.transcript.as_ref().map(|said| said.end);
            Ok(match live.round_trip(climb, &stair, Rows::All, seen)? {
                Trip::Went(findings) => {
                    let outcome = Outcome { findings, notes: notes(climb) };
                    Some(outcome).filter(|outcome| outcome.error().is_none())
                }
                // Nothing beside it makes it wait, and it is not waited for twice.
                Trip::Broke { failed, .. } if ended(&failed) == Some(End::TimedOut) => {
                    Some(Outcome { findings: vec![*failed], notes: notes(climb) })
                }
                Trip::Broke { .. } => None,
            })
        })
    }

    fn stair_of(
        &mut self,
        climb: &mut Climb<'a>,
        head: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let stair = climb.chain.iter().find(|stair| stair.revision == head).cloned();
        let findings = stair.map_or(Ok(Vec::new()), |stair| self.stair(climb, &stair, seen))?;
        Ok(Outcome { findings, notes: told_gone(&climb.gone) })
    }

    /// The whole chain once more in another environment: it must give the same schema.
    fn once_more_elsewhere(
        &mut self,
        climb: &mut Climb<'a>,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        let head = self.heads().and_then(|heads| heads.into_iter().next());
        let (Some(head), Some(elsewhere)) = (head, self.elsewhere.take()) else {
            return Ok(Vec::new());
        };
        if let Some(failed) = self.climb_to(climb, &head, seen)? {
            return Ok(vec![failed]);
        }
        let expected = Self::look(climb)?;
        self.fresh(climb)?;
        let first = self.memory.statements.len();
        let mut other = self.alembic.through(elsewhere)?;
        std::mem::swap(self.alembic, &mut other);
        let reached = self.climb_to(climb, &head, seen);
        let ended = if climb.walking { self.alembic.end_walk() } else { Ok(()) };
        climb.walking = false;
        std::mem::swap(self.alembic, &mut other);
        if let Some(failed) = reached? {
            let message = format!("{}, {ELSEWHERE}", failed.message);
            return Ok(vec![Finding { message, ..failed }]);
        }
        ended?;
        let found = Self::look(climb)?;
        Ok(self.judge_environment(&expected, &found, first))
    }

    /// The schema that the parents of the head make, where `upgrade head` did not show it.
    pub(super) fn schema_before_head(
        &mut self,
        parents: &[String],
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Schema>> {
        self.elsewhere(seen, |live, climb, seen| {
            for parent in parents {
                if live.climb_to(climb, parent, seen)?.is_some() {
                    return Ok(None);
                }
            }
            let mut schema = Self::look(climb)?;
            aside::leave_out(&mut schema);
            Ok(Some(schema))
        })
    }

    /// One revision up, down and up again, on tables with rows. Where that fails, it is tried on empty
    /// tables, and where it passes there, on rows that anybody could have written: so it is known
    /// whether rows are to blame, and which.
    pub(super) fn stair(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        if self.holds_what_is_none_of_ours(climb, &stair.revision)
            && let Some(failed) = self.back_to_parents(climb, stair, seen)?
        {
            return Ok(vec![failed]);
        }
        let (first, made) = match self.round_trip(climb, stair, Rows::All, seen)? {
            Trip::Went(findings) => return Ok(findings),
            Trip::Broke { failed, rows } => (failed, rows),
        };
        let raised = first.transcript.as_ref().is_some_and(|said| said.end == End::Raised);
        if !made || !raised || first.code.infrastructure {
            return Ok(vec![*first]);
        }
        if let Some(failed) = self.back_to_parents(climb, stair, seen)? {
            return Ok(vec![failed]);
        }
        let mut findings = match self.round_trip(climb, stair, Rows::None, seen)? {
            Trip::Went(findings) => findings,
            Trip::Broke { failed, .. } => return Ok(vec![*failed]),
        };
        if let Some(failed) = self.back_to_parents(climb, stair, seen)? {
            return Ok(vec![failed]);
        }
        match self.round_trip(climb, stair, Rows::Plain, seen)? {
            Trip::Broke { failed, .. } => {
                findings.push(self.blamed_on_rows(climb, stair, *failed, seen)?);
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
        Ok(findings)
    }

    /// A database that has everything below a stair and none of the rows that were made.
    pub(super) fn back_to_parents(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        self.fresh(climb)?;
        self.climb_to_parents(climb, stair, seen)
    }

    fn climb_to_parents(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Finding>> {
        for parent in stair.parents.iter().chain(&stair.requires) {
            if let Some(failed) = self.climb_to(climb, parent, seen)? {
                return Ok(Some(failed));
            }
        }
        Ok(None)
    }

    fn round_trip(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        which: Rows,
        seen: &mut Vec<Statement>,
    ) -> Result<Trip> {
        let revision = stair.revision.as_str();
        if let Some(failed) = self.climb_to_parents(climb, stair, seen)? {
            return Ok(Trip::Went(vec![failed]));
        }
        let filled = timed(self.tell, &self.tree.label, "  filling tables", || {
            self.fill(climb, revision, which)
        })?;
        let broke = |failed: Finding| {
            Ok(Trip::Broke { failed: Box::new(failed), rows: !filled.touched.is_empty() })
        };
        let before = Self::look_unless_proved(climb)?;
        let version = self.version_at(climb)?;
        if let Some(failed) = self.climb_to(climb, revision, seen)? {
            return broke(failed);
        }
        let between = Self::look_unless_proved(climb)?;
        if let Some(note) = self.declared_irreversible(revision) {
            return Ok(Trip::Went([filled.notes, vec![note]].concat()));
        }
        let held = self.contents(climb, &filled)?;
        let target = below(stair, &self.version_at(climb)?);
        if let Err(failed) = self.walk(climb, "downgrade", &target, seen)? {
            return broke(self.diagnose(*failed));
        }
        let found = self.version_at(climb)?;
        if found != version {
            return Ok(Trip::Went(vec![not_where_asked(revision, &found, &version)]));
        }
        let mut findings = Vec::new();
        if let (Some(before), Some(between)) = (&before, &between) {
            let after = Self::look(climb)?;
            findings = self.judge(revision, before, &after, Some(between), Way::Down);
            let rows = climb.supplied;
            let lost = climb.watch.ask(|session| self.lost_supplies(revision, session, rows))?;
            findings.extend(lost);
        }
        let wrong = findings.iter().any(|finding| finding.code.severity == Severity::Error);
        let left = self.contents(climb, &filled)?;
        findings.extend(self.judge_rows(revision, &filled, &held, &left));
        if !wrong {
            // Else what the second upgrade would meet is only what the downgrade left.
            if let Err(failed) = self.walk(climb, "upgrade", revision, seen)? {
                return broke(self.diagnose(*failed));
            }
            if let Some(between) = &between {
                let again = Self::look(climb)?;
                findings.extend(self.judge(revision, between, &again, None, Way::UpAgain));
            }
            self.note_rows(climb, revision, &filled, &held)?;
        }
        Ok(Trip::Went([filled.notes, findings].concat()))
    }

    /// Remembers what the second upgrade did to the rows.
    fn note_rows(
        &self,
        climb: &mut Climb<'a>,
        revision: &str,
        filled: &Filled,
        held: &Contents,
    ) -> Result<()> {
        let now = self.contents(climb, filled)?;
        // What the revision emptied is given rows again before the next one.
        climb.filled.retain(|table, _| now.get(table).is_none_or(|held| !held.rows.is_empty()));
        let gone = rows::gone_with_columns(&filled.before, held, &now);
        climb.gone.extend(gone.into_iter().map(|what| format!("{revision} {what}")));
        Ok(())
    }

    /// The schema; `None` on a copy, where the official steps have shown that it is brought back.
    fn look_unless_proved(climb: &mut Climb<'a>) -> Result<Option<Schema>> {
        if climb.copied.is_some() { Ok(None) } else { Self::look(climb).map(Some) }
    }
}

/// The downgrade ended somewhere else than where the upgrade began.
fn not_where_asked(revision: &str, found: &[String], expected: &[String]) -> Finding {
    let message = format!(
        "the downgrade of revision {revision} ended well, but the version table holds {}, expected {}",
        list(found),
        list(expected)
    );
    let revision = Some(revision.to_owned());
    Finding { revision, ..Finding::new(&code::NOT_AS_ASKED, message) }
}

/// Lines about what goes with the columns that revisions added, where there is anything.
fn told_gone(gone: &[String]) -> Vec<String> {
    if gone.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["goes with the columns that were added:".to_owned()];
    lines.extend(gone.iter().take(TOLD).map(|what| format!("  {what}")));
    let more = gone.len().saturating_sub(TOLD);
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    lines
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
