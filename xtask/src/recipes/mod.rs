//! What each tree needs, in order: plain functions that read like the runbook.
//!
//! A recipe is run against a [`Steps`], which is either live or a rehearsal. The rehearsal records
//! the steps without doing them; so what a tree's steps are is written down once.

mod around;
pub mod chain;
mod checks;
pub mod console;
mod culprit;
mod each_head;
mod filled;
mod heads;
pub mod known;
pub mod lane;
pub mod live;
pub mod plain;
pub mod raptor;
pub mod reversal;
pub mod stairway;
pub mod steps;
pub mod supplies;
pub mod survey;
mod versions;

#[cfg(test)]
mod mutants;

use anyhow::Result;

use self::steps::Steps;
use model::tree::RecipeName;

/// Runs a recipe by its name.
pub fn run(recipe: RecipeName, steps: &mut Steps<'_>) -> Result<()> {
    steps.create_extra_roles()?;
    match recipe {
        RecipeName::Console => console::console(steps),
        RecipeName::Raptor => raptor::raptor(steps),
        RecipeName::Plain => plain::plain(steps),
    }
}

/// What every tree has in common: up, one head, down, and up again, and every new revision so.
fn round_trip(steps: &mut Steps<'_>) -> Result<()> {
    steps.seed_extra_rows()?;
    steps.upgrade_head()?;
    steps.assert_single_head()?;
    steps.downgrade_one()?;
    steps.upgrade_head_again()?;
    steps.stairway()
}
