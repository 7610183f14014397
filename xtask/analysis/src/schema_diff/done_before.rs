//! Objects that an earlier revision has made with code from outside its own file.

use super::blame::is_named;
use super::origin::{mentions, names};
use crate::effect::{Effect, Kind};
use crate::script::Script;
use crate::sql;
use model::schema::ObjectId;
use model::transcript::Statement;

/// Whether the upgrade may leave out work that is done already: some of it depends on a condition, or is
/// done by code outside the file.
pub fn may_have_been_done(script: &Script) -> bool {
    let asks = |effect: &Effect| match effect {
        Effect::Create(_, how) => how.guarded,
        Effect::Opaque(text) => text.is_none(),
        _ => false,
    };
    let up = script.body().upgrade.as_ref();
    up.is_some_and(|up| up.deeds.iter().any(|deed| deed.conditional || asks(&deed.effect)))
}

/// The object that a statement creates.
pub fn created_by(statement: &str) -> Option<ObjectId> {
    sql::read(statement).into_iter().find_map(|(_, effect)| match effect {
        Effect::Create(object, _) => {
            let identity = match &object.table {
                Some(table) => format!("{table}.{}", object.name),
                None => object.name.clone(),
            };
            Some(ObjectId { kind: object.kind.word().to_owned(), identity })
        }
        _ => None,
    })
}

/// The revision whose statement made an object, the first of several.
pub fn made_in<'s>(
    id: &ObjectId,
    mut statements: impl Iterator<Item = &'s Statement>,
) -> Option<&'s str> {
    let names = names(id);
    let makes = |ran: &&Statement| {
        let verb = ran.sql.trim_start().get(..6).unwrap_or_default();
        (verb.eq_ignore_ascii_case("create") || verb.to_lowercase().starts_with("alter"))
            && names.iter().all(|name| mentions(&ran.sql, name))
    };
    statements.find(makes)?.revision.as_deref()
}

/// The line of a revision's upgrade that made the object, where that calls code outside the file:
/// the revision creates neither the object nor its table, and does not name the object at all.
pub fn made_elsewhere(id: &ObjectId, maker: &Script) -> Option<u32> {
    let table = id.identity.rsplit_once('.').map(|(table, _)| table.replace('"', ""));
    let deeds = &maker.body().upgrade.as_ref()?.deeds;
    let makes_here = deeds.iter().any(|deed| match &deed.effect {
        Effect::Create(object, _) => {
            is_named(id, object)
                || object.kind == Kind::Table && table.as_ref() == Some(&object.name)
        }
        _ => false,
    });
    let source = maker.module.source();
    let is_named_here = names(id).first().is_none_or(|name| mentions(source, name));
    let outside = |effect: &Effect| matches!(effect, Effect::Opaque(None));
    let calls = deeds.iter().find(|deed| outside(&deed.effect));
    calls.filter(|_| !makes_here && !is_named_here).map(|deed| deed.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(upgrade: &str) -> Script {
        let text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nfrom app import meta\nrevision = '1'\n\
             down_revision = None\ndef upgrade():\n    {upgrade}\n"
        );
        Script::read("0001_x.py".into(), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn call_of_the_models_makes_what_the_file_does_not_name() {
        let of = |kind: &str, identity: &str, upgrade: &str| {
            let object = ObjectId { kind: kind.into(), identity: identity.into() };
            made_elsewhere(&object, &read(upgrade))
        };
        let all = "meta.create_all(op.get_bind())";
        assert_eq!(of("column", "items.tag", all), Some(7));
        assert_eq!(of("table", "items", all), Some(7));
        let both = format!("{all}\n    op.create_table('items', sa.Column('a', sa.Text()))");
        assert_eq!(of("table", "items", &both), None);
        assert_eq!(of("column", "items.tag", &both), None);
        assert_eq!(of("table", "notes", &both), Some(7));
        assert_eq!(of("table", "items", "op.execute('SELECT 1')"), None);
        // The multidb template calls its functions by computed names.
        let by_name = "globals()['up_' + meta.name]()\ndef up_a():\n    op.create_table('items')";
        assert_eq!(of("table", "items", by_name), None);
        assert!(of("table", "notes", by_name).is_some());
    }

    #[test]
    fn work_on_a_condition_may_have_been_done() {
        let add = "op.add_column('t', sa.Column('a', sa.Text()))";
        assert!(!may_have_been_done(&read(add)));
        assert!(may_have_been_done(&read("meta.make('t', op.get_bind())")));
        assert!(may_have_been_done(&read(&format!("if meta.x:\n        {add}"))));
        assert!(may_have_been_done(&read(
            "op.execute('ALTER TABLE t ADD COLUMN IF NOT EXISTS a int')"
        )));
    }
}
