//! Each new revision up, down and up again from its parent, with the comparison at each stair, on a
//! database of its own: the official steps stay as they are.
//!
//! One process of Alembic climbs the chain once. A stair that goes wrong leaves the database where
//! no next stair can be trusted, so those after it start on a fresh one.

use std::collections::BTreeSet;

use anyhow::Result;

use super::chain::{Stair, below};
use super::climb::Climb;
use super::live::{Live, Outcome};
use super::reversal::Way;
use crate::drivers::postgres::aside;
use crate::model::code::{self, Severity};
use crate::model::finding::Finding;
use crate::model::schema::Schema;
use crate::model::transcript::Statement;

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
        self.elsewhere(seen, |live, climb, database, seen| {
            let mut outcome = Outcome::default();
            for stair in climb.chain.clone() {
                if stairs.contains(stair.revision.as_str()) {
                    let findings = live.stair(climb, &stair, database, seen)?;
                    let wrong = findings.iter().any(|f| f.code.severity == Severity::Error);
                    outcome.findings.extend(findings);
                    if wrong && live.keep {
                        outcome.notes.push(live.keep_stairs(climb, database, &stair.revision));
                        break;
                    }
                    // What stands on a revision that cannot be applied cannot be reached.
                    if wrong && !live.start_again(climb, &stair, database, seen)? {
                        break;
                    }
                } else if live.is_milestone(&stair.revision)
                    && let Some(failed) = live.climb_to(climb, &stair.revision, database, seen)?
                {
                    outcome.findings.push(failed);
                    break;
                }
            }
            if outcome.error().is_none() {
                outcome.findings.extend(live.once_more_elsewhere(climb, database, seen)?);
            }
            let (looks, seconds) = (climb.looks, climb.looking.as_secs_f64());
            outcome.notes.push(format!("looked at the schema {looks} times, in {seconds:.2} s"));
            Ok(outcome)
        })
    }

    /// The whole chain once more in another environment: it must give the same schema.
    fn once_more_elsewhere(
        &mut self,
        climb: &mut Climb<'a>,
        database: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        let head = self.heads().and_then(|heads| heads.into_iter().next());
        let (Some(head), Some(elsewhere)) = (head, self.elsewhere.take()) else {
            return Ok(Vec::new());
        };
        if let Some(failed) = self.climb_to(climb, &head, database, seen)? {
            return Ok(vec![failed]);
        }
        let expected = Self::look(climb)?;
        self.fresh(climb, database)?;
        let first = self.memory.statements.len();
        let mut other = self.alembic.through(elsewhere)?;
        std::mem::swap(self.alembic, &mut other);
        let reached = self.climb_to(climb, &head, database, seen);
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
        self.elsewhere(seen, |live, climb, database, seen| {
            for parent in parents {
                if live.climb_to(climb, parent, database, seen)?.is_some() {
                    return Ok(None);
                }
            }
            let mut schema = Self::look(climb)?;
            aside::leave_out(&mut schema);
            Ok(Some(schema))
        })
    }

    /// One revision up, down and up again.
    fn stair(
        &mut self,
        climb: &mut Climb<'a>,
        stair: &Stair,
        database: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Vec<Finding>> {
        let revision = stair.revision.as_str();
        for parent in stair.parents.iter().chain(&stair.requires) {
            if let Some(failed) = self.climb_to(climb, parent, database, seen)? {
                return Ok(vec![failed]);
            }
        }
        let before = Self::look(climb)?;
        let version = self.version_at(climb)?;
        if let Some(failed) = self.climb_to(climb, revision, database, seen)? {
            return Ok(vec![failed]);
        }
        let between = Self::look(climb)?;
        if let Some(note) = self.declared_irreversible(revision) {
            return Ok(vec![note]);
        }
        let target = below(stair, &self.version_at(climb)?);
        if let Err(failed) = self.walk(climb, "downgrade", &target, seen)? {
            return Ok(vec![self.diagnose(*failed)]);
        }
        let found = self.version_at(climb)?;
        if found != version {
            let message = format!(
                "the downgrade of revision {revision} ended well, but the version table holds {}, \
                 expected {}",
                found.join(", "),
                version.join(", ")
            );
            let revision = Some(revision.to_owned());
            return Ok(vec![Finding { revision, ..Finding::new(&code::NOT_AS_ASKED, message) }]);
        }
        let after = Self::look(climb)?;
        let mut findings = self.judge(revision, &before, &after, Some(&between), Way::Down);
        let supplied = climb.supplied;
        let lost = climb.watch.ask(|session| self.lost_supplies(revision, session, supplied))?;
        findings.extend(lost);
        if findings.iter().any(|finding| finding.code.severity == Severity::Error) {
            // What the second upgrade would meet is only what the downgrade left.
            return Ok(findings);
        }
        if let Err(failed) = self.walk(climb, "upgrade", revision, seen)? {
            findings.push(self.diagnose(*failed));
            return Ok(findings);
        }
        let again = Self::look(climb)?;
        findings.extend(self.judge(revision, &between, &again, None, Way::UpAgain));
        Ok(findings)
    }
}
