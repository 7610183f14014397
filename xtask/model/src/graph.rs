//! The revision graph of one tree, as plain data. `analysis` builds it by Alembic's rules.

use std::collections::{BTreeSet, HashMap};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// The revisions of a tree and their links. Revisions are named by their index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The revisions in the order in which Alembic reads them, including those that Alembic drops
    /// because a later one has the same id.
    pub revisions: Vec<Revision>,
    /// The index of the revision that Alembic keeps for each id.
    pub by_id: HashMap<String, usize>,
    /// The revision of each branch label.
    pub by_label: HashMap<String, usize>,
    /// Revisions that no `down_revision` names.
    pub heads: Vec<usize>,
    /// Revisions without a `down_revision`.
    pub bases: Vec<usize>,
    /// Revisions that neither a `down_revision` nor a `depends_on` names.
    pub real_heads: Vec<usize>,
    /// Revisions with neither a `down_revision` nor a `depends_on`.
    pub real_bases: Vec<usize>,
    /// Every revision that Alembic keeps, children before parents, in Alembic's order.
    pub walk: Vec<usize>,
    /// With several heads: the revisions that each of them adds to the shared ones.
    pub branches: Vec<Branch>,
    /// Faults that Alembic would warn of or refuse.
    pub faults: Vec<Fault>,
    /// Whether every file names its id and its parents. If not, a head may have a child, and a
    /// revision that seems to be missing may exist.
    pub whole: bool,
}

/// One revision, as written in its file, and its links.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Revision {
    /// Its id.
    pub id: String,
    /// The ids in `down_revision`.
    pub down_revision: Vec<String>,
    /// The names in `depends_on`: ids or branch labels.
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
    /// Its existing parents.
    pub parents: Vec<usize>,
    /// The existing revisions that it depends on.
    pub dependencies: Vec<usize>,
    /// As `dependencies`, without those that an ancestor already depends on.
    pub own_dependencies: Vec<usize>,
    /// The revisions whose `down_revision` names this one.
    pub children: Vec<usize>,
    /// The children, and the revisions whose `depends_on` names this one.
    pub followers: Vec<usize>,
    /// The labels of its branches.
    pub on_branches: BTreeSet<String>,
}

/// The revisions that a head adds to those it shares with other heads. Revisions are named by their
/// index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The head.
    pub head: usize,
    /// The revisions that no other head has, oldest first, the head last.
    pub adds: Vec<usize>,
    /// The last revision shared with the others; `None`: no revision is shared.
    pub from: Option<usize>,
}

/// Fault of a graph. Revisions are named by their index.
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
        /// The missing id.
        named: String,
    },
    /// A dependency does not exist.
    NoDependency {
        /// Whose.
        of: usize,
        /// The name that is missing.
        named: String,
    },
    /// A revision names itself as its parent.
    OwnParent(usize),
    /// A revision names itself as its dependency.
    OwnDependency(usize),
    /// The revisions that cannot be reached from both a head and a base by `down_revision`.
    Cycle(Vec<usize>),
    /// The same, with `depends_on` counted.
    DependencyCycle(Vec<usize>),
    /// The revisions on a circle, or between two, that can be reached from both a head and a base.
    /// Alembic does not look for such a circle, and follows it without end.
    EndlessCycle(Vec<usize>),
    /// A label equals another revision's label or id.
    LabelTwice {
        /// Whose.
        of: usize,
        /// The label.
        label: String,
        /// The revision that already has the id or label.
        other: usize,
    },
    /// The characters of an id that Alembic does not allow.
    IllegalId(usize, String),
}

impl Graph {
    /// The id of a revision.
    pub fn id(&self, index: usize) -> &str {
        self.revisions.get(index).map_or("", |revision| revision.id.as_str())
    }

    /// Whether the graph is not one line of descent that can be followed from a base to a head.
    pub fn is_wrong(&self) -> bool {
        let cut =
            |fault: &Fault| !matches!(fault, Fault::NoDependency { .. } | Fault::IllegalId(..));
        self.heads.len() > 1 || self.faults.iter().any(cut)
    }

    /// Whether a revision has to move: the graph has several heads, or an id is used twice.
    pub fn collides(&self) -> bool {
        let twice = |fault: &Fault| matches!(fault, Fault::IdTwice { .. });
        self.heads.len() > 1 || self.faults.iter().any(twice)
    }

    /// The ids of some revisions.
    pub fn ids(&self, indexes: &[usize]) -> Vec<String> {
        indexes.iter().map(|index| self.id(*index).to_owned()).collect()
    }
}
