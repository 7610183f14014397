//! The changes that fix findings of the lints, where no choice is left.

use super::subject::Subject;
use crate::edit;
use model::code;
use model::finding::{Edit, Finding};
use model::graph::{Fault, Graph};

/// Adds them.
pub(super) fn add(subject: &Subject<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|f| f.edit.is_none() && f.allowed.is_none()) {
        finding.edit = edit(subject, finding);
    }
}

fn edit(subject: &Subject<'_>, finding: &Finding) -> Option<Edit> {
    let wanted = [
        &code::MULTIPLE_HEADS,
        &code::NOT_ON_BASE_HEAD,
        &code::UNUSED_ALLOW,
        &code::OUTSIDE_TRANSACTION,
    ];
    if !wanted.contains(&finding.code) {
        return None;
    }
    let place = finding.place.as_ref()?;
    let index = subject.scripts.iter().position(|script| script.file == place.file)?;
    let (script, line) = (&subject.scripts[index], place.line?);
    // Only a revision that is certainly on no base may move; the base may have it under another
    // name.
    let revision = &subject.graph.revisions[index];
    let has_it = |(_, before): (_, &Graph)| before.by_id.contains_key(&revision.id);
    let is_new = revision.new && !subject.base.is_none_or(has_it);
    let moves = [&code::MULTIPLE_HEADS, &code::NOT_ON_BASE_HEAD].contains(&finding.code);
    if moves && !is_new {
        return None;
    }
    match finding.code {
        known if known == &code::MULTIPLE_HEADS => {
            onto(subject, index, &other_head(subject, index)?)
        }
        known if known == &code::NOT_ON_BASE_HEAD => {
            let (_, before) = subject.base?;
            let [head] = before.heads.as_slice() else { return None };
            // Only a head that exists here can be named.
            let head = before.id(*head);
            subject.graph.by_id.contains_key(head).then_some(())?;
            onto(subject, index, head)
        }
        known if known == &code::UNUSED_ALLOW => edit::without_comment(script, line),
        _ => edit::in_autocommit_block(script, line),
    }
}

/// A revision put on top of another in the place of its only parent.
fn onto(subject: &Subject<'_>, index: usize, head: &str) -> Option<Edit> {
    let script = &subject.scripts[index];
    let [parent] = script.down_revision.names.as_slice() else { return None };
    edit::renamed(script, parent, head)
}

/// The head of the other of two branches. Where an id is used twice, `renumber` gives another.
fn other_head(subject: &Subject<'_>, root: usize) -> Option<String> {
    let graph = subject.graph;
    let twice = graph.faults.iter().any(|fault| matches!(fault, Fault::IdTwice { .. }));
    let [one, two] = graph.branches.as_slice() else { return None };
    let other = match (one.adds.first(), two.adds.first()) {
        (Some(first), _) if *first == root => two,
        (_, Some(first)) if *first == root => one,
        _ => return None,
    };
    let two_heads = graph.heads.len() == 2 && graph.whole && !twice;
    two_heads.then(|| graph.id(other.head).to_owned())
}
