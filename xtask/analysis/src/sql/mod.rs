//! SQL, read without running it: one string in, effects out.
//!
//! Queries and expressions, which nest, are sqlparser's; DDL is read by hand over its tokens (see
//! `cursor`). A statement that is not understood is [`Effect::Opaque`] with its text: a `DO` block,
//! a call of a function that may do anything, a statement that Postgres itself would refuse.

mod alter;
mod create;
mod cursor;
mod drop;
mod expression;
pub mod immutability;
mod query;
mod roles;
pub mod types;
mod volatility;
mod written;

#[cfg(test)]
mod tests;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use self::cursor::{Cursor, is_word, string_of, text_of};
pub use self::written::{Written, written};
use super::effect::{Effect, HOLE, Kind, Lookup, Object, Rows, Whole};

/// The longest SQL that is read, in bytes. Longer ones are dumps, and opaque.
const LONGEST_SQL_BYTES: usize = 1 << 20;

/// The most tokens that a query or an expression may have: nested ones are walked by recursion.
const MOST_TOKENS_PARSED: usize = 4_000;

/// The effects of the statements of `sql`, each with its first line, counted from 0.
pub fn read(sql: &str) -> Vec<(u32, Effect)> {
    if sql.len() > LONGEST_SQL_BYTES {
        return vec![(0, Effect::Opaque(None))];
    }
    let Some(tokens) = tokenize(sql) else {
        return vec![(0, opaque(sql.to_owned()))];
    };
    let mut effects = Vec::new();
    for statement in split(&tokens) {
        let Some(first) = statement.first() else { continue };
        let line = u32::try_from(first.span.start.line.saturating_sub(1)).unwrap_or(0);
        let tokens: Vec<Token> = statement.iter().map(|token| token.token.clone()).collect();
        effects.extend(read_statement(&tokens).into_iter().map(|effect| (line, effect)));
    }
    effects
}

/// The tokens without blanks and comments; `None` if a quote or a comment does not end. Quotes
/// inside a string stay doubled: the tokens can then be written out again.
fn tokenize(sql: &str) -> Option<Vec<TokenWithSpan>> {
    let dialect = PostgreSqlDialect {};
    let mut tokens =
        Tokenizer::new(&dialect, sql).with_unescape(false).tokenize_with_location().ok()?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Some(tokens)
}

/// Splits at the semicolons, but for those in the body of a function: `BEGIN ATOMIC …; …; END`.
fn split(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let mut statements = Vec::new();
    let (mut start, mut blocks) = (0, 0_usize);
    for (i, token) in tokens.iter().enumerate() {
        let is = |word: &str| is_word(&token.token, word);
        let begins = is("BEGIN") && tokens.get(i + 1).is_some_and(|t| is_word(&t.token, "ATOMIC"));
        if begins || (blocks > 0 && is("CASE")) {
            blocks += 1;
        } else if is("END") {
            blocks = blocks.saturating_sub(1);
        } else if token.token == Token::SemiColon && blocks == 0 {
            statements.push(tokens.get(start..i).unwrap_or_default());
            start = i + 1;
        }
    }
    statements.push(tokens.get(start..).unwrap_or_default());
    statements
}

fn read_statement(tokens: &[Token]) -> Vec<Effect> {
    let understood = dispatch(tokens).unwrap_or_else(|| vec![opaque(text_of(tokens))]);
    let mut effects: Vec<Effect> = understood.into_iter().filter_map(without_holes).collect();
    let literals: Vec<String> = tokens.iter().filter_map(string_of).map(unescape).collect();
    let adds_value = effects.iter().any(|effect| matches!(effect, Effect::AddValue { .. }));
    if !literals.is_empty() && !adds_value {
        effects.push(Effect::Literals(literals));
    }
    effects
}

