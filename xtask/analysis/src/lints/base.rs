//! Lints on a change's edits of the base branch's revisions.

use camino::Utf8Path;

use super::graph::has_cycle;
use super::subject::{Subject, in_file};
use crate::python::{Module, descendants};
use crate::script::Script;
use model::code;
use model::files::{Changed, is_revision_name};
use model::finding::Finding;

/// New revisions that do not descend from the base branch's head. If they add a second head, the
/// finding about the heads covers them.
pub(super) fn not_on_base_head(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((base, before)) = subject.base else { return Vec::new() };
    let graph = subject.graph;
    let [head] = before.heads.as_slice() else { return Vec::new() };
    if graph.heads.len() != 1 || !graph.whole || has_cycle(subject) {
        return Vec::new();
    }
    let head = before.id(*head);
    // Descendants of the head are on it; the head itself may be missing here.
    let mut on_head = vec![false; graph.revisions.len()];
    for index in graph.walk.iter().rev() {
        let revision = &graph.revisions[*index];
        let parents = revision.parents.iter().chain(&revision.dependencies);
        on_head[*index] = revision.id == head || parents.into_iter().any(|p| on_head[*p]);
    }
    let mut findings = Vec::new();
    for index in graph.walk.iter().rev() {
        let revision = &graph.revisions[*index];
        let starts = revision.parents.iter().all(|parent| !graph.revisions[*parent].new);
        // A file that was renamed is as new as its name, and its revision is not.
        let known = before.by_id.contains_key(&revision.id);
        // A merge revision on top of it may descend from the head.
        let merged = graph.heads.iter().all(|tip| on_head[*tip]);
        if !revision.new || known || !starts || on_head[*index] || merged {
            continue;
        }
        let script = &subject.scripts[*index];
        let line = script.down_revision.line.unwrap_or(script.revision.line);
        let parents = match revision.down_revision.as_slice() {
            [] => "nothing".to_owned(),
            ids => ids.join(", "),
        };
        let message = format!(
            "it descends from {parents}, not from {head}, the head of {}: merged, they make two \
             heads",
            base.name
        );
        findings.push(subject.in_script(&code::NOT_ON_BASE_HEAD, *index, line, message));
    }
    findings
}

/// New revisions whose id the base branch has under another file, which is not here yet.
pub(super) fn id_taken(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((base, _)) = subject.base else { return Vec::new() };
    let ahead = base.ahead.iter().filter_map(|ahead| Some((&ahead.file, ahead.bytes.as_ref()?)));
    let unseen = base.changed.iter().filter(|changed| changed.gone && !changed.by_us);
    let unseen = unseen.map(|changed| (&changed.file, &changed.before));
    let mut findings = Vec::new();
    for (file, bytes) in ahead.chain(unseen) {
        let is_here = subject.scripts.iter().any(|script| script.file == *file);
        let Some(theirs) = Script::read(file, bytes).0.filter(|_| !is_here) else { continue };
        let id = &theirs.revision.text;
        let taken = subject.graph.revisions.iter().enumerate();
        for (index, _) in taken.filter(|(_, ours)| ours.new && ours.id == *id) {
            let line = subject.scripts[index].revision.line;
            let message = format!("{id} is taken on {} by {file}: merged, both have it", base.name);
            findings.push(subject.in_script(&code::ID_TAKEN, index, line, message));
        }
    }
    findings
}

/// Revisions of the base branch that this change edits, renames or deletes.
pub(super) fn changed(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((base, _)) = subject.base else { return Vec::new() };
    let is_revision = |file: &Utf8Path| file.file_name().is_some_and(is_revision_name);
    let changed = base.changed.iter().filter(|changed| changed.by_us && is_revision(&changed.file));
    changed.filter_map(|changed| one_changed(subject, &base.name, changed)).collect()
}

fn one_changed(subject: &Subject<'_>, base: &str, changed: &Changed) -> Option<Finding> {
    let file = &changed.file;
    // A file that was no revision on the base belongs to no one.
    let (before, _) = Script::read(file, &changed.before);
    let before = before?;
    let id = &before.revision.text;
    if changed.gone {
        let moved = subject.scripts.iter().position(|script| script.revision.text == *id);
        return Some(match moved.filter(|index| subject.graph.revisions[*index].new) {
            Some(index) => {
                let line = subject.scripts[index].revision.line;
                let message = format!("revision {id} of {base} was renamed, it was {file}");
                subject.in_script(&code::CHANGED_ON_BASE, index, line, message)
            }
            None => {
                let message = format!("revision {id} of {base} was deleted");
                let finding = in_file(&code::CHANGED_ON_BASE, file, None, message);
                Finding { revision: Some(id.clone()), ..finding }
            }
        });
    }
    let index = subject.scripts.iter().position(|script| script.file == *file);
    let Some(index) = index else {
        let message = format!("revision {id} of {base} is no readable revision any more");
        return Some(in_file(&code::CHANGED_ON_BASE, file, None, message));
    };
    let now = &subject.scripts[index];
    let line = first_difference(&before.module, &now.module)?;
    let message = format!("revision {id} of {base} was edited");
    Some(subject.in_script(&code::CHANGED_ON_BASE, index, line, message))
}

/// The first line where the code is another; comments, docstrings and layout are no code.
fn first_difference(before: &Module, now: &Module) -> Option<u32> {
    let mut before = code(before);
    let mut last = 1;
    for (token, line) in code(now) {
        if before.next().map(|(token, _)| token) != Some(token) {
            return Some(line);
        }
        last = line;
    }
    before.next().map(|_| last)
}

fn code(module: &Module) -> impl Iterator<Item = (&str, u32)> {
    let docs = descendants(module.root())
        .filter(|node| node.kind() == "expression_statement")
        .filter(|node| node.named_child_count() == 1)
        .filter(|node| node.named_child(0).is_some_and(|child| child.kind() == "string"))
        .map(|node| node.byte_range());
    let docs: Vec<_> = docs.collect();
    descendants(module.root())
        .filter(|node| node.child_count() == 0 && node.kind() != "comment")
        .filter(move |node| !docs.iter().any(|doc| doc.contains(&node.start_byte())))
        .map(|node| (module.text(node), crate::python::line(node)))
        .filter(|(text, _)| !text.trim().is_empty())
}
