//! `ALTER …`.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, split_commas};
use super::{create, kind, roles, types, unescape};
use crate::effect::{Detail, Effect, Kind, Object, Whole};

/// The effects of an `ALTER`.
pub fn read(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    c.eat(&["ALTER"]);
    if c.eat(&["DEFAULT", "PRIVILEGES"]) {
        return default_privileges(c);
    }
    if c.eat_any(&["ROLE", "USER", "GROUP"]) {
        return Some(roles::names(c, "ALTER ROLE"));
    }
    if c.eat_any(&["SYSTEM", "DATABASE"]) {
        return Some(vec![]);
    }
    let kind = kind(c)?;
    let guarded = c.if_exists();
    c.eat(&["ONLY"]);
    let name = c.name()?;
    c.eat_token(&Token::Mul);
    c.parenthesis();
    let on_table = matches!(kind, Kind::Trigger | Kind::Policy) && c.eat(&["ON"]);
    let table = if on_table { Some(c.name()?) } else { None };
    let object = Object { kind, name, table };
    let mut effects = Vec::new();
    for action in split_commas(c.rest()) {
        match kind {
            Kind::Table => effects.extend(table_action(&object.name, guarded, action)),
            _ => effects.extend(other_action(&object, guarded, action)),
        }
    }
    if effects.is_empty() {
        effects.push(Effect::Alter { object, guarded, type_: None });
    }
    Some(effects)
}

/// `ALTER DEFAULT PRIVILEGES …`: the roles alone matter.
fn default_privileges(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    let mut effects = Vec::new();
    if c.eat(&["FOR"]) {
        c.eat_any(&["ROLE", "USER"]);
        effects.extend(roles::names(c, "ALTER DEFAULT PRIVILEGES"));
    }
    if !(c.seek(&["TO"]) || c.seek(&["FROM"])) {
        return None;
    }
    effects.extend(roles::names(c, "ALTER DEFAULT PRIVILEGES"));
    Some(effects)
}

/// One action on anything but a table.
fn other_action(object: &Object, guarded: bool, action: &[Token]) -> Vec<Effect> {
    let mut c = Cursor::new(action);
    let object = object.clone();
    if c.eat(&["OWNER", "TO"]) {
        let mut effects = vec![Effect::Alter { object, guarded, type_: None }];
        effects.extend(roles::names(&mut c, "ALTER … OWNER TO"));
        return effects;
    }
    if c.eat(&["RENAME", "TO"])
        && let Some(to) = c.name()
    {
        return vec![Effect::Rename { object, to, guarded }];
    }
    if c.eat(&["ADD", "VALUE"]) {
        c.if_not_exists();
        let value = c.string().map(unescape);
        let type_ = object.name.clone();
        let mut effects = vec![Effect::Alter { object, guarded, type_: None }];
        effects.extend(value.map(|value| Effect::AddValue { type_, value }));
        return effects;
    }
    if object.kind == Kind::Policy && c.seek(&["TO"]) {
        return roles::names(&mut c, "ALTER POLICY");
    }
    if c.eat(&["SET", "SCHEMA"]) {
        return vec![Effect::Opaque(None)];
    }
    let table = if object.kind == Kind::Sequence { create::owner(&mut c) } else { None };
    let attached = table.map(|table| attach(object.name.clone(), Some(table)));
    let altered = Effect::Alter { object, guarded, type_: None };
    [altered].into_iter().chain(attached).collect()
}

/// One action of `ALTER TABLE`.
fn table_action(table: &str, guarded: bool, action: &[Token]) -> Vec<Effect> {
    let mut c = Cursor::new(action);
    let whole = Object::new(Kind::Table, table);
    if c.eat(&["ADD"]) {
        let mut effects = vec![Effect::Use(whole)];
        effects.extend(add(table, guarded, &mut c));
        return effects;
    }
    if c.eat(&["DROP"]) {
        // Syntax of other databases: `DROP PRIMARY KEY`.
        if c.sees(&["PRIMARY"]) {
            return vec![Effect::Opaque(None)];
        }
        let kind = if c.eat(&["CONSTRAINT"]) { Kind::Constraint } else { Kind::Column };
        c.eat(&["COLUMN"]);
        let guarded = c.if_exists() || guarded;
        let cascade = c.cascades();
        let Some(name) = c.identifier() else { return vec![Effect::Opaque(None)] };
        return vec![Effect::Drop { object: Object::on(table, kind, name), guarded, cascade }];
    }
    if c.eat(&["RENAME"]) {
        return rename(table, guarded, &mut c);
    }
    if c.eat(&["ALTER"]) && !c.eat(&["CONSTRAINT"]) {
        c.eat(&["COLUMN"]);
        let Some(name) = c.identifier() else { return vec![Effect::Opaque(None)] };
        let retyped = c.eat(&["TYPE"]) || c.eat(&["SET", "DATA", "TYPE"]);
        let type_ = if retyped { types::read(&mut c) } else { None };
        let refuses_null = c.eat(&["SET", "NOT", "NULL"]).then(|| name.clone());
        let object = Object::on(table, Kind::Column, name);
        let mut effects: Vec<Effect> = type_
            .iter()
            .map(|name| name.trim_start_matches('_'))
            .filter(|name| !types::is_own(name))
            .map(|name| Effect::Use(Object::new(Kind::Type, name)))
            .collect();
        effects.push(Effect::Alter { object, guarded, type_ });
        let work = refuses_null.map(Whole::NotNull);
        effects.extend(work.map(|work| Effect::Whole { table: table.to_owned(), work }));
        if !guarded {
            effects.insert(0, Effect::Use(whole));
        }
        return effects;
    }
    table_as_a_whole(whole, guarded, &mut c)
}

