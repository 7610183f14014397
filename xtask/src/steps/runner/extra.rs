//! Steps beside those of a recipe: files of SQL, supplies of a remedy, and the models of env.py.

use anyhow::Result;

use super::{Dependency, StairwayStep, StepRunner};
use model::supply::{Extra, Given, Script, Supply};

impl<'a> StepRunner<'a> {
    /// The same up to the head, and no further, where that is all that is wanted.
    pub fn only_up(mut self, only_up: bool) -> Self {
        self.options.only_up = only_up;
        self
    }

    /// The one stair that has no step of its own.
    pub(super) fn only_stair(&self) -> Option<StairwayStep<'a>> {
        self.options.stairs.filter(|stairs| !stairs.is_step)
    }

    /// The supplies of this tree that the recipe does not have.
    fn extra(&self) -> Vec<Extra> {
        let own = self.options.supplies.extra.iter().filter(|extra| extra.label == self.label);
        own.cloned().collect()
    }

    /// Files in the order in which the chain needs them.
    pub fn in_order<'s>(&self, scripts: &'s [Script]) -> Vec<&'s Script> {
        let mut sorted: Vec<&Script> = scripts.iter().collect();
        if let Some(tree_run) = &self.tree_run {
            sorted
                .sort_by_key(|script| script.required_by.as_deref().map(|id| tree_run.rank_of(id)));
        }
        sorted
    }

    /// `alembic upgrade` to right below a revision, before its supply.
    pub fn upgrade_below(&mut self, revision: &str) -> Result<()> {
        let before = self.done.statements.len();
        let what = format!("alembic upgrade to the parents of {revision} (pre-supply)");
        let ran = self.step(&what, Dependency::Database, |tree_run, seen| {
            tree_run.upgrade_below(revision, seen)
        });
        self.done.way_up.extend_from_slice(&self.done.statements[before..]);
        ran
    }

    /// Runs the SQL of a file.
    pub fn supply(&mut self, script: &Script) -> Result<()> {
        let needed = script.required_by.as_deref().unwrap_or("the first revision");
        let what = format!("supply {} (required by {needed})", script.name());
        self.give(&what, Supply::Script(script.clone()));
        self.step(&what, Dependency::Database, |tree_run, seen| tree_run.supply(script, seen))
    }

    /// Compares the models with the schema, where env.py has models.
    pub fn models(&mut self) -> Result<()> {
        if self.tree_run.as_ref().is_none_or(|tree_run| tree_run.alembic.models.is_none()) {
            return Ok(());
        }
        self.step("models match migrations", Dependency::Database, |tree_run, _| {
            tree_run.check_models()
        })
    }

    /// Creates the roles that the recipe does not have.
    pub fn create_extra_roles(&mut self) -> Result<()> {
        for Extra { what, .. } in self.extra() {
            if let Supply::Role(role) = what {
                self.do_create_role(&role)?;
            }
        }
        Ok(())
    }

    /// Inserts the rows that the recipe does not have.
    pub(super) fn seed_extra_rows(&mut self) -> Result<()> {
        for Extra { after, what, .. } in self.extra() {
            if let (Some(after), Supply::Row(row)) = (after, what) {
                self.upgrade(&after, "pre-seed")?;
                self.do_seed(&row)?;
            }
        }
        Ok(())
    }

    /// Records a supply and the step that makes it.
    pub(super) fn give(&mut self, step: &str, what: Supply) {
        let step = format!("{} — {step}", self.label);
        self.done.given.push(Given { after: self.reached.clone(), step, what });
    }
}
