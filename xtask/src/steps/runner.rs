//! Runner of steps, the one place with control flow: it skips the steps that depend on a failed
//! one.
//!
//! A dry run records the steps without running them, so that a tree's steps are written down once:
//! in its recipe.

mod extra;

use std::time::{Duration, Instant};

use anyhow::Result;

use super::context::{ExpectedVersions, StepOutcome, TreeRun};
use super::gone::told_lost;
use super::known::doubt;
use super::stairway::{self, StairResult, of_head};
use super::tree_context::TreeContext;
use crate::alembic::{Alembic, Description};
use crate::os::interrupt::Interrupted;
use analysis::diagnosis;
use model::code;
use model::event::Event;
use model::finding::Finding;
use model::production::Seen;
use model::stairs::Stairs as Outcomes;
use model::start::KnownStart;
use model::step::{Status, Step};
use model::supply::{Given, Role, Row, Supply, SupplyChange};
use model::transcript::Statement;

/// Runner of the steps of one tree, in the order in which a recipe calls it.
#[derive(Default)]
pub struct StepRunner<'a> {
    label: String,
    /// `None`: a dry run, which records the steps and runs nothing.
    tree_run: Option<TreeRun<'a>>,
    options: RunnerOptions<'a>,
    done: TreeSteps,
    /// The first step that failed: steps that depend on it are skipped.
    blocked_by: Option<String>,
    /// Where the upgrade stands so far.
    reached: Option<String>,
    /// Whether everything that comes before `upgrade head` was done, so that stairs can be tried
    /// even if a later step fails.
    is_supplied: bool,
}

/// Differences of one run of the steps from the recipe alone.
#[derive(Clone, Copy, Default)]
struct RunnerOptions<'a> {
    supplies: SupplyChange<'a>,
    /// The stairs; `None`: none is tried.
    stairs: Option<StairwayStep<'a>>,
    /// Where the database stands already.
    known: Option<&'a KnownStart>,
    /// Whether nothing comes after the way up.
    only_up: bool,
}

/// Wait for the stairs. It takes the graph as the way up showed it: some can be read only after env.py
/// has run.
pub type WaitForStairs<'a> = dyn Fn(Option<&Description>) -> Result<Vec<StairResult>> + 'a;

/// Stairway of a tree, as its steps see it.
#[derive(Clone, Copy)]
pub struct StairwayStep<'a> {
    /// How many there are.
    pub count: usize,
    /// Whether they are a step of their own; else the round trip reports the one stair.
    pub is_step: bool,
    /// Waits until all have been tried.
    pub wait: &'a WaitForStairs<'a>,
}

/// Steps of one tree with their outcome.
#[derive(Default)]
pub struct TreeSteps {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Every statement that the migrations ran.
    pub statements: Vec<Statement>,
    /// Those of the first way up to the head.
    pub way_up: Vec<Statement>,
    /// The results of the stairs, where they were waited for.
    pub stairs: Option<Outcomes>,
    /// The supplies, with their places in the chain.
    pub given: Vec<Given>,
    /// Observations of the new revisions on a database in use.
    pub production: Vec<Seen>,
    /// The Alembic that ran it.
    pub alembic: Option<Alembic>,
}

/// State that a step depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dependency {
    /// The database as the steps before it left it.
    Database,
    /// The supplies of the recipe before `upgrade head`, and databases of its own.
    Supplies,
    /// The files of the tree alone.
    Files,
}

impl<'a> StepRunner<'a> {
    /// Steps that are run.
    pub fn new(tree_run: TreeRun<'a>) -> StepRunner<'a> {
        let label = tree_run.context.tree.label.clone();
        StepRunner { tree_run: Some(tree_run), ..StepRunner::dry_run(&label) }
    }

    /// Steps that are only recorded, for their names.
    pub fn dry_run(label: &str) -> StepRunner<'a> {
        StepRunner { label: label.to_owned(), ..StepRunner::default() }
    }

