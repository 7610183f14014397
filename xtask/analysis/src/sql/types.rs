//! The names of types, as `pg_type` has them.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::tokenize;

/// Types of more than one word, and their names in `pg_type`.
const LONG: &[(&[&str], &str)] = &[
    (&["character", "varying"], "varchar"),
    (&["double", "precision"], "float8"),
    (&["bit", "varying"], "varbit"),
];

const SHORT: &[(&str, &str)] = &[
    ("bigint", "int8"),
    ("bigserial", "int8"),
    ("boolean", "bool"),
    ("char", "bpchar"),
    ("character", "bpchar"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("float", "float8"),
    ("int", "int4"),
    ("integer", "int4"),
    ("real", "float4"),
    ("serial", "int4"),
    ("serial4", "int4"),
    ("serial8", "int8"),
    ("smallint", "int2"),
    ("smallserial", "int2"),
];

/// The types of Postgres's own that a column is likely to have, by the name in `pg_type`.
const OWN: &[&str] = &[
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "cidr",
    "date",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "macaddr",
    "money",
    "name",
    "numeric",
    "numrange",
    "oid",
    "point",
    "regclass",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "varchar",
    "xml",
];

/// Whether a type, named as [`read`] names it, is one of Postgres's own.
pub fn is_own(name: &str) -> bool {
    OWN.binary_search(&name.trim_start_matches('_')).is_ok()
}

/// The name of a type that is the whole text.
pub fn parse(text: &str) -> Option<String> {
    let tokens: Vec<Token> = tokenize(text)?.into_iter().map(|token| token.token).collect();
    read(&mut Cursor::new(&tokens))
}

/// Reads the name of a type: `character varying(20)` is `varchar`, `text[]` is `_text`.
pub(super) fn read(c: &mut Cursor<'_>) -> Option<String> {
    let base = read_base(c)?;
    c.parenthesis();
    let base = with_time_zone(c, base);
    let mut is_array = c.eat(&["ARRAY"]);
    while c.eat_token(&Token::LBracket) {
        is_array = true;
        while !c.at_end() && !c.eat_token(&Token::RBracket) {
            c.next();
        }
    }
    Some(if is_array { format!("_{base}") } else { base })
}

fn read_base(c: &mut Cursor<'_>) -> Option<String> {
    if let Some((_, name)) = LONG.iter().find(|(words, _)| c.eat(words)) {
        return Some((*name).to_owned());
    }
    let name = c.name()?;
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let short = SHORT.iter().find(|(long, _)| *long == name).map(|(_, short)| *short);
    Some(short.unwrap_or(name).to_owned())
}

fn with_time_zone(c: &mut Cursor<'_>, base: String) -> String {
    let zoned = c.eat(&["WITH", "TIME", "ZONE"]);
    let _ = zoned || c.eat(&["WITHOUT", "TIME", "ZONE"]);
    match base.as_str() {
        "timestamp" if zoned => "timestamptz".into(),
        "time" if zoned => "timetz".into(),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::OWN;

    #[test]
    fn own_types_are_in_order() {
        assert!(OWN.is_sorted());
    }
}
