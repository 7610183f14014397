//! Values that the chain itself gave to all rows of a column which a later revision finds wanting.

use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, Assignment, ColumnDef, ColumnOption, Expr,
    Statement as Parsed, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::blame::table_at_fault;
use super::colliding::key;

use crate::effect::{Deed, Effect, Kind, Object, Whole};
use crate::script::Script;
use crate::sql;
use model::quoting::identifier;
use model::rows::{Cell, Table};
use model::transcript::{Statement, Transcript};

/// What a failing revision needs of the rows of a table: values in its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The table, as the catalogue spells it.
    pub table: String,
    /// The columns, without quotes.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same values, rather than none a NULL.
    pub distinct: bool,
}

impl Need {
    /// The need of a revision that failed on a NULL or on duplicates. `cell` is the value to blame.
    pub fn of(said: &Transcript, cell: Option<&Cell>, tables: &[Table]) -> Option<Need> {
        if let Some(cell) = cell {
            let (table, columns) = (cell.row.table.clone(), vec![cell.column.clone()]);
            return cell.value.is_none().then_some(Need { table, columns, distinct: false });
        }
        let table = table_at_fault(said, tables)?;
        let (columns, distinct): (Vec<String>, bool) = match said.sqlstate()? {
            "23502" => (vec![said.headline()?.column.clone()?], false),
            "23505" => {
                let names = key(said)?.0.split(", ").map(|name| name.replace('"', ""));
                (names.collect(), true)
            }
            _ => return None,
        };
        let known = tables.iter().find(|known| known.name == table)?;
        let is_known = |name: &String| known.columns.iter().any(|column| column.name == *name);
        // A new column has no past, and the values of an expression are not those of its columns.
        columns.iter().all(is_known).then_some(Need { table, columns, distinct })
    }

    /// The revision that added one of the columns to the table, where all were there before `revision`.
    pub fn added_by<'s>(&self, revision: &str, ran: &'s [Statement]) -> Option<&'s str> {
        let adds = |statement: &&Statement| {
            let mut effects = sql::read(&statement.sql).into_iter();
            effects.any(|(_, effect)| match effect {
                Effect::Create(column, _) if column.kind == Kind::Column => {
                    column.table.as_ref() == Some(&self.table)
                        && self.columns.contains(&column.name)
                }
                _ => false,
            })
        };
        ran.iter().rfind(adds)?.revision.as_deref().filter(|by| *by != revision)
    }

    /// A query for whether the table has rows, and all have such values.
    pub fn question(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|name| identifier(name)).collect();
        let columns = columns.join(", ");
        let distinct = match self.distinct {
            true => format!(" AND count(*) = count(DISTINCT ROW({columns})::text)"),
            false => String::new(),
        };
        format!(
            "SELECT 'yes' FROM {} HAVING count(*) > 1 AND bool_and(num_nulls({columns}) = 0){distinct}",
            self.table
        )
    }

    /// Whether the column has had a default since it was made, and nothing that ran put a NULL into it.
    pub fn has_default(&self, ran: &[Statement]) -> bool {
        let [column] = self.columns.as_slice() else { return false };
        let mut has = false;
        for statement in ran.iter().flat_map(|ran| parsed(&ran.sql)) {
            match statement {
                Parsed::CreateTable(made) if self.is_of(&made.name) => {
                    has = made.columns.iter().any(|made| defaults(made, column));
                }
                Parsed::AlterTable(alter) if self.is_of(&alter.name) => {
                    for change in &alter.operations {
                        has = after(change, column, has);
                    }
                }
                Parsed::Update(update) if self.is_of(&update.table) => {
                    has &= !update.assignments.iter().any(|set| may_empty(set, column));
                }
                _ => {}
            }
        }
        has && !self.distinct
    }

    fn is_of(&self, name: &impl ToString) -> bool {
        plain(name) == plain(&self.table)
    }
}

/// The columns that an upgrade makes NOT NULL, or adds so, in tables whose rows it leaves alone before:
/// each with its line and its table.
pub fn need_values(script: &Script) -> Vec<(u32, String, String)> {
    let deeds = script.body().upgrade.as_ref().map_or(&[][..], |function| &function.deeds);
    let column = |deed: &Deed| match &deed.effect {
        Effect::Create(Object { kind: Kind::Column, table: Some(table), name }, detail) => {
            detail.needs_value.then(|| (deed.line, table.clone(), name.clone()))
        }
        Effect::Whole { table, work: Whole::NotNull(column) } => {
            Some((deed.line, table.clone(), column.clone()))
        }
        _ => None,
    };
    let writes = |deed: &Deed, to: &str| match &deed.effect {
        Effect::Write(table) | Effect::Whole { table, work: Whole::Update | Whole::Empty } => {
            table == to
        }
        Effect::Create(Object { kind: Kind::Table, name, .. }, _) => name == to,
        Effect::Opaque(_) => true,
        _ => false,
    };
    let found = deeds.iter().enumerate().filter_map(|(at, deed)| {
        let found = column(deed)?;
        let is_left_alone = !deeds[..at].iter().any(|deed| writes(deed, &found.1));
        (is_left_alone && !deed.conditional).then_some(found)
    });
    let mut columns: Vec<(u32, String, String)> = found.collect();
    columns.dedup_by(|one, other| (&one.1, &one.2) == (&other.1, &other.2));
    columns
}

