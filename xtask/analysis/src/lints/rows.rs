//! Existing rows, and the conditions that a revision puts on them, as far as its text is certain.

use super::subject::{Subject, once_a_revision};
use crate::directive;
use crate::effect::{Deed, Effect, Kind};
use crate::script::Script;
use model::code::{self, Severity};
use model::finding::Finding;

/// Columns that are added to a table of an earlier revision, take no NULL and have no default.
pub(super) fn need_value(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, script) in subject.scripts.iter().enumerate() {
        for (at, deed) in deeds(script).iter().enumerate() {
            let Some((table, column)) = needs_value(deed) else { continue };
            let before = &deeds(script)[..at];
            // A revision that removes the rows first, or may do that, is safe.
            let is_touched = before.iter().any(|deed| is_of(deed, table));
            let has_past = subject
                .scripts
                .iter()
                .any(|other| makes(other, table) && other.file != script.file);
            if is_touched || !has_past || is_said_to_be_empty(script, table) {
                continue;
            }
            let message = format!(
                "`{table}` may hold rows, and they have no value for `{column}`: it is NOT NULL and has no \
                 default"
            );
            let finding = subject.in_script(&code::NULLS_IN_ROWS, index, deed.line, message);
            let (subject, column) = (Some(table.to_owned()), Some(column.to_owned()));
            found.push(Finding { severity: Some(Severity::Warning), subject, column, ..finding });
        }
    }
    once_a_revision(found)
}

fn deeds(script: &Script) -> &[Deed] {
    script.body().upgrade.as_ref().map_or(&[], |function| &function.deeds)
}

/// The table and the column that a deed adds to it without a value for its rows.
fn needs_value(deed: &Deed) -> Option<(&str, &str)> {
    let Effect::Create(object, detail) = &deed.effect else { return None };
    let certain = detail.needs_value && !detail.guarded && !detail.temporary && !deed.conditional;
    (object.kind == Kind::Column && certain).then_some((object.table.as_deref()?, &object.name))
}

/// Whether a deed makes a table, gives its name to another, or may change its rows.
fn is_of(deed: &Deed, table: &str) -> bool {
    match &deed.effect {
        Effect::Create(object, _) => object.kind == Kind::Table && object.name == table,
        Effect::Rename { to, .. } => to == table,
        Effect::Write(name) => name == table,
        Effect::Opaque(_) => true,
        _ => false,
    }
}

fn makes(script: &Script, table: &str) -> bool {
    let is_table = |deed: &Deed| matches!(&deed.effect, Effect::Create(object, _) if object.kind == Kind::Table && object.name == table);
    deeds(script).iter().any(is_table)
}

fn is_said_to_be_empty(script: &Script, table: &str) -> bool {
    let (found, _) = directive::read(script.module.source());
    found.iter().any(|it| it.verb == "rows" && it.subject == table && !it.reason.is_empty())
}
