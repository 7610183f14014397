//! Properties of tables that the generator of rows needs, and its results.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A table that rows are made for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Table {
    /// Its name as SQL writes it.
    pub name: String,
    /// Whether it is a partition: its rows are rows of another table.
    pub is_partition: bool,
    /// Whether the table itself was requested, rather than reached from a requested one.
    pub touched: bool,
    /// The values of its partitions, as Postgres writes them; `None`: it has no partitions.
    pub bounds: Option<Vec<String>>,
    /// The columns that decide the partition of a row.
    pub partition_columns: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The conditions on each row.
    pub checks: Vec<Check>,
    /// The columns of each unique index, the primary key's first.
    pub keys: Vec<Vec<String>>,
    /// The columns of the primary key.
    pub primary: Option<Vec<String>>,
    /// The foreign keys of its rows.
    pub foreign: Vec<ForeignKey>,
}

/// A column of such a table.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Column {
    /// Its name, without quotes.
    pub name: String,
    /// Its type as SQL writes it: `character varying(8)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type below its domains, without a modifier: `character varying`.
    pub base: String,
    /// The type's modifier in the catalogue; -1: none.
    pub modifier: i32,
    /// Whether the column is NOT NULL.
    pub not_null: bool,
    /// Whether the server gives each row a value of its own: of a sequence, or a volatile default.
    pub counted: bool,
    /// Whether Postgres computes its value and refuses any other.
    pub generated: bool,
    /// The labels of its enum type, in order.
    pub labels: Vec<String>,
    /// The type of an array's elements.
    pub element: Option<String>,
    /// The type that a range is over.
    pub range_of: Option<String>,
    /// The conditions of its domains, as Postgres writes them.
    pub checks: Vec<String>,
}

/// Condition on each row.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Check {
    /// The expression, as Postgres writes it.
    pub expression: String,
    /// The columns in the expression.
    pub columns: Vec<String>,
}

/// Columns that name a row of another table.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct ForeignKey {
    /// The other table, as SQL writes it.
    pub to: String,
    /// The columns.
    pub columns: Vec<String>,
    /// The other table's columns, in the same order.
    pub referenced: Vec<String>,
}

/// One way of choosing the values of columns that go together; `None` is NULL.
pub type Choice = Vec<Option<String>>;

/// Rows to be put into a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inserts {
    /// The statement up to the values: `INSERT INTO t (a, b) VALUES `.
    pub head: String,
    /// Ordinary rows, each as its values in parentheses; these are inserted first.
    pub plain: Vec<String>,
    /// Values that the schema allows and that are rare in practice: the largest number, the longest
    /// text.
    pub extreme: Vec<String>,
}

/// A row that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its table, as SQL writes it.
    pub table: String,
    /// Its place (`ctid`).
    pub place: String,
}

/// A value of a row that was made, and another one of its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its row.
    pub row: Made,
    /// Its column, without quotes.
    pub column: String,
    /// The value; `None` is NULL.
    pub value: Option<String>,
    /// A value of another row.
    pub other: String,
}

/// A row as text: each column's value, `None` where it is NULL.
pub type Cells = BTreeMap<String, Option<String>>;

/// The rows of some tables, each as text.
pub type Contents = BTreeMap<String, Held>;

/// Rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The columns of its primary key.
    pub primary: Vec<String>,
    /// The identity of each column, which stays when the column gets another name.
    pub columns: BTreeMap<String, String>,
    /// Its rows.
    pub rows: Vec<Cells>,
}
