//! Spots of a chain at which a fault is put, and the facts about its tree.

use camino::{Utf8Path, Utf8PathBuf};

/// Facts about a tree of which its mutants are made.
pub struct Facts {
    /// The tree's id.
    pub id: &'static str,
    /// The tree's label.
    pub label: &'static str,
    /// Its ini, relative to the root.
    pub ini: &'static str,
    /// The line of the ini that names the folder of the migrations.
    pub location: &'static str,
    /// The oldest revision at which its recipe can run.
    pub first: &'static str,
    /// The newest revision of a chain that is short: for mutants that take long.
    pub short: &'static str,
    /// The step before `alembic upgrade head` that applies revisions, and the last of these.
    pub first_part: Option<(&'static str, &'static str)>,
    /// A table that is there at the oldest of these revisions.
    pub table: &'static str,
    /// The supply of its recipe.
    pub supply: Supply,
}

/// Supply of a recipe, as its mutants know it.
pub enum Supply {
    /// A row of the table `admins`, by its name.
    Row(&'static str),
    /// A role.
    Role {
        /// Its name.
        name: &'static str,
        /// The step that creates it.
        step: &'static str,
    },
}

/// A revision file.
pub struct File {
    /// Relative to the root.
    pub path: Utf8PathBuf,
    /// What it holds.
    pub text: String,
}

/// A tree's files.
pub struct Source {
    /// Which tree.
    pub tree: &'static Facts,
    /// Its revision files, in the order of the chain.
    pub files: Vec<File>,
}

/// A place in a chain: a revision, and where the chain ends for its mutants.
pub(super) struct Spot<'a> {
    pub(super) tree: &'static Facts,
    pub(super) file: &'a File,
    pub(super) id: &'a str,
    pub(super) parent: Option<&'a str>,
    /// The newest revision of the mutant: the recipe needs the chain to reach this far.
    pub(super) at: &'a str,
    pub(super) folder: &'a Utf8Path,
}

impl Spot<'_> {
    pub(super) fn before_seed(&self) -> bool {
        self.tree.first_part.is_some_and(|(_, last)| self.id <= last)
    }

    /// Whether the chain is short: for mutants that take long.
    pub(super) fn is_short(&self) -> bool {
        (self.tree.first..=self.tree.short).contains(&self.id)
    }

    /// Whether this revision is the one that the downgrade step takes down.
    pub(super) fn is_head(&self) -> bool {
        self.id == self.at
    }

    /// The text up to the downgrade.
    pub(super) fn upgrade(&self) -> &str {
        self.file.text.split_once("def downgrade(").map_or("", |(upgrade, _)| upgrade)
    }

    /// The first table that the revision creates.
    pub(super) fn table(&self) -> Option<&str> {
        self.first_named("op.create_table(\n        \"")
    }

    /// The first index that the revision creates, and its table.
    pub(super) fn index(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.upgrade().split_once("op.create_index(\n        \"")?;
        let mut names = rest.split('"');
        Some((names.next()?, names.nth(1)?))
    }

    pub(super) fn first_named(&self, start: &str) -> Option<&str> {
        let (_, rest) = self.upgrade().split_once(start)?;
        rest.split_once('"').map(|(name, _)| name)
    }
}

/// The text that a file assigns to a name at its top level, where it is a plain string.
pub(super) fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (left, value) = rest.split_once('=')?;
        let left = left.trim();
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        (left.is_empty() || left.starts_with(':')).then_some(value)
    })
}
