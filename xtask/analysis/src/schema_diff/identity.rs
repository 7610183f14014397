//! Identity columns that a downgrade gave back as columns with a sequence's default.

use model::quoting::literal;

/// Makes a column an identity again: the default goes with its sequence, whose name the identity's own
/// sequence gets, and the numbers go on behind the rows.
pub(super) fn again(table: &str, column: &str, generated: &str) -> String {
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).replace('"', "");
    let schema = table.rsplit_once('.').map(|(schema, _)| format!("{schema}.")).unwrap_or_default();
    let sequence = format!("{schema}\"{}_{}_seq\"", bare(table), bare(column));
    let (of, name) = (literal(table), literal(&bare(column)));
    format!(
        "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT;\n\
         DROP SEQUENCE IF EXISTS {sequence};\n\
         ALTER TABLE {table} ALTER COLUMN {column} ADD {generated};\n\
         SELECT setval(pg_get_serial_sequence({of}, {name}), coalesce(max({column}), 0) + 1, false) FROM {table}"
    )
}
