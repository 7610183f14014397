//! Supplies of a recipe, as plain values.

use model::supply::{Role, Row};

/// The roles and rows of a recipe.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    /// The roles, which are there from the start.
    pub roles: Vec<Role>,
    /// The rows, each with the revision right after which it is inserted; none: before all.
    pub rows: Vec<(Option<String>, Row)>,
}
