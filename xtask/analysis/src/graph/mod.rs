//! Graph of revisions, built by Alembic's own rules (`alembic.script.revision.RevisionMap`), step
//! by step. Where Alembic would warn or refuse, the graph records a fault and continues.

mod branches;
pub mod compare;
mod reach;
mod resolve;
pub mod stored;
mod walk;

use std::collections::{HashMap, HashSet};

use super::script::{Field, Script};
use model::graph::{Fault, Graph, Revision};

use self::reach::{reach_owned, unique};
pub use resolve::{Resolved, resolve};

/// Characters that Alembic needs for its own notation.
const ILLEGAL: [char; 4] = ['@', '-', '+', ':'];

/// Builds the graph of these scripts, in the order in which Alembic reads them. The indexes of the
/// graph are those of the scripts.
pub fn build(scripts: &[&Script]) -> Graph {
    let parents: Vec<Vec<String>> =
        scripts.iter().map(|script| names(&script.down_revision)).collect();
    let named = scripts.iter().zip(&parents);
    let named = named.map(|(script, parents)| Named { script, id: &script.revision.text, parents });
    build_named(&named.collect::<Vec<_>>())
}

/// A script with the id and the parents that it is to have.
pub struct Named<'a> {
    /// The script.
    pub script: &'a Script,
    /// The id that it is to have.
    pub id: &'a str,
    /// The parents that it is to name.
    pub parents: &'a [String],
}

/// As [`build`], for scripts as they are to be.
pub fn build_named(scripts: &[Named<'_>]) -> Graph {
    let mut graph = Graph {
        revisions: scripts.iter().map(revision).collect(),
        whole: scripts.iter().all(|named| named.script.known()),
        ..Graph::default()
    };
    let order = index_ids(&mut graph);
    index_labels(&mut graph);
    check_own(&mut graph);
    link(&mut graph);
    own_dependencies(&mut graph);
    let straight = detect_cycles(&mut graph, &order);
    if straight {
        branches::spread_labels(&mut graph);
        graph.walk = walk::walk(&graph, &order);
    } else {
        // There is no order in a circle; the newest file first is the best guess for a reader.
        graph.walk = order.iter().rev().copied().collect();
    }
    graph.branches = branches::of_heads(&graph);
    graph
}

fn names(field: &Field) -> Vec<String> {
    field.names.iter().map(|name| name.text.clone()).collect()
}

fn revision(named: &Named<'_>) -> Revision {
    let script = named.script;
    Revision {
        id: named.id.to_owned(),
        down_revision: named.parents.to_vec(),
        depends_on: names(&script.depends_on),
        branch_labels: names(&script.branch_labels),
        file: script.file.clone(),
        line: script.revision.line,
        title: script.title.clone(),
        ..Revision::default()
    }
}

/// Fills `by_id`, and returns the revisions that are kept in the order of Alembic's map: that of the
/// first file with each id.
fn index_ids(graph: &mut Graph) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for (index, revision) in graph.revisions.iter().enumerate() {
        match position.get(revision.id.as_str()) {
            Some(at) => {
                let first = std::mem::replace(&mut order[*at], index);
                graph.faults.push(Fault::IdTwice { first, second: index });
            }
            None => {
                position.insert(&revision.id, order.len());
                order.push(index);
            }
        }
        if let Some(bad) = ILLEGAL.iter().find(|bad| revision.id.contains(**bad)) {
            graph.faults.push(Fault::IllegalId(index, bad.to_string()));
        }
    }
    graph.by_id = order.iter().map(|index| (graph.revisions[*index].id.clone(), *index)).collect();
    order
}

fn index_labels(graph: &mut Graph) {
    for (of, revision) in graph.revisions.iter().enumerate() {
        for label in &revision.branch_labels {
            let other = graph.by_id.get(label).or_else(|| graph.by_label.get(label)).copied();
            match other {
                Some(other) => {
                    let label = label.clone();
                    graph.faults.push(Fault::LabelTwice { of, label, other });
                }
                None => {
                    graph.by_label.insert(label.clone(), of);
                }
            }
        }
    }
}

/// A revision that names itself, which Alembic sees before anything else.
fn check_own(graph: &mut Graph) {
    for (index, revision) in graph.revisions.iter().enumerate() {
        if revision.down_revision.contains(&revision.id) {
            graph.faults.push(Fault::OwnParent(index));
        } else if revision.depends_on.contains(&revision.id) {
            graph.faults.push(Fault::OwnDependency(index));
        }
    }
}

