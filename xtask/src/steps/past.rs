//! Rows that were there before an earlier revision of the chain, as the chain itself leaves them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::fixtures::FixtureSet;
use super::lane::{Lane, StairEnvironment};
use super::revisions::{RevisionNode, below_in_order};
use super::tree_context::TreeContext;
use analysis::rows::Need;
use model::transcript::Statement;

impl Lane<'_> {
    /// The revision below a stair that added what the stair needs, where all rows from before it have
    /// such values when the stair's turn comes. The chain is taken up again, with rows in its tables.
    pub(super) fn filled_in_past(
        &mut self,
        stair: &RevisionNode,
        need: &Need,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<String>> {
        let by = need.added_by(&stair.revision, &self.tree_run.statements).map(str::to_owned);
        let TreeContext { tree, server, supplies, interrupt, .. } = self.context();
        // Supplies come between the revisions.
        let is_alone = supplies.rows.is_empty() && supplies.scripts.is_empty();
        let Some(by) = by.filter(|_| is_alone) else { return Ok(None) };
        self.clear_trial_of_roles()?;
        let trial = self.trial.database.clone();
        server.copy_all(tree, &trial, None, interrupt)?;
        let known = self.tree_run.statements.len();
        let went = self.climb_with_rows(&by, stair, seen);
        self.tree_run.statements.truncate(known);
        if !went? {
            return Ok(None);
        }
        let question = need.question();
        let answer = self.trial.reader.ask(|session| match session.value(&question) {
            Ok(answer) => Ok(answer),
            // The table has another name now.
            Err(_) => session.value("SELECT NULL WHERE false"),
        })?;
        self.context().interrupt.check()?;
        Ok(answer.map(|_| by))
    }

    /// Takes the empty trial up to the parents of a stair, with rows from before the revision `by` on.
    fn climb_with_rows(
        &mut self,
        by: &str,
        stair: &RevisionNode,
        seen: &mut Vec<Statement>,
    ) -> Result<bool> {
        let trial = self.trial.database.clone();
        let chain = self.ladder.chain.clone();
        let before = chain.iter().map(|node| &node.revision).take_while(|node| *node != by);
        let applied: BTreeSet<String> = before.cloned().chain([by.to_owned()]).collect();
        let below = below_in_order(&chain, &BTreeSet::new(), by);
        let above = below_in_order(&chain, &applied, &stair.revision);
        for (is_below, part) in [(true, below), (false, [vec![by.to_owned()], above].concat())] {
            for revision in part {
                let call = ("upgrade", revision.as_str());
                if self.run(call, &trial, StairEnvironment::Here, seen)?.is_err() {
                    return Ok(false);
                }
            }
            if is_below {
                self.fill(by, FixtureSet::Plain)?;
            }
        }
        Ok(true)
    }
}
