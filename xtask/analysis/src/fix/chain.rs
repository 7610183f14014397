//! Remedies for how revisions hang together: their ids, parents, labels and dependencies.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Scene, files};
use super::text::replaced;
use crate::edit;
use crate::renumber::{self, Plan};
use crate::script::{Ident, Script};
use model::code;
use model::graph::Fault;

/// The longest id that `alembic_version` holds, in characters.
const ID_MAX: usize = 32;

pub(super) fn candidates(scene: &Scene<'_>) -> Vec<Candidate> {
    let code = scene.finding.code;
    if code == &code::MULTIPLE_HEADS {
        return collision(scene);
    }
    let in_graph = [&code::BROKEN_POINTER, &code::CYCLE, &code::MISSING_DEPENDENCY];
    if in_graph.contains(&code) {
        return pointers(scene);
    }
    let ids = [&code::ILLEGAL_ID, &code::ID_TOO_LONG, &code::REFUSED, &code::NOT_STORED];
    if ids.contains(&code) {
        return scene.scripts.iter().filter_map(|script| with_legal_id(scene, script)).collect();
    }
    if code == &code::NOT_A_REVISION {
        return moved_out(scene).into_iter().collect();
    }
    if code == &code::CONFIG_UNKNOWN {
        return locations(scene);
    }
    if code == &code::LABEL_USED_TWICE {
        return label_twice(scene).into_iter().collect();
    }
    Vec::new()
}

/// Candidates for two revisions that claim one place: a copy is deleted, the later one moves, or
/// both are merged. Both of the latter choose among the orders in which the revisions can run.
fn collision(scene: &Scene<'_>) -> Vec<Candidate> {
    let copy = copies(scene);
    let known = |index: usize| scene.history.and_then(|h| h.ages.get(&scene.scripts[index].file));
    let age = |index: usize| known(index).copied().unwrap_or(usize::MAX);
    let ages: Vec<usize> = (0..scene.scripts.len()).map(age).collect();
    let merged = |index: usize| {
        scene.history.and_then(|h| h.merged.get(&scene.scripts[index].file)).cloned()
    };
    let bytes: Vec<Vec<u8>> = scene
        .scripts
        .iter()
        .map(|script| (scene.read)(&script.file).unwrap_or_default().into_bytes())
        .collect();
    let plan = |ages: &[usize], fixed: renumber::Fixed<'_>| {
        renumber::plan(scene.scripts, &bytes, &|index| ages[index], fixed)
    };
    let reversed = renumber::reversed(&ages);
    let orders = [plan(&ages, &|_| None), plan(&reversed, &|_| None)];
    let orders = orders.map(|order| order.map(|plan| files(plan.changes)));
    // A change that cannot be tried is no candidate.
    let [Ok(first), Ok(second)] = orders else { return copy.into_iter().collect() };
    let plans = [
        scene.history.map(|_| plan(&ages, &merged)),
        Some(renumber::merge(scene.scripts)),
        // Two files with one id cannot both stay, wherever they are merged.
        scene.history.filter(|_| is_id_twice(scene)).map(|_| plan(&ages, &|_| None)),
    ];
    let plans = plans.into_iter().flatten().flatten();
    let plans = plans.filter(|plan| !plan.changes.is_empty());
    let candidate = |Plan { changes, because }: Plan| Candidate {
        what: because.join("; "),
        files: files(changes),
        orders: vec![first.clone(), second.clone()],
        ..Candidate::default()
    };
    copy.into_iter().chain(plans.map(candidate)).collect()
}

fn is_id_twice(scene: &Scene<'_>) -> bool {
    scene.graph.faults.iter().any(|fault| matches!(fault, Fault::IdTwice { .. }))
}

/// Deletes a file that is an exact copy of another: the later one by name.
fn copies(scene: &Scene<'_>) -> Option<Candidate> {
    let twice = scene.graph.faults.iter().find_map(|fault| match fault {
        Fault::IdTwice { first, second } => Some((*first, *second)),
        _ => None,
    });
    let (first, second) = twice?;
    let (first, second) = (scene.scripts.get(first)?, scene.scripts.get(second)?);
    let is_copy = first.module.source() == second.module.source();
    let copy = (&first.file).max(&second.file);
    let what = format!("remove {copy}, which is a copy of the other file");
    is_copy.then(|| Candidate { what, files: vec![(copy.clone(), None)], ..Candidate::default() })
}

/// Parents and dependencies that do not exist, or are the revision itself.
fn pointers(scene: &Scene<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for script in scene.scripts {
        let own = &script.revision.text;
        let is_wrong = |ident: &&Ident| {
            ident.text == *own || !scene.scripts.iter().any(|s| s.revision.text == ident.text)
        };
        for ident in script.down_revision.names.iter().filter(is_wrong) {
            for id in parents(scene, script, &ident.text) {
                let edit = edit::renamed(script, ident, &id);
                let what = format!("point the `down_revision` of {own} to {id}");
                found.extend(edit.and_then(|edit| {
                    let text = super::text::applied(&(scene.read)(&script.file)?, &edit)?;
                    Some(Candidate::of_file(what.clone(), &script.file, text))
                }));
            }
        }
        if script.depends_on.names.iter().any(|ident| is_wrong(&ident)) {
            let text = replaced(&script.module, script.depends_on.bytes.clone(), "None");
            let what = format!("take out the `depends_on` of {own}");
            found.extend(text.map(|text| Candidate::of_file(what, &script.file, text)));
        }
    }
    found
}

