//! Rows that a statement removes and columns that it sets, by their names, at any depth: in `WITH` and in
//! a `DO` block as well. A driver's placeholders (`%(id)s`), which no parser takes, do not matter here.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, is_word, string_of};
use super::{split, tokenize};

/// One thing that a statement does to the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It removes rows of this table.
    Removed(String),
    /// It sets this column of this table in rows that are there.
    Set(String, String),
}

/// What a text of SQL does to rows.
pub fn written(sql: &str) -> Vec<Written> {
    let mut found = Vec::new();
    for statement in split(&tokenize(sql).unwrap_or_default()) {
        let tokens: Vec<Token> = statement.iter().map(|token| token.token.clone()).collect();
        if tokens.first().is_some_and(|first| is_word(first, "DO")) {
            found.extend(tokens.iter().filter_map(string_of).flat_map(written));
        } else {
            (0..tokens.len()).for_each(|at| found.extend(begun(&tokens[at..])));
        }
    }
    found
}

/// What the words at this place begin.
fn begun(tokens: &[Token]) -> Vec<Written> {
    let mut cursor = Cursor::new(tokens);
    let c = &mut cursor;
    let mut found = Vec::new();
    if c.eat(&["DELETE", "FROM"]) {
        c.eat(&["ONLY"]);
        found.extend(c.name().map(Written::Removed));
    } else if c.eat(&["TRUNCATE"]) {
        c.eat(&["TABLE"]);
        loop {
            c.eat(&["ONLY"]);
            found.extend(c.name().map(Written::Removed));
            if !c.eat_token(&Token::Comma) {
                break;
            }
        }
    } else if c.eat(&["UPDATE"]) {
        c.eat(&["ONLY"]);
        let Some(table) = c.name() else { return found };
        c.eat(&["AS"]);
        // An alias.
        if !c.sees(&["SET"]) {
            c.next();
        }
        let columns = if c.eat(&["SET"]) { assigned(c) } else { Vec::new() };
        found.extend(columns.into_iter().map(|column| Written::Set(table.clone(), column)));
    }
    found
}

/// The columns after `SET`.
fn assigned(c: &mut Cursor<'_>) -> Vec<String> {
    let mut columns = Vec::new();
    loop {
        match c.parenthesis() {
            Some(several) => {
                let mut inner = Cursor::new(several);
                while let Some(column) = inner.identifier() {
                    columns.push(column);
                    inner.eat_token(&Token::Comma);
                }
            }
            None => columns.extend(c.identifier()),
        }
        // The value, up to the next column.
        while !c.at_end() && c.peek() != Some(&Token::Comma) {
            let ends = ["WHERE", "RETURNING"].iter().any(|word| c.sees(&[word]));
            if ends || c.peek() == Some(&Token::RParen) {
                return columns;
            }
            c.skip_one();
        }
        if !c.eat_token(&Token::Comma) {
            return columns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        let told = written(sql).into_iter().map(|written| match written {
            Written::Removed(table) => format!("-{table}"),
            Written::Set(table, column) => format!("{table}.{column}"),
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{sql}");
    }

    #[test]
    fn rows_are_removed_by_name() {
        check("DELETE FROM ONLY public.orders o USING fills WHERE o.id = %(id_1)s", &["-orders"]);
        check("TRUNCATE TABLE \"Orders\", old.fills CASCADE", &["-Orders", "-old.fills"]);
        check("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone", &["-a"]);
        check("DO $$ BEGIN IF true THEN DELETE FROM a; END IF; END $$", &["-a"]);
        check("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM a $$", &[]);
        check("COMMENT ON TABLE a IS 'DELETE FROM b'", &[]);
    }

    #[test]
    fn columns_are_set_by_name() {
        check(
            "UPDATE a SET b=%(b)s::VARCHAR, \"C\" = (SELECT 1, 2) WHERE a.d = 1",
            &["a.b", "a.C"],
        );
        check("UPDATE s.a AS x SET (b, c) = (1, 2) FROM y WHERE d = 3", &["s.a.b", "s.a.c"]);
        check("UPDATE a x SET b = coalesce(x.b, d), c = NULL", &["a.b", "a.c"]);
        check("WITH n AS (UPDATE a SET b = 1 RETURNING c) SELECT c, d = 1 FROM n", &["a.b"]);
        check("DO $$ BEGIN UPDATE a SET b = 1; UPDATE a SET c = 2; END $$", &["a.b", "a.c"]);
        check("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 1", &[]);
        check("SELECT b FROM a WHERE c = 1 FOR UPDATE OF a", &[]);
    }
}
