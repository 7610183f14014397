//! The files that a tree's own settings supply, run right before the revision that needs them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::context::{ExpectedVersions, StepOutcome, TreeRun};
use super::revisions::{ancestors, chain_of};
use analysis::graph::stored::{Applied, Link};
use model::code;
use model::finding::{Finding, Place};
use model::supply::Script;
use model::transcript::Statement;

impl TreeRun<'_> {
    /// How many revisions stand below this one, and those beside it.
    pub(super) fn rank_of(&self, revision: &str) -> usize {
        let chain = self.graph.as_ref().map(chain_of).unwrap_or_default();
        chain.iter().position(|stair| stair.revision == revision).unwrap_or(chain.len())
    }

    /// `alembic upgrade` to each parent of a revision.
    pub(super) fn upgrade_below(
        &mut self,
        revision: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<StepOutcome> {
        let chain = self.graph.as_ref().map(chain_of).unwrap_or_default();
        let Some(stair) = chain.iter().find(|stair| stair.revision == revision) else {
            let message = format!(
                "`before.{revision}` in `[migration-gate]` names a revision that the tree does not have"
            );
            return Ok(StepOutcome::failed(Finding::new(&code::SUPPLY_FAILED, message)));
        };
        let mut below = BTreeSet::new();
        for parent in stair.parents.iter().chain(&stair.requires) {
            below.extend(ancestors(&chain, parent));
            let links = chain.iter().filter(|stair| below.contains(&stair.revision));
            let links = links.map(|stair| Link {
                revision: &stair.revision,
                parents: &stair.parents,
                requires: &stair.requires,
            });
            let expected = ExpectedVersions::Exactly(Applied::all(links).stored());
            let outcome = self.run_alembic("upgrade", parent, &expected, seen)?;
            if outcome.error().is_some() {
                return Ok(outcome);
            }
        }
        Ok(StepOutcome::default())
    }

    /// Runs the SQL of a file.
    pub(super) fn supply(&self, script: &Script, seen: &mut Vec<Statement>) -> Result<StepOutcome> {
        let mut session = self.context.session(&self.context.tree.database)?;
        let said = session.transcribe(&script.sql, self.context.timeout)?;
        // Roles that it creates are dropped after the run.
        seen.extend(said.statements.iter().cloned());
        let mut outcome = self.supply_failed(said).unwrap_or_default();
        for finding in &mut outcome.findings {
            let file = self.context.relative(&script.file);
            finding.place = Some(Place { file, line: None, source: None });
        }
        Ok(outcome)
    }

    /// Runs the SQL files of a revision, or those before all revisions, on a database. The steps
    /// report whether they can be run.
    pub(super) fn run_scripts(&self, before: Option<&str>, database: &str) -> Result<()> {
        for script in self.context.supplies.before(before) {
            let mut session = self.context.session(database)?;
            session.transcribe(&script.sql, self.context.timeout)?;
        }
        Ok(())
    }
}
