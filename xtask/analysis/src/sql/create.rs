//! `CREATE …`.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, is_word, split_commas, text_of};
use super::{query, roles, types};
use crate::effect::{Detail, Effect, Kind, Object, Spot, Whole};

/// The effects of a `CREATE`.
pub fn read(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    c.eat(&["CREATE"]);
    let replaces = c.eat(&["OR", "REPLACE"]);
    let temporary = c.eat(&["GLOBAL"]) | c.eat(&["LOCAL"]) | c.eat_any(&["TEMP", "TEMPORARY"]);
    let _ = c.eat_any(&["UNLOGGED", "RECURSIVE", "TRUSTED", "FOREIGN"]);
    let detail = Detail { replaces, temporary, ..Detail::default() };
    let unique = c.eat(&["UNIQUE"]);
    if c.eat(&["INDEX"]) {
        return index(c);
    }
    if unique {
        return None;
    }
    if c.eat(&["TABLE"]) {
        return table(c, detail);
    }
    if c.eat_any(&["ROLE", "USER", "GROUP"]) {
        return Some(vec![Effect::CreateRole(c.name()?)]);
    }
    if c.eat(&["SCHEMA"]) {
        return schema(c);
    }
    let _ = c.eat(&["CONSTRAINT"]);
    if c.eat(&["TRIGGER"]) {
        return trigger(c, detail);
    }
    if c.eat(&["POLICY"]) {
        return policy(c);
    }
    if c.eat_any(&["FUNCTION", "PROCEDURE", "AGGREGATE"]) {
        let immutable = c.rest().iter().any(|token| is_word(token, "IMMUTABLE"));
        let object = Object::new(Kind::Function, c.name()?);
        let type_ = c.parenthesis().map(text_of);
        return Some(vec![Effect::Create(object, Detail { immutable, type_, ..detail })]);
    }
    let is_view = c.sees(&["VIEW"]) || c.sees(&["MATERIALIZED", "VIEW"]);
    let kinds = [
        (&["MATERIALIZED", "VIEW"][..], Kind::MaterializedView),
        (&["VIEW"], Kind::View),
        (&["SEQUENCE"], Kind::Sequence),
        (&["TYPE"], Kind::Type),
        (&["DOMAIN"], Kind::Type),
        (&["EXTENSION"], Kind::Extension),
    ];
    let (_, kind) = kinds.into_iter().find(|(words, _)| c.eat(words))?;
    let guarded = c.if_not_exists();
    let object = Object::new(kind, c.name()?);
    let is_enum = kind == Kind::Type && c.sees(&["AS", "ENUM"]);
    let parent = if kind == Kind::Sequence { owner(c) } else { None };
    let mut effects = vec![Effect::Create(object, Detail { guarded, is_enum, parent, ..detail })];
    if is_view && c.seek(&["AS"]) {
        effects.extend(query::uses(c.rest()));
    }
    Some(effects)
}

/// `OWNED BY table.column`: the table.
pub fn owner(c: &mut Cursor<'_>) -> Option<String> {
    let mut rest = *c;
    let name = if rest.seek(&["OWNED", "BY"]) { rest.name() } else { None };
    name?.rsplit_once('.').map(|(table, _)| table.to_owned())
}

/// `CREATE TABLE …`, after those words.
fn table(c: &mut Cursor<'_>, detail: Detail) -> Option<Vec<Effect>> {
    let guarded = c.if_not_exists();
    let detail = Detail { guarded, ..detail };
    let name = c.name()?;
    let parent = if c.eat(&["PARTITION", "OF"]) { Some(c.name()?) } else { None };
    let mut effects: Vec<Effect> =
        parent.iter().map(|parent| Effect::Use(Object::new(Kind::Table, parent))).collect();
    let is_part = parent.is_some();
    let mut elements = Vec::new();
    let mut whole = false;
    if let Some(body) = c.parenthesis() {
        let parts = split_commas(body);
        whole = !(is_part || parts.iter().any(|part| Cursor::new(part).sees(&["LIKE"])));
        elements.extend(parts.into_iter().flat_map(|part| table_element(&name, part, &detail)));
    }
    if c.eat(&["INHERITS"]) {
        whole = false;
        c.parenthesis();
    }
    effects
        .push(Effect::Create(Object::new(Kind::Table, &name), Detail { parent, whole, ..detail }));
    // A constraint may be written before its columns.
    elements.sort_by_key(Effect::is_on_columns);
    effects.extend(elements);
    let mut partition = *c;
    if partition.seek(&["PARTITION", "BY"]) {
        partition.next();
        if let Some(key) = partition.parenthesis() {
            effects.extend(
                split_commas(key)
                    .into_iter()
                    .filter(|key| key.len() > 1)
                    .map(|key| immutable(Spot::PartitionKey, &name, &name, key)),
            );
        }
    }
    if c.seek(&["AS"]) {
        let rest = c.rest();
        let is_query = rest.first().is_some_and(|token| {
            *token == Token::LParen || ["SELECT", "WITH"].iter().any(|word| is_word(token, word))
        });
        if is_query {
            // Before the creation: the objects that it reads must exist first.
            let reads = query::uses(rest);
            effects.splice(0..0, reads);
        }
    }
    Some(effects)
}

