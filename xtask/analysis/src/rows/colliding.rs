//! Rows that have one key twice, as Postgres reports the key.

use super::blame::table_of;
use crate::effect::{Effect, Kind, Object, Whole};
use crate::sql;
use model::quoting::literal;
use model::transcript::Transcript;

/// The key that a failure on duplicates is about, and its values, as Postgres writes them.
pub(super) fn key(said: &Transcript) -> Option<(&str, &str)> {
    let detail = said.headline().filter(|it| it.sqlstate.as_deref() == Some("23505"))?;
    let detail = detail.detail.as_deref()?.trim_end_matches('.').strip_prefix("Key (")?;
    let detail =
        detail.strip_suffix(" is duplicated").or_else(|| detail.strip_suffix(" already exists"))?;
    detail.strip_suffix(')')?.split_once(")=(")
}

/// A query for two rows with the key of a failure on duplicates, a text; NULL: there are no two.
pub fn two_rows(said: &Transcript) -> Option<String> {
    let (key, values) = key(said)?;
    let table = spelled(said)?;
    Some(format!(
        "SELECT CASE count(*) WHEN 2 THEN string_agg(cells, ' and ') END FROM (SELECT \
         row_to_json(t)::text AS cells FROM {table} AS t WHERE concat_ws(', ', {key}) = {} LIMIT 2) two",
        literal(values)
    ))
}

/// A statement that leaves one row of each key of a failure on duplicates. Which one is by chance, but
/// always the same: the first ones of each key may differ in all columns.
pub fn one_of_each(said: &Transcript) -> Option<String> {
    let (key, _) = key(said)?;
    let table = spelled(said)?;
    Some(format!(
        "DELETE FROM {table} WHERE num_nulls({key}) = 0 AND ctid NOT IN \
         (SELECT DISTINCT ON ({key}) ctid FROM {table} ORDER BY {key}, md5(ctid::text))"
    ))
}

/// The table of the failing statement, as SQL writes it.
fn spelled(said: &Transcript) -> Option<String> {
    let table = table_of(said.statement.as_deref()?)?;
    let parts: Vec<String> = table.split('.').map(model::quoting::identifier).collect();
    Some(parts.join("."))
}

/// The line of a failure on duplicates, and its key, for a reader.
pub fn told_duplicates(said: &Transcript) -> Option<String> {
    let (key, values) = key(said)?;
    let line = said.frames.last()?.line;
    Some(format!("line {line}: Key ({key})=({values}) is duplicated there as well"))
}

/// Whether the revision, which has failed on duplicates, wrote to the rows of the table itself.
pub fn writes_itself(said: &Transcript) -> bool {
    does(said, |effect, table| match effect {
        Effect::Write(name) => name == table,
        Effect::Insert(rows) => rows.table == table,
        Effect::Whole { table: name, work } => name == table && *work == Whole::Update,
        _ => false,
    })
}

/// Whether the revision adds a column of the key: no row had a value in it before.
pub fn adds_to_key(said: &Transcript) -> bool {
    let Some((key, _)) = key(said) else { return false };
    let is_of_key = |name: &str| key.split(", ").any(|own| own.trim_matches('"') == name);
    does(said, |effect, table| match effect {
        Effect::Create(Object { kind: Kind::Column, table: Some(of), name }, _) => {
            of == table && is_of_key(name)
        }
        _ => false,
    })
}

/// Whether a statement of the revision has such an effect on the table of the failing one.
fn does(said: &Transcript, is_it: impl Fn(&Effect, &str) -> bool) -> bool {
    let failing = said.statement.as_deref();
    let Some(table) = failing.and_then(table_of) else { return false };
    let ran = said.statements.iter().map(|ran| ran.sql.as_str()).chain(failing);
    ran.flat_map(sql::read).any(|(_, effect)| is_it(&effect, &table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::transcript::{Exception, Statement};

    #[test]
    fn key_of_the_detail_is_asked_for_in_its_table() {
        let query = |detail: &str| {
            let exception = Exception {
                sqlstate: Some("23505".into()),
                detail: Some(detail.into()),
                ..Exception::default()
            };
            two_rows(&Transcript {
                exceptions: vec![exception],
                statement: Some("CREATE UNIQUE INDEX i ON \"User\" (lower(name), b)".into()),
                ..Transcript::default()
            })
        };
        let told = query("Key (lower(name), b)=(it's, 1) is duplicated.").unwrap();
        let part = "FROM \"User\" AS t WHERE concat_ws(', ', lower(name), b) = 'it''s, 1' LIMIT 2";
        assert!(told.contains(part), "{told}");
        assert_eq!(query("Key (a)=([1,2)) conflicts with existing key (a)=([1,3))."), None);
    }

    #[test]
    fn writes_and_new_columns_of_a_revision_are_known() {
        let exception = Exception {
            sqlstate: Some("23505".into()),
            detail: Some("Key (a)=(1) is duplicated.".into()),
            ..Exception::default()
        };
        let of = |sql: &str| {
            let said = Transcript {
                exceptions: vec![exception.clone()],
                statement: Some("CREATE UNIQUE INDEX i ON t (a)".into()),
                statements: vec![Statement {
                    sql: sql.into(),
                    revision: None,
                    line: None,
                    elapsed: None,
                }],
                ..Transcript::default()
            };
            (writes_itself(&said), adds_to_key(&said))
        };
        assert_eq!(of("UPDATE t SET a = 1 WHERE b = 2"), (true, false));
        assert_eq!(of("INSERT INTO t (a) VALUES (1)"), (true, false));
        assert_eq!(of("UPDATE u SET a = 1"), (false, false));
        assert_eq!(of("ALTER TABLE t ADD COLUMN a int"), (false, true));
        assert_eq!(of("ALTER TABLE t ADD COLUMN b int"), (false, false));
        assert_eq!(of("ALTER TABLE u ADD COLUMN a int"), (false, false));
    }
}
