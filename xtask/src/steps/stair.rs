//! Stair: one revision up, down and up again on a copy of the database.

use anyhow::Result;

use super::context::TreeRun;
use super::done_before::is_done_before;
use super::fixtures::{FixtureSet, Fixtures};
use super::gone::dropped_between;
use super::lane::{Lane, StairEnvironment, not_where_asked};
use super::revisions::RevisionNode;
use super::round_trip::{ComparedDirection, LABEL_STAYS};
use crate::os::tree_files;
use analysis::script::Script;
use analysis::{rows, schema_diff, words};
use model::code::{self, Severity};
use model::event::timed;
use model::finding::Finding;
use model::rows::{Contents, Table};
use model::schema::Schema;
use model::transcript::{Direction, End, Statement, Transcript};

/// Findings of a stair, and why it was not tried to its end.
#[derive(Default)]
pub(super) struct StairFindings {
    pub(super) findings: Vec<Finding>,
    pub(super) untried: Option<String>,
}

impl StairFindings {
    fn of(findings: Vec<Finding>) -> StairFindings {
        let declared = findings.iter().any(|f| f.code == &code::IRREVERSIBLE_DECLARED);
        let done = findings.iter().any(is_done_before);
        let untried = match (declared, done) {
            (true, _) => Some("it is declared to have no way back"),
            (_, true) => Some("an earlier revision does its work on an empty database"),
            (false, false) => None,
        };
        StairFindings { findings, untried: untried.map(str::to_owned) }
    }
}

/// Result of taking a revision up, down and up again.
pub(super) enum RoundTrip {
    /// Both ways went, with these findings.
    Went(Vec<Finding>),
    /// A way up or down failed.
    Broke {
        failed: Box<Finding>,
        /// The tables that the revision touches, as they were before.
        touched: Vec<Table>,
    },
}