/// Links parents, dependencies, children and followers, and finds heads and bases.
fn link(graph: &mut Graph) {
    let mut parented = HashSet::new();
    let mut followed = HashSet::new();
    for of in 0..graph.revisions.len() {
        let revision = &graph.revisions[of];
        let kept = graph.by_id.get(&revision.id).copied().unwrap_or(of);
        // A revision that Alembic drops has no parents, unless a branch label still leads to it.
        let counts =
            kept == of || revision.branch_labels.iter().any(|l| graph.by_label.get(l) == Some(&of));
        let (mut parents, mut dependencies) = (Vec::new(), Vec::new());
        for named in &revision.down_revision {
            match graph.by_id.get(named) {
                Some(parent) => parents.push(*parent),
                None => graph.faults.push(Fault::NoParent { of, named: named.clone() }),
            }
        }
        // Alembic takes `depends_on = ""` for none.
        for named in revision.depends_on.iter().filter(|_| revision.depends_on != [""]) {
            // A label may be that of a dropped file; its id then leads to the kept revision.
            let labelled = || graph.by_id.get(graph.id(*graph.by_label.get(named)?));
            match graph.by_id.get(named).or_else(labelled) {
                Some(dependency) => dependencies.push(*dependency),
                None => graph.faults.push(Fault::NoDependency { of, named: named.clone() }),
            }
        }
        if counts {
            parented.extend(parents.iter().copied());
            followed.extend(parents.iter().chain(&dependencies).copied());
            for parent in unique(&parents) {
                insert(&mut graph.revisions[parent].children, kept);
            }
            for follows in unique(&[parents.as_slice(), &dependencies].concat()) {
                insert(&mut graph.revisions[follows].followers, kept);
            }
        }
        let revision = &mut graph.revisions[of];
        if revision.down_revision.is_empty() {
            graph.bases.push(of);
            if revision.depends_on.is_empty() {
                graph.real_bases.push(of);
            }
        }
        (revision.parents, revision.dependencies) = (parents, dependencies);
    }
    let all = || 0..graph.revisions.len();
    graph.heads = all().filter(|index| !parented.contains(index)).collect();
    graph.real_heads = all().filter(|index| !followed.contains(index)).collect();
}

/// Adds to a list the elements that it lacks; nearly all of these lists have one element.
fn insert(list: &mut Vec<usize>, index: usize) {
    if !list.contains(&index) {
        list.push(index);
    }
}

/// Leaves out of each revision's dependencies those that an ancestor already has.
fn own_dependencies(graph: &mut Graph) {
    for of in 0..graph.revisions.len() {
        if graph.revisions[of].dependencies.is_empty() {
            continue;
        }
        let mut own = unique(&graph.revisions[of].dependencies);
        for ancestor in reach::reach(graph, &[of], |revision| &revision.parents) {
            if ancestor != of {
                own.retain(|index| !graph.revisions[ancestor].dependencies.contains(index));
            }
        }
        graph.revisions[of].own_dependencies = own;
    }
}

/// Records the revisions that cannot be reached from both a head and a base, and returns whether
/// all can.
fn detect_cycles(graph: &mut Graph, order: &[usize]) -> bool {
    let own = |fault: &Fault| matches!(fault, Fault::OwnParent(_) | Fault::OwnDependency(_));
    if graph.faults.iter().any(own) {
        return false;
    }
    // A revision whose parent does not exist starts a chain, as a base does.
    let broken: Vec<usize> = graph.faults.iter().filter_map(broken_link).collect();
    let down = reach::reach(graph, &graph.heads, |revision| &revision.parents);
    let up =
        reach::reach(graph, &[&graph.bases[..], &broken].concat(), |revision| &revision.children);
    let outside = not_in_both(graph, order, &down, &up);
    if !outside.is_empty() {
        graph.faults.push(Fault::Cycle(outside));
        return false;
    }
    let both = |revision: &Revision| [&revision.parents[..], &revision.dependencies].concat();
    let down = reach_owned(graph, &graph.real_heads, both);
    let followers = |revision: &Revision| revision.followers.clone();
    let up = reach_owned(graph, &[&graph.real_bases[..], &broken].concat(), followers);
    let outside = not_in_both(graph, order, &down, &up);
    if !outside.is_empty() {
        graph.faults.push(Fault::DependencyCycle(outside));
        return false;
    }
    let around = walk::unordered(graph, order);
    if !around.is_empty() {
        graph.faults.push(Fault::EndlessCycle(around));
        return false;
    }
    true
}

fn broken_link(fault: &Fault) -> Option<usize> {
    match fault {
        Fault::NoParent { of, .. } | Fault::NoDependency { of, .. } => Some(*of),
        _ => None,
    }
}

/// The revisions whose ids are not in both sets. Ids are compared because a dropped revision counts
/// as the kept one with its id, as in Alembic.
fn not_in_both(graph: &Graph, order: &[usize], down: &[usize], up: &[usize]) -> Vec<usize> {
    let ids = |indexes: &[usize]| -> HashSet<&str> {
        indexes.iter().map(|index| graph.revisions[*index].id.as_str()).collect()
    };
    let (down, up) = (ids(down), ids(up));
    let outside = |index: &&usize| {
        let id = graph.revisions[**index].id.as_str();
        !(down.contains(id) && up.contains(id))
    };
    order.iter().filter(outside).copied().collect()
}
