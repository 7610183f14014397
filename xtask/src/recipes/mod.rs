//! Trees of the monorepo, and what each needs, in order: plain functions that read like the runbook.
//!
//! A recipe is run against a [`StepRunner`], which runs the steps or makes a dry run. The dry run
//! records the steps without doing them; so a tree's steps are written down once.

pub mod console;
pub mod plain;
pub mod raptor;
mod spec;

use anyhow::Result;
use camino::Utf8Path;

pub use self::spec::TreeSpec;
use crate::steps::runner::StepRunner;
use crate::steps::supplies::Supplies;
use model::supply::{Given, Supply, SupplyChange};
use model::tree::Tree;

/// The trees of the monorepo. A further one is a row here, a file beside it, and its paths in the
/// workflow.
pub const TREES: &[TreeSpec] = &[console::TREE, raptor::TREE];

/// The trees in the monorepo at `root`.
pub fn trees(root: &Utf8Path) -> Vec<Tree> {
    TREES.iter().map(|spec| spec.at(root)).collect()
}

/// The tree of the monorepo with this id.
pub fn spec(id: &str) -> Option<&'static TreeSpec> {
    TREES.iter().find(|spec| spec.id == id)
}

/// Runs a tree's recipe.
pub fn run(tree: &Tree, steps: &mut StepRunner<'_>) -> Result<()> {
    steps.create_extra_roles()?;
    match tree.recipe.and_then(spec) {
        Some(spec) => (spec.recipe)(steps),
        None => plain::plain(&tree.scripts, steps),
    }
}

/// The supplies of a tree's recipe, changed as a run changes them.
pub fn supplies(tree: &Tree, change: SupplyChange<'_>) -> Supplies {
    let mut plan = StepRunner::dry_run(&tree.label).with_supplies(change);
    // A dry run touches nothing that could fail.
    let _ = run(tree, &mut plan);
    let mut supplies = Supplies::default();
    for Given { after, what, .. } in plan.finish().given {
        match what {
            Supply::Role(role) => supplies.roles.push(role),
            Supply::Row(row) => supplies.rows.push((after, row)),
            Supply::Script(script) => supplies.scripts.push(script),
        }
    }
    supplies
}
