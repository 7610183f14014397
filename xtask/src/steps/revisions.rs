//! Chain of revisions that a stairway climbs, and the ancestors of each.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::alembic::Description;

/// A revision and its parents.
#[derive(Clone)]
pub(super) struct RevisionNode {
    pub(super) revision: String,
    pub(super) parents: Vec<String>,
    /// Its other dependencies.
    pub(super) requires: Vec<String>,
}

/// The chain of a graph, parents first.
pub(super) fn chain_of(graph: &Description) -> Vec<RevisionNode> {
    let stair = |r: &crate::alembic::Revision| RevisionNode {
        revision: r.revision.clone(),
        parents: r.down_revision.clone(),
        requires: r.requires.clone(),
    };
    graph.revisions.iter().rev().map(stair).collect()
}

/// These revisions and all below them.
pub fn ancestors_of(graph: &Description, revisions: &[String]) -> BTreeSet<String> {
    let chain = chain_of(graph);
    revisions.iter().flat_map(|revision| ancestors(&chain, revision)).collect()
}

/// The revisions to go up to, one after the other, so that all revisions before one in the chain
/// are applied in the order of the chain, those of other branches too.
pub(super) fn below_in_order(
    chain: &[RevisionNode],
    applied: &BTreeSet<String>,
    revision: &str,
) -> Vec<String> {
    let before = chain.iter().take_while(|stair| stair.revision != revision);
    let mut ends: Vec<String> = Vec::new();
    for RevisionNode { revision, .. } in before.filter(|stair| !applied.contains(&stair.revision)) {
        match ends.last_mut() {
            Some(end) if ancestors(chain, revision).contains(end) => end.clone_from(revision),
            _ => ends.push(revision.clone()),
        }
    }
    ends
}

/// A revision and all below it.
pub(super) fn ancestors(chain: &[RevisionNode], revision: &str) -> BTreeSet<String> {
    let stairs: HashMap<&str, &RevisionNode> =
        chain.iter().map(|stair| (stair.revision.as_str(), stair)).collect();
    let (mut found, mut next) = (HashSet::new(), vec![revision]);
    while let Some(revision) = next.pop() {
        if !found.insert(revision) {
            continue;
        }
        if let Some(stair) = stairs.get(revision) {
            next.extend(stair.parents.iter().chain(&stair.requires).map(String::as_str));
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_below_a_revision() {
        let stair = |revision: &str, parents: &[&str], requires: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            RevisionNode {
                revision: revision.into(),
                parents: all(parents),
                requires: all(requires),
            }
        };
        let chain = [
            stair("a", &[], &[]),
            stair("b", &["a"], &[]),
            stair("c", &["a"], &["needed elsewhere"]),
            stair("d", &["b", "c"], &[]),
            stair("e", &["d"], &[]),
        ];
        let below = |revision| Vec::from_iter(ancestors(&chain, revision));
        assert_eq!(below("d"), ["a", "b", "c", "d", "needed elsewhere"]);
        assert_eq!(below("a"), ["a"]);
        let order = |applied: &[&str], revision| {
            let applied = applied.iter().map(|name| (*name).to_owned()).collect();
            below_in_order(&chain, &applied, revision)
        };
        assert_eq!(order(&[], "e"), ["b", "d"], "`b` comes first, `d` takes `c` with it");
        assert_eq!(order(&["a", "b"], "d"), ["c"]);
        assert_eq!(order(&[], "a"), [""; 0]);
    }
}
