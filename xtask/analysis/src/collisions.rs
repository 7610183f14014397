//! Collisions of revisions once other branches are merged: the additions of those branches,
//! compared with this one.

use std::collections::BTreeSet;

use super::effect::{Effect, Kind};
use super::script::Script;
use model::called;
use model::graph::Graph;

/// Revisions that another branch adds to a tree.
pub struct Theirs {
    /// Its name: `origin/feat/alpha`.
    pub branch: String,
    /// The author of its last commit.
    pub author: String,
    /// And on which day.
    pub day: String,
    /// The revisions that it adds.
    pub adds: Vec<Script>,
}

/// A revision of another branch that conflicts with the revisions here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The collision, in one sentence that names the branch.
    pub what: String,
    /// The author and the date of the branch's last commit.
    pub who: String,
    /// The fix.
    pub remedy: String,
    /// Whether it is with a revision of this branch, or with the base alone.
    pub ours: bool,
}

/// Finds the collisions of a tree. `base`: its name and its revisions by now.
pub fn collisions(
    tree: &str,
    (scripts, graph): (&[Script], &Graph),
    base: Option<(&str, &Graph)>,
    others: &[Theirs],
) -> Vec<Collision> {
    let ours: Vec<&Script> = scripts
        .iter()
        .zip(&graph.revisions)
        .filter(|(_, revision)| revision.new)
        .map(|(script, _)| script)
        .collect();
    let mut found = Vec::new();
    for theirs in others {
        for script in &theirs.adds {
            let is_same = |ours: &&Script| {
                ours.file == script.file && ours.module.source() == script.module.source()
            };
            // A revision that both branches have is one revision: one branch is built on the other.
            if scripts.iter().any(|ours| is_same(&ours)) {
                continue;
            }
            let with_ours =
                ours.iter().flat_map(|ours| with_ours((tree, graph), ours, script, theirs));
            let mut collisions: Vec<Collision> = with_ours.collect();
            if collisions.is_empty() {
                collisions.extend(base.and_then(|base| with_base(tree, script, theirs, base)));
            }
            for collision in collisions {
                if !found.contains(&collision) {
                    found.push(collision);
                }
            }
        }
    }
    found
}

/// Each way in which a revision of another branch collides with one of this branch.
fn with_ours(
    (tree, graph): (&str, &Graph),
    ours: &Script,
    script: &Script,
    theirs: &Theirs,
) -> Vec<Collision> {
    let (branch, id) = (&theirs.branch, &script.revision.text);
    let mine = &ours.revision.text;
    let parents = names(script);
    let on = if parents.is_empty() { "nothing".to_owned() } else { parents.join(", ") };
    let renumber = format!(
        "whoever merges second must renumber: rebase on the base branch, then \
         `{} renumber {tree}`",
        called::gate()
    );
    let is_here = |name: &str| graph.by_id.contains_key(name);
    let needed =
        names(ours).into_iter().chain(needs(ours)).any(|name| name == id && !is_here(name));
    let mut found = Vec::new();
    if needed {
        let what = format!("{mine} stands on {id}, which {branch} adds");
        found.push((what, format!("merge {branch} first")));
    }
    if id == mine || names(ours).iter().any(|parent| parents.contains(parent)) {
        found.push((format!("{branch} adds {id} on {on}, too"), renumber));
    } else if ours.file.file_name() == script.file.file_name() {
        found.push((format!("{branch} adds another {}", script.file), renumber));
    }
    let mut both = touched(ours);
    both.retain(|name| touched(script).contains(name));
    // A revision that follows the other one may change its objects.
    if !both.is_empty() && !needed {
        let both = both.into_iter().collect::<Vec<_>>().join(", ");
        let what = format!("{branch} ({id}) and this branch ({mine}) both change {both}");
        found.push((what, "agree on one of the two, or on their order".to_owned()));
    }
    let collision = |(what, remedy)| Collision { what, who: who(theirs), remedy, ours: true };
    found.into_iter().map(collision).collect()
}

/// The collision of a revision of another branch with the base, which has advanced without it.
fn with_base(
    tree: &str,
    script: &Script,
    theirs: &Theirs,
    (base, graph): (&str, &Graph),
) -> Option<Collision> {
    let (branch, id) = (&theirs.branch, &script.revision.text);
    let taken = graph.by_id.get(id).map(|index| &graph.revisions[*index].file);
    let taken = taken.filter(|file| **file != script.file);
    let parents = names(script);
    let beside = parents.iter().find_map(|parent| {
        let index = *graph.by_id.get(*parent)?;
        let child = graph.revisions[index].children.first()?;
        Some((*parent, graph.id(*child)))
    });
    let what = match (taken, beside) {
        (Some(file), _) => format!("{branch} adds {id}, and {base} has it as {file}"),
        (None, Some((parent, child))) if child != id => {
            format!("{branch} adds {id} on {parent}, and {base} has {child} there")
        }
        _ => return None,
    };
    let remedy =
        format!("on {branch}: rebase on {base}, then `{} renumber {tree}`", called::gate());
    Some(Collision { what, who: who(theirs), remedy, ours: false })
}

fn who(theirs: &Theirs) -> String {
    format!("{}, {}", theirs.author, theirs.day)
}

fn names(script: &Script) -> Vec<&str> {
    script.down_revision.names.iter().map(|name| name.text.as_str()).collect()
}

fn needs(script: &Script) -> impl Iterator<Item = &str> {
    script.depends_on.names.iter().map(|name| name.text.as_str())
}

/// The objects that a revision creates and drops.
fn touched(script: &Script) -> BTreeSet<String> {
    let deeds = script.body().upgrade.iter().flat_map(|function| &function.deeds);
    let objects = deeds.filter_map(|deed| match &deed.effect {
        Effect::Create(object, _) | Effect::Drop { object, .. } => Some(object),
        _ => None,
    });
    let objects: Vec<_> = objects.collect();
    let is_table = |name: &String| objects.iter().any(|o| o.kind == Kind::Table && o.name == *name);
    // The collision of a table covers objects that are made and dropped with it.
    let named = objects.iter().filter(|object| !object.name.is_empty());
    let alone = named.filter(|object| !object.table.as_ref().is_some_and(is_table));
    alone.map(|object| object.shown()).collect()
}
