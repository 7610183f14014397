//! Session of the gate with a database: supplies and the checks after a step.
//!
//! A migration may end every other connection of its database. Queries that are repeated go through
//! a [`SchemaReader`](super::schema::SchemaReader), which then connects again.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use postgres::{Client, SimpleQueryMessage};

use super::cancel::CancelOnInterrupt;
use super::endpoint::Endpoint;
use crate::os::interrupt::Interrupt;
pub use model::quoting::{identifier, literal};
use model::start::VersionTable;
use model::transcript::{End, Exception, Statement, Transcript};

/// How long a connection that was closed may take to end.
const ENDING: Duration = Duration::from_millis(500);

/// One connection. Its query ends early when the run is interrupted.
pub struct Session<'a> {
    client: Client,
    guard: CancelOnInterrupt,
    interrupt: Cow<'a, Interrupt>,
}

/// State of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleState {
    /// Whether it can log in.
    pub can_login: bool,
}

impl<'a> Session<'a> {
    /// Connects to a database.
    pub fn open(endpoint: &'a Endpoint, database: &str, interrupt: &'a Interrupt) -> Result<Self> {
        Session::through(endpoint, database, Cow::Borrowed(interrupt))
    }

    /// The same, with an interrupt that the session may own.
    pub(super) fn through(
        endpoint: &Endpoint,
        database: &str,
        interrupt: Cow<'a, Interrupt>,
    ) -> Result<Self> {
        interrupt.check()?;
        let client = endpoint.connect(database)?;
        let guard = CancelOnInterrupt::of(&client, endpoint, &interrupt)?;
        Ok(Session { client, guard, interrupt })
    }

    /// Runs something on the connection, and has Postgres cancel it when the run is interrupted.
    fn guarded<T>(
        &mut self,
        run: impl FnOnce(&mut Client) -> std::result::Result<T, postgres::Error>,
    ) -> Result<T> {
        let Session { client, guard, interrupt, .. } = self;
        interrupt.check()?;
        let result = guard.over(|| run(client));
        interrupt.check()?;
        Ok(result?)
    }

    /// Runs statements, and returns the transcript, also of a failure. Fails only if the run was
    /// interrupted.
    pub fn transcribe(&mut self, sql: &str, timeout: Duration) -> Result<Transcript> {
        let started = Instant::now();
        let limited = format!("SET statement_timeout = {};\n{sql}", timeout.as_millis());
        let result = self.guarded(|client| client.batch_execute(&limited));
        self.interrupt.check()?;
        let elapsed = started.elapsed();
        let mut said = Transcript {
            command: "psql".into(),
            elapsed,
            statements: vec![Statement {
                sql: sql.into(),
                revision: None,
                line: None,
                elapsed: Some(elapsed),
            }],
            ..Transcript::default()
        };
        if let Err(err) = result {
            said.end = End::Raised;
            said.statement = Some(sql.into());
            said.exceptions = vec![exception(&err)];
        }
        Ok(said)
    }

