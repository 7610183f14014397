//! Statements of a revision, and the rows and values that they lose or give.

use sqlparser::ast::{Assignment, Expr, Statement, TableFactor, TableWithJoins, Update};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::losses::{Fate, Loss};
use crate::effect::{Effect, Kind, Object};
use crate::schema_diff::mentions;
use crate::sql::{self, Written};

impl Loss {
    /// Whether this statement removes the rows, or sets the column, by its name.
    pub fn is_written_by(&self, sql: &str) -> bool {
        let names = self.names();
        sql::written(sql).into_iter().any(|written| match (written, &self.fate) {
            (Written::Removed(table), Fate::RowsLost) => names.contains(&table),
            (Written::Set(table, column), Fate::Lost { .. } | Fate::Changed { .. }) => {
                names.contains(&format!("{table}.{column}"))
            }
            _ => false,
        })
    }

    /// Whether this statement may do it otherwise: it removes rows that others point to, changes the table
    /// or the column, or may do anything with them.
    pub fn may_be_by(&self, sql: &str) -> bool {
        let names = self.names();
        let table = match self.fate {
            Fate::RowsLost => names[0].as_str(),
            _ => names[0].rsplit_once('.').map_or("", |(table, _)| table),
        };
        let is_it = |object: &Object| match &object.table {
            Some(of) => names.contains(&format!("{of}.{}", object.name)),
            None => object.kind == Kind::Table && object.name == table,
        };
        let removes = |written: &Written| matches!(written, Written::Removed(_));
        let cascades = self.fate == Fate::RowsLost && sql::written(sql).iter().any(removes);
        cascades
            || sql::read(sql).iter().any(|(_, effect)| match effect {
                Effect::Drop { object, .. } | Effect::Alter { object, .. } => is_it(object),
                Effect::Write(of) => of == table,
                Effect::Opaque(Some(text)) => mentions(text, table),
                _ => false,
            })
    }

    /// Both names, as statements have them.
    fn names(&self) -> [String; 2] {
        [&self.what, &self.formerly].map(|name| name.replace('"', ""))
    }
}

/// Whether a statement gives each row of a table a value of a column, or each that has none.
pub(super) fn gives_all(sql: &str, table: &str, column: &str) -> bool {
    let has_none = |condition: &Expr| match condition {
        Expr::IsNull(of) => plain(of).rsplit('.').next() == Some(column),
        _ => false,
    };
    parsed(sql).iter().any(|statement| match statement {
        Statement::Update(update) => {
            sets(update, table, column) && update.selection.as_ref().is_none_or(has_none)
        }
        _ => false,
    })
}

fn parsed(sql: &str) -> Vec<Statement> {
    Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap_or_default()
}

/// A name without quotes.
fn plain(name: &impl ToString) -> String {
    name.to_string().replace('"', "")
}

fn sets(update: &Update, table: &str, column: &str) -> bool {
    let is_set = |set: &Assignment| plain(&set.target) == column.replace('"', "");
    is_named(&update.table, table) && update.assignments.iter().any(is_set)
}

fn is_named(table: &TableWithJoins, wanted: &str) -> bool {
    match &table.relation {
        TableFactor::Table { name, .. } => plain(name) == wanted.replace('"', ""),
        _ => false,
    }
}
