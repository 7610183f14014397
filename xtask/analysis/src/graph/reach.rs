//! Revisions that can be reached from others along links.

use std::collections::HashSet;

use model::graph::{Graph, Revision};

/// Everything that can be reached from some revisions, in the order of Alembic's own search.
pub(in crate::graph) fn reach(
    graph: &Graph,
    from: &[usize],
    next: impl Fn(&Revision) -> &Vec<usize>,
) -> Vec<usize> {
    reach_owned(graph, from, |revision| next(revision).clone())
}

pub(in crate::graph) fn reach_owned(
    graph: &Graph,
    from: &[usize],
    next: impl Fn(&Revision) -> Vec<usize>,
) -> Vec<usize> {
    let mut seen = vec![false; graph.revisions.len()];
    let mut found = Vec::new();
    let mut todo = Vec::new();
    for start in from {
        todo.push(*start);
        while let Some(index) = todo.pop() {
            if !std::mem::replace(&mut seen[index], true) {
                found.push(index);
                todo.extend(next(&graph.revisions[index]));
            }
        }
    }
    found
}

pub(in crate::graph) fn unique(indexes: &[usize]) -> Vec<usize> {
    let mut seen = HashSet::new();
    indexes.iter().copied().filter(|index| seen.insert(*index)).collect()
}
