//! Lints on the effects of the chain of revisions, one after the other, on an empty database: the
//! failure modes A, B, D and F among them.

use std::collections::BTreeSet;

use super::cause::by_cause;
use super::sentence::{order, place, renamed_twice, sentence, unmade};
use super::subject::{IN_DOWNGRADE, Subject, once_a_downgrade, once_a_revision, told_once};
use crate::effect::{Deed, Effect, Kind, Object, Value};
use crate::history::{self, Event, MissingRow, Revision, What};
use model::code::{self, Code};
use model::finding::Finding;
use model::graph::Fault;

/// The number of tables that no revision makes which shows that they come from elsewhere.
const SEVERAL: usize = 3;
/// The number of tables named at most.
const TABLES_SHOWN: usize = 8;

/// Effects of the whole chain that cannot work, or that conflict. Computed once.
pub(super) fn events(subject: &Subject<'_>) -> Vec<(usize, Event)> {
    // With a gap in the graph, the order of the revisions is unknown.
    if !subject.graph.whole || is_broken(subject) || !subject.files.troubles.is_empty() {
        return Vec::new();
    }
    let order = order(subject);
    let revisions: Vec<Revision<'_>> = order
        .iter()
        .filter_map(|index| subject.scripts.get(*index))
        .map(|script| Revision { id: &script.revision.text, body: script.body() })
        .collect();
    let events = history::walk(&revisions, &subject.tree.given);
    let in_order = |event: &Event| {
        let before = match &event.what {
            What::UsedAfterDrop { dropped, .. } => (dropped.revision, event.at.revision),
            What::UsedBeforeMade { later: Some(later), .. } => (event.at.revision, later.revision),
            _ => return true,
        };
        // On parallel branches either may run first.
        match (order.get(before.0), order.get(before.1)) {
            (Some(first), Some(second)) => is_above(subject, *first, *second),
            _ => false,
        }
    };
    let known = events.into_iter().filter(in_order);
    known.filter_map(|event| Some((*order.get(event.at.revision)?, event))).collect()
}

/// Whether the chain cannot be followed from its base to its head: revisions beyond the gap would
/// seem to lack every object that was made before it.
fn is_broken(subject: &Subject<'_>) -> bool {
    subject.graph.faults.iter().any(|fault| {
        matches!(
            fault,
            Fault::NoParent { .. }
                | Fault::NoDependency { .. }
                | Fault::IdTwice { .. }
                | Fault::OwnParent(_)
                | Fault::OwnDependency(_)
                | Fault::Cycle(_)
                | Fault::DependencyCycle(_)
                | Fault::EndlessCycle(_)
        )
    })
}

/// Whether a revision is another one, or among those that it descends from or depends on.
fn is_above(subject: &Subject<'_>, above: usize, below: usize) -> bool {
    let mut seen = vec![false; subject.graph.revisions.len()];
    let mut pending = vec![below];
    while let Some(index) = pending.pop() {
        if index == above {
            return true;
        }
        if let Some(seen) = seen.get_mut(index)
            && !std::mem::replace(seen, true)
        {
            let revision = &subject.graph.revisions[index];
            pending.extend(revision.parents.iter().chain(&revision.dependencies));
        }
    }
    false
}

/// Findings for the events that have a message here.
fn findings(
    subject: &Subject<'_>,
    code: &'static Code,
    message: impl Fn(usize, &What) -> Option<String>,
) -> Vec<Finding> {
    let events = subject.events.get_or_init(|| events(subject));
    by_cause(events, is_whole(subject))
        .into_iter()
        .filter_map(|(index, event, also)| {
            let way = |event: &Event| match event.what {
                What::DropsOther { .. } => "",
                _ if event.down => IN_DOWNGRADE,
                _ => "",
            };
            let message = message(index, &event.what)? + way(event);
            let mut lines = Vec::new();
            for other in also {
                let (line, told) = (other.at.line, sentence(subject, &other.what)?);
                let told = match (event.down, other.down) {
                    (false, true) => format!("so `downgrade()` fails: {told}"),
                    _ => told + way(other),
                };
                lines.push(format!("line {line}: {told}"));
            }
            let own_steps = renamed_twice(subject, &event.what).into_iter().collect();
            Some(Finding {
                own_steps,
                also: lines,
                ..subject.in_script(code, index, event.at.line, message)
            })
        })
        .collect()
}

/// Rows that are looked up and that are not supplied (mode A).
pub(super) fn missing_rows(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::MISSING_ROW, |index, what| match what {
        What::NoRow(missing) => Some(missing_row(subject, index, missing)),
        _ => None,
    })
}

