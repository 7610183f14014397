//! Plan of a tree's steps: new revisions decide whether there is a stairway, and steps that never
//! ran are skipped with a reason.

use super::context::GateContext;
use crate::alembic::Description;
use crate::lint::TreeLint;
use crate::recipes;
use crate::steps::runner::{StairwayStep, StepRunner};
use model::event::Event;
use model::report::Report;
use model::step::{NOT_BEGUN, Step};

impl GateContext<'_> {
    /// The new revisions of a tree. Without a base, the head is new, and of several heads none.
    pub fn new_revisions(&self, index: usize, heads: &[String]) -> Vec<String> {
        match (self.survey(index), heads) {
            (Some(survey), _) => survey.new_revisions(),
            (None, [head]) => vec![head.clone()],
            (None, _) => Vec::new(),
        }
    }

    /// The revisions that are tried by themselves beside the chain: the new ones, or else the head.
    pub fn tried_alone(&self, index: usize, heads: &[String]) -> Vec<String> {
        let new = self.new_revisions(index, heads);
        if new.is_empty() && heads.len() == 1 { heads.to_vec() } else { new }
    }

    /// The revisions that the stairway steps on, parents first, as Alembic read them if it could:
    /// every one where that is asked for, else the new ones where they are several.
    pub fn stairs(&self, index: usize, described: Option<&Description>) -> Option<Vec<String>> {
        let mut chain: Vec<String> = match (described, self.survey(index)) {
            (Some(described), _) => {
                described.revisions.iter().rev().map(|r| r.revision.clone()).collect()
            }
            (None, Some(TreeLint { graph, .. })) => {
                graph.walk.iter().rev().map(|r| graph.id(*r).to_owned()).collect()
            }
            (None, None) => return None,
        };
        if self.flags.stairway {
            return Some(chain);
        }
        let heads = described.map(|described| described.heads.as_slice()).unwrap_or_default();
        let new = self.new_revisions(index, heads);
        chain.retain(|revision| new.contains(revision));
        let is_head = |revision: &String| heads.is_empty() || heads.contains(revision);
        (chain.len() > 1 || chain.first().is_some_and(|only| !is_head(only))).then_some(chain)
    }

    /// Adds the steps that never came to their turn, which are part of the report too: those of all
    /// trees, or of some.
    pub fn skip_the_rest(&self, report: &mut Report, of: Option<&[usize]>) {
        let why = if report.interrupted { "interrupted" } else { NOT_BEGUN };
        let wait = |_: Option<&Description>| Ok(Vec::new());
        for (index, (tree, done)) in self.trees.iter().zip(&mut report.trees).enumerate() {
            if of.is_some_and(|of| !of.contains(&index)) {
                continue;
            }
            let stairs = self.stairs(index, None);
            let stairs =
                stairs.map(|s| StairwayStep { count: s.len(), is_step: true, wait: &wait });
            let mut plan = StepRunner::dry_run(&tree.label)
                .with_supplies(self.setting.supplies)
                .with_stairs(stairs);
            // A dry run touches nothing that could fail.
            let _ = recipes::run(tree, &mut plan);
            for step in plan.finish().steps.into_iter().skip(done.steps.len()) {
                let step = Step::skipped(step.name, why.to_owned());
                (self.tell)(Event::StepEnded { label: &tree.label, step: &step });
                done.steps.push(step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use clap::Parser;

    use super::*;
    use crate::flags::{Command, Xtask};
    use crate::os::interrupt::Interrupt;

    /// A replay's tree lies in a folder of its own; a repository around it must not count.
    #[test]
    fn without_surveys_only_the_head_is_new() {
        let Command::MigrationGate(flags) =
            Xtask::parse_from(["cargo xtask", "migration-gate"]).command;
        let described: Description = serde_json::from_str(
            r#"{"heads": ["b"], "revisions": [
                {"revision": "b", "down_revision": ["a"], "file": "/b.py"},
                {"revision": "a", "down_revision": [], "file": "/a.py"}]}"#,
        )
        .unwrap();
        let (root, interrupt) = (Utf8Path::new("/"), Interrupt::never().unwrap());
        let trees = [crate::recipes::console::TREE.at(root)];
        let run = GateContext::new(&flags, root, &trees, &interrupt, &|_| {});
        assert_eq!(run.new_revisions(0, &described.heads), ["b"]);
        assert_eq!(run.stairs(0, Some(&described)), None);
    }
}