    /// The same without some supplies, whose steps are not there at all, and with others, as if the
    /// recipe were written so. No recipe has to change for a trial of it.
    pub fn with_supplies(mut self, change: SupplyChange<'a>) -> StepRunner<'a> {
        self.options.supplies = change;
        self
    }

    /// The same with stairs.
    pub fn with_stairs(mut self, stairs: Option<StairwayStep<'a>>) -> StepRunner<'a> {
        self.options.stairs = stairs;
        self
    }

    /// The same on a database that stands somewhere already.
    pub fn with_known(mut self, known: Option<&'a KnownStart>) -> StepRunner<'a> {
        if let (Some(tree_run), Some(known)) = (&mut self.tree_run, known) {
            tree_run.statements.clone_from(&known.statements);
            tree_run.version.clone_from(&known.at);
            tree_run.alembic.version_table = known.table.clone();
            self.done.way_up.clone_from(&known.statements);
        }
        self.options.known = known;
        self
    }

    /// Outcome of the steps.
    pub fn finish(self) -> TreeSteps {
        TreeSteps { alembic: self.tree_run.map(|tree_run| tree_run.alembic), ..self.done }
    }

    /// `alembic upgrade REVISION`, on the way to something that must happen there.
    pub fn upgrade(&mut self, revision: &str, why: &str) -> Result<()> {
        self.reached = Some(revision.to_owned());
        let before = self.done.statements.len();
        let ran = self.step(
            &format!("alembic upgrade to {revision} ({why})"),
            Dependency::Database,
            |tree_run, seen| {
                let expected = ExpectedVersions::Exactly(vec![revision.to_owned()]);
                tree_run.before_seed = true;
                let outcome = tree_run.run_alembic("upgrade", revision, &expected, seen);
                tree_run.before_seed = false;
                outcome
            },
        );
        self.done.way_up.extend_from_slice(&self.done.statements[before..]);
        ran
    }

    fn is_left_out(&self, supply: &str) -> bool {
        self.options.supplies.without.iter().any(|name| name == supply)
    }

    /// Inserts a row that production has, and sees that it is there.
    pub fn seed(&mut self, row: &Row) -> Result<()> {
        if self.is_left_out(row.name) {
            return Ok(());
        }
        self.do_seed(row)
    }

    fn do_seed(&mut self, row: &Row) -> Result<()> {
        let what = format!("seed {} (required by {})", row.name, row.required_by);
        self.give(&what, Supply::Row(*row));
        self.step(&what, Dependency::Database, |tree_run, _| tree_run.seed(row))
    }

    /// Creates a role that production has, and sees that it is there and cannot log in.
    pub fn create_role(&mut self, role: &Role) -> Result<()> {
        if self.is_left_out(role.name) {
            return Ok(());
        }
        self.do_create_role(role)
    }

    fn do_create_role(&mut self, role: &Role) -> Result<()> {
        let what = format!("create {} role (required by {})", role.name, role.required_by);
        self.give(&what, Supply::Role(*role));
        self.step(&what, Dependency::Database, |tree_run, _| tree_run.create_role(role))
    }

    /// The steps that every tree has: up, one head, down, up again, and each new revision so.
    pub fn round_trip(&mut self) -> Result<()> {
        self.seed_extra_rows()?;
        self.upgrade_head()?;
        self.assert_single_head()?;
        if self.options.only_up {
            return Ok(());
        }
        self.downgrade_one()?;
        self.upgrade_head_again()?;
        self.stairway()
    }

    /// `alembic upgrade head`.
    pub fn upgrade_head(&mut self) -> Result<()> {
        let before = self.done.statements.len();
        self.is_supplied = self.blocked_by.is_none();
        let ran = self.step("alembic upgrade head", Dependency::Database, |tree_run, seen| {
            tree_run.upgrade_head(seen)
        });
        self.done.way_up.extend_from_slice(&self.done.statements[before..]);
        // A step that used up the time would do so again.
        self.is_supplied &= !self.done.findings.iter().any(|found| found.code == &code::TIMED_OUT);
        ran
    }

    /// `alembic upgrade head`, after the downgrade. Without a stairway, this step reports the trial
    /// of the head on tables with rows.
    pub fn upgrade_head_again(&mut self) -> Result<()> {
        let stair = self.only_stair();
        let mut outcomes = self.done.stairs.take();
        let ran = self.step(
            "alembic upgrade head (round trip)",
            Dependency::Database,
            |tree_run, seen| {
                let mut outcome = tree_run.upgrade_head(seen)?;
                outcome.notes.extend(tree_run.without_models());
                if let (true, Some(stairs)) = (outcome.error().is_none(), stair) {
                    let tried = (stairs.wait)(tree_run.graph.as_ref().ok())?;
                    outcome.notes.extend(told_lost(outcomes.insert(stairway::sorted(&tried))));
                    seen.extend(tried.iter().flat_map(|tried| tried.statements.iter().cloned()));
                    told_of_production(&tried, &mut outcome);
                    outcome.findings.extend(of_head(tried, false));
                }
                Ok(outcome)
            },
        );
        self.done.stairs = outcomes;
        ran
    }

    /// Counts the heads as Alembic reads them. Needs no database, so it runs after any failure.
    pub fn assert_single_head(&mut self) -> Result<()> {
        self.step("assert single head", Dependency::Files, |tree_run, _| Ok(tree_run.count_heads()))
    }

    /// `alembic downgrade -1`. A merge revision has several ways down, and `-1` means none of them:
    /// there a parent is named instead, and all parents are expected.
    pub fn downgrade_one(&mut self) -> Result<()> {
        let stair = self.only_stair();
        self.step("downgrade -1 (reversibility check)", Dependency::Database, |tree_run, seen| {
            let mut outcome = tree_run.downgrade_one(seen)?;
            if let (true, Some(stairs)) = (outcome.findings.is_empty(), stair) {
                let tried = (stairs.wait)(tree_run.graph.as_ref().ok())?;
                outcome.findings.extend(of_head(tried, true));
            }
            Ok(outcome)
        })
    }

    /// Each new revision up, down and up again; nothing where only the head is new, which the
    /// steps before had, unless it is asked for.
    pub fn stairway(&mut self) -> Result<()> {
        let Some(stairs) = self.options.stairs.filter(|stairs| stairs.is_step) else {
            return Ok(());
        };
        let what = format!("stairway, {} revisions (reversibility check)", stairs.count);
        let mut outcomes = None;
        let blocked_by = self.blocked_by.clone();
        let ran = self.step(&what, Dependency::Supplies, |tree_run, seen| {
            let tried = (stairs.wait)(tree_run.graph.as_ref().ok())?;
            seen.extend(tried.iter().flat_map(|tried| tried.statements.iter().cloned()));
            let stairs = outcomes.insert(stairway::sorted(&tried));
            let mut notes = stairs.told();
            notes.extend(told_lost(stairs));
            let mut outcome = StepOutcome { notes, findings: Vec::new() };
            told_of_production(&tried, &mut outcome);
            outcome.findings.extend(tried.into_iter().flat_map(|tried| tried.findings));
            Ok(outcome)
        });
        self.done.stairs = outcomes;
        // It has databases of its own: those of the steps are as they were.
        self.blocked_by = blocked_by;
        ran
    }

    /// Runs one step, unless it is a dry run or something that it depends on failed. `Err` means
    /// that the gate could not do its work, and ends the tree.
    fn step(
        &mut self,
        what: &str,
        needs: Dependency,
        run: impl FnOnce(&mut TreeRun<'_>, &mut Vec<Statement>) -> Result<StepOutcome>,
    ) -> Result<()> {
        let name = format!("{} — {what}", self.label);
        let Some(tree_run) = &mut self.tree_run else {
            self.done.steps.push(Step::skipped(name, String::new()));
            return Ok(());
        };
        let (tell, label) = (tree_run.context.tell, self.label.as_str());
        let can_run = needs == Dependency::Files
            || (needs == Dependency::Supplies
                && self.is_supplied
                && has_single_head(&self.done.steps));
        let done = match &self.blocked_by {
            Some(failed) if !can_run => {
                Some(Step::skipped(name.clone(), format!("`{failed}` failed")))
            }
            _ => self.options.known.and_then(|known| known.step(self.done.steps.len(), &name)),
        };
        if let Some(step) = done {
            tell(Event::StepEnded { label, step: &step });
            self.done.steps.push(step);
            return Ok(());
        }
        tell(Event::StepStarted { label, name: &name });
        let started = Instant::now();
        let result =
            run(tree_run, &mut self.done.statements).and_then(|o| tree_run.server_lives(o));
        let result = tree_run.uninterrupted(result);
        let elapsed = started.elapsed();
        let known = self.options.known.filter(|_| needs != Dependency::Files);
        if let Some(doubt) = known.and_then(|known| doubt(known, &result)) {
            return Err(doubt.into());
        }
        let result = result.map_err(|err| tree_run.explain_death(err));
        self.record(name, elapsed, result)
    }

    /// Records the outcome of a step that was run.
    fn record(
        &mut self,
        name: String,
        elapsed: Duration,
        result: Result<StepOutcome>,
    ) -> Result<()> {
        let Some(TreeRun { context: TreeContext { tree, tell, .. }, .. }) = self.tree_run else {
            return Ok(());
        };
        let (outcome, sick) = match result {
            Ok(outcome) => (outcome, None),
            Err(err) => (StepOutcome::default(), Some(err)),
        };
        let reason = match &sick {
            Some(err) => Some(format!("{err:#}")),
            None => outcome.error().map(|finding| finding.message.clone()),
        };
        if outcome.error().is_some() {
            self.blocked_by.get_or_insert(name.clone());
        }
        let status = match &sick {
            Some(err) if err.is::<Interrupted>() => Status::Skipped,
            _ if reason.is_some() => Status::Failed,
            _ => Status::Passed,
        };
        let (printed, notes, known_since) = (outcome.printed(), outcome.notes, None);
        let findings = outcome.findings.into_iter();
        self.done.findings.extend(findings.map(|found| in_step(found, &tree.id, &name)));
        let step = Step { name, status, reason, notes, printed, elapsed, known_since };
        tell(Event::StepEnded { label: &self.label, step: &step });
        self.done.steps.push(step);
        sick.map_or(Ok(()), Err)
    }
}

/// Whether the heads were counted and are as many as there should be: stairs of another graph would fail
/// for the graph alone.
fn has_single_head(done: &[Step]) -> bool {
    let counted = done.iter().find(|step| step.name.ends_with(" — assert single head"));
    counted.is_some_and(|step| step.status == Status::Passed)
}

/// Adds the findings about a database in use. The step does not fail for them.
fn told_of_production(tried: &[StairResult], outcome: &mut StepOutcome) {
    for judged in tried.iter().filter_map(|tried| tried.production.as_ref()) {
        outcome.notes.extend(judged.lines.iter().cloned());
        outcome.findings.extend(judged.findings.iter().cloned());
    }
}

/// A finding of a step of a tree, with the sensitive area that it touches. Findings about a
/// database in use belong to no step.
fn in_step(finding: Finding, tree: &str, step: &str) -> Finding {
    let area = || diagnosis::sensitive_area(&finding).map(Into::into);
    let sev2 = finding.sev2.clone().or_else(area);
    let step = (!finding.code.id.starts_with("MG50")).then(|| step.to_owned());
    Finding { tree: Some(tree.to_owned()), step, sev2, ..finding }
}
