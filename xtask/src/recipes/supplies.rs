//! What a recipe supplies, as plain values: found by a rehearsal of it.

use super::steps::Steps;
use model::supply::{Given, Role, Row, Supply, SupplyChange};
use model::tree::Tree;

/// The roles and rows of a recipe.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    /// The roles, which are there from the start.
    pub roles: Vec<Role>,
    /// The rows, each with the revision right after which it is inserted; none: before all.
    pub rows: Vec<(Option<String>, Row)>,
}

impl Supplies {
    /// Those of a tree's recipe, changed as a run changes them.
    pub fn of(tree: &Tree, change: SupplyChange<'_>) -> Supplies {
        let mut plan = Steps::rehearsal(&tree.label).with_supplies(change);
        // A rehearsal touches nothing that could fail.
        let _ = super::run(tree.recipe, &mut plan);
        let mut supplies = Supplies::default();
        for Given { after, what, .. } in plan.finish().given {
            match what {
                Supply::Role(role) => supplies.roles.push(role),
                Supply::Row(row) => supplies.rows.push((after, row)),
            }
        }
        supplies
    }
}