/// Parents that may have been meant: an id of which one is the beginning of the other, or a
/// revision without children.
fn parents(scene: &Scene<'_>, script: &Script, named: &str) -> Vec<String> {
    let below = descendants(scene, &script.revision.text);
    let others = || scene.scripts.iter().filter(|other| !below.contains(&other.revision.text));
    let resembles = |other: &&Script| {
        let id = &other.revision.text;
        id != named && (id.starts_with(named) || named.starts_with(id.as_str()))
    };
    let is_last = |other: &&Script| {
        let follows =
            |s: &Script| s.down_revision.names.iter().any(|n| n.text == other.revision.text);
        !scene.scripts.iter().any(follows)
    };
    let mut found: Vec<String> = Vec::new();
    let meant = others().filter(resembles).chain(others().filter(is_last));
    for id in meant.map(|other| other.revision.text.clone()) {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// A revision and all that follow it.
fn descendants(scene: &Scene<'_>, id: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([id.to_owned()]);
    loop {
        let follows = |s: &&Script| s.down_revision.names.iter().any(|n| found.contains(&n.text));
        let more: Vec<String> =
            scene.scripts.iter().filter(follows).map(|s| s.revision.text.clone()).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}

/// An id that Alembic does not allow or `alembic_version` has no room for, everywhere under another.
fn with_legal_id(scene: &Scene<'_>, script: &Script) -> Option<Candidate> {
    let old = &script.revision.text;
    let legal = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '_' };
    let new: String = old.chars().map(legal).take(ID_MAX).collect();
    let is_taken = scene.scripts.iter().any(|other| other.revision.text == new);
    if new == *old || is_taken || script.revision.bytes.is_empty() {
        return None;
    }
    let mut files = Vec::new();
    for other in scene.scripts {
        let own = std::iter::once(&other.revision);
        let named = own.chain(&other.down_revision.names).chain(&other.depends_on.names);
        let mut places: Vec<&Ident> = named.filter(|ident| ident.text == *old).collect();
        places.sort_by_key(|ident| std::cmp::Reverse(ident.bytes.start));
        let mut text = (scene.read)(&other.file)?;
        for ident in &places {
            text = super::text::applied(&text, &edit::renamed(other, ident, &new)?)?;
        }
        if !places.is_empty() {
            files.push((other.file.clone(), Some(text)));
        }
    }
    Some(Candidate { what: format!("give {old} the id {new}"), files, ..Candidate::default() })
}

/// A file among the revisions that is none moves beside env.py.
fn moved_out(scene: &Scene<'_>) -> Option<Candidate> {
    let file = &scene.finding.place.as_ref()?.file;
    let text = (scene.read)(file).filter(|text| !text.contains("revision"))?;
    let to = file.parent()?.parent()?.join(file.file_name()?);
    let what = format!("move {file} out of the revisions, to {to}");
    let is_free = (scene.read)(&to).is_none();
    let files = vec![(file.clone(), None), (to, Some(text))];
    is_free.then_some(Candidate { what, files, ..Candidate::default() })
}

/// A `script_location` that is not found: the folder of env.py, beside the ini or below it.
fn locations(scene: &Scene<'_>) -> Vec<Candidate> {
    let Some(ini) = scene.finding.place.as_ref().map(|place| &place.file) else {
        return Vec::new();
    };
    let Some((text, folder)) = (scene.read)(ini).zip(ini.parent()) else { return Vec::new() };
    let mut lines = text.split_inclusive('\n');
    let Some(line) = lines.find(|line| line.starts_with("script_location")) else {
        return Vec::new();
    };
    let below = ["", "alembic", "migrations"].into_iter();
    let holds = below.filter(|below| (scene.read)(&folder.join(below).join("env.py")).is_some());
    let candidate = |below: &str| {
        let path = if below.is_empty() { String::new() } else { format!("/{below}") };
        let new = format!("script_location = %(here)s{path}\n");
        let what = format!("write `{}`", new.trim_end());
        Candidate::of_file(what, ini, text.replacen(line, &new, 1))
    };
    holds.map(candidate).collect()
}

/// A label that another revision has: the later one does without.
fn label_twice(scene: &Scene<'_>) -> Option<Candidate> {
    let of = scene.graph.faults.iter().find_map(|fault| match fault {
        Fault::LabelTwice { of, .. } => Some(*of),
        _ => None,
    });
    let script = scene.scripts.get(of?)?;
    let text = replaced(&script.module, script.branch_labels.bytes.clone(), "None")?;
    let what =
        format!("take the label out of {}, which another revision has", script.revision.text);
    Some(Candidate::of_file(what, &script.file, text))
}
