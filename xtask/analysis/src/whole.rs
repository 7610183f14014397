//! Work on all rows of a table: others wait for it if the table is large.

/// Work on a whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// An index is built, and not concurrently.
    Index,
    /// A check is tried on each row.
    Check,
    /// Each row must have a value in this column.
    NotNull(String),
    /// Each row's values in these columns are looked up in another table.
    ForeignKey {
        /// The columns.
        columns: Vec<String>,
        /// The other table.
        target: Option<String>,
    },
    /// The table is rewritten.
    Rewrite,
    /// Every row is changed.
    Update,
    /// Every row is removed.
    Empty,
}
