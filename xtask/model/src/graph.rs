//! The revision graph of one tree, as plain data. What it means is Alembic's to say: `analysis`
//! builds it by the same rules.

use std::collections::{BTreeSet, HashMap};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// The revisions of a tree and how they hang together. Revisions are named by their index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The revisions in the order in which Alembic reads them, with those that it drops because a
    /// later one has the same id.
    pub revisions: Vec<Revision>,
    /// What Alembic keeps for each id.
    pub by_id: HashMap<String, usize>,
    /// The revision that each branch label stands for.
    pub by_label: HashMap<String, usize>,
    /// Those that no `down_revision` names.
    pub heads: Vec<usize>,
    /// Those without a `down_revision`.
    pub bases: Vec<usize>,
    /// Those that neither a `down_revision` nor a `depends_on` names.
    pub real_heads: Vec<usize>,
    /// Those with neither a `down_revision` nor a `depends_on`.
    pub real_bases: Vec<usize>,
    /// Every revision that Alembic keeps, children before parents, in Alembic's order.
    pub walk: Vec<usize>,
    /// Where there are several heads: what each of them adds to what it shares with others.
    pub branches: Vec<Branch>,
    /// What Alembic would warn of or refuse.
    pub faults: Vec<Fault>,
    /// Whether every file said all that the graph is made of. If not, a head may be none, and what
    /// seems to be missing may exist.
    pub whole: bool,
}

/// One revision, as its file says it, and what it is linked to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Revision {
    /// Its id.
    pub id: String,
    /// The ids that it names as its parents.
    pub down_revision: Vec<String>,
    /// What it names in `depends_on`: ids or branch labels.
    pub depends_on: Vec<String>,
    /// Its own branch labels.
    pub branch_labels: Vec<String>,
    /// Its file, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// The line of `revision`, from 1.
    pub line: u32,
    /// Whether it is new: not on the base branch.
    pub new: bool,
    /// The first line of its docstring.
    pub title: String,
    /// Its parents, as far as they exist.
    pub parents: Vec<usize>,
    /// What it depends on, as far as it exists.
    pub dependencies: Vec<usize>,
    /// As `dependencies`, without what an ancestor depends on already.
    pub own_dependencies: Vec<usize>,
    /// The revisions whose `down_revision` names it.
    pub children: Vec<usize>,
    /// Those, and the ones whose `depends_on` names it.
    pub followers: Vec<usize>,
    /// The labels of the branches that it is on.
    pub on_branches: BTreeSet<String>,
}

/// What a head adds to what it shares with other heads. Revisions are named by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The head.
    pub head: usize,
    /// What no other head has, oldest first, the head last.
    pub adds: Vec<usize>,
    /// Where it parts from the others; `None` where it shares nothing with them.
    pub from: Option<usize>,
}

/// What is wrong with a graph. Revisions are named by their index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A later file has the id of an earlier one, which Alembic then drops.
    IdTwice {
        /// The one that is dropped.
        first: usize,
        /// The one that is kept.
        second: usize,
    },
    /// A parent does not exist.
    NoParent {
        /// Whose.
        of: usize,
        /// The id that it names.
        named: String,
    },
    /// A dependency does not exist.
    NoDependency {
        /// Whose.
        of: usize,
        /// What it names.
        named: String,
    },
    /// A revision names itself as its parent.
    OwnParent(usize),
    /// A revision names itself as its dependency.
    OwnDependency(usize),
    /// These cannot be reached from both a head and a base by `down_revision`.
    Cycle(Vec<usize>),
    /// The same, with `depends_on` counted.
    DependencyCycle(Vec<usize>),
    /// These are on a circle, or between two, and can be reached from both a head and a base.
    /// Alembic does not look for that, and walks round and round.
    EndlessCycle(Vec<usize>),
    /// A label is that of another revision, or its id.
    LabelTwice {
        /// Whose.
        of: usize,
        /// The label.
        label: String,
        /// The one that has it already.
        other: usize,
    },
    /// An id holds one of these characters, which Alembic does not allow.
    IllegalId(usize, String),
}

impl Graph {
    /// The id of a revision.
    pub fn id(&self, index: usize) -> &str {
        self.revisions.get(index).map_or("", |revision| revision.id.as_str())
    }

    /// Whether it is not one line of descent that can be followed from a base to a head.
    pub fn is_wrong(&self) -> bool {
        let cut =
            |fault: &Fault| !matches!(fault, Fault::NoDependency { .. } | Fault::IllegalId(..));
        self.heads.len() > 1 || self.faults.iter().any(cut)
    }

    /// Whether one of its revisions has to move: there are several heads, or an id is used twice.
    pub fn collides(&self) -> bool {
        let twice = |fault: &Fault| matches!(fault, Fault::IdTwice { .. });
        self.heads.len() > 1 || self.faults.iter().any(twice)
    }

    /// The ids of some revisions.
    pub fn ids(&self, indexes: &[usize]) -> Vec<String> {
        indexes.iter().map(|index| self.id(*index).to_owned()).collect()
    }
}
