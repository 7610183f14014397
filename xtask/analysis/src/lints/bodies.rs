//! Lints on the effects of one revision alone.

use std::collections::BTreeSet;

use super::subject::{Subject, once_a_revision};
use crate::body::Function;
use crate::effect::{Deed, Effect, Kind, Object};
use crate::once::DOES_NOTHING;
use crate::script::Script;
use model::code::{self, Code, Severity};
use model::finding::Finding;

/// Findings for each revision file: a line and a message.
pub(super) fn each(
    subject: &Subject<'_>,
    code: &'static Code,
    check: impl Fn(&Script) -> Vec<(u32, String)>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, script) in subject.scripts.iter().enumerate() {
        // Code behind a syntax error is not read as intended.
        let is_broken = subject.files.troubles.iter().any(|(file, _)| *file == script.file);
        if is_broken {
            continue;
        }
        for (line, message) in check(script) {
            findings.push(subject.in_script(code, index, line, message));
        }
    }
    findings
}

/// Both functions of a revision.
fn functions(script: &Script) -> impl Iterator<Item = &Function> {
    script.body().upgrade.iter().chain(&script.body().downgrade)
}

/// Types that hold whatever narrower ones held: going back to those could fail, and need not be tried.
const WIDE: &[&str] = &["text", "varchar", "int8", "numeric", "float8"];

/// Whether an `upgrade()` has effects that a `downgrade()` can and must undo. Rows that are
/// inserted, changed or removed need not be restored, a label cannot be removed from an enum, and
/// privileges are dropped with their objects. An effect under a condition is a repair that may have
/// done no work; the same holds for an object that is made only if it is missing, if another
/// revision makes it as well.
fn must_be_undone(function: &Function, made_elsewhere: &dyn Fn(&Object) -> bool) -> bool {
    let is = |wanted: fn(&Effect) -> Option<&Object>, object: &Object| {
        function.deeds.iter().filter_map(|deed| wanted(&deed.effect)).any(|own| own == object)
    };
    let gets_a_label = |object: &Object| {
        object.kind == Kind::Type
            && function.deeds.iter().any(|deed| {
                matches!(&deed.effect, Effect::AddValue { type_, .. } if *type_ == object.name)
            })
    };
    let is_temporary = |table: &Object| {
        function
            .deeds
            .iter()
            .any(|deed| matches!(&deed.effect, Effect::Create(o, d) if d.temporary && o == table))
    };
    function.deeds.iter().filter(|deed| !deed.conditional).any(|deed| match &deed.effect {
        Effect::Create(object, detail) if detail.guarded && made_elsewhere(object) => false,
        Effect::Create(object, detail) => {
            // An object that is dropped and made anew exists before and after.
            let kept = matches!(object.kind, Kind::Extension | Kind::Schema);
            let table = object.table.as_ref().map(|table| Object::new(Kind::Table, table));
            let temporary = detail.temporary || table.as_ref().is_some_and(is_temporary);
            let gone = is(dropped, object) || table.is_some_and(|table| is(dropped, &table));
            !(temporary || kept || gone)
        }
        Effect::Drop { object, guarded, .. } => !(*guarded || is(created, object)),
        Effect::Rename { .. } | Effect::Attach { .. } => true,
        Effect::Alter { type_: Some(type_), .. } => !WIDE.contains(&type_.as_str()),
        Effect::Alter { object, .. } => !gets_a_label(object),
        _ => false,
    })
}

fn created(effect: &Effect) -> Option<&Object> {
    match effect {
        Effect::Create(object, _) => Some(object),
        _ => None,
    }
}

fn dropped(effect: &Effect) -> Option<&Object> {
    match effect {
        Effect::Drop { object, .. } => Some(object),
        _ => None,
    }
}

/// The number of revisions without `downgrade()` that, with hardly any other in the tree, show a
/// tree that does not use downgrades.
const NEVER_BACK: usize = 3;