    /// Runs statements for the gate itself.
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        self.guarded(|client| client.batch_execute(sql))
            .with_context(|| format!("cannot run `{sql}`"))
    }

    /// The first column of a query's rows.
    pub fn column(&mut self, sql: &str) -> Result<Vec<String>> {
        let rows = self.guarded(|client| client.simple_query(sql));
        let rows = rows.with_context(|| format!("cannot run `{sql}`"))?;
        Ok(rows
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect())
    }

    /// The rows that several statements return, sent in one round trip: each row as its columns
    /// with their names, NULL left out.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Vec<(String, String)>>> {
        let messages = self.guarded(|client| client.simple_query(sql))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        // Most cells of most rows are NULL: a name is copied for the others alone.
        let cells = rows.map(|row| {
            let columns = row.columns().iter().enumerate();
            let cells = columns
                .filter_map(|(i, column)| Some((column.name().to_owned(), row.get(i)?.to_owned())));
            cells.collect()
        });
        Ok(cells.collect())
    }

    /// The one value that a query returns, if any.
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        Ok(self.column(sql)?.into_iter().next())
    }

    /// The value of a setting.
    pub fn show(&mut self, setting: &str) -> Result<String> {
        self.value(&format!("SHOW {setting}"))?
            .with_context(|| format!("`SHOW {setting}` says nothing"))
    }

    /// Creates a database: an empty one, or a copy of one without other connections. An empty one
    /// is a copy of `template0`, which allows no connections. Where nothing is ever synced, copying
    /// files is the fastest strategy.
    pub fn create_database(
        &mut self,
        name: &str,
        copied: Option<&str>,
        strategy: Option<&str>,
    ) -> Result<()> {
        let strategy = strategy.map(|how| format!(" STRATEGY {how}")).unwrap_or_default();
        if let Some(copied) = copied {
            self.wait_until_unused(copied)?;
        }
        let (name, template) = (identifier(name), identifier(copied.unwrap_or("template0")));
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}"))
    }

    /// Waits until a database has no other connections, so that it can be copied. A connection that
    /// was closed a moment ago may still be ending, and Postgres itself looks again only every 100
    /// ms. A connection that stays is ended.
    pub fn wait_until_unused(&mut self, name: &str) -> Result<()> {
        let connected = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()",
            literal(name)
        );
        let end = Instant::now() + ENDING;
        while Instant::now() < end {
            if self.value(&connected)?.is_none() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.column(&format!("SELECT pg_terminate_backend(pid, 5000) FROM ({connected}) AS c"))
            .map(|_| ())
    }

    /// Drops a database with its connections; a missing one is no error.
    pub fn drop_database(&mut self, name: &str) -> Result<()> {
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name)))
    }

    /// The rows of Alembic's version table, sorted; none where there is no such table.
    pub fn alembic_version(&mut self, table: &VersionTable) -> Result<Vec<String>> {
        let name = table.sql();
        let there = self.value(&format!("SELECT to_regclass({})", literal(&name)))?;
        if there.is_none() {
            return Ok(Vec::new());
        }
        self.column(&format!("SELECT version_num FROM {name} ORDER BY 1"))
    }

    /// The state of a role; `None`: there is no such role.
    pub fn role(&mut self, name: &str) -> Result<Option<RoleState>> {
        let sql = format!("SELECT rolcanlogin FROM pg_roles WHERE rolname = {}", literal(name));
        Ok(self.value(&sql)?.map(|can_login| RoleState { can_login: can_login == "t" }))
    }

    /// The holder of a lock that another connection to this database waits for, in a sentence.
    pub fn lock_holder(&mut self) -> Result<Option<String>> {
        self.value(
            "SELECT format('process %s waits for process %s (%s), whose last statement was `%s`', \
             waiting.pid, holding.pid, holding.state, left(holding.query, 300)) \
             FROM pg_stat_activity AS waiting, \
             LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker(pid) \
             JOIN pg_stat_activity AS holding ON holding.pid = blocker.pid \
             WHERE waiting.datname = current_database() LIMIT 1",
        )
    }

    /// Ends every other connection to this connection's database, such as those of a step that was
    /// cut off.
    pub fn end_others(&mut self) -> Result<()> {
        self.column(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .map(|_| ())
    }
}

fn exception(err: &anyhow::Error) -> Exception {
    match err.chain().find_map(|cause| cause.downcast_ref::<postgres::Error>()?.as_db_error()) {
        Some(db) => Exception {
            kind: db.severity().into(),
            raised_in: String::new(),
            message: db.message().into(),
            sqlstate: Some(db.code().code().into()),
            detail: db.detail().map(Into::into),
            hint: db.hint().map(Into::into),
            table: db.schema().zip(db.table()).map(|(schema, table)| format!("{schema}.{table}")),
            column: db.column().map(Into::into),
        },
        None => {
            Exception { kind: "ERROR".into(), message: format!("{err:#}"), ..Exception::default() }
        }
    }
}