/// One element of a table's parenthesis.
fn table_element(table: &str, element: &[Token], of_table: &Detail) -> Vec<Effect> {
    let mut c = Cursor::new(element);
    if c.eat(&["LIKE"]) {
        return c.name().map(|n| Effect::Use(Object::new(Kind::Table, n))).into_iter().collect();
    }
    let is_constraint = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"]
        .iter()
        .any(|word| c.sees(&[word]));
    let mut effects = if is_constraint { constraint(table, &mut c) } else { column(table, &mut c) };
    for effect in &mut effects {
        if let Effect::Create(_, detail) = effect {
            (detail.guarded, detail.temporary) = (of_table.guarded, of_table.temporary);
        }
    }
    effects
}

/// A column's definition, from its name on.
pub fn column(table: &str, c: &mut Cursor<'_>) -> Vec<Effect> {
    let Some(name) = c.identifier() else { return Vec::new() };
    let has_sequence = ["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8"]
        .iter()
        .any(|word| c.sees(&[word]));
    let type_ = types::read(c);
    let says = |words: &[&str]| { *c }.seek(words);
    let not_null = says(&["NOT", "NULL"]) || says(&["PRIMARY", "KEY"]);
    let needs_value = says(&["NOT", "NULL"])
        && !(has_sequence || says(&["DEFAULT"]) || says(&["GENERATED"]))
        && type_.as_deref().is_some_and(types::is_own);
    let mut effects = Vec::new();
    effects.extend(
        type_
            .iter()
            .map(|name| name.trim_start_matches('_'))
            .filter(|name| !types::is_own(name))
            .map(|name| Effect::Use(Object::new(Kind::Type, name))),
    );
    let detail = Detail { type_, not_null, needs_value, ..Detail::default() };
    effects.push(Effect::Create(Object::on(table, Kind::Column, &name), detail));
    let mut generated = *c;
    if generated.seek(&["GENERATED", "ALWAYS", "AS"])
        && let Some(expression) = generated.parenthesis()
    {
        effects.push(immutable(Spot::GeneratedColumn, &name, table, expression));
    }
    let mut named = *c;
    if named.seek(&["CONSTRAINT"])
        && let Some(constraint) = named.identifier()
    {
        let indexed = named.sees(&["UNIQUE"]) || named.sees(&["PRIMARY"]);
        let detail = Detail { indexed, columns: vec![name], ..Detail::default() };
        let object = Object::on(table, Kind::Constraint, constraint);
        effects.push(Effect::Create(object, detail));
    }
    if c.seek(&["REFERENCES"]) {
        effects.extend(c.name().map(|target| Effect::Use(Object::new(Kind::Table, target))));
    }
    effects
}

/// The work of a new column on the rows of an existing table, from the column's name on.
pub fn work_of_column(c: &Cursor<'_>) -> Option<Whole> {
    let says = |words: &[&str]| { *c }.seek(words);
    let counts = ["SERIAL", "BIGSERIAL", "SMALLSERIAL"].iter().any(|word| says(&[word]));
    if counts || says(&["GENERATED"]) {
        Some(Whole::Rewrite)
    } else if says(&["UNIQUE"]) || says(&["PRIMARY", "KEY"]) {
        Some(Whole::Index)
    } else {
        says(&["CHECK"]).then_some(Whole::Check)
    }
}

/// The work of a new constraint on the rows of an existing table, from `CONSTRAINT` or its own
/// first word on.
pub fn work_of_constraint(c: &Cursor<'_>, columns: Vec<String>) -> Option<Whole> {
    let says = |words: &[&str]| { *c }.seek(words);
    if says(&["NOT", "VALID"]) || says(&["USING", "INDEX"]) {
        return None;
    }
    let mut c = *c;
    if c.eat(&["CONSTRAINT"]) {
        c.identifier();
    }
    if c.sees(&["CHECK"]) {
        return Some(Whole::Check);
    }
    if c.sees(&["FOREIGN"]) {
        let target = if c.seek(&["REFERENCES"]) { c.name() } else { None };
        return Some(Whole::ForeignKey { columns, target });
    }
    Some(Whole::Index)
}

