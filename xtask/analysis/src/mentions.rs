//! Mentions, in a tree too large to be read whole: which of the other revisions have to do with what
//! some of them do. They are found by the words of their text, which is many times as fast as parsing
//! them.
//!
//! A name that another revision puts together as it runs is not found in its text. So nothing that is
//! missed here may count as a finding before all of the tree was read.

use std::collections::HashSet;

use super::body::Body;
use super::effect::{Effect, Kind, Object};

/// Names of Postgres are no longer than this in bytes, and longer words name nothing.
const LONGEST: usize = 63;

/// The names of what some revisions touch, as words in lower case.
#[derive(Default)]
pub struct Names {
    words: HashSet<Vec<u8>>,
    /// By length, whether there is a word that starts with this byte: hardly any text passes.
    starts: Vec<[bool; 256]>,
}

impl Names {
    /// Takes note of all that a revision touches. Says whether there was anything new.
    pub fn add_touched(&mut self, body: &Body) -> bool {
        let mut is_new = false;
        for effect in effects(body) {
            match effect {
                Effect::Create(object, detail) => {
                    is_new |= self.add_object(object);
                    is_new |= detail.parent.as_ref().is_some_and(|parent| self.add(parent));
                }
                Effect::Drop { object, .. } | Effect::Alter { object, .. } => {
                    is_new |= self.add_object(object);
                }
                Effect::Use(object) => is_new |= self.add_object(object),
                Effect::Rename { object, to, .. } => {
                    is_new |= self.add_object(object);
                    is_new |= !has_parts(object.kind) && self.add(to);
                }
                Effect::Attach { child, parent } => {
                    is_new |= self.add(child);
                    is_new |= parent.as_ref().is_some_and(|parent| self.add(parent));
                }
                Effect::Lookup(lookup) => is_new |= self.add(&lookup.table),
                Effect::Insert(rows) => is_new |= self.add(&rows.table),
                Effect::Write(name) | Effect::CreateRole(name) => is_new |= self.add(name),
                Effect::Role { name, .. } => is_new |= self.add(name),
                Effect::AddValue { type_, .. } => is_new |= self.add(type_),
                Effect::Immutable { table, text, .. } => {
                    is_new |= self.add(table);
                    // Any of them may be a function or a type that an earlier revision made.
                    for called in words(text) {
                        is_new |= text.contains(&format!("{called}(")) && self.add(called);
                    }
                }
                Effect::Literals(_)
                | Effect::OutsideTransaction(_)
                | Effect::Transaction(_)
                | Effect::DropWithout(_)
                | Effect::Asks(_)
                | Effect::InSetOrder
                | Effect::Opaque(_) => {}
            }
        }
        is_new
    }

    /// Takes note of what the same things are called in a revision that has to do with them: a name
    /// that they had before, the table that an index is on. Says whether there was anything new.
    pub fn add_related(&mut self, body: &Body) -> bool {
        let mut is_new = false;
        for effect in effects(body) {
            match effect {
                Effect::Rename { object, to, .. }
                    if !has_parts(object.kind) && (self.has(to) || self.has(&object.name)) =>
                {
                    is_new |= self.add(to);
                    is_new |= self.add_object(object);
                }
                Effect::Attach { child, parent: Some(parent) } if self.has(child) => {
                    is_new |= self.add(parent);
                }
                Effect::Create(object, detail) if self.has(&object.name) => {
                    if object.kind == Kind::Index {
                        is_new |= self.add_object(object);
                    }
                    is_new |= detail.parent.as_ref().is_some_and(|parent| self.add(parent));
                }
                _ => {}
            }
        }
        is_new
    }

    /// Whether a text has any of the names as a word.
    pub fn are_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes.get(at..).and_then(|rest| rest.iter().position(is_word)) {
            let start = at + start;
            let rest = &bytes[start..];
            let end = start + rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
            let word = &bytes[start..end];
            let first = usize::from(word[0].to_ascii_lowercase());
            let likely = self.starts.get(word.len()).is_some_and(|starts| starts[first]);
            if likely && self.words.contains(&word.to_ascii_lowercase()) {
                return true;
            }
            at = end;
        }
        false
    }

    /// What is on a table is never named without it.
    fn add_object(&mut self, object: &Object) -> bool {
        let table = object.table.as_ref().is_some_and(|table| self.add(table));
        let is_found_by_table = has_parts(object.kind) && object.table.is_some();
        (!is_found_by_table && self.add(&object.name)) || table
    }

    fn add(&mut self, name: &str) -> bool {
        let Some(word) = key(name) else { return false };
        while self.starts.len() <= word.len() {
            self.starts.push([false; 256]);
        }
        self.starts[word.len()][usize::from(word[0])] = true;
        self.words.insert(word)
    }

    fn has(&self, name: &str) -> bool {
        key(name).is_some_and(|word| self.words.contains(&word))
    }
}

/// Whether it is a part of a table, whose name says little without that of the table.
fn has_parts(kind: Kind) -> bool {
    matches!(kind, Kind::Column | Kind::Constraint | Kind::Trigger | Kind::Policy)
}

fn effects(body: &Body) -> impl Iterator<Item = &Effect> {
    let functions = body.upgrade.iter().chain(&body.downgrade);
    functions.flat_map(|function| &function.deeds).map(|deed| &deed.effect)
}

/// The word that a name is looked for by: its longest one, without the schema.
fn key(name: &str) -> Option<Vec<u8>> {
    let bare = name.rsplit('.').next().unwrap_or_default();
    let longest = words(bare).max_by_key(|word| word.len())?;
    (longest.len() <= LONGEST).then(|| longest.as_bytes().to_ascii_lowercase())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii() && !is_word(&(c as u8))).filter(|word| !word.is_empty())
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::Names;
    use crate::script::Script;

    fn names(upgrade: &str) -> Names {
        let mut names = Names::default();
        names.add_touched(script(upgrade).body());
        names
    }

    fn script(upgrade: &str) -> Script {
        let text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\n\
             down_revision = None\n\n\ndef upgrade():\n    {upgrade}\n"
        );
        Script::read(Utf8Path::new("a.py"), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn whole_words_in_any_case_and_without_the_schema() {
        let names = names("op.drop_table('Users', schema='app')");
        assert!(names.are_in("CREATE TABLE app.USERS (id int)"));
        assert!(names.are_in("op.create_table('users'"));
        assert!(!names.are_in("power_users, users_old, userss"));
        assert!(!names.are_in(""));
    }

    #[test]
    fn a_part_of_a_table_is_found_by_the_table() {
        let names = names("op.add_column('orders', sa.Column('created_at', sa.DateTime()))");
        assert!(names.are_in("op.drop_table('orders')"));
        assert!(!names.are_in("sa.Column('created_at', sa.DateTime())"));
    }

    #[test]
    fn an_older_name_is_related() {
        let mut names = names("op.drop_table('b')");
        assert!(!names.are_in("'a'"));
        assert!(names.add_related(script("op.rename_table('a', 'b')").body()));
        assert!(names.are_in("'a'"));
        assert!(!names.add_related(script("op.rename_table('c', 'd')").body()));
    }

    #[test]
    fn the_table_of_an_index_is_related() {
        let mut names = names("op.execute('DROP INDEX ix_a')");
        assert!(names.add_related(script("op.create_index('ix_a', 't', ['x'])").body()));
        assert!(names.are_in("op.drop_table('t')"));
    }
}
