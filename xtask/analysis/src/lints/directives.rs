//! Directives of revisions for the gate: their faults, and the problems that they leave open.

use std::collections::BTreeSet;

use super::subject::in_file;
use crate::directive::{self, Directive};
use crate::effect::{Effect, Kind, Object};
use crate::script::Script;
use model::code;
use model::finding::Finding;

/// The faults of a revision's directives, except for those of `allow`.
pub(super) fn complaints(scripts: &[Script], script: &Script, found: &[Directive]) -> Vec<Finding> {
    let mut complaints = Vec::new();
    for it in found {
        let wrong = it.wrong().or_else(|| unknown_name(scripts, it));
        if let Some(wrong) = wrong {
            complaints.push(in_file(&code::BAD_ALLOW, &script.file, Some(it.line), wrong));
        }
        complaints.extend(made_again(script, it));
    }
    complaints
}

/// A name that no revision touches, where one of those that they touch is near.
fn unknown_name(scripts: &[Script], directive: &Directive) -> Option<String> {
    let names = directive.names();
    if names.is_empty() {
        return None;
    }
    let touched: BTreeSet<&str> = scripts.iter().flat_map(touched).collect();
    let typo = names.into_iter().find(|name| !touched.contains(name))?;
    let near = directive::nearest(typo, touched.iter().copied())?;
    Some(format!("no revision touches `{typo}`; did you mean `{near}`?"))
}

/// The names of the objects that a revision touches, each by itself.
fn touched(script: &Script) -> impl Iterator<Item = &str> {
    let body = script.body();
    let deeds = body.upgrade.iter().chain(&body.downgrade).flat_map(|function| &function.deeds);
    let names = deeds.flat_map(|deed| match &deed.effect {
        Effect::Create(object, _)
        | Effect::Drop { object, .. }
        | Effect::Alter { object, .. }
        | Effect::Use(object) => vec![Some(&object.name), object.table.as_ref()],
        Effect::Rename { object, to, .. } => {
            vec![Some(&object.name), object.table.as_ref(), Some(to)]
        }
        Effect::Insert(rows) => vec![Some(&rows.table)],
        Effect::AddValue { type_, .. } => vec![Some(type_)],
        Effect::Write(name) => vec![Some(name)],
        _ => Vec::new(),
    });
    names.flatten().flat_map(|name| name.split('.'))
}

/// Objects that a revision declares as kept by the downgrade, and that the upgrade then makes a
/// second time.
fn made_again(script: &Script, directive: &Directive) -> Option<Finding> {
    let (kind, name) = directive.object().filter(|_| directive.verb == "keeps")?;
    let is_it = |object: &Object| {
        let shown = match (object.kind, &object.table) {
            (Kind::Column | Kind::Constraint | Kind::Trigger | Kind::Policy, Some(table)) => {
                format!("{table}.{}", object.name)
            }
            _ => object.name.clone(),
        };
        object.kind.word() == kind && shown == name.strip_prefix("public.").unwrap_or(name)
    };
    let deeds = script.body().upgrade.iter().flat_map(|function| &function.deeds);
    let mut made = deeds.filter(|deed| match &deed.effect {
        Effect::Create(object, detail) => {
            is_it(object) && !detail.guarded && !detail.replaces && !detail.temporary
        }
        _ => false,
    });
    let line = made.next()?.line;
    let message = format!(
        "the downgrade keeps {kind} `{name}`, as line {} says, so the second upgrade finds it there and \
         fails here: {}",
        directive.line,
        accept(kind)
    );
    let mut finding = in_file(&code::LEFT_BEHIND, &script.file, Some(line), message);
    finding.revision = Some(script.revision.text.clone());
    Some(finding)
}

/// How an upgrade makes an object of a kind only where it is missing.
fn accept(kind: &str) -> &'static str {
    match kind {
        "type" => {
            "make it with `.create(op.get_bind(), checkfirst=True)` and, in the table, \
             `postgresql.ENUM(…, create_type=False)`; in SQL, `DO $$ BEGIN CREATE TYPE …; EXCEPTION WHEN \
             duplicate_object THEN NULL; END $$`"
        }
        "function" | "view" => "write `CREATE OR REPLACE`",
        "column" | "table" | "index" | "sequence" | "materialized view" | "schema"
        | "extension" => "write `IF NOT EXISTS` (`if_not_exists=True`)",
        _ => "drop it first where it is there (`DROP … IF EXISTS`)",
    }
}
