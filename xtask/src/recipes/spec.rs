//! Tree of the monorepo, as its row in the table says.

use anyhow::Result;
use camino::Utf8Path;

use crate::steps::runner::StepRunner;
use model::tree::Tree;
use mutants::Facts;

/// Tree of the monorepo.
pub struct TreeSpec {
    /// The name on the command line and in reports, of its database (`ID_ci`) and of its recipe's file.
    pub id: &'static str,
    /// The name in step names.
    pub label: &'static str,
    /// The folder where Alembic runs, relative to the root; its `requirements.txt` lies there.
    pub folder: &'static str,
    /// The ini, relative to that folder.
    pub ini: &'static str,
    /// The folder of env.py and `versions`, relative to the root.
    pub migrations: &'static str,
    /// Its recipe.
    pub recipe: fn(&mut StepRunner<'_>) -> Result<()>,
    /// The supplies, each with a text that a script holds which supplies the same by hand. The
    /// audit of workflows looks for it.
    pub supplied: &'static [(&'static str, &'static str)],
    /// Facts that its mutants are made of.
    pub mutants: &'static Facts,
}

impl TreeSpec {
    /// The tree in the monorepo at `root`.
    pub fn at(&self, root: &Utf8Path) -> Tree {
        let cwd = root.join(self.folder);
        Tree {
            id: self.id.into(),
            label: self.label.into(),
            database: format!("{}_ci", self.id),
            requirements: Some(cwd.join("requirements.txt")),
            cwd,
            ini: self.ini.into(),
            recipe: Some(self.id),
            ..Tree::bare()
        }
    }
}
