//! The names of what revisions touch, and the texts that name one of them.

use std::collections::HashSet;

use crate::body::Body;
use crate::effect::{Effect, Kind, Object};

/// The names of what a revision touches, as words in lower case, without their schemas. What is on a
/// table is never named without that table.
pub(super) fn touched(body: &Body) -> HashSet<String> {
    let functions = body.upgrade.iter().chain(&body.downgrade);
    let deeds = functions.flat_map(|function| &function.deeds);
    deeds.flat_map(|deed| named(&deed.effect)).filter_map(key).collect()
}

fn named(effect: &Effect) -> Vec<&str> {
    match effect {
        Effect::Create(object, detail) => [of(object), shown(detail.parent.as_ref())].concat(),
        Effect::Drop { object, .. } | Effect::Alter { object, .. } | Effect::Use(object) => {
            of(object)
        }
        Effect::Rename { object, to, .. } => {
            let to = Some(to).filter(|_| !is_part(object.kind));
            [of(object), shown(to)].concat()
        }
        Effect::Attach { child, parent } => [vec![child.as_str()], shown(parent.as_ref())].concat(),
        Effect::Lookup(lookup) => vec![&lookup.table],
        Effect::Insert(rows) => vec![&rows.table],
        Effect::Write(name) | Effect::CreateRole(name) | Effect::Role { name, .. } => vec![name],
        Effect::AddValue { type_, .. } => vec![type_],
        Effect::Immutable { table, text, .. } => {
            // Any of them may be a function or a type that an earlier revision made.
            let called = words(text).filter(|called| text.contains(&format!("{called}(")));
            called.chain([table.as_str()]).collect()
        }
        Effect::Literals(_)
        | Effect::OutsideTransaction(_)
        | Effect::Transaction(_)
        | Effect::DropWithout(_)
        | Effect::Asks(_)
        | Effect::InSetOrder
        | Effect::Opaque(_) => Vec::new(),
    }
}

fn of(object: &Object) -> Vec<&str> {
    let name = Some(&object.name).filter(|_| !(is_part(object.kind) && object.table.is_some()));
    [shown(object.table.as_ref()), shown(name)].concat()
}

fn shown(name: Option<&String>) -> Vec<&str> {
    name.map(String::as_str).into_iter().collect()
}

/// Whether it is a part of a table, whose name says little without that of the table.
fn is_part(kind: Kind) -> bool {
    matches!(kind, Kind::Column | Kind::Constraint | Kind::Trigger | Kind::Policy)
}

/// Whether a text has any of the names as a word.
pub(super) fn are_in(names: &HashSet<String>, text: &str) -> bool {
    words(text).any(|word| names.contains(&word.to_lowercase()))
}

/// The word that a name is looked for by: its longest one, without the schema.
fn key(name: &str) -> Option<String> {
    let bare = name.rsplit('.').next().unwrap_or_default();
    words(bare).max_by_key(|word| word.len()).map(str::to_lowercase)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    text.split(move |c| !is_word(c)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::{are_in, touched};
    use crate::script::Script;

    #[test]
    fn names_are_found_as_whole_words_and_parts_by_their_table() {
        for (upgrade, text, found) in [
            ("op.drop_table('Users', schema='app')", "CREATE TABLE app.USERS (id int)", true),
            ("op.drop_table('Users', schema='app')", "op.create_table('users'", true),
            ("op.drop_table('users')", "power_users, users_old, userss", false),
            ("op.drop_table('users')", "", false),
            ("op.add_column('orders', sa.Column('at', sa.Date()))", "drop_table('orders')", true),
            ("op.add_column('orders', sa.Column('at', sa.Date()))", "sa.Column('at'", false),
        ] {
            let script = format!(
                "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\n\
                 down_revision = None\n\n\ndef upgrade():\n    {upgrade}\n"
            );
            let script = Script::read(Utf8Path::new("a.py"), script.as_bytes()).0.unwrap();
            assert_eq!(are_in(&touched(script.body()), text), found, "{upgrade} in {text}");
        }
    }
}
