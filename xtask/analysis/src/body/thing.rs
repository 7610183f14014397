//! Values of names and expressions that matter to the reader.

use crate::effect::Value;

/// Value of a name or an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Thing {
    /// Anything else.
    #[default]
    Unknown,
    /// An imported name in full: `alembic.op`, `sqlalchemy.text`.
    Path(String),
    /// The connection that Alembic runs on.
    Bind {
        /// Whether it commits by itself.
        autocommit: bool,
    },
    /// A session on that connection: its `commit()` does not reach the transaction around it.
    Session,
    /// `op.get_context()`.
    Context,
    /// `bind.dialect`.
    Dialect,
    /// Its name.
    DialectName,
    /// `op.batch_alter_table("t")`.
    Batch(String),
    /// An enum type.
    Enum(Enum),
    /// A table that rows are read from and written to.
    Table(String),
    /// A set, whose order is undefined.
    Set,
    /// SQL.
    Sql(Sql),
    /// A statement built with SQLAlchemy's expressions.
    Built(Built),
    /// The result of the lookup at this place in the list of deeds.
    Result(usize),
    /// A row or a value of such a result, or None if no row was found.
    Found(usize),
}

/// An enum type, as a revision describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    /// Its name in Postgres.
    pub name: String,
    /// Whether a table that uses it makes it as well.
    pub made_with_table: bool,
}

/// SQL and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// The text; an unknown part is a hole.
    pub text: String,
    /// The line where the string starts.
    pub line: u32,
    /// Values of its bound parameters.
    pub parameters: Vec<(String, Value)>,
}

/// A statement built with SQLAlchemy's expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its table.
    pub table: Option<String>,
    /// Its effect on the table.
    pub does: Does,
}

/// Effect of a built statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// `SELECT`.
    Read,
    /// `INSERT`.
    Insert,
    /// `UPDATE` or `DELETE`.
    Write,
}
