//! Roles and rows that a revision needs and the recipe does not supply.

use super::candidate::{Candidate, Lacking, Lookup, Scene};
use crate::effect::Value;
use crate::history::{Revision, What, walk};
use crate::script::Script;
use model::code;

pub(super) fn candidates(scene: &Scene<'_>) -> Option<Candidate> {
    let (what, lacking) = match scene.finding.code {
        known if known == &code::MISSING_ROLE => {
            let name = role(scene)?;
            (format!("have the recipe create the role {name}"), Lacking::Role(name))
        }
        known if known == &code::MISSING_ROW => {
            let row = row(scene)?;
            (format!("have the recipe insert the row of {}", row.table), Lacking::Row(row))
        }
        _ => return None,
    };
    Some(Candidate { what, lacking: Some(lacking), ..Candidate::default() })
}

/// The role that Postgres or a lint names.
fn role(scene: &Scene<'_>) -> Option<String> {
    let said = scene.finding.transcript.as_deref().and_then(|said| said.headline());
    let message = said.map_or(scene.finding.message.as_str(), |headline| headline.message.as_str());
    let (_, rest) = message.split_once("role ")?;
    let quote = rest.chars().next().filter(|first| ['"', '`'].contains(first))?;
    let name = rest[1..].split(quote).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The row that the revision looks up, by its text.
fn row(scene: &Scene<'_>) -> Option<Lookup> {
    let order = scene.graph.walk.iter().rev();
    let scripts: Vec<&Script> = order.filter_map(|index| scene.scripts.get(*index)).collect();
    let revisions: Vec<Revision<'_>> = scripts
        .iter()
        .map(|script| Revision { id: &script.revision.text, body: script.body() })
        .collect();
    let revision = scene.finding.revision.as_ref();
    walk(&revisions, scene.given).into_iter().find_map(|event| {
        let script = scripts.get(event.at.revision)?;
        let What::NoRow(missing) = event.what else { return None };
        if revision.is_some_and(|revision| *revision != script.revision.text) {
            return None;
        }
        let known = missing.lookup.conditions.into_iter().map(|(column, value)| match value {
            Value::Known(value) => Some((column, value)),
            _ => None,
        });
        let [parent] = script.down_revision.names.as_slice() else { return None };
        Some(Lookup {
            table: missing.lookup.table,
            conditions: known.collect::<Option<_>>()?,
            after: parent.text.clone(),
        })
    })
}
