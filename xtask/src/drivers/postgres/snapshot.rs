//! Reads a schema from the system catalogues: all of it at first, later what has changed
//! ([`super::seen`]).
//!
//! `snapshot.sql` says what an object is and what it is like; here it is only asked.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use super::endpoint::Endpoint;
use super::pages::Written;
use super::rows::TABLES;
pub use super::seen::Seen;
use super::seen::{Looked, READ_EACH_TIME, Row, Wanted};
use super::session::Session;
use super::stamps::{Stamps, Statements, places};
use crate::drivers::interrupt::Interrupt;
use model::schema::Schema;

const TEXT: &str = include_str!("snapshot.sql");
/// All relations that are looked at.
const RELATIONS: &str = "\
SELECT array_agg(oid) FROM pg_class
 WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND oid >= 16384";
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
    let Statements { now, whole, .. } = Statements::get();
    let asked = format!("{now};\n{}", whole.replace("$1", "NULL::xid"));
    let stamps = Stamps::of(&session.rows(&asked)?, None, None)?;
    let all = "(SELECT array_agg(oid) FROM pg_class)::oid[]";
    let mut rows = session.rows(&TEXT.replace("$1", all))?;
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
    connection: Option<Connection<'a>>,
    /// What each connection starts with.
    setup: &'static [&'static str],
    /// What the last look has seen.
    seen: Option<Seen>,
}

/// A connection, and which of the queries are prepared on it: only who asks something pays for it.
struct Connection<'a> {
    session: Session<'a>,
    prepared: BTreeSet<usize>,
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
        let (database, connection, seen) = (database.to_owned(), None, None);
        Watch { endpoint, database, interrupt, connection, setup: &[TABLES], seen }
    }

    /// The same with other statements that each of its connections starts with.
    pub fn starting_with(self, setup: &'static [&'static str]) -> Watch<'a> {
        Watch { setup, ..self }
    }

    /// Its database is to be a copy of another one as that is now or will be: the first look at it reads
    /// what has changed since the last look at that.
    pub fn go_on_from(&mut self, copied: &Watch<'_>) {
        self.seen = copied.seen().map(Seen::of_copy);
    }

    /// The schema as it is now.
    pub fn take(&mut self) -> Result<Schema> {
        self.take_at_least(&Wanted::LEAST)
    }

    /// The schema, by what was seen of it in another copy of the same data folder. All queries are run,
    /// so that none is planned at the next look.
    pub fn take_over(&mut self, seen: &Seen) -> Result<Schema> {
        self.seen = Some(seen.clone());
        self.take_at_least(&Wanted::OTHERS)
    }

    /// What the last look has seen.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    fn take_at_least(&mut self, least: &Wanted) -> Result<Schema> {
        if let Some(mut seen) = self.seen.take() {
            let looked = self.look(Some(&seen), least).context(CANNOT)?;
            if seen.update(looked) {
                return Ok(self.seen.insert(seen).schema());
            }
        }
        let all = self.look(None, &Wanted::ALL).context(CANNOT)?;
        Ok(self.seen.insert(Seen::of(all)).schema())
    }

    /// Reads what may be another than was seen, and what is wanted at least.
    fn look(&mut self, seen: Option<&Seen>, least: &Wanted) -> Result<Looked> {
        let queries = QUERIES.get_or_init(Queries::all);
        let data = self.endpoint.data_folder().map(ToOwned::to_owned);
        self.on_connection(|connection| {
            let (mut written, mut lsn) = (None, None);
            if let Some(data) = &data {
                let (since, names) = (seen.and_then(Seen::lsn), &Statements::get().names);
                (lsn, written) = Written::since(since, data, &mut connection.session, names)?;
                // Who still writes may have written what nobody sees yet.
                lsn = lsn.or(since);
                written = written.filter(|now| seen.is_some_and(|seen| seen.is_within(now)));
            }
            let stamps = connection.stamps(queries, seen, written.as_ref(), least)?;
            let stamps = Stamps::of(&stamps, written.as_ref(), lsn)?;
            let wanted = seen.map_or(Wanted::ALL, |seen| seen.changed(&stamps, least));
            let rows = connection.read(queries, &wanted, stamps.superuser)?;
            Ok(Looked { stamps, wanted, rows })
        })
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
        let answer = ask(self.connect()?);
        if answer.is_err() {
            // Nobody knows what is prepared on it.
            self.close();
        }
        answer
    }

    fn connect(&mut self) -> Result<&mut Connection<'a>> {
        self.close();
        let mut session = Session::through(&self.endpoint, &self.database, self.interrupt.clone())?;
        session.execute(&self.setup.join(";\n"))?;
        Ok(self.connection.insert(Connection { session, prepared: BTreeSet::new() }))
    }

    /// Disconnects. What was seen is remembered.
    pub fn close(&mut self) {
        self.connection = None;
    }
}

