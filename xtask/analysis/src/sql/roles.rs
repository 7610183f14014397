//! `GRANT`, `REVOKE`, `SET ROLE` and other statements that name a role.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::kind;
use crate::effect::{Effect, Kind, Object};

/// The effects of `GRANT`, `REVOKE`, `SET`, `RESET` and `REASSIGN`.
pub fn read(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    if c.eat(&["GRANT"]) {
        return grant(c, "GRANT", "TO");
    }
    if c.eat(&["REVOKE"]) {
        return grant(c, "REVOKE", "FROM");
    }
    if c.eat(&["REASSIGN", "OWNED", "BY"]) {
        let mut effects = names(c, "REASSIGN OWNED");
        if c.eat(&["TO"]) {
            effects.extend(names(c, "REASSIGN OWNED"));
        }
        return Some(effects);
    }
    if c.eat(&["RESET"]) {
        return Some(vec![]);
    }
    c.eat(&["SET"]);
    let _ = c.eat_any(&["LOCAL", "SESSION"]);
    if c.eat(&["ROLE"]) || c.eat(&["AUTHORIZATION"]) {
        let name = c.string().map(str::to_owned).or_else(|| c.identifier())?;
        return Some(role(name, "SET ROLE").into_iter().collect());
    }
    // Names refer to other objects from here on.
    let moves_names = c.sees(&["SEARCH_PATH"]) || c.sees(&["SCHEMA"]);
    Some(if moves_names { vec![Effect::Opaque(None)] } else { vec![] })
}

/// `… [ON objects] TO roles`: roles first, since Postgres checks them first.
fn grant(c: &mut Cursor<'_>, command: &'static str, to: &str) -> Option<Vec<Effect>> {
    let mut on = *c;
    let has_object = on.seek(&["ON"]);
    let mut effects = Vec::new();
    if has_object {
        effects.extend(objects(&mut on));
    } else {
        // Membership: the roles that are granted are named as well.
        let mut granted = *c;
        granted.eat(&["ADMIN", "OPTION", "FOR"]);
        effects.extend(names(&mut granted, command));
    }
    if !c.seek(&[to]) {
        return None;
    }
    effects.extend(names(c, command));
    Some(effects)
}

/// The objects of a grant; those of a kind that the lints do not follow are left out.
fn objects(c: &mut Cursor<'_>) -> Vec<Effect> {
    if c.sees(&["ALL"]) || c.eat_any(&["DATABASE", "LANGUAGE", "LARGE", "PARAMETER"]) {
        return Vec::new();
    }
    let kind = kind(c).unwrap_or(Kind::Table);
    let mut effects = Vec::new();
    while let Some(name) = c.name() {
        c.parenthesis();
        effects.push(Effect::Use(Object::new(kind, name)));
        if !c.eat_token(&Token::Comma) {
            break;
        }
    }
    effects
}

/// Reads names of roles, with commas between them.
pub fn names(c: &mut Cursor<'_>, command: &'static str) -> Vec<Effect> {
    let mut effects = Vec::new();
    loop {
        c.eat(&["GROUP"]);
        let Some(name) = c.identifier() else { break };
        effects.extend(role(name, command));
        if !c.eat_token(&Token::Comma) {
            break;
        }
    }
    effects
}

/// A role that is named, unless it is one that every database has.
pub fn role(name: String, command: &'static str) -> Option<Effect> {
    // `postgres` is the superuser of every server that the gate starts itself.
    let everywhere =
        ["public", "current_user", "current_role", "session_user", "none", "default", "postgres"];
    let own = everywhere.contains(&name.as_str()) || name.starts_with("pg_");
    (!own).then_some(Effect::Role { name, command: command.into() })
}