fn missing_row(subject: &Subject<'_>, index: usize, missing: &MissingRow) -> String {
    let lookup = &missing.lookup;
    let conditions: Vec<String> = lookup
        .conditions
        .iter()
        .map(|(column, value)| match value {
            Value::Known(value) => format!("{column} = '{value}'"),
            _ => format!("{column} = …"),
        })
        .collect();
    let asked = if conditions.is_empty() {
        "a row".to_owned()
    } else {
        format!("the row with {}", conditions.join(" and "))
    };
    let mut message = format!(
        "it raises unless `{}` has {asked}, and no revision before it puts one there",
        lookup.table
    );
    let parents = &subject.graph.revisions[index].down_revision;
    match (&missing.too_late, parents.as_slice(), subject.tree.recipe.as_deref()) {
        (Some(after), _, Some(recipe)) => {
            message.push_str(&format!(
                "; the recipe does, but only after {after}: move `steps.seed` in `{recipe}` up"
            ));
        }
        (_, [parent], Some(recipe)) => {
            let id = &subject.graph.revisions[index].id;
            let table = lookup.table.to_uppercase().replace('.', "_");
            message.push_str(&format!(
                "; add to `{recipe}`: `steps.upgrade(\"{parent}\", \"pre-seed\")?; \
                 steps.seed(&ROW_OF_{table})?;`, and define `ROW_OF_{table}` as a `Row` with \
                 `required_by: \"{id}\"`"
            ));
        }
        (_, _, Some(recipe)) => {
            message.push_str(&format!("; add a `steps.seed(…)` to `{recipe}` before it"));
        }
        (_, _, None) => {
            let id = &subject.graph.revisions[index].id;
            message.push_str(&format!(
                "; a file with SQL may put it there: `before.{id} = rows.sql` in the ini's `[migration-gate]`"
            ));
        }
    }
    message
}

/// Roles that are named and that are not made (mode B).
pub(super) fn missing_roles(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::MISSING_ROLE, |index, what| {
        let What::NoRole { role, command } = what else { return None };
        let id = &subject.graph.revisions[index].id;
        let constant = role.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let way_out = match subject.tree.recipe.as_deref() {
            Some(recipe) => format!(
                "add to `{recipe}`, before the upgrade: `steps.create_role(&{constant})?;`, and \
                 define `{constant}` as a `Role` with `required_by: \"{id}+\"`"
            ),
            None => {
                "a file with SQL may: `before = roles.sql` in the ini's `[migration-gate]`".into()
            }
        };
        let recipe = if subject.tree.recipe.is_some() { "the recipe" } else { "a file" };
        Some(format!(
            "`{command}` names role `{role}`, which neither {recipe} supplies nor an earlier \
             revision creates; {way_out}"
        ))
    })
}

/// Expressions that are not immutable (mode D).
pub(super) fn not_immutable(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::NOT_IMMUTABLE, |_, what| match what {
        What::NotImmutable { spot, owner, offender } => {
            Some(format!("{} `{owner}` must be immutable, and {offender} is not", spot.phrase()))
        }
        _ => None,
    })
}

/// Tables that are created twice (mode F).
pub(super) fn tables_twice(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::TABLE_TWICE, |_, what| match what {
        What::CreatedTwice { object, .. }
            if object.kind == Kind::Table && renamed_twice(subject, what).is_some() =>
        {
            sentence(subject, what)
        }
        What::CreatedTwice { object, first, .. } if object.kind == Kind::Table => Some(format!(
            "`{name}` was created in {} already, and nothing drops it in between. Where this one \
             replaces it, drop it first (`op.drop_table(\"{name}\")`, its indexes before it) and \
             create the earlier one again in `downgrade()`; where it is the same table, delete \
             this one and leave a comment",
            place(subject, *first),
            name = object.name
        )),
        _ => None,
    })
}

/// Anything else that is created twice.
pub(super) fn created_twice(subject: &Subject<'_>) -> Vec<Finding> {
    once_a_downgrade(findings(subject, &code::CREATED_TWICE, |_, what| match what {
        What::CreatedTwice { object, .. } if object.kind != Kind::Table => sentence(subject, what),
        _ => None,
    }))
}

/// Drops of missing objects.
pub(super) fn dropped_not_there(subject: &Subject<'_>) -> Vec<Finding> {
    let is_whole = is_whole(subject);
    once_a_downgrade(findings(subject, &code::DROPPED_NOT_THERE, |_, what| match what {
        What::DroppedTwice { .. } => sentence(subject, what),
        What::NeverMade(object) if is_whole => {
            Some(unmade(subject, "nothing ever creates", object))
        }
        _ => None,
    }))
}

/// Uses of dropped objects.
pub(super) fn used_after_drop(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::USED_AFTER_DROP, |_, what| match what {
        What::UsedAfterDrop { .. } => sentence(subject, what),
        _ => None,
    })
}

/// Whether no table comes from elsewhere: other objects may, where one does.
fn is_whole(subject: &Subject<'_>) -> bool {
    from_elsewhere(subject).is_empty()
}

