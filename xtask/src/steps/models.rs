//! Models of env.py against the schema that the migrations made: `alembic check`.

use std::collections::BTreeSet;

use anyhow::Result;

use super::context::{StepOutcome, TreeRun};
use crate::alembic::Limits;
use model::code::causes::Cause;
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
            let otherwise = || {
                format!(
                    "correct what the error names: `{}` and `alembic revision --autogenerate` fail \
                     until then",
                    said.command
                )
            };
            let own_steps = Cause::of(&said).is_none().then(otherwise).into_iter().collect();
            let finding =
                Finding { transcript: Some(Box::new(said)), own_steps, ..differ(message) };
            return Ok(StepOutcome { notes: Vec::new(), findings: vec![finding] });
        }
        let mut lacks = self.alembic.models.clone().unwrap_or_default();
        if lacks.is_empty() {
            return Ok(StepOutcome::default());
        }
        let unseen = Unseen::take(&mut lacks);
        let (told, mut own_steps) = match unseen.tables.as_slice() {
            [] => (
                "`alembic revision --autogenerate` would write these operations".to_owned(),
                Vec::new(),
            ),
            tables => (format!("no model has {}", tables.join(", ")), unseen.steps()),
        };
        own_steps.extend(renamed_enums(&lacks));
        if !own_steps.is_empty() {
            own_steps.extend(code::MODELS_DIFFER.remedy.iter().map(|step| (*step).to_owned()));
        }
        let message =
            format!("the migrations make another schema than the models of env.py; {told}");
        let finding = Finding { lacks, own_steps, ..differ(message) };
        Ok(StepOutcome { notes: vec!["they differ: MG132".to_owned()], findings: vec![finding] })
    }
}

/// A remedy for each column whose enum has another name in the model: Alembic's own operation fails, as it
/// does not make the type.
fn renamed_enums(operations: &[String]) -> BTreeSet<String> {
    let name = |line: &String, argument: &str| {
        let at = line.trim_start().strip_prefix(argument)?;
        Some(at.split_once("name='")?.1.split_once('\'')?.0.to_owned())
    };
    let pairs = operations.windows(2).filter_map(|lines| {
        let is = name(&lines[0], "existing_type=postgresql.ENUM(")?;
        let wanted = name(&lines[1], "type_=sa.Enum(")?;
        (is != wanted).then(|| {
            format!(
                "the database has enum `{is}`, the model `{wanted}`: name it `{is}` in the model, or \
                 `ALTER TYPE {is} RENAME TO {wanted}` in a revision; the operation above fails"
            )
        })
    });
    pairs.collect()
}

/// Tables that no model has, as far as env.py sees: its model may only not be imported.
struct Unseen {
    /// Each as a reader finds it: "table `parts`".
    tables: Vec<String>,
    /// The operations that drop them.
    drops: Vec<String>,
}

impl Unseen {
    /// Takes the operations that drop whole tables, with their indexes, out of those of Alembic.
    fn take(operations: &mut Vec<String>) -> Unseen {
        let table = |line: &String| {
            Some(line.strip_prefix("op.drop_table(")?.strip_suffix(')')?.to_owned())
        };
        let gone: Vec<String> = operations.iter().filter_map(table).collect();
        let is_of_gone = |line: &mut String| {
            let of = |table: &String| line.contains(&format!("table_name={table}"));
            table(line).is_some() || line.starts_with("op.drop_index(") && gone.iter().any(of)
        };
        let drops = operations.extract_if(.., is_of_gone).collect();
        let name = |table: &String| table.split('\'').nth(1).map(|name| format!("table `{name}`"));
        Unseen { tables: gone.iter().filter_map(name).collect(), drops }
    }

    /// The two readings, what breaks nothing first.
    fn steps(&self) -> Vec<String> {
        let tables = self.tables.join(", ");
        vec![
            format!(
                "where {tables} has a model, import its module in env.py: `target_metadata` has only \
                 the models of modules that were imported, and a table without one is to be dropped"
            ),
            format!(
                "where nothing uses it any more, drop it in a revision: `{}`",
                self.drops.join("`, `")
            ),
        ]
    }
}
