//! A tree that means to have several heads: one a base is allowed, and each is stepped down.

use std::collections::BTreeSet;

use anyhow::Result;

use super::context::{ExpectedVersions, StepOutcome, TreeRun};
use crate::alembic::Description;
use model::transcript::Statement;

impl TreeRun<'_> {
    /// Takes each head down, the last one first, and up again: the version table must hold the
    /// other heads. The stairs compare the schemas.
    pub(super) fn step_down_each(&mut self, seen: &mut Vec<Statement>) -> Result<StepOutcome> {
        let mut outcome = StepOutcome::default();
        for head in self.heads().unwrap_or_default() {
            if let Some(note) = self.declared_irreversible(&head) {
                outcome.notes.push(note.message.clone());
                outcome.findings.push(note);
                continue;
            }
            let Some(down) = self.applied().and_then(|applied| applied.down(&head)) else {
                continue;
            };
            let stored = ExpectedVersions::Exactly(down.stored);
            let went = self.run_alembic("downgrade", &down.target, &stored, seen)?;
            let mut wrong = !went.findings.is_empty();
            outcome.findings.extend(went.findings);
            if !wrong {
                // The next one is taken down from the top, too.
                let again = self.upgrade_head(seen)?;
                wrong = !again.findings.is_empty();
                outcome.findings.extend(again.findings);
            }
            if wrong {
                break;
            }
        }
        Ok(outcome)
    }
}

/// Heads that share a base with another one: each base may have one head.
pub(super) fn sharing_a_base(graph: &Description) -> Vec<String> {
    let bases: Vec<_> = graph.heads.iter().map(|head| (head, bases_of(graph, head))).collect();
    let shares = |(head, own): &&(&String, BTreeSet<&str>)| {
        bases.iter().any(|(other, bases)| other != head && !bases.is_disjoint(own))
    };
    bases.iter().filter(shares).map(|(head, _)| (*head).clone()).collect()
}

fn bases_of<'g>(graph: &'g Description, head: &'g str) -> BTreeSet<&'g str> {
    let (mut bases, mut met, mut todo) = (BTreeSet::new(), BTreeSet::new(), vec![head]);
    while let Some(id) = todo.pop() {
        let revision = graph.revisions.iter().find(|revision| revision.revision == id);
        let Some(revision) = revision.filter(|_| met.insert(id)) else { continue };
        if revision.down_revision.is_empty() {
            bases.insert(id);
        }
        todo.extend(revision.down_revision.iter().map(String::as_str));
    }
    bases
}
