//! Nearest revision to one that does not exist. It is only a hint: no edit is made from it.

use super::subject::Subject;
use crate::distance::distance;
use crate::graph::{Resolved, resolve};

/// A sentence with the probably intended name, if a similar one exists.
pub(super) fn hint(subject: &Subject<'_>, named: &str) -> Option<String> {
    let graph = subject.graph;
    if named.is_empty() {
        return Some("an empty string is no base; write `None`".into());
    }
    if graph.by_label.contains_key(named) {
        return Some(format!("`{named}` is a branch label, and a parent must be named by its id"));
    }
    // The name of a file instead of its revision.
    let stem = named.rsplit('/').next().unwrap_or(named);
    let stem = stem.strip_suffix(".py").unwrap_or(stem);
    let of_file = |script: &&crate::script::Script| script.file.file_stem() == Some(stem);
    if let Some(script) = subject.scripts.iter().find(of_file) {
        let id = &script.revision.text;
        return Some(format!("that is the name of a file, whose revision is `{id}`"));
    }
    if let Some((base, _)) = subject.base {
        let gone = base.changed.iter().filter(|changed| changed.gone && changed.by_us);
        let mut gone = gone.filter(|changed| {
            changed.file.file_stem().is_some_and(|name| name.split('_').next() == Some(named))
        });
        if let Some(changed) = gone.next() {
            return Some(format!("this change deletes {}", changed.file));
        }
    }
    match resolve(graph, named) {
        Resolved::One(index) => {
            let id = graph.id(index);
            return Some(format!("`{id}` starts with it, and a file must name it whole"));
        }
        Resolved::Several(ids) => {
            let ids = ids.iter().take(3).map(|id| format!("`{id}`")).collect::<Vec<_>>();
            return Some(format!("it is short for any of {}, and must be whole", ids.join(", ")));
        }
        Resolved::None => {}
    }
    let nearest = graph.by_id.keys().map(|id| (distance(named, id), id)).min()?;
    let close = (nearest.0 <= 2.max(named.chars().count() / 3)).then_some(nearest.1);
    close.map(|id| format!("did you mean `{id}`?"))
}
