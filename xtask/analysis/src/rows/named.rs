//! Values that a revision itself names for a column of texts: the labels of its new enum type, the
//! list of a new check, or the type of a cast.
//!
//! The schema allows any text in such a column; rows of the schema alone therefore break every such
//! revision, even a sound one.

use super::hints;
use super::values::of_type;
use model::rows::{Column, Table};
use model::transcript::{Statement, Transcript};

/// Types that hold texts.
const TEXTS: [&str; 4] = ["text", "character varying", "character", "citext"];

/// Whether an SQLSTATE may be that of a text which a statement does not take.
pub fn names_values(sqlstate: &str) -> bool {
    ["22P02", "22007", "23514"].contains(&sqlstate)
}

/// Columns of texts, and the only values that they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The table, as SQL writes it.
    pub table: String,
    /// The columns.
    pub columns: Vec<String>,
    /// Their values; empty: the values are unknown.
    pub values: Vec<String>,
}

impl Named {
    /// The columns for a reader.
    pub fn shown(&self) -> String {
        let columns = self.columns.iter().map(|column| format!("{}.{column}", self.table));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Whether this is one of the columns, after its table.
    pub fn has(&self, what: &str) -> bool {
        let column = what.strip_prefix(&self.table).and_then(|rest| rest.strip_prefix('.'));
        column.is_some_and(|column| self.columns.iter().any(|own| own == column))
    }

    /// Has the columns take these values alone.
    pub fn apply(&self, tables: &mut [Table]) {
        let own = tables.iter_mut().filter(|table| table.name == self.table);
        for column in own.flat_map(|table| &mut table.columns) {
            if self.columns.contains(&column.name) {
                column.labels.clone_from(&self.values);
            }
        }
    }
}

/// The column and the values that a failure on generated texts names; `None`: the texts are not to
/// blame. `ran` are the statements so far.
pub fn named(said: &Transcript, ran: &[Statement], tables: &[Table]) -> Option<Named> {
    let headline = said.headline()?;
    let statement = said.statement.as_deref()?;
    // `invalid input value for enum mood: "abc"`, `invalid input syntax for type date: "abc"`.
    let asked = |before: &str| {
        let (_, rest) = headline.message.split_once(before)?;
        rest.split_once(": ").map(|(name, _)| name)
    };
    let values = match headline.sqlstate.as_deref()? {
        "22P02" | "22007" => match (asked("for enum "), asked("for type ")) {
            (Some(name), _) => {
                let ran = ran.iter().chain(&said.statements).map(|ran| ran.sql.as_str());
                ran.flat_map(|sql| labels(sql, name)).collect()
            }
            (_, Some(name)) => {
                let base = name.to_owned();
                let column = Column { base, modifier: -1, ..Column::default() };
                let plain = of_type(&column, false).into_iter().filter(|value| !value.extreme);
                plain.map(|value| value.text).collect()
            }
            _ => return None,
        },
        "23514" => listed(statement)?,
        _ => return None,
    };
    let is_text =
        |column: &Column| TEXTS.contains(&column.base.as_str()) && column.labels.is_empty();
    let (table, columns) = mentioned(statement, tables, is_text)?;
    Some(Named { table, columns, values })
}

/// The texts that a check lists, or that its patterns take; `None`: it names none.
fn listed(check: &str) -> Option<Vec<String>> {
    let quoted = |text: &String| check.contains(&format!("'{}'", text.replace('\'', "''")));
    let listed: Vec<String> = hints::literals(check).into_iter().filter(quoted).collect();
    let has_patterns = check.contains('~') || check.to_ascii_uppercase().contains("LIKE ");
    let texts = match has_patterns {
        true => listed.iter().flat_map(|literal| hints::matching(literal)).collect(),
        false => listed,
    };
    Some(texts).filter(|texts: &Vec<String>| !texts.is_empty())
}

/// Whether a failing statement is about floating-point numbers: the largest of them are
/// unrealistic.
pub fn is_about_floats(said: &Transcript, tables: &[Table]) -> bool {
    let is_float = |column: &Column| ["real", "double precision"].contains(&column.base.as_str());
    mentioned(said.statement.as_deref().unwrap_or_default(), tables, is_float).is_some()
}

/// The first table that a statement names with columns of some kind, and those.
pub(super) fn mentioned(
    statement: &str,
    tables: &[Table],
    is_it: impl Fn(&Column) -> bool,
) -> Option<(String, Vec<String>)> {
    let words = statement.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    tables.iter().filter(|table| words.contains(&bare(&table.name))).find_map(|table| {
        let own = table.columns.iter().filter(|c| words.contains(&c.name.as_str()) && is_it(c));
        let columns: Vec<String> = own.map(|column| column.name.clone()).collect();
        (!columns.is_empty()).then(|| (table.name.clone(), columns))
    })
}

/// A name without its schema and quotes.
fn bare(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name).trim_matches('"')
}