/// Revisions without `downgrade()`; in a tree that has hardly any, the newest for all of them.
pub(super) fn no_downgrade(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.tree.irreversible {
        return Vec::new();
    }
    let mut found = without_downgrade(subject);
    let does = |script: &&Script| script.body().upgrade.as_ref().is_some_and(|up| up.acts);
    let revisions = subject.scripts.iter().filter(does).count();
    if found.len() >= NEVER_BACK && found.len() * 10 >= revisions * 9 {
        let newest = subject.graph.walk.iter().find_map(|index| {
            let id = subject.graph.id(*index);
            found.iter().position(|finding| finding.revision.as_deref() == Some(id))
        });
        let lacks = |script: &&Script| script.body().downgrade.is_none();
        let all = subject.scripts.iter().filter(lacks).count();
        found.swap(0, newest.unwrap_or(0));
        found.truncate(1);
        for finding in &mut found {
            // Such a tree does without downgrades on purpose, and the gate's downgrade step fails anyway.
            finding.severity = Some(Severity::Note);
            finding.message = format!("{all} of the tree's revisions have no `downgrade()`");
        }
    }
    found
}

fn without_downgrade(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::NO_DOWNGRADE, |script| {
        match (&script.body().upgrade, &script.body().downgrade) {
            (Some(upgrade), None) if !upgrade.deeds.is_empty() => {
                vec![(upgrade.line, "there is an `upgrade()` and no `downgrade()`".to_owned())]
            }
            _ => Vec::new(),
        }
    })
}

/// Empty `downgrade()`s.
pub(super) fn empty_downgrade(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::EMPTY_DOWNGRADE, |script| {
        let made_elsewhere = |object: &Object| {
            let others = subject.scripts.iter().filter(|other| other.file != script.file);
            let mut deeds = others.filter_map(|o| o.body().upgrade.as_ref()).flat_map(|f| &f.deeds);
            deeds.any(|deed| created(&deed.effect) == Some(object))
        };
        match (&script.body().upgrade, &script.body().downgrade) {
            (Some(up), Some(down))
                if !down.acts && down.raises.is_none() && must_be_undone(up, &made_elsewhere) =>
            {
                vec![(down.line, DOES_NOTHING.to_owned())]
            }
            _ => Vec::new(),
        }
    })
}

/// `downgrade()`s that always raise.
pub(super) fn raising_downgrade(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.tree.irreversible {
        return Vec::new();
    }
    each(subject, &code::RAISING_DOWNGRADE, |script| {
        let raises = script.body().downgrade.as_ref().and_then(|down| down.raises);
        let message = "`downgrade()` always ends with this exception".to_owned();
        raises.map(|line| (line, message)).into_iter().collect()
    })
}

/// Statements that cannot run inside a transaction.
pub(super) fn outside_transaction(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::OUTSIDE_TRANSACTION, |script| {
        let mut found = Vec::new();
        for function in functions(script) {
            // A `COMMIT` of its own is a finding of its own, and lets this through.
            let begun = |deed: &&Deed| !matches!(deed.effect, Effect::Transaction(_));
            for deed in function.deeds.iter().take_while(begun) {
                if let Effect::OutsideTransaction(what) = &deed.effect
                    && deed.autocommit.is_none()
                    && !deed.conditional
                {
                    let message =
                        format!("`{what}` cannot run inside a transaction, and Alembic began one");
                    found.push((deed.line, message));
                }
            }
        }
        found
    })
}

/// New labels of an enum that are used before they are committed.
pub(super) fn label_too_early(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::LABEL_TOO_EARLY, |script| {
        functions(script).flat_map(labels_too_early).collect()
    })
}

fn labels_too_early(function: &Function) -> Vec<(u32, String)> {
    let mut added: Vec<(&str, &str)> = Vec::new();
    let mut found = Vec::new();
    let made_here = |type_: &str| {
        function.deeds.iter().any(|deed| {
            matches!(&deed.effect, Effect::Create(object, _)
                if object.kind == Kind::Type && object.name == type_)
        })
    };
    for deed in &function.deeds {
        match &deed.effect {
            // Each statement in an autocommit block is committed by itself; and a type that the
            // same transaction made may be used whole.
            Effect::AddValue { type_, value } if deed.autocommit.is_none() && !made_here(type_) => {
                added.push((value, type_));
            }
            // Entering an autocommit block commits the statements before it.
            _ if deed.autocommit.is_some() => added.clear(),
            Effect::Literals(literals) => {
                if let Some((value, type_)) =
                    added.iter().find(|(value, _)| literals.iter().any(|literal| literal == value))
                {
                    let message = format!(
                        "'{value}' was added to `{type_}` in this transaction, and Postgres does \
                         not let it be used before that has ended"
                    );
                    found.push((deed.line, message));
                }
            }
            _ => {}
        }
    }
    found.dedup();
    found
}

