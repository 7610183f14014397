//! Comparison of the graph that was read from the text with the one that Alembic itself read.

use std::collections::{BTreeMap, BTreeSet};

use model::graph::Graph;

/// How the two differ, in a sentence; `None`: they do not, or the text alone could not say
/// everything, which is a finding of its own. `links` are Alembic's revisions with their parents.
pub fn with_alembic<'a>(
    graph: &Graph,
    heads: &[String],
    links: impl Iterator<Item = (&'a str, &'a [String])>,
) -> Option<String> {
    if !graph.whole {
        return None;
    }
    let links: Vec<(&str, &[String])> = links.collect();
    let are_parents = |index: usize, parents: &[String]| {
        let ours = graph.revisions[index].parents.iter().map(|parent| graph.id(*parent));
        ours.eq(parents.iter().map(String::as_str))
    };
    let mut pairs = graph.walk.iter().zip(&links);
    let is_same = graph.walk.len() == links.len()
        && pairs
            .all(|(index, (id, parents))| graph.id(*index) == *id && are_parents(*index, parents));
    let same_heads =
        graph.heads.iter().map(|head| graph.id(*head)).eq(heads.iter().map(String::as_str));
    // The usual case needs no sorting.
    if is_same && same_heads {
        return None;
    }
    let theirs: BTreeMap<&str, BTreeSet<&str>> = links
        .into_iter()
        .map(|(id, parents)| (id, parents.iter().map(String::as_str).collect()))
        .collect();
    let ours: BTreeMap<&str, BTreeSet<&str>> = graph
        .walk
        .iter()
        .map(|index| {
            let parents = graph.revisions[*index].parents.iter().map(|parent| graph.id(*parent));
            (graph.id(*index), parents.collect())
        })
        .collect();
    let named = |ids: Vec<&str>| ids.into_iter().take(5).collect::<Vec<_>>().join(", ");
    let missing: Vec<&str> = theirs.keys().filter(|id| !ours.contains_key(*id)).copied().collect();
    let added: Vec<&str> = ours.keys().filter(|id| !theirs.contains_key(*id)).copied().collect();
    let moved: Vec<&str> = ours
        .iter()
        .filter(|(id, parents)| theirs.get(*id).is_some_and(|known| known != *parents))
        .map(|(id, _)| *id)
        .collect();
    for (ids, what) in [
        (missing, "Alembic has revisions that were not read from the text"),
        (added, "revisions were read from the text that Alembic does not have"),
        (moved, "Alembic has other parents for some revisions"),
    ] {
        if !ids.is_empty() {
            return Some(format!("{what}: {}", named(ids)));
        }
    }
    let ours: BTreeSet<&str> = graph.heads.iter().map(|head| graph.id(*head)).collect();
    let theirs: BTreeSet<&str> = heads.iter().map(String::as_str).collect();
    (ours != theirs).then(|| {
        let (ours, theirs) = (ours.into_iter().collect(), theirs.into_iter().collect());
        format!("the heads in the text are {}, Alembic's are {}", named(ours), named(theirs))
    })
}

#[cfg(test)]
mod tests {
    use super::with_alembic;
    use model::graph::{Graph, Revision};

    fn graph() -> Graph {
        let revision = |id: &str, parents: Vec<usize>| Revision {
            id: id.into(),
            parents,
            ..Revision::default()
        };
        Graph {
            revisions: vec![revision("a", vec![]), revision("b", vec![0])],
            walk: vec![1, 0],
            heads: vec![1],
            whole: true,
            ..Graph::default()
        }
    }

    #[track_caller]
    fn check(heads: &[&str], links: &[(&str, &[&str])], expected: Option<&str>) {
        let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
        let links: Vec<(&str, Vec<String>)> = links
            .iter()
            .map(|(id, parents)| (*id, parents.iter().map(ToString::to_string).collect()))
            .collect();
        let links = links.iter().map(|(id, parents)| (*id, parents.as_slice()));
        assert_eq!(with_alembic(&graph(), &heads, links).as_deref(), expected);
    }

    #[test]
    fn graphs_that_differ_are_told_by_their_revisions() {
        check(&["b"], &[("a", &[]), ("b", &["a"])], None);
        check(
            &["b"],
            &[("a", &[]), ("b", &["a"]), ("c", &["a"])],
            Some("Alembic has revisions that were not read from the text: c"),
        );
        check(
            &["b"],
            &[("a", &[]), ("b", &[])],
            Some("Alembic has other parents for some revisions: b"),
        );
        check(
            &["a", "b"],
            &[("a", &[]), ("b", &["a"])],
            Some("the heads in the text are b, Alembic's are a, b"),
        );
    }
}
