//! Branches: the revisions on that of a label (`RevisionMap._add_branches`), and on that of a head.

use super::reach::reach;
use model::graph::{Branch, Graph};

/// The revisions that each of several heads adds; none for a single head.
pub(super) fn of_heads(graph: &Graph) -> Vec<Branch> {
    if graph.heads.len() < 2 {
        return Vec::new();
    }
    let reached: Vec<Vec<usize>> =
        graph.heads.iter().map(|head| reach(graph, &[*head], |r| &r.parents)).collect();
    let mut heads_of = vec![0_usize; graph.revisions.len()];
    for index in reached.iter().flatten() {
        heads_of[*index] += 1;
    }
    // A revision that Alembic drops, because another file has its id, counts as the newest.
    let mut age = vec![0; graph.revisions.len()];
    for (position, index) in graph.walk.iter().enumerate() {
        age[*index] = position + 1;
    }
    let branch = |(head, reached): (&usize, &Vec<usize>)| {
        let own = |index: &usize| heads_of[*index] == 1;
        let mut adds: Vec<usize> = reached.iter().copied().filter(own).collect();
        adds.sort_by_key(|index| std::cmp::Reverse(age[*index]));
        let parents = adds.iter().flat_map(|index| &graph.revisions[*index].parents);
        let from = parents.copied().find(|parent| !adds.contains(parent));
        Branch { head: *head, adds, from }
    };
    graph.heads.iter().zip(&reached).map(branch).collect()
}

/// Gives each label to the revisions after the labelled one and, where that line does not fork, to
/// those before it up to the previous fork or merge.
pub(super) fn spread_labels(graph: &mut Graph) {
    for revision in &mut graph.revisions {
        revision.on_branches = revision.branch_labels.iter().cloned().collect();
    }
    let labelled: Vec<usize> = (0..graph.revisions.len())
        .filter(|index| !graph.revisions[*index].branch_labels.is_empty())
        .collect();
    for index in labelled {
        let labels = graph.revisions[index].on_branches.clone();
        let after = reach(graph, &[index], |revision| &revision.children);
        for after in &after {
            graph.revisions[*after].on_branches.extend(labels.iter().cloned());
        }
        let mut at = after.last().copied();
        while let Some(revision) = at.and_then(|at| graph.revisions.get_mut(at)) {
            if revision.followers.len() > 1 || revision.down_revision.len() > 1 {
                break;
            }
            revision.on_branches.extend(labels.iter().cloned());
            at = revision.parents.first().copied();
        }
    }
}
