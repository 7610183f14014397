//! Resolution of an identifier, whole or shortened, to a revision, as Alembic's command line does
//! (`RevisionMap._revision_for_ident`). Inside revision files, shortened identifiers are not
//! allowed.

use model::graph::Graph;

/// Meaning of an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// This revision.
    One(usize),
    /// Any of these ids or labels starts with it.
    Several(Vec<String>),
    /// No revision.
    None,
}

/// Finds the revision with this id or branch label, else the only one whose id or label starts with
/// it. Alembic lets an id of up to three characters be written only whole.
pub fn resolve(graph: &Graph, identifier: &str) -> Resolved {
    let exact = graph.by_id.get(identifier).or_else(|| graph.by_label.get(identifier));
    if let Some(index) = exact {
        return Resolved::One(*index);
    }
    let names = graph.by_id.iter().chain(&graph.by_label);
    let mut matching: Vec<(&String, usize)> = names
        .filter(|(name, _)| name.chars().count() > 3 && name.starts_with(identifier))
        .map(|(name, index)| (name, *index))
        .collect();
    matching.sort_unstable();
    match matching.as_slice() {
        [] => Resolved::None,
        [(_, index)] => Resolved::One(*index),
        several => Resolved::Several(several.iter().map(|(name, _)| (*name).clone()).collect()),
    }
}
