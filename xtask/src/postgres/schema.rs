//! The schema of a database, read whole from the system catalogs.
//!
//! `schema.sql` defines objects and their attributes; this module only runs it.

use std::borrow::Cow;

use anyhow::{Context, Result};

use super::endpoint::Endpoint;
use super::rows::TABLES;
use super::session::Session;
use crate::os::interrupt::Interrupt;
use model::schema::{ObjectId, Objects, Schema, without_public};

const TEXT: &str = include_str!("schema.sql");
/// Only a superuser may see whether a role has a password. Its hash says nothing: the same password
/// gets another one each time.
const PASSWORDS: &str = "\
SELECT 'role', quote_ident(rolname), 'set' AS password FROM pg_authid WHERE rolpassword IS NOT NULL";
const CANNOT: &str = "cannot read the schema from the catalogs";

/// Reads the schema of one database again and again, on a connection that stays open: planning the
/// queries takes most of the time of a first read.
pub struct SchemaReader<'a> {
    endpoint: Cow<'a, Endpoint>,
    database: String,
    interrupt: Cow<'a, Interrupt>,
    connection: Option<Connection<'a>>,
    /// The statements that each connection starts with.
    setup: &'static [&'static str],
}

struct Connection<'a> {
    session: Session<'a>,
    /// The statements of one read, once the queries are prepared.
    read: Option<String>,
}

impl<'a> SchemaReader<'a> {
    /// A reader that connects when it is first asked.
    pub fn new(
        endpoint: &'a Endpoint,
        database: &str,
        interrupt: &'a Interrupt,
    ) -> SchemaReader<'a> {
        let (endpoint, interrupt) = (Cow::Borrowed(endpoint), Cow::Borrowed(interrupt));
        let (database, connection) = (database.to_owned(), None);
        SchemaReader { endpoint, database, interrupt, connection, setup: &[TABLES] }
    }

    /// The same with other statements that each of its connections starts with.
    pub fn starting_with(self, setup: &'static [&'static str]) -> SchemaReader<'a> {
        SchemaReader { setup, ..self }
    }

    /// The schema as it is now.
    pub fn read(&mut self) -> Result<Schema> {
        let rows = self.on_connection(|connection| {
            let read = match &connection.read {
                Some(read) => read.clone(),
                None => connection.prepare()?,
            };
            connection.session.rows(&read)
        });
        Ok(schema_of(rows.context(CANNOT)?))
    }

    /// Asks the database something on the connection that stays.
    pub fn ask<T>(&mut self, ask: impl Fn(&mut Session<'a>) -> Result<T>) -> Result<T> {
        self.on_connection(|connection| ask(&mut connection.session))
    }

    fn on_connection<T>(&mut self, ask: impl Fn(&mut Connection<'a>) -> Result<T>) -> Result<T> {
        if let Some(connection) = &mut self.connection {
            // A migration may have ended it; then another one is opened.
            if let Ok(answer) = ask(connection) {
                return Ok(answer);
            }
            self.interrupt.check()?;
        }
        self.close();
        let mut session = Session::through(&self.endpoint, &self.database, self.interrupt.clone())?;
        session.execute(&self.setup.join(";\n"))?;
        let answer = ask(self.connection.insert(Connection { session, read: None }));
        if answer.is_err() {
            // It may be within a transaction that failed.
            self.close();
        }
        answer
    }

    /// Disconnects.
    pub fn close(&mut self) {
        self.connection = None;
    }
}

impl Connection<'_> {
    /// Prepares the queries, and returns the statements that run them in one transaction, in which
    /// everything is seen at one moment.
    fn prepare(&mut self) -> Result<String> {
        let superuser = self.session.show("is_superuser")? == "on";
        let (mut begin, mut prepare, mut run) = (String::new(), String::new(), String::new());
        let statements = TEXT.split(";\n").chain(superuser.then_some(PASSWORDS));
        for (number, statement) in statements.enumerate() {
            match statement.find("SELECT '").or(statement.find("SELECT CASE")) {
                Some(start) => {
                    prepare += &format!("PREPARE q{number} AS {};\n", &statement[start..]);
                    run += &format!("EXECUTE q{number};\n");
                }
                None if statement.trim_start().starts_with("COMMIT") => {}
                None => begin += &format!("{statement};\n"),
            }
        }
        self.session.execute(&prepare)?;
        Ok(self.read.insert(format!("{begin}{run}COMMIT")).clone())
    }
}

/// A row as its columns with their names.
type Row = Vec<(String, String)>;

/// Puts rows of the same object together.
fn schema_of(rows: Vec<Row>) -> Schema {
    let mut objects = Objects::new();
    for row in rows {
        let mut cells = row.into_iter();
        let (Some((_, kind)), Some((_, identity))) = (cells.next(), cells.next()) else { continue };
        let id = ObjectId { kind, identity: without_public(&identity) };
        let attributes = objects.entry(id).or_default();
        for (name, value) in cells.filter(|(_, value)| !value.is_empty()) {
            let value = if name == "privileges" { in_order(&value) } else { value };
            attributes.push((name, value));
        }
    }
    Schema::of(objects)
}

/// Privileges are a set: in which order they were granted means nothing.
fn in_order(privileges: &str) -> String {
    let mut lines: Vec<&str> = privileges.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[cfg(test)]
#[path = "../../tests/schema/property.rs"]
mod property;

#[cfg(test)]
#[path = "../../tests/schema/trees.rs"]
mod trees;
