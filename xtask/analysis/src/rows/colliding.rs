//! Rows that have one key twice, as Postgres reports the key.

use super::blame::table_of;
use crate::effect::{Effect, Whole};
use crate::sql;
use model::quoting::literal;
use model::transcript::Transcript;

/// A query for two rows with the key of a failure on duplicates, a text; NULL: there are no two.
pub fn two_rows(said: &Transcript) -> Option<String> {
    let detail = said.headline().filter(|it| it.sqlstate.as_deref() == Some("23505"))?;
    let detail = detail.detail.as_deref()?.trim_end_matches('.').strip_prefix("Key (")?;
    let detail =
        detail.strip_suffix(" is duplicated").or_else(|| detail.strip_suffix(" already exists"))?;
    let (key, values) = detail.strip_suffix(')')?.split_once(")=(")?;
    let table = table_of(said.statement.as_deref()?)?;
    let table: Vec<String> = table.split('.').map(model::quoting::identifier).collect();
    Some(format!(
        "SELECT CASE count(*) WHEN 2 THEN string_agg(cells, ' and ') END FROM (SELECT \
         row_to_json(t)::text AS cells FROM {} AS t WHERE concat_ws(', ', {key}) = {} LIMIT 2) two",
        table.join("."),
        literal(values)
    ))
}

/// Whether a statement writes to rows of a table.
pub fn writes(sql: &str, table: &str) -> bool {
    sql::read(sql).iter().any(|(_, effect)| match effect {
        Effect::Write(name) => name == table,
        Effect::Insert(rows) => rows.table == table,
        Effect::Whole { table: name, work } => name == table && *work == Whole::Update,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::transcript::Exception;

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
    fn writes_of_a_revision_are_known() {
        assert!(writes("UPDATE t SET a = 1 WHERE b = 2", "t"));
        assert!(writes("INSERT INTO t (a) VALUES (1)", "t"));
        assert!(!writes("UPDATE u SET a = 1", "t"));
        assert!(!writes("CREATE UNIQUE INDEX i ON t (a)", "t"));
    }
}
