//! `DROP …`.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::kind;
use crate::effect::{Effect, Kind, Object};

/// The effects of a `DROP`.
pub fn read(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    c.eat(&["DROP"]);
    if c.eat_any(&["ROLE", "USER", "GROUP"]) {
        // Only later statements that name the role depend on it, and those fail in the database
        // with a plain message.
        return Some(vec![]);
    }
    if c.eat(&["OWNED"]) || c.eat_any(&["DATABASE", "TABLESPACE"]) {
        return None;
    }
    let kind = kind(c)?;
    let mut effects = Vec::new();
    let concurrently = kind == Kind::Index && c.eat(&["CONCURRENTLY"]);
    if concurrently {
        effects.push(Effect::OutsideTransaction("DROP INDEX CONCURRENTLY".into()));
    }
    let guarded = c.if_exists();
    let cascade = c.cascades();
    loop {
        let name = c.name()?;
        c.parenthesis();
        let on_table = matches!(kind, Kind::Trigger | Kind::Policy);
        let table = if on_table && c.eat(&["ON"]) { c.name() } else { None };
        effects.push(Effect::Drop { object: Object { kind, name, table }, guarded, cascade });
        if !c.eat_token(&Token::Comma) {
            return Some(effects);
        }
    }
}
