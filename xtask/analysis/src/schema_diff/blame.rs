//! Direction to blame for a difference, and the lines of the revision that brought it about.

use std::collections::BTreeSet;

use crate::effect::{Deed, Effect, Kind, Object};
use crate::script::Script;
use crate::sql;
use model::schema::{Attributes, ObjectId, Schema, attribute};
use model::transcript::Statement;

use super::difference::{Change, Difference};

/// Whether the upgrade left the differing object alone: then the downgrade changed it.
pub fn is_of_downgrade(difference: &Difference, before: &Schema, between: &Schema) -> bool {
    let of = |schema: &'_ Schema| schema.objects().get(&difference.object).cloned();
    match (&difference.change, of(before), of(between)) {
        (Change::Changed { attribute: name, .. }, Some(was), Some(held)) => {
            attribute(&was, name) == attribute(&held, name)
        }
        (Change::Changed { .. }, ..) => false,
        // The upgrade may have put another object in its place, under the same name.
        (_, was, held) => was == held,
    }
}

/// The columns whose type is another one.
pub fn retyped(before: &[Schema], after: &[Schema]) -> BTreeSet<String> {
    columns_where(before, after, |was, is| attribute(was, "type") != attribute(is, "type"))
}

/// The columns that take no NULL any more.
pub fn filled(before: &[Schema], after: &[Schema]) -> BTreeSet<String> {
    let takes_null = |of: &Attributes| attribute(of, "nullability").is_none();
    columns_where(before, after, |was, is| takes_null(was) && !takes_null(is))
}

fn columns_where(
    before: &[Schema],
    after: &[Schema],
    is_one: impl Fn(&Attributes, &Attributes) -> bool,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (before, after) in before.iter().zip(after) {
        let columns = before.objects().iter().filter(|(id, _)| id.kind == "column");
        let is_one = |(id, was): &(&ObjectId, &Attributes)| {
            after.objects().get(*id).is_some_and(|is| is_one(was, is))
        };
        found.extend(columns.filter(is_one).map(|(id, _)| id.identity.clone()));
    }
    found
}

/// Whether the object is made only under a condition: then it is unknown whether it existed before.
pub fn is_made_on_condition(difference: &Difference, script: &Script) -> bool {
    let made = |deed: &&Deed| match &deed.effect {
        Effect::Create(object, _) => is_named(&difference.object, object),
        _ => false,
    };
    let functions = [&script.body().upgrade, &script.body().downgrade].into_iter().flatten();
    let mut makes = functions.flat_map(|function| &function.deeds).filter(made).peekable();
    matches!(difference.change, Change::LeftBehind(_))
        && makes.peek().is_some()
        && makes.all(|deed| deed.conditional)
}

/// Whether a drop of the object could lose rows from before the revision, which makes it only where it
/// is missing (`IF NOT EXISTS`).
pub fn may_have_held_rows(difference: &Difference, script: &Script) -> bool {
    let guarded = |deed: &Deed| match &deed.effect {
        Effect::Create(object, detail) => detail.guarded && is_named(&difference.object, object),
        _ => false,
    };
    let up = script.body().upgrade.as_ref();
    matches!(difference.change, Change::LeftBehind(_))
        && ["table", "column"].contains(&difference.object.kind.as_str())
        && up.is_some_and(|up| up.deeds.iter().any(guarded))
}

/// Whether the downgrade adds the column anew that must not be NULL, alone or in a primary key: where
/// there are rows, that fails.
pub fn is_made_anew(difference: &Difference, statements: &[Statement], revision: &str) -> bool {
    let identity = difference.object.identity.replace('"', "");
    let Some((table, name)) = identity.rsplit_once('.') else { return false };
    let columns: Vec<String> = match &difference.change {
        Change::Changed { attribute, expected: Some(_), .. } if attribute == "nullability" => {
            vec![name.to_owned()]
        }
        Change::Missing(own) => {
            let key = attribute(own, "definition").and_then(|it| it.strip_prefix("PRIMARY KEY ("));
            let key = key.and_then(|key| key.strip_suffix(')')).unwrap_or_default();
            key.replace('"', "").split(", ").map(str::to_owned).collect()
        }
        _ => return false,
    };
    let own = statements.iter().filter(|ran| ran.revision.as_deref() == Some(revision));
    let effects: Vec<Effect> =
        own.flat_map(|ran| sql::read(&ran.sql)).map(|(_, effect)| effect).collect();
    columns.into_iter().any(|column| {
        let column = Object::on(table, Kind::Column, column);
        let last = effects.iter().rev().find_map(|effect| match effect {
            Effect::Create(object, _) if *object == column => Some(true),
            Effect::Drop { object, .. } if *object == column => Some(false),
            _ => None,
        });
        last == Some(true)
    })
}

/// The line of the downgrade that changes the object.
pub fn line_of_downgrade(difference: &Difference, script: &Script) -> Option<u32> {
    let does = |deed: &&Deed| {
        let object = match (&difference.change, &deed.effect) {
            (Change::Missing(_), Effect::Drop { object, .. })
            | (Change::LeftBehind(_), Effect::Create(object, _))
            | (Change::Changed { .. }, Effect::Alter { object, .. })
            | (Change::Renamed { .. }, Effect::Rename { object, .. }) => object,
            _ => return false,
        };
        is_named(&difference.object, object)
    };
    let deeds = &script.body().downgrade.as_ref()?.deeds;
    deeds.iter().find(does).map(|deed| deed.line)
}

