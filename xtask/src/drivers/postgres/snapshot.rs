//! Reads a schema from the system catalogues: all of it at first, later what has changed
//! ([`super::seen`]).
//!
//! `snapshot.sql` says what an object is and what it is like; here it is only asked.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};

use super::endpoint::Endpoint;
use super::rows::TABLES;
use super::seen::{Looked, READ_EACH_TIME, Seen, Stamps, Wanted};
use super::session::Session;
use crate::drivers::interrupt::Interrupt;
use model::schema::Schema;

const TEXT: &str = include_str!("snapshot.sql");
const STAMPS: &str = include_str!("stamps.sql");
/// Only a superuser may see whether a role has a password. Its hash says nothing: the same password
/// gets another one each time.
const PASSWORDS: &str = "\
SELECT 'role', quote_ident(rolname), 'each time' AS address, 'set' AS password
  FROM pg_authid WHERE rolpassword IS NOT NULL";
const CANNOT: &str = "cannot read the schema from the catalogues";

/// The schema of the session's database, and the roles of its cluster: the way without plans and
/// without what was seen before, which the other is held against.
#[cfg(test)]
pub fn take(session: &mut Session<'_>) -> Result<Schema> {
    let stamps = Stamps::of(&session.rows(&STAMPS.replace("$1", "NULL::xid"))?)?;
    let mut rows = session.rows(&TEXT.replace("$1", &Wanted::ALL.sql()))?;
    if session.show("is_superuser")? == "on" {
        rows.extend(session.rows(PASSWORDS)?);
    }
    Ok(Seen::of(Looked { stamps, wanted: Wanted::ALL, rows }).schema())
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
    /// What the last look has seen.
    seen: Option<Seen>,
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
        let (session, setup, seen) = (None, &[TABLES] as &[_], None);
        Watch { endpoint, database, interrupt, session, setup, prepared, seen }
    }

    /// The same with other statements that each of its connections starts with.
    pub fn starting_with(self, setup: &'static [&'static str]) -> Watch<'a> {
        Watch { setup, ..self }
    }

    /// The schema as it is now.
    pub fn take(&mut self) -> Result<Schema> {
        if let Some(mut seen) = self.seen.take() {
            let looked = self.look(Some(&seen)).context(CANNOT)?;
            if seen.update(looked) {
                return Ok(self.seen.insert(seen).schema());
            }
        }
        let all = self.look(None).context(CANNOT)?;
        Ok(self.seen.insert(Seen::of(all)).schema())
    }

    /// Reads what may be another than was seen.
    fn look(&mut self, seen: Option<&Seen>) -> Result<Looked> {
        let prepared = Arc::clone(&self.prepared);
        let queries = QUERIES.get_or_init(Queries::all);
        self.ask(|session| {
            let is_new = !prepared.swap(true, Ordering::Relaxed);
            if is_new {
                queries.prepare(session)?;
            }
            // Whoever ended the connection may have made another database of that name.
            let seen = seen.filter(|_| !is_new);
            let stamps = Stamps::of(&session.rows(&queries.begin(seen.map(Seen::began)))?)?;
            let wanted = seen.map_or(Wanted::ALL, |seen| seen.changed(&stamps));
            let rows = session.rows(&queries.read(wanted))?;
            Ok(Looked { stamps, wanted, rows })
        })
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

/// The statements of `snapshot.sql`, by what is done with them.
struct Queries {
    /// Begins the transaction, in which everything is seen at one moment.
    begin: String,
    /// What is read, each with when it is.
    read: Vec<(&'static str, When)>,
}

static QUERIES: OnceLock<Queries> = OnceLock::new();

/// When a query is run.
#[derive(Clone, Copy)]
enum When {
    /// Each time; it is told which relations are wanted.
    Told,
    /// Each time.
    EachTime,
    /// When what belongs to no relation is wanted.
    Others,
}

impl When {
    fn of(query: &str) -> When {
        match query {
            _ if query.contains("$1") => When::Told,
            _ if query.contains(&format!("'{READ_EACH_TIME}' AS address")) => When::EachTime,
            _ => When::Others,
        }
    }
}

impl Queries {
    fn all() -> Queries {
        let (mut begin, mut read) = (String::new(), Vec::new());
        for statement in TEXT.split(";\n") {
            match statement.find("SELECT '").or(statement.find("SELECT CASE")) {
                Some(start) => {
                    let query = &statement[start..];
                    read.push((query, When::of(query)));
                }
                None if statement.trim_start().starts_with("COMMIT") => {}
                None => begin += &format!("{statement};\n"),
            }
        }
        Queries { begin, read }
    }

    /// Prepares them on a connection.
    fn prepare(&self, session: &mut Session<'_>) -> Result<()> {
        let superuser = session.show("is_superuser")? == "on";
        let passwords = if superuser { PASSWORDS } else { "SELECT 'role', 'nobody' WHERE false" };
        // A plan is made for the search path that it is run with, and once for whatever is wanted.
        let mut sql =
            "SET search_path = '';\nSET plan_cache_mode = force_generic_plan;\n".to_owned();
        sql += &format!("PREPARE stamps(xid) AS {STAMPS};\nPREPARE passwords AS {passwords};\n");
        for (number, (query, when)) in self.read.iter().enumerate() {
            let parameter = if matches!(when, When::Told) { "(bytea)" } else { "" };
            sql += &format!("PREPARE q{number}{parameter} AS {query};\n");
        }
        // What else is asked finds its tables as a migration does.
        session.execute(&(sql + "RESET search_path"))
    }

    /// What asks for the stamps, since a transaction where there was a look before.
    fn begin(&self, since: Option<&str>) -> String {
        let since = since.map_or("NULL".to_owned(), |since| format!("'{since}'"));
        format!("{}EXECUTE stamps({since})", self.begin)
    }

    /// What reads the rest, and ends the transaction.
    fn read(&self, wanted: Wanted) -> String {
        let mut sql = String::new();
        for (number, (_, when)) in self.read.iter().enumerate() {
            sql += &match when {
                When::Told => format!("EXECUTE q{number}({});\n", wanted.sql()),
                When::Others if !wanted.others => continue,
                When::Others | When::EachTime => format!("EXECUTE q{number};\n"),
            };
        }
        sql + "EXECUTE passwords;\nCOMMIT"
    }
}

#[cfg(test)]
#[path = "../../../tests/schema/property.rs"]
mod property;

#[cfg(test)]
#[path = "../../../tests/schema/trees.rs"]
mod trees;