/// The labels that a statement gives an enum, also within a `DO` block.
fn labels(sql: &str, name: &str) -> Vec<String> {
    let of = |text: &str| text.split_whitespace().last().is_some_and(|own| bare(own) == bare(name));
    let upper = sql.to_ascii_uppercase();
    let made = upper.match_indices("ENUM").filter_map(|(at, _)| {
        let before = upper[..at].trim_end().strip_suffix("AS")?;
        of(&sql[..before.len()]).then(|| sql[at..].split(')').next().unwrap_or_default())
    });
    let added = upper.match_indices("ADD VALUE").filter(|(at, _)| of(&sql[..*at]));
    let added = added.map(|(at, _)| sql[at..].split([';', ')']).next().unwrap_or_default());
    made.chain(added).flat_map(hints::literals).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::transcript::Exception;

    fn table() -> Table {
        let column = |name: &str, base: &str| Column {
            name: name.into(),
            base: base.into(),
            modifier: -1,
            ..Column::default()
        };
        let columns = vec![column("id", "integer"), column("state", "character varying")];
        Table { name: "invoices".into(), columns, ..Table::default() }
    }

    #[track_caller]
    fn check(state: &str, message: &str, statement: &str, values: Option<&[&str]>) {
        let exception = Exception {
            sqlstate: Some(state.into()),
            message: message.into(),
            ..Exception::default()
        };
        let said = Transcript {
            exceptions: vec![exception],
            statement: Some(statement.into()),
            ..Transcript::default()
        };
        let made = "CREATE TYPE invoice_state AS ENUM ('draft', 'it''s paid')";
        let ran = Statement { sql: made.into(), revision: None, line: None, elapsed: None };
        let named = named(&said, &[ran], &[table()]);
        let found = named.map(|named| named.values);
        let expected = values.map(|values| values.iter().map(|v| (*v).to_owned()).collect());
        assert_eq!(found, expected, "{message}");
    }

    #[test]
    fn labels_lists_and_types_name_values() {
        let retype = |to: &str| {
            format!("ALTER TABLE invoices ALTER COLUMN state TYPE {to} USING state::{to}")
        };
        check(
            "22P02",
            "invalid input value for enum invoice_state: \"abc\"",
            &retype("invoice_state"),
            Some(&["draft", "it's paid"]),
        );
        check(
            "22P02",
            "invalid input syntax for type boolean: \"abc\"",
            &retype("boolean"),
            Some(&["true", "false"]),
        );
        check(
            "23514",
            "check constraint \"c\" of relation \"invoices\" is violated by some row",
            "ALTER TABLE invoices ADD CONSTRAINT c CHECK (state IN ('new', 'closed'))",
            Some(&["new", "closed"]),
        );
        check(
            "23514",
            "violated",
            "ALTER TABLE invoices ADD CHECK (state ~ '^[A-Z]{2}$')",
            Some(&["AA"]),
        );
        check("23514", "violated", "ALTER TABLE invoices ADD CHECK (length(state) > 5)", None);
        // An unknown type, and columns that are not texts.
        check("22P02", "invalid input value for enum other: \"abc\"", &retype("other"), Some(&[]));
        check("23514", "violated", "ALTER TABLE invoices ADD CHECK (id > 0)", None);
        check("22001", "value too long", &retype("varchar(2)"), None);
    }
}
