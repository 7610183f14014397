//! What each tree needs, in order: plain functions that read like the runbook.
//!
//! A recipe is run against a [`Steps`], which is either live or a rehearsal. The rehearsal records
//! the steps without doing them; so what a tree's steps are is written down once.

pub mod console;
pub mod plain;
pub mod raptor;

use anyhow::Result;

use crate::steps::runner::Steps;
use crate::steps::supplies::Supplies;
use model::supply::{Given, Script, Supply};
use model::tree::{RecipeName, Tree};

/// Runs a recipe by its name, with what the tree's own settings supply.
pub fn run(recipe: RecipeName, scripts: &[Script], steps: &mut Steps<'_>) -> Result<()> {
    match recipe {
        RecipeName::Console => console::console(steps),
        RecipeName::Raptor => raptor::raptor(steps),
        RecipeName::Plain => plain::plain(scripts, steps),
    }
}

/// The supplies of a tree's recipe, but for the ones that are left out by name.
pub fn supplies(tree: &Tree, without: &[String]) -> Supplies {
    let mut plan = Steps::rehearsal(&tree.label).without(without);
    // A rehearsal touches nothing that could fail.
    let _ = run(tree.recipe, &tree.scripts, &mut plan);
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
