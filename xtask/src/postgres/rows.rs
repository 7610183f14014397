//! Tables as the catalogue describes them, rows that are put into them, and their contents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::session::{Session, identifier, literal};
use model::rows::{Cell, Cells, Choice, Contents, Held, Inserts, Made, Table};

/// Set-up of a connection for [`tables`].
pub const TABLES: &str = include_str!("rows.sql");
/// How many rows a table may have that is looked at: the gate's own are far fewer.
const LOOKED_AT: usize = 1000;
/// How long the rows of one table may take.
const PATIENCE: &str = "10s";
/// Set-up of a connection for [`choices`] and [`put`]: whether a text is a value of a type; the
/// rows of the first of some queries that does not fail; and inserts, all at once, or one by one
/// where that fails.
pub const HELPERS: &str = "\
CREATE OR REPLACE FUNCTION pg_temp.fits(value text, type text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT CAST(%L AS %s)', value, type);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END $$;
CREATE OR REPLACE FUNCTION pg_temp.ask(question int, VARIADIC sqls text[]) RETURNS TABLE (n int, answer text)
LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(sqls) LOOP
    BEGIN
      RETURN QUERY EXECUTE format('SELECT %s, q.* FROM (%s) AS q(answer)', question, sqls[i]);
      RETURN;
    EXCEPTION WHEN OTHERS THEN
    END;
  END LOOP;
END $$;
CREATE OR REPLACE FUNCTION pg_temp.put(bulk text, singles text[])
RETURNS TABLE (into_table text, place text, complaint text) LANGUAGE plpgsql AS $$
DECLARE
  tables text[];
  places text[];
BEGIN
  EXECUTE format('WITH gate_new (t, p) AS (%s) SELECT array_agg(t), array_agg(p) FROM gate_new', bulk)
    INTO tables, places;
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN QUERY SELECT t, p, NULL::text FROM unnest(tables, places) AS gate_new (t, p);
EXCEPTION WHEN OTHERS THEN
  FOR i IN 1 .. cardinality(singles) LOOP
    into_table := NULL; place := NULL; complaint := NULL;
    BEGIN
      EXECUTE singles[i] INTO into_table, place;
      SET CONSTRAINTS ALL IMMEDIATE;
    EXCEPTION WHEN OTHERS THEN
      into_table := NULL; complaint := SQLERRM;
    END;
    RETURN NEXT;
  END LOOP;
END $$;
";

/// Set-up of a connection for all of these.
pub const SETUP: &[&str] = &[TABLES, HELPERS];

/// Result of some inserts into one table.
#[derive(Debug, Default)]
pub struct InsertResult {
    /// The rows that were made.
    pub made: Vec<Made>,
    /// Why one of the others was not, where Postgres refused it.
    pub complaint: Option<String>,
}

/// The tables of some names, and those that they reference; `None`: all tables. For emptied tables
/// also those that reference them. Version tables are left out.
pub fn tables(
    session: &mut Session<'_>,
    names: Option<&BTreeSet<String>>,
    emptied: &BTreeSet<String>,
    version_tables: &BTreeSet<String>,
) -> Result<Vec<Table>> {
    let names = names.map_or("NULL".to_owned(), array);
    let emptied = array(emptied);
    let version_tables = array(version_tables);
    let sql = format!("EXECUTE gate_tables ({names}, {emptied}, {version_tables})");
    let described = session.column(&sql)?;
    let table = |text: &String| serde_json::from_str(text);
    described
        .iter()
        .map(table)
        .collect::<serde_json::Result<_>>()
        .context("cannot read what the catalogue says of the tables")
}

fn array(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    format!("ARRAY[{}]::name[]", names.join(", "))
}

/// The answers to some questions, each in its place; none where Postgres cannot answer one.
pub fn choices(session: &mut Session<'_>, questions: &[[String; 2]]) -> Result<Vec<Vec<Choice>>> {
    let mut answers: Vec<Vec<Choice>> = vec![Vec::new(); questions.len()];
    if questions.is_empty() {
        return Ok(answers);
    }
    let mut sql = String::new();
    for (number, question) in questions.iter().enumerate() {
        let forms = question.each_ref().map(|form| literal(form)).join(", ");
        sql += &format!("SELECT * FROM pg_temp.ask({number}, {forms});\n");
    }
    for (number, answer) in self::answers(session, &sql)? {
        if let Some(known) = answers.get_mut(number) {
            known.push(serde_json::from_str(&answer).context("cannot read an answer")?);
        }
    }
    Ok(answers)
}

