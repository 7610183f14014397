//! Models of env.py against the schema that the migrations made: `alembic check`.

use anyhow::Result;

use super::context::{StepOutcome, TreeRun};
use crate::alembic::Limits;
use model::code::{self, Severity};
use model::finding::Finding;

impl TreeRun<'_> {
    /// Why the models are not compared, where env.py has none.
    pub(super) fn without_models(&self) -> Option<String> {
        let is_other = self.context.tree.recipe.is_none() && self.alembic.models.is_none();
        let told = "env.py has no `target_metadata` with tables: no models are compared";
        is_other.then(|| told.to_owned())
    }

    /// Runs `alembic check`, and reports differences between the models and the migrations.
    pub(super) fn check_models(&mut self) -> Result<StepOutcome> {
        let limits = Limits::of(self.context.timeout);
        let said = self.alembic.check(&limits)?;
        let severity = self.context.tree.strict_models.then_some(Severity::Error);
        let differ =
            |message: String| Finding { severity, ..Finding::new(&code::MODELS_DIFFER, message) };
        if !said.ok() {
            let why = said.headline().map(ToString::to_string).unwrap_or_default();
            let message = format!("`{}` could not compare the models: {why}", said.command);
            let finding = Finding { transcript: Some(Box::new(said)), ..differ(message) };
            return Ok(StepOutcome { notes: Vec::new(), findings: vec![finding] });
        }
        let lacks = self.alembic.models.clone().unwrap_or_default();
        if lacks.is_empty() {
            return Ok(StepOutcome::default());
        }
        let message = "the migrations make another schema than the models of env.py; a revision with \
                       these operations would make them equal";
        let finding = Finding { lacks, ..differ(message.to_owned()) };
        Ok(StepOutcome { notes: vec!["they differ: MG132".to_owned()], findings: vec![finding] })
    }
}
