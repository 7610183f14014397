//! Terms on which trees are linted.

use model::supply::SupplyChange;

/// Options of lint, beside the files.
#[derive(Clone, Copy)]
pub struct LintOptions<'a> {
    /// What a new revision is one that it lacks; `None`: the usual base branches.
    pub since: Option<&'a str>,
    /// How the supplies differ from those of the recipes.
    pub supplies: SupplyChange<'a>,
    /// Whether what git knows of the folder is about the trees.
    pub in_repository: bool,
    /// Whether merged revisions are judged as strictly as new ones.
    pub all: bool,
    /// Whether other branches are looked at.
    pub others: bool,
    /// Whether they are even where this one brings no revision.
    pub every_branch: bool,
}

impl<'a> LintOptions<'a> {
    /// Whole recipes, in a repository.
    pub fn since(since: Option<&'a str>) -> LintOptions<'a> {
        LintOptions {
            since,
            supplies: SupplyChange::default(),
            in_repository: true,
            all: false,
            others: false,
            every_branch: false,
        }
    }
}
