//! Trial of a revision on the values that it names itself, where made-up texts broke it.

use anyhow::Result;

use super::fixtures::FixtureSet;
use super::lane::Lane;
use super::revisions::RevisionNode;
use super::stair::RoundTrip;
use analysis::rows;
use model::code;
use model::finding::Finding;
use model::rows::Table;
use model::transcript::Statement;

/// How many statements of one revision may each name values.
const NAMING_MAX: usize = 8;

/// A failure that stays, and why its rows may not exist in production.
type StillFails = (Box<Finding>, Option<&'static str>);

impl Lane<'_> {
    /// Goes on with the values that a failing statement names, for as long as others fail for their own.
    pub(super) fn on_named_values(
        &mut self,
        stair: &RevisionNode,
        (mut failed, mut touched): (Box<Finding>, Vec<Table>),
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<Vec<Finding>, StillFails>> {
        let made_up = Some("it takes texts that no schema shows");
        for turn in 0..NAMING_MAX {
            let said = failed.transcript.as_deref();
            let ran = &self.tree_run.statements;
            let named = said.and_then(|said| rows::named(said, ran, &touched));
            let Some(named) = named else {
                // The statement does not take the values that it names.
                let is_one = said.and_then(|said| said.sqlstate()).is_some_and(rows::names_values);
                return Ok(Err((failed, made_up.filter(|_| turn > 0 && is_one))));
            };
            if named.values.is_empty() {
                return Ok(Err((failed, made_up)));
            }
            self.trial.named.push(named);
            match self.round_trip(stair, FixtureSet::Plain, seen)? {
                RoundTrip::Went(findings) => {
                    let named = self.trial.named.iter().map(|named| {
                        let message = format!(
                            "{} is given no values but those that revision {} takes: {}",
                            named.shown(),
                            stair.revision,
                            named.values.join(", ")
                        );
                        let subject = Some(named.table.clone());
                        let note = Finding { subject, ..Finding::new(&code::NOT_FILLED, message) };
                        self.tree_run.about(&stair.revision, &named.columns, note)
                    });
                    return Ok(Ok(named.chain(findings).collect()));
                }
                RoundTrip::Broke { failed: other, touched: now } => {
                    (failed, touched) = (other, now);
                }
            }
        }
        Ok(Err((failed, made_up)))
    }
}
