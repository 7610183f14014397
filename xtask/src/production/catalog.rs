//! States of a database: its catalogue, and the results of the running version's statements.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::postgres::session::{Session, identifier, literal};
use model::production::{Catalog, Oid, State, Tried, Use};

const CATALOG: &str = include_str!("catalog.sql");
/// The most rows of a table that are counted.
const COUNTED: u32 = 1_000_000;
/// How long all statements of the running version may take.
const PATIENCE: &str = "10s";
/// Runs a statement in a role and takes it back. Returns the SQLSTATE, the message, the constraint
/// or column that it names, and the statement's result.
const TRY: &str = "\
CREATE OR REPLACE FUNCTION pg_temp.gate_try(role text, sql text, gives boolean,
  OUT state text, OUT message text, OUT about text, OUT value text) LANGUAGE plpgsql AS $$
DECLARE
  col text;
BEGIN
  PERFORM set_config('role', role, true);
  IF gives THEN EXECUTE sql INTO value; ELSE EXECUTE sql; END IF;
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'MG000';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, about = CONSTRAINT_NAME, col = COLUMN_NAME;
  about := coalesce(nullif(about, ''), nullif(col, ''));
END $$;";

/// The catalogue, less Alembic's own tables.
pub fn catalog(session: &mut Session<'_>, version_tables: &[String]) -> Result<Catalog> {
    let names: Vec<String> = version_tables.iter().map(|name| literal(name)).collect();
    let names = format!("ARRAY[{}]::name[]", names.join(", "));
    let told = session.value(&CATALOG.replace("gate_version_tables", &names))?;
    serde_json::from_str(&told.unwrap_or_default()).context("cannot read what the catalogue says")
}

/// Keeps the reads and writes of a session out of the server's counters, which show the scans of a
/// migration.
pub fn uncounted(session: &mut Session<'_>) {
    // Only a superuser may do that; without it, a short scan of the gate may count as one of the
    // migration.
    let _ = session.execute("SET track_counts = off");
}

/// The database as it is now.
pub fn state(session: &mut Session<'_>, version_tables: &[String], uses: &[Use]) -> Result<State> {
    uncounted(session);
    let catalog = catalog(session, version_tables)?;
    let rows = rows(session, &catalog)?;
    let tried = tried(session, uses)?;
    Ok(State { catalog, rows, tried })
}

/// How many rows each table has, those of its parts among them.
fn rows(session: &mut Session<'_>, catalog: &Catalog) -> Result<BTreeMap<Oid, u64>> {
    let held = |kind: char, populated: bool| "rpm".contains(kind) && populated;
    let counted = catalog.relations.iter().filter(|r| held(r.kind, r.populated));
    let queries: Vec<String> = counted
        .map(|r| {
            let (oid, name) = (r.oid, &r.name);
            format!("SELECT {oid} AS oid, count(*) AS rows FROM (SELECT FROM {name} LIMIT {COUNTED}) AS r")
        })
        .collect();
    if queries.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counted = session.rows(&queries.join(" UNION ALL "))?;
    let number = |row: &[(String, String)], at: usize| row.get(at)?.1.parse::<u64>().ok();
    let pairs = counted.iter().filter_map(|row| Some((number(row, 0)?, number(row, 1)?)));
    Ok(pairs.filter_map(|(oid, rows)| Some((oid.try_into().ok()?, rows))).collect())
}

/// The files of all relations.
pub fn nodes(session: &mut Session<'_>) -> Result<BTreeMap<Oid, u64>> {
    let sql = "SELECT oid, relfilenode FROM pg_class WHERE oid >= 16384 AND relfilenode <> 0";
    let rows = session.rows(sql)?;
    let of = |row: &[(String, String)]| match row {
        [(_, oid), (_, node)] => Some((oid.parse().ok()?, node.parse().ok()?)),
        _ => None,
    };
    Ok(rows.iter().filter_map(|row| of(row)).collect())
}

/// One row of each of some relations, each column as a literal; `None` is NULL.
pub fn samples(
    session: &mut Session<'_>,
    catalog: &Catalog,
) -> Result<BTreeMap<Oid, Vec<Option<String>>>> {
    let mut queries = Vec::new();
    for relation in catalog.relations.iter().filter(|r| "rpvm".contains(r.kind) && r.populated) {
        let columns = catalog.columns.iter().filter(|c| c.of == relation.oid && !c.dropped);
        let cells: Vec<String> =
            columns.map(|c| format!("quote_literal({}::text)", identifier(&c.name))).collect();
        let key = catalog.keys.iter().find(|key| key.of == relation.oid);
        let order = match key {
            // The newest part is the one that is written to.
            _ if relation.kind == 'p' => " ORDER BY tableoid DESC".to_owned(),
            Some(key) => {
                let names: Vec<String> = key.columns.iter().map(|name| identifier(name)).collect();
                format!(" ORDER BY {}", names.join(", "))
            }
            None => String::new(),
        };
        let (oid, name) = (relation.oid, &relation.name);
        queries.push(format!(
            "(SELECT {oid} AS oid, json_build_array({}) AS cells FROM {name}{order} LIMIT 1)",
            cells.join(", ")
        ));
    }
    let mut samples = BTreeMap::new();
    if queries.is_empty() {
        return Ok(samples);
    }
    let rows = session.rows(&queries.join(" UNION ALL "))?;
    for row in rows {
        let [(_, oid), (_, cells)] = row.as_slice() else { continue };
        let cells = serde_json::from_str(cells).context("cannot read a row")?;
        samples.insert(oid.parse().context("cannot read an oid")?, cells);
    }
    Ok(samples)
}

/// The results of some statements, each taken back.
pub fn tried(session: &mut Session<'_>, uses: &[Use]) -> Result<Vec<Tried>> {
    let mut all = vec![Tried::default(); uses.len()];
    if uses.is_empty() {
        return Ok(all);
    }
    let calls: Vec<String> =
        uses.iter().enumerate().map(|(n, used)| format!("({n}, {})", arguments(used))).collect();
    let sql = format!(
        "{TRY}\nSET LOCAL statement_timeout = '{PATIENCE}';\nSELECT n, t.* FROM (VALUES {}) AS u (n, r, s, g), \
         LATERAL pg_temp.gate_try(r, s, g) AS t",
        calls.join(", ")
    );
    for row in session.rows(&sql)? {
        let cell = |name: &str| row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let number = cell("n").and_then(|n| n.parse::<usize>().ok());
        if let Some(one) = number.and_then(|n| all.get_mut(n)) {
            *one = Tried {
                state: cell("state").filter(|state| state != "MG000"),
                message: cell("message").unwrap_or_default(),
                about: cell("about"),
                value: cell("value"),
            };
        }
    }
    Ok(all)
}

/// Prepares a session for [`try_one`].
pub fn prepare(session: &mut Session<'_>) -> Result<()> {
    session.execute(TRY)
}

/// Tries one statement. Fails where it is cancelled.
pub fn try_one(session: &mut Session<'_>, used: &Use) -> Result<()> {
    session.value(&format!("SELECT state FROM pg_temp.gate_try({})", arguments(used))).map(|_| ())
}

fn arguments(used: &Use) -> String {
    let role = used.role.as_deref().unwrap_or("none");
    let gives = used.sql.starts_with("SELECT");
    format!("{}, {}, {gives}", literal(role), literal(&used.sql))
}