fn dispatch(tokens: &[Token]) -> Option<Vec<Effect>> {
    let mut cursor = Cursor::new(tokens);
    let c = &mut cursor;
    let Token::Word(word) = c.peek()? else {
        return if c.peek() == Some(&Token::LParen) { query::read(tokens) } else { None };
    };
    let verb = word.value.to_ascii_uppercase();
    match verb.as_str() {
        "SELECT" | "WITH" | "INSERT" | "UPDATE" | "DELETE" | "VALUES" => query::read(tokens),
        "CREATE" => create::read(c),
        "DROP" => drop::read(c),
        "ALTER" => alter::read(c),
        "GRANT" | "REVOKE" | "SET" | "RESET" | "REASSIGN" => roles::read(c),
        "COMMENT" => comment(c),
        "TRUNCATE" | "LOCK" => {
            c.next();
            c.eat(&["TABLE"]);
            c.eat(&["ONLY"]);
            let mut effects = Vec::new();
            let access = tokens
                .windows(2)
                .any(|two| is_word(&two[0], "ACCESS") && is_word(&two[1], "EXCLUSIVE"));
            let is_whole = access || !tokens.iter().any(|token| is_word(token, "MODE"));
            loop {
                let table = c.name()?;
                effects.push(Effect::Write(table.clone()));
                if verb == "LOCK" && is_whole {
                    effects.push(Effect::Lock(table.clone()));
                }
                if verb == "TRUNCATE" {
                    effects.push(Effect::Whole { table, work: Whole::Empty });
                }
                if !c.eat_token(&Token::Comma) {
                    return Some(effects);
                }
            }
        }
        "REFRESH" => {
            c.eat(&["REFRESH", "MATERIALIZED", "VIEW"]);
            c.eat(&["CONCURRENTLY"]);
            Some(vec![Effect::Use(Object::new(Kind::MaterializedView, c.name()?))])
        }
        "REINDEX" | "CLUSTER" | "VACUUM" | "ANALYZE" | "ANALYSE" => {
            let concurrently = tokens.iter().any(|token| is_word(token, "CONCURRENTLY"));
            let outside = verb == "VACUUM" || concurrently || c.sees(&["REINDEX", "DATABASE"]);
            let what = if verb == "VACUUM" { verb } else { format!("{verb} … CONCURRENTLY") };
            Some(if outside { vec![Effect::OutsideTransaction(what)] } else { vec![] })
        }
        "BEGIN" | "COMMIT" | "ROLLBACK" | "START" | "END" | "ABORT" => {
            // A savepoint inside the transaction is no end of it.
            let to_savepoint = tokens.iter().any(|token| is_word(token, "TO"));
            Some(if to_savepoint { vec![] } else { vec![Effect::Transaction(verb)] })
        }
        "SAVEPOINT" | "RELEASE" | "SHOW" | "NOTIFY" | "LISTEN" | "UNLISTEN" | "DISCARD"
        | "CHECKPOINT" | "EXPLAIN" | "FETCH" | "CLOSE" | "DEALLOCATE" => Some(vec![]),
        _ => None,
    }
}

/// `COMMENT ON kind name IS …`.
fn comment(c: &mut Cursor<'_>) -> Option<Vec<Effect>> {
    c.eat(&["COMMENT", "ON"]);
    if c.eat(&["COLUMN"]) {
        let name = c.name()?;
        let (table, column) = name.rsplit_once('.')?;
        return Some(vec![Effect::Use(Object::on(table, Kind::Column, column))]);
    }
    let Some(kind) = kind(c) else { return Some(vec![]) };
    let name = c.name()?;
    let table = if c.seek(&["ON"]) && !c.eat(&["DOMAIN"]) { c.name() } else { None };
    Some(vec![Effect::Use(Object { kind, name, table })])
}

/// Reads the words that name a kind of object.
fn kind(c: &mut Cursor<'_>) -> Option<Kind> {
    let kinds: &[(&[&str], Kind)] = &[
        (&["TABLE"], Kind::Table),
        (&["FOREIGN", "TABLE"], Kind::Table),
        (&["MATERIALIZED", "VIEW"], Kind::MaterializedView),
        (&["VIEW"], Kind::View),
        (&["SEQUENCE"], Kind::Sequence),
        (&["INDEX"], Kind::Index),
        (&["TYPE"], Kind::Type),
        (&["DOMAIN"], Kind::Type),
        (&["FUNCTION"], Kind::Function),
        (&["PROCEDURE"], Kind::Function),
        (&["ROUTINE"], Kind::Function),
        (&["AGGREGATE"], Kind::Function),
        (&["TRIGGER"], Kind::Trigger),
        (&["POLICY"], Kind::Policy),
        (&["CONSTRAINT"], Kind::Constraint),
        (&["SCHEMA"], Kind::Schema),
        (&["EXTENSION"], Kind::Extension),
    ];
    kinds.iter().find(|(words, _)| c.eat(words)).map(|(_, kind)| *kind)
}

fn opaque(text: String) -> Effect {
    Effect::Opaque(if text.contains(HOLE) { None } else { Some(text) })
}

/// An effect on an object with an unknown name becomes opaque, or is dropped.
fn without_holes(effect: Effect) -> Option<Effect> {
    let unknown = |object: &Object| {
        object.name.contains(HOLE) || object.table.as_ref().is_some_and(|t| t.contains(HOLE))
    };
    match &effect {
        Effect::Create(object, _) | Effect::Drop { object, .. } if unknown(object) => {
            Some(Effect::Opaque(None))
        }
        Effect::Rename { object, to, .. } if unknown(object) || to.contains(HOLE) => {
            Some(Effect::Opaque(None))
        }
        Effect::Alter { object, .. } | Effect::Use(object) if unknown(object) => None,
        Effect::Lookup(Lookup { table, .. })
        | Effect::Write(table)
        | Effect::Lock(table)
        | Effect::Whole { table, .. }
            if table.contains(HOLE) =>
        {
            None
        }
        Effect::Insert(Rows { table, .. }) if table.contains(HOLE) => None,
        Effect::Role { name, .. } | Effect::CreateRole(name) if name.contains(HOLE) => None,
        _ => Some(effect),
    }
}

/// A string literal as Postgres reads it.
fn unescape(raw: &str) -> String {
    raw.replace("''", "'")
}