impl Connection<'_> {
    /// What runs a query, prepared first where it is not.
    fn run(&mut self, queries: &Queries, number: usize, arguments: &str) -> String {
        let Some(Query { sql, parameters, .. }) = queries.all.get(number) else {
            return String::new();
        };
        let prepare = match self.prepared.insert(number) {
            true => format!("PREPARE q{number}{parameters} AS {sql};\n"),
            false => String::new(),
        };
        let arguments = match *parameters {
            "" => String::new(),
            _ => format!("({arguments})"),
        };
        format!("{prepare}EXECUTE q{number}{arguments};\n")
    }

    /// Begins a transaction, in which everything is seen at one moment, and asks what may have changed.
    fn stamps(
        &mut self,
        queries: &Queries,
        seen: Option<&Seen>,
        written: Option<&Written>,
        least: &Wanted,
    ) -> Result<Vec<Row>> {
        let since = seen.map_or("NULL".to_owned(), |seen| format!("'{}'", seen.began()));
        let mut sql = queries.begin.clone() + &self.run(queries, NOW, "");
        match written {
            None => sql += &self.run(queries, WHOLE, &since),
            Some(written) => {
                for (number, pages) in written.pages.iter().enumerate() {
                    if !pages.is_empty() || least.others {
                        let arguments = format!("{since}, {}", places(pages));
                        sql += &self.run(queries, queries.paged + number, &arguments);
                    }
                }
            }
        }
        self.session.rows(&sql)
    }

    /// Reads what is wanted, and ends the transaction.
    fn read(&mut self, queries: &Queries, wanted: &Wanted, superuser: bool) -> Result<Vec<Row>> {
        let relations = match &wanted.relations {
            None => self.session.value(RELATIONS)?.unwrap_or("{}".to_owned()),
            Some(oids) => {
                let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
                format!("{{{}}}", oids.join(","))
            }
        };
        let mut sql = String::new();
        for (number, query) in queries.all.iter().enumerate() {
            let is_run = match query.when {
                When::Asked => false,
                When::Told => wanted.others || wanted.has_relations(),
                When::EachTime => true,
                When::Others => wanted.others,
                When::Superuser => superuser,
            };
            if is_run {
                sql += &self.run(queries, number, &format!("'{relations}'"));
            }
        }
        self.session.rows(&(sql + "COMMIT"))
    }
}

/// The statements of `snapshot.sql` and `stamps.sql`.
struct Queries {
    /// Begins the transaction.
    begin: String,
    all: Vec<Query>,
    /// The number of the first that asks some pages of one catalogue.
    paged: usize,
}

struct Query {
    sql: &'static str,
    /// The types of its parameters; empty: it has none.
    parameters: &'static str,
    when: When,
}

static QUERIES: OnceLock<Queries> = OnceLock::new();
/// The numbers of those that are asked by name.
const NOW: usize = 0;
const WHOLE: usize = 1;

/// When a query is run.
#[derive(Clone, Copy)]
enum When {
    /// By name.
    Asked,
    /// When a relation is wanted, or what belongs to none; it is told which relations.
    Told,
    /// Each time.
    EachTime,
    /// When what belongs to no relation is wanted.
    Others,
    /// Each time, for who may.
    Superuser,
}

impl Query {
    fn of(sql: &'static str) -> Query {
        let (parameters, when) = match sql {
            _ if sql.contains("$1") => ("(oid[])", When::Told),
            _ if sql.contains(&format!("'{READ_EACH_TIME}' AS address")) => ("", When::EachTime),
            _ => ("", When::Others),
        };
        Query { sql, parameters, when }
    }

    fn asked(sql: &'static str, parameters: &'static str) -> Query {
        Query { sql, parameters, when: When::Asked }
    }
}

impl Queries {
    fn all() -> Queries {
        let Statements { now, whole, paged, .. } = Statements::get();
        let mut all = vec![Query::asked(now, ""), Query::asked(whole, "(xid)")];
        let mut begin = String::new();
        for statement in TEXT.split(";\n") {
            match statement.find("SELECT '").or(statement.find("SELECT CASE")) {
                Some(start) => all.push(Query::of(&statement[start..])),
                None if statement.trim_start().starts_with("COMMIT") => {}
                None => begin += &format!("{statement};\n"),
            }
        }
        // After the roles that it adds to.
        all.push(Query { sql: PASSWORDS, parameters: "", when: When::Superuser });
        let first = all.len();
        all.extend(paged.iter().map(|sql| Query::asked(sql, "(xid, tid[])")));
        Queries { begin, all, paged: first }
    }
}

#[cfg(test)]
#[path = "../../../tests/schema/property.rs"]
mod property;

#[cfg(test)]
#[path = "../../../tests/schema/trees.rs"]
mod trees;