/// Actions that leave columns and constraints alone.
fn table_as_a_whole(whole: Object, guarded: bool, c: &mut Cursor<'_>) -> Vec<Effect> {
    let mut effects = vec![Effect::Alter { object: whole.clone(), guarded, type_: None }];
    if c.eat(&["OWNER", "TO"]) {
        effects.extend(roles::names(c, "ALTER TABLE … OWNER TO"));
    } else if c.eat(&["ATTACH", "PARTITION"]) {
        effects.extend(c.name().map(|child| attach(child, Some(whole.name))));
    } else if c.eat(&["DETACH", "PARTITION"]) {
        effects.extend(c.name().map(|child| attach(child, None)));
        if c.eat(&["CONCURRENTLY"]) {
            let what = "ALTER TABLE … DETACH PARTITION … CONCURRENTLY";
            effects.push(Effect::OutsideTransaction(what.into()));
        }
    } else if c.eat(&["VALIDATE", "CONSTRAINT"]) {
        effects.extend(
            c.identifier()
                .filter(|_| !guarded)
                .map(|name| Effect::Use(Object::on(whole.name, Kind::Constraint, name))),
        );
        // A validation makes no change that would have to be taken back.
        effects.swap_remove(0);
    } else if c.eat(&["SET", "SCHEMA"]) {
        return vec![Effect::Opaque(None)];
    }
    effects
}

fn attach(child: String, parent: Option<String>) -> Effect {
    Effect::Attach { child, parent }
}

/// `ADD …`, after that word.
fn add(table: &str, guarded_table: bool, c: &mut Cursor<'_>) -> Vec<Effect> {
    let is_constraint = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"]
        .iter()
        .any(|word| c.sees(&[word]));
    if is_constraint {
        // The index takes the name of the constraint, and is its own from here on.
        let mut using = *c;
        let adopted = if using.seek(&["USING", "INDEX"]) { using.identifier() } else { None };
        let mut effects: Vec<Effect> = adopted
            .map(|name| Effect::Drop {
                object: Object { kind: Kind::Index, name, table: Some(table.to_owned()) },
                guarded: true,
                cascade: false,
            })
            .into_iter()
            .collect();
        let mut own = *c;
        if own.eat(&["CONSTRAINT"]) {
            own.identifier();
        }
        let work = create::work_of_constraint(c, create::columns_of(&own));
        effects.extend(work.map(|work| Effect::Whole { table: table.to_owned(), work }));
        let made = create::constraint(table, c);
        let named = made.iter().any(|effect| matches!(effect, Effect::Create(..)));
        effects.extend(made);
        if !named {
            let unnamed = Object::on(table, Kind::Constraint, "");
            effects.push(Effect::Create(unnamed, Detail::default()));
        }
        return effects;
    }
    c.eat(&["COLUMN"]);
    let guarded = c.if_not_exists() || guarded_table;
    let work = create::work_of_column(c).filter(|_| !guarded);
    let mut effects = create::column(table, c);
    effects.extend(work.map(|work| Effect::Whole { table: table.to_owned(), work }));
    for effect in &mut effects {
        if let Effect::Create(_, detail) = effect {
            *detail = Detail { guarded, ..detail.clone() };
        }
    }
    effects
}

/// `RENAME …`, after that word.
fn rename(table: &str, guarded: bool, c: &mut Cursor<'_>) -> Vec<Effect> {
    let object = if c.sees(&["TO"]) {
        Some(Object::new(Kind::Table, table))
    } else {
        let kind = if c.eat(&["CONSTRAINT"]) { Kind::Constraint } else { Kind::Column };
        c.eat(&["COLUMN"]);
        c.identifier().map(|name| Object::on(table, kind, name))
    };
    match (object, c.eat(&["TO"]), c.identifier()) {
        (Some(object), true, Some(to)) => vec![Effect::Rename { object, to, guarded }],
        _ => vec![Effect::Opaque(None)],
    }
}
