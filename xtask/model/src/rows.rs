//! Tables as one needs to know them to put rows into them, and what came of it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A table that rows are made for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Table {
    /// Its name as SQL writes it.
    pub name: String,
    /// Whether it is a part of another table, which has its rows.
    pub is_partition: bool,
    /// Whether its own name was asked for, and not only one that leads to it.
    pub touched: bool,
    /// What its parts take, as Postgres writes it; `None`: it has no parts.
    pub bounds: Option<Vec<String>>,
    /// The columns that say which part a row belongs to.
    pub partition_columns: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// What must hold of each row.
    pub checks: Vec<Check>,
    /// The columns of each unique index, the primary key's first.
    pub keys: Vec<Vec<String>>,
    /// The columns of the primary key.
    pub primary: Option<Vec<String>>,
    /// What its rows point to.
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
    /// The type's modifier as the catalogue has it; -1: none.
    pub modifier: i32,
    /// Whether it must have a value.
    pub not_null: bool,
    /// Whether a sequence gives it its value.
    pub counted: bool,
    /// Whether nobody may give it a value.
    pub generated: bool,
    /// The labels of its enum type, in order.
    pub labels: Vec<String>,
    /// The type of an array's elements.
    pub element: Option<String>,
    /// The type that a range is over.
    pub range_of: Option<String>,
    /// What its domains demand of it, as Postgres writes it.
    pub checks: Vec<String>,
}

/// What must hold of each row.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Check {
    /// As Postgres writes it.
    pub expression: String,
    /// The columns that it reads.
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
    /// The values of each row, in parentheses: those that anybody could have written first.
    pub plain: Vec<String>,
    /// Those of what a schema allows and hardly anybody writes: the largest number, the longest text.
    pub extreme: Vec<String>,
}

/// A row that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its table, as SQL writes it.
    pub table: String,
    /// Where it lies (`ctid`).
    pub place: String,
}

/// A row as text: each column's value, `None` where it is NULL.
pub type Cells = BTreeMap<String, Option<String>>;

/// The rows of some tables, each as text.
pub type Contents = BTreeMap<String, Held>;

/// What one table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The columns of its primary key.
    pub primary: Vec<String>,
    /// Its rows.
    pub rows: Vec<Cells>,
}
