//! Codes for failures that need rows, by the error of Postgres.

use super::named::mentioned;
use super::statements::gives_all;
use crate::effect::{Effect, Kind};
use crate::sql;
use model::code::causes::Cause;
use model::code::{self, Code};
use model::rows::{Column, Table};
use model::transcript::{Exception, Statement, Transcript};

/// The code of a revision that fails only where tables have rows.
pub fn code_of(raised: Option<&Exception>) -> &'static Code {
    let deletes = |raised: &Exception| raised.message.starts_with("update or delete on table");
    match raised.and_then(|raised| raised.sqlstate.as_deref()) {
        // No key is added: rows that others refer to go before these.
        Some("23503") if raised.is_some_and(deletes) => &code::FAILS_ON_ROWS,
        Some("23502") => &code::NULLS_IN_ROWS,
        Some("23505" | "23P01") => &code::DUPLICATES_IN_ROWS,
        Some("23503") => &code::ORPHANS_IN_ROWS,
        // A check, and every data exception: a value that is too long, too large, or not a number.
        Some(state) if state == "23514" || state.starts_with("22") => &code::VALUES_IN_ROWS,
        _ => &code::FAILS_ON_ROWS,
    }
}

/// Why a failure on generated rows proves no fault: the revision relies on properties of its rows
/// that the catalogue does not show, and rows generated from the catalogue need not have them.
/// `by_null`: whether a NULL is to blame, where that was tried.
pub fn not_of_the_schema(
    said: Option<&Transcript>,
    by_null: Option<bool>,
    tables: &[Table],
) -> Option<&'static str> {
    let said = said?;
    let headline = said.headline()?;
    let source = said.frames.last().and_then(|frame| frame.source.as_deref()).unwrap_or_default();
    match headline.sqlstate.as_deref() {
        None if source.trim_start().starts_with("raise") => {
            Some("it checks its rows, and raises on purpose")
        }
        // What SQLAlchemy refuses whatever the values are.
        None if Cause::of(said).is_some() => None,
        // A column that is NULL by the schema may be NULL in production.
        None if by_null.unwrap_or(headline.message.contains("NoneType")) => None,
        None => Some("its code expects other values than the schema shows"),
        Some("22P02") if headline.message.contains("for type json") => {
            Some("it takes a text for JSON, which no schema shows")
        }
        Some(state) if is_about_form(state) && by_null != Some(true) => {
            let is_free = |column: &Column| FREE.contains(&column.base.as_str());
            let statement = said.statement.as_deref().unwrap_or_default();
            let takes = mentioned(statement, tables, is_free).is_some();
            takes.then_some("it takes values of a form that no schema shows")
        }
        Some(_) => None,
    }
}

/// Types whose values may have any form inside.
const FREE: [&str; 8] =
    ["text", "character varying", "character", "citext", "bytea", "json", "jsonb", "xml"];
/// Data exceptions (class 22) about the size of a value, a division by zero, and a NULL.
const OF_SIZE: [&str; 5] = ["22001", "22003", "22004", "22008", "22012"];

/// Whether a state is of a value that a function or a type does not read.
fn is_about_form(state: &str) -> bool {
    state.starts_with("22") && !OF_SIZE.contains(&state)
}

/// The earlier revision that gave all rows the value which a statement finds missing (23502).
pub fn filled_by<'s>(said: &Transcript, revision: &str, ran: &'s [Statement]) -> Option<&'s str> {
    let sql = said.statement.as_deref().filter(|_| said.sqlstate() == Some("23502"))?;
    let effects = sql::read(sql);
    let column = effects.iter().find_map(|(_, effect)| match effect {
        Effect::Alter { object, .. } => Some((object.table.as_deref()?, object.name.as_str())),
        _ => None,
    });
    let (table, column) = column?;
    let fills = |statement: &&Statement| {
        statement.revision.as_deref() != Some(revision) && gives_all(&statement.sql, table, column)
    };
    ran.iter().find(fills)?.revision.as_deref()
}