/// Inserts rows, each of which may fail alone; also those with extreme values where they are
/// wanted.
pub fn put(session: &mut Session<'_>, inserts: &Inserts, extremes: bool) -> Result<InsertResult> {
    let mut sql = format!("SET LOCAL statement_timeout = '{PATIENCE}';\n");
    let wanted = [inserts.plain.as_slice(), if extremes { &inserts.extreme } else { &[] }];
    for rows in wanted.into_iter().filter(|rows| !rows.is_empty()) {
        let returning = "RETURNING tableoid::regclass::text, ctid::text";
        let one = |row: &String| literal(&format!("{}{row} {returning}", inserts.head));
        let singles: Vec<String> = rows.iter().map(one).collect();
        let all = format!("{}{} ON CONFLICT DO NOTHING {returning}", inserts.head, rows.join(", "));
        let (all, singles) = (literal(&all), singles.join(", "));
        sql += &format!("SELECT * FROM pg_temp.put({all}, ARRAY[{singles}]::text[]);\n");
    }
    let mut put = InsertResult::default();
    let rows = match session.rows(&sql) {
        // A trigger may do anything, and be cut off.
        Err(err) if refused(&err) => {
            return Ok(InsertResult { complaint: Some(format!("{err:#}")), ..put });
        }
        other => other?,
    };
    for row in rows {
        let cell = |name: &str| {
            row.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        if let (Some(table), Some(place)) = (cell("into_table"), cell("place")) {
            put.made.push(Made { table, place });
        }
        put.complaint = put.complaint.or(cell("complaint"));
    }
    Ok(put)
}

/// Whether Postgres refused, and the connection is still there.
fn refused(err: &anyhow::Error) -> bool {
    let raised = err.downcast_ref::<postgres::Error>().and_then(postgres::Error::as_db_error);
    raised.is_some_and(|raised| !raised.code().code().starts_with("57P"))
}

/// The contents of the tables that exist, can be read and have no more than a thousand rows.
pub fn contents(session: &mut Session<'_>, tables: &[Table]) -> Result<Contents> {
    let names: Vec<String> = tables.iter().map(|table| literal(&table.name)).collect();
    let there = session.column(&format!(
        "SELECT json_build_array(t, (SELECT coalesce(json_object_agg(attname, concat(attrelid, '.', attnum)), '{{}}') \
         FROM pg_attribute WHERE attrelid = to_regclass(t) AND attnum > 0 AND NOT attisdropped))::text \
         FROM unnest(ARRAY[{}]::text[]) AS t WHERE to_regclass(t) IS NOT NULL",
        names.join(", ")
    ))?;
    let read = |text: &String| serde_json::from_str(text);
    let there: serde_json::Result<BTreeMap<String, BTreeMap<String, String>>> =
        there.iter().map(read).collect();
    let mut there = there.context("cannot read the columns of a table")?;
    let mut contents = Contents::new();
    let mut sql = String::new();
    for (number, table) in tables.iter().enumerate() {
        let name = &table.name;
        let Some(columns) = there.remove(name) else { continue };
        let rows = format!(
            "SELECT (SELECT json_object_agg(c.key, c.value) FROM json_each_text(row_to_json(gate_row)) AS c)::text \
             FROM {name} AS gate_row WHERE (SELECT count(*) <= {LOOKED_AT} FROM {name})"
        );
        sql += &format!("SELECT * FROM pg_temp.ask({number}, {});\n", literal(&rows));
        let primary = table.primary.clone().unwrap_or_default();
        contents.insert(name.clone(), Held { primary, columns, rows: Vec::new() });
    }
    if contents.is_empty() {
        return Ok(contents);
    }
    for (number, cells) in answers(session, &sql)? {
        let held = tables.get(number).and_then(|table| contents.get_mut(&table.name));
        if let Some(held) = held {
            let cells: Cells = serde_json::from_str(&cells).context("cannot read a row")?;
            held.rows.push(cells);
        }
    }
    Ok(contents)
}

/// Answers to numbered questions.
fn answers(session: &mut Session<'_>, sql: &str) -> Result<Vec<(usize, String)>> {
    let rows = session.rows(sql)?.into_iter().filter_map(|row| match row.as_slice() {
        [(_, number), (_, answer)] => Some((number.parse().ok()?, answer.clone())),
        _ => None,
    });
    Ok(rows.collect())
}

/// A row as JSON, where it is still there.
pub fn row(session: &mut Session<'_>, made: &Made) -> Result<Option<String>> {
    let Made { table, place } = made;
    session.value(&format!(
        "SELECT row_to_json(gate_row) FROM {table} AS gate_row WHERE ctid = {}",
        literal(place)
    ))
}

/// The values of a row that can be set, each with one that another row has in its place.
pub fn cells(session: &mut Session<'_>, made: &Made) -> Result<Vec<Cell>> {
    let Made { table, place } = made;
    let columns = session.column(&format!(
        "SELECT attname FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped \
         AND attgenerated = '' AND attidentity <> 'a'",
        literal(table)
    ))?;
    let one = |name: &String| {
        let column = identifier(name);
        let other = format!(
            "SELECT gate_d.{column}::text FROM {table} gate_d WHERE gate_d.{column}::text <> \
             coalesce(gate_t.{column}::text, '') ORDER BY ctid LIMIT 1"
        );
        format!(
            "SELECT json_build_array({}, {column}::text, ({other}))::text FROM {table} gate_t WHERE ctid = {}",
            literal(name),
            literal(place)
        )
    };
    let columns: Vec<String> = columns.iter().map(one).collect();
    let mut cells = Vec::new();
    for found in session.column(&columns.join(" UNION ALL "))? {
        let found: (String, Option<String>, Option<String>) =
            serde_json::from_str(&found).context("cannot read a value")?;
        let (column, value, other) = found;
        cells.extend(other.map(|other| Cell { row: made.clone(), column, value, other }));
    }
    Ok(cells)
}

/// Deletes rows, even referenced ones, and gives some values of other rows their other value.
pub fn change(session: &mut Session<'_>, gone: &[Made], set: &[Cell]) -> Result<()> {
    let mut sql = "SET session_replication_role = replica;\n".to_owned();
    for Made { table, place } in gone {
        sql += &format!("DELETE FROM {table} WHERE ctid = {};\n", literal(place));
    }
    // A row has another place after its first update.
    for cells in set.chunk_by(|one, other| one.row == other.row) {
        let Made { table, place } = &cells[0].row;
        let set = |cell: &Cell| format!("{} = {}", identifier(&cell.column), literal(&cell.other));
        let set: Vec<String> = cells.iter().map(set).collect();
        sql += &format!("UPDATE {table} SET {} WHERE ctid = {};\n", set.join(", "), literal(place));
    }
    session.execute(&sql)
}