/// Revisions that end Alembic's transaction.
pub(super) fn ends_transaction(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::ENDS_TRANSACTION, |script| {
        let ends = functions(script).flat_map(ends).filter(|end| !end.for_concurrently);
        let told =
            ends.map(|end| (end.line, format!("`{}` inside Alembic's own transaction", end.verb)));
        // A function of the revision may be called more than once.
        told.collect::<BTreeSet<_>>().into_iter().collect()
    })
}

/// Revisions that end the transaction for a statement that cannot run inside one.
pub(super) fn commit_before_concurrently(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::COMMIT_BEFORE_CONCURRENTLY, |script| {
        let ends = functions(script).flat_map(ends).filter(|end| end.for_concurrently);
        let message = "only what cannot run inside a transaction follows this `COMMIT`";
        ends.map(|end| (end.line, message.to_owned())).collect()
    })
}

/// An end of Alembic's transaction.
struct End<'a> {
    line: u32,
    verb: &'a str,
    /// Whether all statements after it cannot run inside a transaction.
    for_concurrently: bool,
}

fn ends(function: &Function) -> impl Iterator<Item = End<'_>> {
    let deeds = function.deeds.iter().enumerate();
    deeds.filter(|(_, deed)| deed.autocommit.is_none() && !deed.conditional).filter_map(
        |(at, deed)| {
            let Effect::Transaction(verb) = &deed.effect else { return None };
            let after = function.deeds.get(at + 1..).unwrap_or_default();
            let outside = |deed: &Deed| matches!(deed.effect, Effect::OutsideTransaction(_));
            let lines: Vec<u32> =
                after.iter().filter(|d| outside(d)).map(|deed| deed.line).collect();
            let is_about = |deed: &Deed| match &deed.effect {
                Effect::Transaction(verb) => ["COMMIT", "BEGIN"].contains(&verb.as_str()),
                // Further effects of such a statement are on its line.
                _ => lines.contains(&deed.line),
            };
            let commits = verb == "COMMIT" && !lines.is_empty();
            let for_concurrently = commits && after.iter().all(is_about);
            Some(End { line: deed.line, verb, for_concurrently })
        },
    )
}

/// Calls of `drop_constraint` that cannot work: one finding a revision.
pub(super) fn nameless_drops(subject: &Subject<'_>) -> Vec<Finding> {
    once_a_revision(each(subject, &code::NAMELESS_DROP, |script| {
        let deeds = functions(script).flat_map(|function| &function.deeds);
        let lacks = deeds.filter(|deed| !deed.conditional).filter_map(|deed| match &deed.effect {
            Effect::DropWithout(what) => Some((deed.line, what)),
            _ => None,
        });
        lacks
            .map(|(line, what)| (line, format!("`drop_constraint` is not given the {what}")))
            .collect()
    }))
}

/// Loops over sets that run SQL.
pub(super) fn set_order(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::SET_ORDER, |script| {
        let deeds = functions(script).flat_map(|function| &function.deeds);
        let loops = deeds.filter(|deed| deed.effect == Effect::InSetOrder);
        let message = "the order of a set differs between runs, and this loop runs SQL in it";
        let mut found: Vec<_> = loops.map(|deed| (deed.line, message.to_owned())).collect();
        found.dedup();
        found
    })
}

/// Revisions that wait for input.
pub(super) fn asks(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::ASKS, |script| {
        let deeds = functions(script).flat_map(|function| &function.deeds);
        deeds
            .filter_map(|deed| match &deed.effect {
                Effect::Asks(what) => {
                    Some((deed.line, format!("`{what}` waits for somebody at a terminal")))
                }
                _ => None,
            })
            .collect()
    })
}

/// Code that touches the world when a revision is imported.
pub(super) fn touches_at_import(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, &code::TOUCHES_AT_IMPORT, |script| {
        let touches = script.body().touches.iter();
        touches
            .map(|t| (t.line, format!("`{}` uses {} when the file is imported", t.what, t.whom)))
            .collect()
    })
}
