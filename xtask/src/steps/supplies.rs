//! Supplies of a recipe, as plain values.

use model::supply::{Role, Row, Script};

/// The roles and rows of a recipe.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    /// The roles, which are there from the start.
    pub roles: Vec<Role>,
    /// The rows, each with the revision right after which it is inserted; none: before all.
    pub rows: Vec<(Option<String>, Row)>,
    /// The files, which can be run any number of times.
    pub scripts: Vec<Script>,
}

impl Supplies {
    /// The files that are run before a revision; `None`: before all.
    pub fn before(&self, revision: Option<&str>) -> Vec<Script> {
        let is_it = |script: &&Script| script.required_by.as_deref() == revision;
        self.scripts.iter().filter(is_it).cloned().collect()
    }
}