/// Whether the text of a revision and the schema name the same object.
pub(super) fn is_named(id: &ObjectId, object: &Object) -> bool {
    let identity = id.identity.replace('"', "");
    let on_table = object.table.as_ref().map(|table| format!("{table}.{}", object.name));
    id.kind == object.kind.word() && (identity == object.name || on_table == Some(identity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{StatementChange, changed, edit_to};

    fn difference(kind: &str, identity: &str, change: Change) -> Difference {
        Difference { object: ObjectId { kind: kind.into(), identity: identity.into() }, change }
    }

    fn script(upgrade: &str, downgrade: &str) -> Script {
        let text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = '2'\ndown_revision = '1'\n\n\n\
             def upgrade():\n    {upgrade}\n\n\ndef downgrade():\n    {downgrade}\n"
        );
        Script::read("0002_x.py".into(), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn conditional_object_may_have_been_there_before() {
        let table = difference("table", "flags", Change::LeftBehind(Vec::new()));
        let make = "op.execute('CREATE TABLE flags (id int)')";
        let asked = format!("if not sa.inspect(op.get_bind()).has_table('flags'):\n        {make}");
        assert!(is_made_on_condition(&table, &script(&asked, "pass")));
        assert!(is_made_on_condition(&table, &script("pass", &asked)));
        assert!(!is_made_on_condition(&table, &script(make, "pass")));
        assert!(!is_made_on_condition(&table, &script("pass", "pass")));
        let guarded = make.replace("TABLE", "TABLE IF NOT EXISTS");
        assert!(may_have_held_rows(&table, &script(&guarded, "pass")));
        assert!(!may_have_held_rows(&table, &script(make, "pass")));
    }

    #[test]
    fn object_that_the_upgrade_made_anew_is_its_own() {
        let id = ObjectId { kind: "constraint".into(), identity: "t.fk".into() };
        let held = |definition: &str| {
            let own: Attributes = vec![("definition".to_owned(), definition.to_owned())];
            Schema::of([(id.clone(), own)].into_iter().collect())
        };
        let missing = difference("constraint", "t.fk", Change::Missing(Vec::new()));
        let (plain, cascade) = (held("FOREIGN KEY"), held("FOREIGN KEY ON DELETE CASCADE"));
        assert!(is_of_downgrade(&missing, &plain, &plain));
        assert!(!is_of_downgrade(&missing, &plain, &cascade));
    }

    #[test]
    fn column_that_the_downgrade_adds_has_no_values() {
        let null = Change::Changed {
            attribute: "nullability".into(),
            expected: Some("NOT NULL".into()),
            found: None,
        };
        let key = Change::Missing(vec![("definition".into(), "PRIMARY KEY (id, a)".into())]);
        let statement = |sql: &str| Statement {
            sql: sql.into(),
            revision: Some("2".into()),
            line: None,
            elapsed: None,
        };
        let (add, drop) = ("ALTER TABLE t ADD COLUMN a int", "ALTER TABLE t DROP COLUMN a");
        for (ran, expected) in [([drop, add], true), ([add, drop], false)] {
            let ran = ran.map(statement);
            for difference in [
                difference("column", "t.a", null.clone()),
                difference("constraint", "t.k", key.clone()),
            ] {
                assert_eq!(is_made_anew(&difference, &ran, "2"), expected, "{difference:?}");
                assert!(!is_made_anew(&difference, &ran, "1"));
            }
        }
    }

    #[test]
    fn line_of_the_downgrade_alone_is_removed() {
        let null = Change::Changed {
            attribute: "nullability".into(),
            expected: Some("NOT NULL".into()),
            found: None,
        };
        let column = |change| difference("column", "t.a", change);
        for (difference, downgrade, left) in [
            (column(null.clone()), "op.alter_column('t', 'a', nullable=True)", "    pass"),
            (column(Change::Missing(Vec::new())), "op.drop_column('t', 'a')", "    pass"),
            (
                column(Change::Missing(Vec::new())),
                "x = 1\n    if 'a' in op.f('x'):\n        op.drop_column('t', 'a')",
                "",
            ),
            (
                difference("index", "ix", Change::Missing(Vec::new())),
                "op.drop_index('ix', 't')",
                "    pass",
            ),
        ] {
            let script = script("pass", downgrade);
            let line = line_of_downgrade(&difference, &script).unwrap();
            let change = StatementChange::removal(&script, line).unwrap();
            let after = changed(&script, &[change]).unwrap();
            let edit = edit_to(&script, &after, [line].into_iter()).unwrap();
            assert_eq!(edit.after.join("\n"), left, "{downgrade}");
        }
        let dropped = script("pass", "op.drop_column('t', 'a')");
        assert_eq!(line_of_downgrade(&column(null), &dropped), None);
        let looped = script("pass", "for name in 'ab':\n        op.drop_column('t', name)");
        assert_eq!(StatementChange::removal(&looped, 11), None);
    }
}