/// The first table that a statement names.
pub fn table_of(sql: &str) -> Option<String> {
    sql::read(sql).into_iter().find_map(|(_, effect)| {
        let object = match effect {
            Effect::Create(object, _) | Effect::Alter { object, .. } | Effect::Use(object) => {
                object
            }
            _ => return None,
        };
        object.table.or_else(|| (object.kind == Kind::Table).then_some(object.name))
    })
}

/// The table that a failure is about, as the catalogue spells it: the one that Postgres names, else the
/// first that the statement names.
pub fn table_at_fault(said: &Transcript, tables: &[Table]) -> Option<String> {
    let of_server = said.headline().and_then(|raised| raised.table.clone());
    let named = of_server.or_else(|| table_of(said.statement.as_deref()?))?;
    let is_it = |table: &&Table| {
        let plain = table.name.replace('"', "");
        named == plain || named.ends_with(&format!(".{plain}"))
    };
    tables.iter().find(is_it).map(|table| table.name.clone())
}

/// Whether an object that does not exist has its name from a row, a JSON object.
pub fn is_named_by(said: &Transcript, row: &str) -> bool {
    let is_name = said.sqlstate().is_some_and(|state| state.starts_with("42"));
    let name = said.headline().and_then(|headline| headline.message.split('"').nth(1));
    is_name && name.is_some_and(|name| row.contains(&format!(":\"{name}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(exception: Exception, statement: &str, source: &str) -> Transcript {
        let frame = model::transcript::Frame {
            file: "a.py".into(),
            line: 1,
            function: "upgrade".into(),
            source: Some(source.into()),
        };
        let (exceptions, statement) = (vec![exception], Some(statement.to_owned()));
        Transcript { exceptions, statement, frames: vec![frame], ..Transcript::default() }
    }

    #[test]
    fn table_at_fault_is_spelled_as_the_catalogue_does() {
        let tables =
            ["orders", "app.\"User\""].map(|name| Table { name: name.into(), ..Table::default() });
        let of = |table: Option<&str>, statement: &str| {
            let raised = Exception { table: table.map(str::to_owned), ..Exception::default() };
            table_at_fault(&said(raised, statement, ""), &tables)
        };
        assert_eq!(of(Some("public.orders"), "").as_deref(), Some("orders"));
        assert_eq!(of(Some("app.User"), "").as_deref(), Some("app.\"User\""));
        assert_eq!(of(Some("public.reorders"), ""), None);
        assert_eq!(of(None, "ALTER TABLE orders ADD UNIQUE (a)").as_deref(), Some("orders"));
        assert_eq!(of(None, "ALTER TABLE others ADD UNIQUE (a)"), None);
    }

    #[test]
    fn null_is_a_fault_and_a_form_is_none() {
        let column = Column { name: "data".into(), base: "text".into(), ..Column::default() };
        let tables = [Table { name: "t".into(), columns: vec![column], ..Table::default() }];
        let why = |state: Option<&str>, message: &str, source: &str, by_null: Option<bool>| {
            let (sqlstate, message) = (state.map(str::to_owned), message.to_owned());
            let raised = Exception { sqlstate, message, ..Exception::default() };
            let said = said(raised, "UPDATE t SET raw = decode(data, 'base64')", source);
            not_of_the_schema(Some(&said), by_null, &tables).is_some()
        };
        let none = "'NoneType' object has no attribute 'strip'";
        assert!(!why(None, none, "", None) && !why(None, "must be str, not None", "", Some(true)));
        assert!(why(None, none, "", Some(false)) && why(None, "Expecting value", "", None));
        assert!(why(None, none, "raise ValueError()", Some(true)));
        assert!(why(Some("22023"), "invalid symbol", "", Some(false)));
        assert!(!why(Some("22023"), "invalid symbol", "", Some(true)));
        assert!(!why(Some("22001"), "value too long", "", Some(false)));
    }
}
