//! Sentences about events of the chain, with the places that explain them.

use super::subject::Subject;
use crate::effect::{Effect, Object};
use crate::history::{At, What};

/// The revisions in the order of the upgrade.
pub(super) fn order(subject: &Subject<'_>) -> Vec<usize> {
    subject.graph.walk.iter().rev().copied().collect()
}

/// A place in the chain, as a reader finds it.
pub(super) fn place(subject: &Subject<'_>, at: At) -> String {
    let index = order(subject).get(at.revision).copied();
    let script = index.and_then(|index| subject.scripts.get(index));
    script.map_or_else(String::new, |script| format!("{}:{}", script.file, at.line))
}

/// An event that another place of the chain explains.
pub(super) fn sentence(subject: &Subject<'_>, what: &What) -> Option<String> {
    let place = place(subject, what.elsewhere()?);
    Some(match what {
        What::CreatedTwice { object, from, first_from, .. } => {
            let (first, name) = (made_first(subject, what)?, &object.name);
            let now = from
                .as_ref()
                .map(|from| format!("{} is to be renamed to `{name}`, and ", named(object, from)));
            let goes = if first_from.is_some() { "renames or drops" } else { "drops" };
            format!("{}{first}, and nothing {goes} it in between", now.unwrap_or_default())
        }
        What::DroppedTwice { object, .. } => {
            format!("{} was already dropped in {place}", object.shown())
        }
        What::UsedAfterDrop { object, .. } => format!("{} was dropped in {place}", object.shown()),
        What::UsedBeforeMade { object, .. } => {
            format!("{} is created only in {place}", object.shown())
        }
        What::DropsOther { object, .. } => {
            format!("it drops {}, which was created in {place}", object.shown())
        }
        _ => return None,
    })
}

/// An object under another name.
fn named(object: &Object, name: &str) -> String {
    Object { name: name.to_owned(), ..object.clone() }.shown()
}

/// How the first of two objects got the name of both.
fn made_first(subject: &Subject<'_>, what: &What) -> Option<String> {
    let What::CreatedTwice { object, first, first_from, .. } = what else { return None };
    let place = place(subject, *first);
    Some(match first_from {
        Some(from) => {
            format!("{} was renamed to `{}` in {place} already", named(object, from), object.name)
        }
        None => format!("{} was created in {place} already", object.shown()),
    })
}

/// The remedy where one of two objects has the name of both by a rename: neither is a leftover.
pub(super) fn renamed_twice(subject: &Subject<'_>, what: &What) -> Option<String> {
    let first = match what {
        What::CreatedTwice { from: None, first_from: None, .. } => None,
        _ => made_first(subject, what),
    }?;
    Some(format!("{first}: correct the name there or here, and drop nothing: both are in use"))
}

/// What nothing creates, and the object whose name differs only in its capitals.
pub(super) fn unmade(subject: &Subject<'_>, told: &str, object: &Object) -> String {
    let is_it = |made: &Object| {
        made.kind == object.kind
            && made.name != object.name
            && made.name.eq_ignore_ascii_case(&object.name)
    };
    let upgrades = subject.scripts.iter().filter_map(|script| script.body().upgrade.as_ref());
    let made = upgrades.flat_map(|upgrade| &upgrade.deeds).find_map(|deed| match &deed.effect {
        Effect::Create(made, _) if is_it(made) => Some(&made.name),
        _ => None,
    });
    let quotes = made.map(|name| format!("; in SQL `{name}` needs quotes: `\"{name}\"`"));
    format!("{told} {}{}", object.shown(), quotes.unwrap_or_default())
}