/// A constraint of a table, from `CONSTRAINT` or its own first word on.
pub fn constraint(table: &str, c: &mut Cursor<'_>) -> Vec<Effect> {
    let name = if c.eat(&["CONSTRAINT"]) { c.identifier() } else { None };
    let indexed = ["PRIMARY", "UNIQUE", "EXCLUDE"].iter().any(|word| c.sees(&[word]));
    let columns = columns_of(c);
    let mut effects = Vec::new();
    if c.seek(&["REFERENCES"]) {
        effects.extend(c.name().map(|target| Effect::Use(Object::new(Kind::Table, target))));
    }
    if let Some(name) = name {
        let detail = Detail { indexed, columns, ..Detail::default() };
        effects.push(Effect::Create(Object::on(table, Kind::Constraint, name), detail));
    }
    effects
}

/// The columns of a constraint, from its own first word on.
pub fn columns_of(c: &Cursor<'_>) -> Vec<String> {
    if c.sees(&["CHECK"]) || c.sees(&["EXCLUDE"]) {
        return Vec::new();
    }
    let mut list = *c;
    while !list.at_end() && list.peek() != Some(&Token::LParen) {
        list.next();
    }
    let parts = split_commas(list.parenthesis().unwrap_or_default());
    parts.into_iter().filter_map(|part| Cursor::new(part).identifier()).collect()
}

/// `CREATE INDEX …`, after those words.
fn index(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    let mut effects = Vec::new();
    let concurrently = c.eat(&["CONCURRENTLY"]);
    if concurrently {
        effects.push(Effect::OutsideTransaction("CREATE INDEX CONCURRENTLY".into()));
    }
    let guarded = c.if_not_exists();
    let name = if c.sees(&["ON"]) { None } else { c.name() };
    if !c.eat(&["ON"]) {
        return None;
    }
    let only = c.eat(&["ONLY"]);
    let table = c.name()?;
    if c.eat(&["USING"]) {
        c.identifier()?;
    }
    let elements = split_commas(c.parenthesis()?);
    effects.push(Effect::Use(Object::new(Kind::Table, &table)));
    if !(concurrently || guarded || only) {
        effects.push(Effect::Whole { table: table.clone(), work: Whole::Index });
    }
    let shown = name.clone().unwrap_or_else(|| format!("the index on {table}"));
    let mut columns = Vec::new();
    for element in elements {
        match element {
            [Token::Word(_)] | [Token::Word(_), Token::Word(_), ..] => {
                columns.extend(Cursor::new(element).identifier());
            }
            expression => {
                effects.push(immutable(Spot::IndexExpression, &shown, &table, expression));
            }
        }
    }
    if c.seek(&["WHERE"]) {
        effects.push(immutable(Spot::IndexPredicate, &shown, &table, c.rest()));
    }
    if let Some(name) = name {
        let detail = Detail { guarded, columns, ..Detail::default() };
        let object = Object { kind: Kind::Index, name, table: Some(table) };
        effects.push(Effect::Create(object, detail));
    }
    Some(effects)
}

/// `CREATE SCHEMA …`, after those words. With elements inside it is not followed.
fn schema(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    let guarded = c.if_not_exists();
    let mut effects = Vec::new();
    let name = if c.sees(&["AUTHORIZATION"]) { None } else { Some(c.name()?) };
    if c.eat(&["AUTHORIZATION"]) {
        effects.extend(roles::names(c, "CREATE SCHEMA … AUTHORIZATION"));
    }
    if !c.at_end() {
        return None;
    }
    let detail = Detail { guarded, ..Detail::default() };
    effects.extend(name.map(|name| Effect::Create(Object::new(Kind::Schema, name), detail)));
    Some(effects)
}

/// `CREATE TRIGGER …`, after those words.
fn trigger(c: &mut Cursor<'_>, detail: Detail) -> Option<Vec<Effect>> {
    let name = c.identifier()?;
    if !c.seek(&["ON"]) {
        return None;
    }
    let table = c.name()?;
    let mut effects = vec![Effect::Use(Object::new(Kind::Table, &table))];
    if c.seek(&["EXECUTE"]) && c.eat_any(&["FUNCTION", "PROCEDURE"]) {
        effects.extend(c.name().map(|name| Effect::Use(Object::new(Kind::Function, name))));
    }
    effects.push(Effect::Create(Object::on(table, Kind::Trigger, name), detail));
    Some(effects)
}

/// `CREATE POLICY …`, after those words.
fn policy(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    let name = c.identifier()?;
    if !c.eat(&["ON"]) {
        return None;
    }
    let table = c.name()?;
    let mut effects = vec![Effect::Use(Object::new(Kind::Table, &table))];
    if c.seek(&["TO"]) {
        effects.extend(roles::names(c, "CREATE POLICY"));
    }
    let object = Object::on(table, Kind::Policy, name);
    effects.push(Effect::Create(object, Detail::default()));
    Some(effects)
}

fn immutable(spot: Spot, owner: &str, table: &str, expression: &[Token]) -> Effect {
    Effect::Immutable {
        spot,
        owner: owner.to_owned(),
        table: table.to_owned(),
        text: text_of(expression),
    }
}
