//! The chain of revisions that a stairway climbs: what lies below a revision, and where one
//! revision alone is taken down.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::drivers::alembic::Description;

/// A revision and its parents.
#[derive(Clone)]
pub(super) struct Stair {
    pub(super) revision: String,
    pub(super) parents: Vec<String>,
    /// What it depends on besides.
    pub(super) requires: Vec<String>,
}

/// Where a downgrade of this stair alone goes, by what the version table holds above it.
pub(super) fn below(stair: &Stair, version: &[String]) -> String {
    match stair.parents.as_slice() {
        // Of several parents each means the same.
        [parent, _, ..] => parent.clone(),
        [parent] if version.len() == 1 && stair.requires.is_empty() => parent.clone(),
        [] if version.len() == 1 => "base".to_owned(),
        // Beside other branches, only this one goes down.
        _ => format!("{}@-1", stair.revision),
    }
}

/// The chain of a graph, parents first.
pub(super) fn chain_of(graph: &Description) -> Vec<Stair> {
    let stair = |r: &crate::drivers::alembic::Revision| Stair {
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

/// A revision and all below it.
pub(super) fn ancestors(chain: &[Stair], revision: &str) -> BTreeSet<String> {
    let stairs: HashMap<&str, &Stair> =
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

    #[track_caller]
    fn check(parents: &[&str], requires: &[&str], version: &[&str], expected: &str) {
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let stair = Stair { revision: "r".into(), parents: all(parents), requires: all(requires) };
        assert_eq!(below(&stair, &all(version)), expected);
    }

    #[test]
    fn whatever_a_revision_stands_on_is_below_it() {
        let stair = |revision: &str, parents: &[&str], requires: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Stair { revision: revision.into(), parents: all(parents), requires: all(requires) }
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
    }

    #[test]
    fn only_this_revision_is_taken_down() {
        check(&["p"], &[], &["r"], "p");
        check(&[], &[], &["r"], "base");
        check(&["p", "q"], &[], &["r"], "p");
        check(&["p"], &[], &["other", "r"], "r@-1");
        check(&["p"], &["needed"], &["r"], "r@-1");
    }
}