/// Whether a column has had a default since it was made, after a change of its table.
fn after(change: &AlterTableOperation, column: &str, has: bool) -> bool {
    match change {
        AlterTableOperation::AddColumn { column_def, .. } => has || defaults(column_def, column),
        AlterTableOperation::AlterColumn { column_name, op } if plain(column_name) == column => {
            // A default that comes later says nothing of the rows before it.
            has && !matches!(op, AlterColumnOperation::DropDefault)
        }
        _ => has,
    }
}

fn defaults(made: &ColumnDef, column: &str) -> bool {
    let is_default = |option: &ColumnOption| match option {
        ColumnOption::Default(value) => !is_null(value),
        _ => false,
    };
    plain(&made.name) == column && made.options.iter().any(|option| is_default(&option.option))
}

/// Whether an update may set a column to NULL: only a literal cannot.
fn may_empty(set: &Assignment, column: &str) -> bool {
    let is_literal =
        matches!(&set.value, Expr::Value(value) if !matches!(value.value, Value::Placeholder(_)));
    plain(&set.target) == column && (!is_literal || is_null(&set.value))
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if value.value == Value::Null)
}

fn parsed(sql: &str) -> Vec<Parsed> {
    // The parameters of a driver, `%(name)s` and `%s`, are not SQL.
    let mut parts = sql.split("%(");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += &format!("$1{}", part.split_once(")s").map_or("", |(_, rest)| rest));
    }
    Parser::parse_sql(&PostgreSqlDialect {}, &text.replace("%s", "$1")).unwrap_or_default()
}

/// A name without quotes.
fn plain(name: &impl ToString) -> String {
    name.to_string().replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(all: &[&str]) -> Vec<Statement> {
        let of = |(number, sql): (usize, &&str)| Statement {
            sql: (*sql).into(),
            revision: Some(number.to_string()),
            line: None,
            elapsed: None,
        };
        all.iter().enumerate().map(of).collect()
    }

    #[test]
    fn default_counts_from_the_making_of_a_column_on() {
        let need = Need { table: "t".into(), columns: vec!["a".into()], distinct: false };
        let has = |all: &[&str]| need.has_default(&ran(all));
        let made = "CREATE TABLE t (id INTEGER NOT NULL, a BOOLEAN DEFAULT false)";
        assert!(has(&[made]));
        assert!(has(&["CREATE TABLE t (id int)", "ALTER TABLE t ADD COLUMN a TEXT DEFAULT ''"]));
        assert!(has(&[made, "UPDATE t SET a = true WHERE id = 1", "UPDATE t SET b = NULL"]));
        assert!(has(&[made, "ALTER TABLE t ALTER COLUMN a SET DEFAULT true"]));
        assert!(!has(&[made, "UPDATE t SET a = NULL WHERE id = 1"]));
        assert!(!has(&[made, "UPDATE t SET a = %(a)s WHERE id = 1"]));
        assert!(!has(&[made, "UPDATE t SET a = b"]));
        assert!(!has(&[made, "ALTER TABLE t ALTER COLUMN a DROP DEFAULT"]));
        let later = "ALTER TABLE t ALTER COLUMN a SET DEFAULT false";
        assert!(!has(&["CREATE TABLE t (id int, a boolean)", later]));
        assert!(!has(&["CREATE TABLE t (a boolean DEFAULT NULL)"]));
        assert!(!has(&["CREATE TABLE u (a boolean DEFAULT false)", "CREATE TABLE t (a boolean)"]));
    }

    #[test]
    fn revision_that_added_a_column_is_known() {
        let need = Need { table: "t".into(), columns: vec!["a".into()], distinct: true };
        let all = ran(&["CREATE TABLE t (id int)", "ALTER TABLE t ADD COLUMN a text"]);
        assert_eq!(need.added_by("2", &all), Some("1"));
        assert_eq!(need.added_by("1", &all), None);
        assert_eq!(need.added_by("2", &all[..1]), None);
        assert!(need.question().ends_with("count(DISTINCT ROW(\"a\")::text)"));
    }
}