/// The tables that no revision makes, if the chain was begun on a database that had tables already:
/// its first revision is empty, or it uses one before it makes any, or uses several of them.
fn from_elsewhere<'a>(subject: &'a Subject<'_>) -> Vec<(usize, &'a Event)> {
    let events = subject.events.get_or_init(|| events(subject));
    let mut tables: Vec<(usize, &Event)> = Vec::new();
    // Uses in a downgrade are last: the upgrade may have used the table first.
    let ups = events.iter().filter(|(_, event)| !event.down);
    for (index, event) in ups.chain(events.iter().filter(|(_, event)| event.down)) {
        if let Some(table) = never_made(event)
            && (!event.down || !tables.is_empty())
            && !tables.iter().any(|(_, known)| never_made(known) == Some(table))
        {
            tables.push((*index, event));
        }
    }
    let makes_table = |deed: &Deed| matches!(&deed.effect, Effect::Create(o, d) if o.kind == Kind::Table && !d.temporary);
    let is_first = tables.first().is_some_and(|(_, first)| {
        let order = order(subject);
        let before = order.iter().take(first.at.revision + 1);
        !before.filter_map(|index| subject.scripts.get(*index)).enumerate().any(|(at, script)| {
            let upgrade = script.body().upgrade.iter();
            let until = |deed: &&Deed| at < first.at.revision || deed.line < first.at.line;
            upgrade.flat_map(|function| &function.deeds).filter(until).any(makes_table)
        })
    });
    let first = order(subject).first().and_then(|index| subject.scripts.get(*index));
    let upgrade = first.and_then(|script| script.body().upgrade.as_ref());
    let begins_empty = upgrade.is_some_and(|upgrade| !upgrade.acts);
    if is_first || begins_empty || tables.len() >= SEVERAL { tables } else { Vec::new() }
}

/// The table that an event asks for and that no revision makes.
fn never_made(event: &Event) -> Option<&Object> {
    match &event.what {
        What::UsedBeforeMade { object, later: None } | What::NeverMade(object) => Some(object),
        _ => None,
    }
    .filter(|object| object.kind == Kind::Table)
}

/// A chain that begins on a database that is not empty: one finding for all of its tables.
pub(super) fn base_not_empty(subject: &Subject<'_>) -> Vec<Finding> {
    let tables = from_elsewhere(subject);
    let Some((index, first)) = tables.first() else { return Vec::new() };
    let mut names: Vec<String> = tables
        .iter()
        .filter_map(|(_, event)| Some(format!("`{}`", never_made(event)?.name)))
        .collect();
    if names.len() > TABLES_SHOWN {
        let more = names.len() - TABLES_SHOWN;
        names.truncate(TABLES_SHOWN);
        names.push(format!("{more} more"));
    }
    let message = match names.as_slice() {
        [only] => format!("no revision creates table {only}, which is used here"),
        [all @ .., last] => format!(
            "no revision creates the tables {} and {last}; the first of them is used here",
            all.join(", ")
        ),
        [] => return Vec::new(),
    };
    vec![subject.in_script(&code::BASE_NOT_EMPTY, *index, first.at.line, message)]
}

/// Uses of objects before their creation.
pub(super) fn used_before_made(subject: &Subject<'_>) -> Vec<Finding> {
    // If tables came from elsewhere, so may one that a later revision makes anew.
    if !from_elsewhere(subject).is_empty() {
        return Vec::new();
    }
    once_a_downgrade(told_once(findings(subject, &code::USED_BEFORE_MADE, |_, what| match what {
        What::UsedBeforeMade { later: Some(_), .. } => sentence(subject, what),
        What::UsedBeforeMade { object, later: None } => {
            Some(unmade(subject, "nothing creates", object))
        }
        _ => None,
    })))
}

/// Objects that `downgrade()` leaves: one finding a revision.
pub(super) fn left_behind(subject: &Subject<'_>) -> Vec<Finding> {
    once_a_revision(each_left(subject))
}

fn each_left(subject: &Subject<'_>) -> Vec<Finding> {
    findings(subject, &code::LEFT_BEHIND, |_, what| match what {
        What::Left { object, from: None } => Some(format!(
            "`upgrade()` creates {} here, and it is still there after `downgrade()`",
            object.shown()
        )),
        What::Left { object, from: Some(from) } => Some(format!(
            "`upgrade()` renames `{from}` to `{}` here, and `downgrade()` does not rename it back",
            object.name
        )),
        _ => None,
    })
}

/// Objects of other revisions that `downgrade()` drops.
pub(super) fn drops_others(subject: &Subject<'_>) -> Vec<Finding> {
    let order = order(subject);
    findings(subject, &code::DROPS_OTHERS, |index, what| match what {
        // What another branch makes may not be there.
        What::DropsOther { made, .. }
            if order.get(made.revision).is_some_and(|made| is_below(subject, *made, index)) =>
        {
            sentence(subject, what)
        }
        _ => None,
    })
}

/// Whether a revision is an ancestor of another one.
fn is_below(subject: &Subject<'_>, below: usize, index: usize) -> bool {
    let (mut next, mut seen) = (vec![index], BTreeSet::new());
    while let Some(at) = next.pop() {
        let revision = &subject.graph.revisions[at];
        next.extend(
            revision.parents.iter().chain(&revision.dependencies).filter(|i| seen.insert(**i)),
        );
    }
    seen.contains(&below)
}
