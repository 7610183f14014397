//! Terms on which trees are linted.

use model::supply::SupplyChange;

/// Options of lint, beside the files.
#[derive(Clone, Copy)]
pub struct LintOptions<'a> {
    /// The commit that new revisions are missing from; `None`: the usual base branches.
    pub since: Option<&'a str>,
    /// How the supplies differ from those of the recipes.
    pub supplies: SupplyChange<'a>,
    /// Whether the git repository of the folder is that of the trees.
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
