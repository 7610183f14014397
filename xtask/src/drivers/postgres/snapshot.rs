//! Reads a whole schema from the system catalogues, in one round trip of a few milliseconds.
//!
//! `snapshot.sql` says what an object is and what it is like; here its rows are only put together.

use anyhow::{Context, Result};

use super::session::Session;
use crate::model::schema::{ObjectId, Schema, without_public};

const QUERIES: &str = include_str!("snapshot.sql");
/// Only a superuser may see whether a role has a password. Its hash says nothing: the same password
/// gets another one each time.
const PASSWORDS: &str = "\
SELECT 'role', quote_ident(rolname), 'set' AS password FROM pg_authid WHERE rolpassword IS NOT NULL";

/// The schema of the session's database, and the roles of its cluster.
pub fn take(session: &mut Session<'_>) -> Result<Schema> {
    let mut rows = session.rows(QUERIES).context("cannot read the schema from the catalogues")?;
    if session.show("is_superuser")? == "on" {
        rows.extend(session.rows(PASSWORDS)?);
    }
    let mut schema = Schema::default();
    for row in rows {
        let mut cells = row.into_iter();
        let (Some((_, kind)), Some((_, identity))) = (cells.next(), cells.next()) else { continue };
        let id = ObjectId { kind, identity: without_public(&identity) };
        let attributes = schema.objects.entry(id).or_default();
        for (name, value) in cells.filter(|(_, value)| !value.is_empty()) {
            let value = if name == "privileges" { sorted(&value) } else { value };
            attributes.push((name, value));
        }
    }
    Ok(schema)
}

/// Privileges are a set: in which order they were granted means nothing.
fn sorted(privileges: &str) -> String {
    let mut lines: Vec<&str> = privileges.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}
