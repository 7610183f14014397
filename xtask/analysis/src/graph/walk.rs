//! The order in which Alembic walks the revisions, from the heads to the bases
//! (`RevisionMap._topological_sort`). Where a revision depends on several others of its own, Alembic
//! takes them in the order of a Python set, which changes from run to run; here it is the order in
//! which they are written.

use std::collections::{HashMap, HashSet};

use super::reach::{reach_owned, unique};
use model::graph::{Graph, Revision};

/// A set of revisions.
#[derive(Clone)]
struct Set(Vec<u64>);

impl Set {
    fn of(graph: &Graph, indexes: &[usize]) -> Set {
        let mut set = Set(vec![0; graph.revisions.len().div_ceil(64)]);
        for index in indexes {
            set.0[index / 64] |= 1 << (index % 64);
        }
        set
    }

    fn contains(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn remove(&mut self, index: usize) {
        self.0[index / 64] &= !(1 << (index % 64));
    }
}

fn down(revision: &Revision) -> Vec<usize> {
    unique(&[&revision.parents[..], &revision.own_dependencies].concat())
}

/// The revisions on circles and between them, in the order of `order`: the rest after revisions
/// without a predecessor are removed, again and again, and then those without a successor.
pub(super) fn unordered(graph: &Graph, order: &[usize]) -> Vec<usize> {
    let before = |revision: &Revision| [&revision.parents[..], &revision.dependencies].concat();
    let mut left: HashSet<usize> = order.iter().copied().collect();
    let edges =
        || order.iter().flat_map(|at| before(&graph.revisions[*at]).into_iter().map(|b| (*at, b)));
    let up: Vec<(usize, usize)> = edges().collect();
    let down: Vec<(usize, usize)> = up.iter().map(|(at, before)| (*before, *at)).collect();
    for edges in [up, down] {
        take_away(&mut left, &edges);
    }
    order.iter().copied().filter(|index| left.contains(index)).collect()
}

/// Removes revisions that wait for none of the rest, until every one left waits. Each edge is a
/// pair: the one that waits, and the one waited for.
fn take_away(left: &mut HashSet<usize>, edges: &[(usize, usize)]) {
    let mut waits: HashMap<usize, usize> = HashMap::new();
    let mut waited_for: HashMap<usize, Vec<usize>> = HashMap::new();
    for (who, whom) in edges.iter().filter(|(who, whom)| left.contains(who) && left.contains(whom))
    {
        *waits.entry(*who).or_default() += 1;
        waited_for.entry(*whom).or_default().push(*who);
    }
    let mut free: Vec<usize> =
        left.iter().copied().filter(|index| !waits.contains_key(index)).collect();
    while let Some(index) = free.pop() {
        left.remove(&index);
        for who in waited_for.remove(&index).unwrap_or_default() {
            let count = waits.entry(who).or_default();
            *count -= 1;
            if *count == 0 {
                free.push(who);
            }
        }
    }
}

/// All that Alembic keeps, children before parents. `order` is the order of Alembic's map. There
/// must be no cycle.
pub(super) fn walk(graph: &Graph, order: &[usize]) -> Vec<usize> {
    let ancestors = |index: usize| Set::of(graph, &reach_owned(graph, &[index], down));
    let kept = |index: &usize| graph.by_id.get(&graph.revisions[*index].id).copied();
    let from: Vec<usize> = graph.real_heads.iter().filter_map(kept).collect();
    let mut todo = Set::of(graph, &reach_owned(graph, &from, down));
    let mut heads: Vec<usize> =
        order.iter().copied().filter(|index| from.contains(index)).collect();
    let mut above: Vec<Set> = heads.iter().map(|head| ancestors(*head)).collect();
    let mut walked = Vec::new();
    let mut at = 0;
    while let Some(&candidate) = heads.get(at) {
        // Another head that descends from this one is first.
        let waits =
            (0..heads.len()).find(|other| *other != at && above[*other].contains(candidate));
        if let Some(other) = waits {
            at = other;
            continue;
        }
        if todo.contains(candidate) {
            walked.push(candidate);
            todo.remove(candidate);
        }
        let revision = &graph.revisions[candidate];
        let mut next = down(revision);
        next.retain(|index| todo.contains(*index) && !heads.contains(index));
        let Some((first, others)) = next.split_first() else {
            heads.remove(at);
            above.remove(at);
            at = at.saturating_sub(1);
            continue;
        };
        heads[at] = *first;
        if revision.own_dependencies.is_empty() && revision.down_revision.len() == 1 {
            above[at].remove(candidate);
        } else {
            heads.extend(others);
            above[at] = ancestors(*first);
            above.extend(others.iter().map(|other| ancestors(*other)));
        }
    }
    walked
}