impl Lane<'_> {
    /// A finding of the time that ran out, at the stair where it did, unless a revision was at work.
    pub(super) fn at_stair(&self, revision: &str, found: Finding) -> Finding {
        match found.revision {
            None if found.code == &code::TIMED_OUT => self.tree_run.about(revision, &[], found),
            _ => found,
        }
    }

    /// One revision up, down and up again, on tables with rows. If that fails, it is tried on empty
    /// tables, and if it passes there, on plain rows. So the gate knows whether rows are the cause,
    /// and which.
    pub(super) fn stair(
        &mut self,
        stair: &RevisionNode,
        seen: &mut Vec<Statement>,
    ) -> Result<StairFindings> {
        let (first, touched) = match self.round_trip(stair, FixtureSet::All, seen)? {
            RoundTrip::Went(findings) => return Ok(StairFindings::of(findings)),
            RoundTrip::Broke { failed, touched } => (failed, touched),
        };
        if let Some(note) = self.needed_by_ladder(&first, &stair.revision) {
            let untried = Some(note.message.clone());
            return Ok(StairFindings { findings: vec![note], untried });
        }
        let said = first.transcript.as_deref();
        let raised = said.is_some_and(|said| said.end == End::Raised);
        // A loop over the days between two rows takes all memory if they lie far apart.
        let exhausted = said.and_then(Transcript::sqlstate).is_some_and(|s| s.starts_with("53"));
        if touched.is_empty() || !raised || (first.code.infrastructure && !exhausted) {
            return Ok(StairFindings::of(vec![*first]));
        }
        let (empty, breaks_down) = match self.round_trip(stair, FixtureSet::None, seen)? {
            RoundTrip::Went(findings) => (findings, false),
            // The downgrade fails in any case, and the upgrade on some rows.
            RoundTrip::Broke { failed, .. } if goes_up(&first) && !goes_up(&failed) => {
                (vec![*failed], true)
            }
            RoundTrip::Broke { failed, .. } => return Ok(StairFindings::of(vec![*failed])),
        };
        let mut findings = match self.round_trip(stair, FixtureSet::Plain, seen)? {
            RoundTrip::Went(findings) => {
                let of_extremes = self.blamed_on_extremes(stair, (*first, &touched), seen)?;
                [findings, vec![of_extremes]].concat()
            }
            RoundTrip::Broke { failed, .. } if breaks_down && !goes_up(&failed) => {
                [empty, vec![self.blamed_on_extremes(stair, (*first, &touched), seen)?]].concat()
            }
            RoundTrip::Broke { failed, touched } => {
                match self.on_named_values(stair, (failed, touched.clone()), seen)? {
                    Ok(findings) => findings,
                    Err((failed, _)) if failed.code.infrastructure => vec![*failed],
                    Err((failed, _)) if breaks_down && !goes_up(&failed) => empty,
                    Err((failed, why)) => {
                        let of_rows = self.blamed_on_rows(stair, (*failed, &touched), why, seen)?;
                        [empty, vec![of_rows]].concat()
                    }
                }
            }
        };
        for finding in findings.iter_mut().filter(|it| it.code == &code::DUPLICATES_IN_ROWS) {
            self.name_colliding(&stair.revision, finding)?;
            self.name_further(&stair.revision, finding, seen)?;
        }
        self.trial.named.clear();
        Ok(StairFindings::of(findings))
    }

    /// A note where a role could not be dropped only because the database that the trial was copied from
    /// needs it too: that says nothing of the revision, which the steps have run.
    fn needed_by_ladder(&self, failed: &Finding, revision: &str) -> Option<Finding> {
        let said = failed.transcript.as_deref()?;
        let named = format!("in database {}", self.ladder.database);
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
    pub(super) fn round_trip(
        &mut self,
        stair: &RevisionNode,
        which: FixtureSet,
        seen: &mut Vec<Statement>,
    ) -> Result<RoundTrip> {
        let (revision, trial) = (stair.revision.as_str(), self.trial.database.clone());
        self.clear_trial_of_roles()?;
        self.copy(None, &trial)?;
        self.tree_run.statements.truncate(self.ladder.climbed);
        let (tell, label) = (self.context().tell, self.context().tree.label.clone());
        let filled = timed(tell, &label, "  filling tables", || self.fill(revision, which))?;
        let broke = |failed: Finding| {
            Ok(RoundTrip::Broke { failed: Box::new(failed), touched: filled.touched.clone() })
        };
        let (before, version) = (self.look()?, self.version()?);
        if let Err(failed) =
            self.run(("upgrade", revision), &trial, StairEnvironment::Here, seen)?
        {
            return broke(*failed);
        }
        let between = self.look()?;
        if let Some(note) = self.tree_run.declared_irreversible(revision) {
            return Ok(RoundTrip::Went([filled.notes, vec![note]].concat()));
        }
        let held = self.contents(&filled)?;
        let (version_above, began_down) = (self.version()?, self.tree_run.statements.len());
        let target = self.tree_run.down_from(revision, &version_above);
        if let Err(failed) =
            self.run(("downgrade", &target), &trial, StairEnvironment::Here, seen)?
        {
            return broke(*failed);
        }
        let found = self.version()?;
        if found != version {
            return Ok(RoundTrip::Went(vec![not_where_asked(revision, &found, &version)]));
        }
        let after = self.look()?;
        let way = [&before, &between, &after].map(Vec::as_slice);
        let mut findings = self.judge_way_down(revision, way, (&filled, &held), began_down)?;
        let is_wrong = |f: &&Finding| f.code.severity == Severity::Error || is_done_before(f);
        let wrong: Vec<&Finding> = findings.iter().filter(is_wrong).collect();
        if wrong.iter().all(|f| f.message.contains(LABEL_STAYS)) {
            let stays = !wrong.is_empty();
            match self.up_again(revision, &between, seen)? {
                Ok(differences) => {
                    findings.iter_mut().for_each(accept_label);
                    if differences.is_empty() {
                        self.note_rows(&filled, &held)?;
                    }
                    findings.extend(differences);
                }
                Err(_) if stays => {}
                Err(failed) => return broke(*failed),
            }
        } else if wrong.iter().all(|f| f.code == &code::REMAINS) {
            // It meets what the downgrade has left behind; only its error is of use.
            let upgrade = ("upgrade", revision);
            let again = self.run(upgrade, &trial, StairEnvironment::Here, seen)?;
            again.err().iter().for_each(|failed| tell_second(&mut findings, failed));
        }
        Ok(RoundTrip::Went([filled.notes, findings].concat()))
    }

    /// Findings about what the way down left, of the schema and of rows.
    fn judge_way_down(
        &mut self,
        revision: &str,
        [before, between, after]: [&[Schema]; 3],
        (filled, held): (&Fixtures, &Contents),
        began: usize,
    ) -> Result<Vec<Finding>> {
        self.trial.gone.homes = dropped_between(between, after);
        let mut findings =
            self.tree_run.judge(revision, before, after, ComparedDirection::Down(between));
        let (tree_run, rows) = (&self.tree_run, self.ladder.supplied);
        findings.extend(
            self.trial.reader.ask(|session| tree_run.lost_supplies(revision, session, rows))?,
        );
        let left = self.contents(filled)?;
        // Of another type, a value is written in another way; that has a finding of its own.
        let retyped = schema_diff::retyped(before, after);
        let not_null = schema_diff::filled(before, between);
        let (columns, contents) = ([&retyped, &not_null], (filled, held, &left));
        let (mut lost, deleted) = self.judge_rows(revision, contents, columns, began)?;
        // A revision that corrects rows, and has nothing to take back.
        if before == between && *held == left {
            lost.iter_mut().for_each(|loss| loss.severity = Some(Severity::Note));
        }
        let own_table = &self.tree_run.alembic.version_table.name;
        let is_own = |ran: &Statement| {
            ran.revision.as_deref() == Some(revision) && !ran.sql.contains(own_table)
        };
        let does_nothing = !self.tree_run.statements[began..].iter().any(is_own);
        // A downgrade that runs nothing is one cause, of lost rows too.
        let first = findings.iter_mut().find(|f| f.code.severity == Severity::Error);
        if let Some(first) = first.filter(|_| does_nothing) {
            let of_rows = lost.extract_if(.., |f| f.code == &code::DATA_LOST);
            first.also.extend(of_rows.map(|lost| lost.message));
            let words = self.tree_run.words_of_downgrade(revision);
            words.into_iter().for_each(|words| heed(&mut findings, &words));
        }
        findings.extend(lost);
        self.trial.gone.dropped = rows::gone_with_drops(&filled.before, held, &left);
        self.trial.gone.dropped.extend(deleted);
        Ok(findings)
    }

    /// The second upgrade, in another environment: the schema must be the one of the first. Where it is
    /// another one, or the upgrade fails, a fresh copy tells whether the environment is to blame.
    fn up_again(
        &mut self,
        revision: &str,
        between: &[Schema],
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<Vec<Finding>, Box<Finding>>> {
        let (trial, second) = (self.trial.database.clone(), self.tree_run.statements.len());
        let upgrade = ("upgrade", revision);
        let again = self.run(upgrade, &trial, StairEnvironment::Elsewhere, seen)?;
        let found = match &again {
            Ok(()) => Some(self.look()?),
            Err(_) => None,
        };
        if let Some(found) = &found {
            let differs = self.tree_run.judge(revision, between, found, ComparedDirection::UpAgain);
            if differs.iter().all(|finding| finding.code.severity == Severity::Note) {
                return Ok(Ok(differs));
            }
        }
        let copy = format!("{trial}_anew");
        self.clear_trial_of_roles()?;
        self.copy(None, &copy)?;
        let anew = self.run(upgrade, &copy, StairEnvironment::Elsewhere, seen)?;
        let looked = match anew {
            Ok(()) => self.look_at(&copy).map(Some),
            Err(_) => Ok(None),
        };
        self.drop(&copy)?;
        let elsewhere = self.elsewhere.described.clone();
        Ok(match (again, found, looked?) {
            (Err(failed), _, None) => {
                let message = format!("{}, {elsewhere}", failed.message);
                Err(Box::new(Finding { message, ..*failed }))
            }
            (Err(failed), ..) => Err(failed),
            // A difference between two runs in one environment is not caused by the environment.
            (Ok(()), Some(found), Some(anew)) if anew == between || anew != found => {
                Ok(self.tree_run.judge(revision, between, &found, ComparedDirection::UpAgain))
            }
            (Ok(()), found, _) => {
                let found = found.unwrap_or_default();
                Ok(self.tree_run.judge_environment(between, &found, (second, &elsewhere)))
            }
        })
    }

    /// Remembers the values that the second upgrade did not bring back.
    fn note_rows(&mut self, filled: &Fixtures, held: &Contents) -> Result<()> {
        let now = self.contents(filled)?;
        self.trial.gone.added = rows::gone_with_columns(&filled.before, held, &now);
        Ok(())
    }
}

/// Makes a note of a label that stays, where the second upgrade went all the same.
fn accept_label(finding: &mut Finding) {
    if finding.message.contains(LABEL_STAYS) {
        finding.message = finding.message.replace(LABEL_STAYS, "; the second upgrade accepts it");
        (finding.code, finding.edit) = (&code::KEPT, None);
    }
}

/// Adds the error of the second upgrade to the finding about what the downgrade leaves behind.
fn tell_second(findings: &mut [Finding], failed: &Finding) {
    let said = failed.transcript.as_deref().and_then(Transcript::headline);
    let remains = findings.iter_mut().find(|finding| finding.code == &code::REMAINS);
    if let (Some(remains), Some(said)) = (remains, said) {
        remains.also.push(format!("the second upgrade fails: {said}"));
    }
}

impl TreeRun<'_> {
    /// What the author of a downgrade that does nothing wrote into it.
    fn words_of_downgrade(&self, revision: &str) -> Option<String> {
        let (file, text) = (self.file_of(revision)?, self.text_of(revision)?);
        let template = tree_files::template(file.parent()?).unwrap_or_default();
        let (script, _) = Script::read(&self.context.relative(file), text.as_bytes());
        words::of_downgrade(&script?, &template)
    }
}

/// Offers the directive in place of statements, where a downgrade that does nothing has words of its author.
fn heed(findings: &mut [Finding], words: &str) {
    for finding in findings.iter_mut().filter(|it| it.code.severity == Severity::Error) {
        (finding.lacks, finding.edit) = (Vec::new(), None);
        finding.own_steps = vec![
            format!(
                "`downgrade()` says `{words}`: where that means that there is no way back, say so to the \
                 gate as well: `# migration-gate: irreversible, REASON`"
            ),
            "else make `downgrade()` undo what `upgrade()` does, in reverse order".to_owned(),
        ];
    }
}

/// Whether it was the upgrade that failed.
fn goes_up(failed: &Finding) -> bool {
    failed.direction() == Some(Direction::Upgrade)
}
