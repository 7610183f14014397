//! Reads a whole schema from the system catalogues, in one round trip of a few milliseconds.
//!
//! `snapshot.sql` says what an object is and what it is like; here its rows are only put together.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use super::endpoint::Endpoint;
use super::rows::TABLES;
use super::session::Session;
use crate::drivers::interrupt::Interrupt;
use model::schema::{ObjectId, Schema, without_public};

const QUERIES: &str = include_str!("snapshot.sql");
/// Only a superuser may see whether a role has a password. Its hash says nothing: the same password
/// gets another one each time.
const PASSWORDS: &str = "\
SELECT 'role', quote_ident(rolname), 'set' AS password FROM pg_authid WHERE rolpassword IS NOT NULL";

/// The schema of the session's database, and the roles of its cluster: the way without plans, which
/// the other is held against.
#[cfg(test)]
pub fn take(session: &mut Session<'_>) -> Result<Schema> {
    let rows = session.rows(QUERIES).context("cannot read the schema from the catalogues")?;
    let passwords = match session.show("is_superuser")?.as_str() {
        "on" => session.rows(PASSWORDS)?,
        _ => Vec::new(),
    };
    Ok(put_together(rows.into_iter().chain(passwords)))
}

/// Looks at one database again and again. Its connection stays, and with it the plans of the
/// queries, which cost most of a first look.
pub struct Watch<'a> {
    endpoint: Cow<'a, Endpoint>,
    database: String,
    interrupt: Cow<'a, Interrupt>,
    session: Option<Session<'a>>,
    /// What each connection starts with.
    setup: &'static [&'static str],
    /// Whether the queries are prepared on the connection: only who looks pays for them.
    prepared: Arc<AtomicBool>,
}

impl Watch<'static> {
    /// A watch that waits for whoever needs it.
    pub fn waiting(endpoint: &Endpoint, database: &str, interrupt: &Interrupt) -> Watch<'static> {
        let (endpoint, interrupt) = (endpoint.clone(), interrupt.clone());
        Watch::of(Cow::Owned(endpoint), database, Cow::Owned(interrupt))
    }
}

impl<'a> Watch<'a> {
    /// A watch that connects at its first look.
    pub fn new(endpoint: &'a Endpoint, database: &str, interrupt: &'a Interrupt) -> Watch<'a> {
        let (endpoint, interrupt) = (Cow::Borrowed(endpoint), Cow::Borrowed(interrupt));
        Watch::of(endpoint, database, interrupt)
    }

    fn of(endpoint: Cow<'a, Endpoint>, database: &str, interrupt: Cow<'a, Interrupt>) -> Watch<'a> {
        let (database, prepared) = (database.to_owned(), Arc::default());
        Watch { endpoint, database, interrupt, session: None, setup: &[TABLES], prepared }
    }

    /// The same with other statements that each of its connections starts with.
    pub fn starting_with(self, setup: &'static [&'static str]) -> Watch<'a> {
        Watch { setup, ..self }
    }

    /// The schema as it is now.
    pub fn take(&mut self) -> Result<Schema> {
        let prepared = Arc::clone(&self.prepared);
        let rows = self.ask(|session| {
            if !prepared.swap(true, Ordering::Relaxed) {
                prepare(session)?;
            }
            let rows = session.rows(&prepared_queries().1);
            rows.context("cannot read the schema from the catalogues")
        })?;
        Ok(put_together(rows.into_iter()))
    }

    /// Asks the database something on the connection that stays.
    pub fn ask<T>(&mut self, ask: impl Fn(&mut Session<'a>) -> Result<T>) -> Result<T> {
        if let Some(session) = &mut self.session {
            // A migration may have ended it; then another one is opened.
            if let Ok(answer) = ask(session) {
                return Ok(answer);
            }
            self.interrupt.check()?;
        }
        ask(self.connect()?)
    }

    fn connect(&mut self) -> Result<&mut Session<'a>> {
        self.session = None;
        self.prepared.store(false, Ordering::Relaxed);
        let mut session = Session::through(&self.endpoint, &self.database, self.interrupt.clone())?;
        session.execute(&self.setup.join(";\n"))?;
        Ok(self.session.insert(session))
    }

    /// Disconnects.
    pub fn close(&mut self) {
        self.session = None;
    }
}

/// Prepares the queries on a connection.
fn prepare(session: &mut Session<'_>) -> Result<()> {
    let superuser = session.show("is_superuser")? == "on";
    session.execute(&prepared_queries().0)?;
    let passwords = if superuser { PASSWORDS } else { "SELECT 'role', 'nobody' WHERE false" };
    // What else is asked finds its tables as a migration does.
    session.execute(&format!("PREPARE passwords AS {passwords};\nRESET search_path"))
}

/// What prepares the queries, and what runs them.
fn prepared_queries() -> (String, String) {
    // A plan is made for the search path that it is run with.
    let mut prepare = "SET search_path = '';\n".to_owned();
    let mut execute = String::new();
    for (number, statement) in QUERIES.split(";\n").enumerate() {
        match statement.find("SELECT '").or(statement.find("SELECT CASE")) {
            Some(start) => {
                prepare += &format!("PREPARE q{number} AS {};\n", &statement[start..]);
                execute += &format!("EXECUTE q{number};\n");
            }
            None if statement.trim_start().starts_with("COMMIT") => {
                execute += "EXECUTE passwords;\nCOMMIT;\n";
            }
            None => execute += &format!("{statement};\n"),
        }
    }
    (prepare, execute)
}

fn put_together(rows: impl Iterator<Item = Vec<(String, String)>>) -> Schema {
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
    schema
}

/// Privileges are a set: in which order they were granted means nothing.
fn sorted(privileges: &str) -> String {
    let mut lines: Vec<&str> = privileges.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[cfg(test)]
#[path = "../../../tests/schema/property.rs"]
mod property;

#[cfg(test)]
#[path = "../../../tests/schema/trees.rs"]
mod trees;
