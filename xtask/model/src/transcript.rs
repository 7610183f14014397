//! Transcript of a command, an Alembic call or a statement: the only value that a call returns.

use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// Output and outcome of one call, successful or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The call as a shell command: `alembic -c alembic.ini upgrade head`.
    pub command: String,
    /// Its outcome.
    pub end: End,
    /// The exception and its causes, outermost first.
    pub exceptions: Vec<Exception>,
    /// The revision in flight at the end.
    pub revision: Option<RevisionInFlight>,
    /// Every revision that was begun, in order.
    pub revisions: Vec<RevisionInFlight>,
    /// The first connection that was refused because its database is not the gate's.
    pub refused: Option<Refused>,
    /// The frames of the tree that began the transaction which env.py hands to Alembic, outermost first.
    pub begun: Vec<Frame>,
    /// The statement in flight at the end; a statement that was done is not in flight.
    pub statement: Option<String>,
    /// The time until the first revision began: env.py, and what it imports.
    #[serde(default)]
    pub before_first: Option<Duration>,
    /// Whether the last statement ran on another connection than Alembic's.
    #[serde(default)]
    pub apart: bool,
    /// The session that held the lock for which the statement waited at its deadline.
    pub waits_for: Option<String>,
    /// Every statement that was run, in order.
    pub statements: Vec<Statement>,
    /// The frames of the traceback that lie in the tree, outermost first.
    pub frames: Vec<Frame>,
    /// The end of its output on stdout and stderr.
    pub output: String,
    /// Whether processes outlived the call and were then ended.
    pub orphaned: bool,
    /// Wall time; for a call that was still running at its deadline, the time that it was given.
    pub elapsed: Duration,
}

/// Outcome of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The call returned, and reported success.
    #[default]
    Returned,
    /// The call raised an exception.
    Raised,
    /// The process exited with this status before the call returned.
    Exited(i32),
    /// Its process was ended by this signal.
    Killed(i32),
    /// The call was still running at its deadline and was ended.
    TimedOut,
    /// The call waited for a lock that another connection of its own held, and was ended.
    WaitsForItself,
    /// The process of the call is gone; no more is known.
    Lost,
}

impl Transcript {
    /// Whether the call reports success.
    pub fn ok(&self) -> bool {
        self.end == End::Returned
    }

    /// The SQLSTATE of the error that Postgres raised, if one did.
    pub fn sqlstate(&self) -> Option<&str> {
        self.exceptions.iter().find_map(|e| e.sqlstate.as_deref())
    }

    /// The transcript with `change` applied to every text that came from the call.
    pub fn map_texts(mut self, change: impl Fn(&str) -> String) -> Transcript {
        let all = |text: &mut Option<String>| *text = text.as_deref().map(&change);
        for exception in &mut self.exceptions {
            exception.message = change(&exception.message);
            all(&mut exception.detail);
            all(&mut exception.hint);
        }
        for statement in &mut self.statements {
            statement.sql = change(&statement.sql);
        }
        for frame in &mut self.frames {
            all(&mut frame.source);
        }
        all(&mut self.statement);
        all(&mut self.waits_for);
        self.output = change(&self.output);
        self
    }

    /// Whether the connection was lost. The SQLSTATE of a server shutdown decides; without a
    /// SQLSTATE the exception's type does. psycopg2 raises the plain `DatabaseError` if the server
    /// dies while it answers.
    pub fn lost_connection(&self) -> bool {
        let told = |state: &str| state.starts_with("57P0") || state.starts_with("08");
        let lost =
            ["OperationalError", "InterfaceError", "ConnectionDoesNotExistError", ".DatabaseError"];
        match self.sqlstate() {
            Some(state) => told(state),
            None => self.exceptions.iter().any(|e| lost.iter().any(|kind| e.kind.ends_with(kind))),
        }
    }

    /// All printed and raised text, in the order of a log.
    pub fn printed(&self) -> String {
        let mut out = format!("$ {}\n", self.command);
        if !self.output.trim().is_empty() {
            out += &format!("{}\n", self.output.trim_end());
        }
        // Outermost first; a log has the cause before its effect.
        for exception in self.exceptions.iter().rev() {
            out += &format!("{exception}\n");
            for (name, said) in [("DETAIL", &exception.detail), ("HINT", &exception.hint)] {
                out += &said.iter().map(|said| format!("{name}:  {said}\n")).collect::<String>();
            }
        }
        out
    }

    /// The most precise exception: the one that Postgres raised, else the outermost.
    pub fn headline(&self) -> Option<&Exception> {
        // SQLAlchemy wraps the driver's exception and copies its SQLSTATE; the inner exception has
        // the driver's own message.
        self.exceptions.iter().rev().find(|e| e.sqlstate.is_some()).or(self.exceptions.first())
    }
}

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Its type with its module: `psycopg2.errors.UndefinedObject`.
    pub kind: String,
    /// The Python module whose code raised it: `alembic.script.revision`.
    pub raised_in: String,
    /// Its message.
    pub message: String,
    /// Its SQLSTATE.
    pub sqlstate: Option<String>,
    /// Postgres's detail.
    pub detail: Option<String>,
    /// Postgres's hint.
    pub hint: Option<String>,
    /// The table that Postgres names, with its schema: `public.orders`, without quotes.
    pub table: Option<String>,
    /// The column that Postgres names.
    pub column: Option<String>,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.trim();
        if message.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}: {message}", self.kind)
        }
    }
}

/// A message without the addresses of Python's objects, which differ from one process to the next.
pub fn without_addresses(message: &str) -> String {
    let mut parts = message.split(" at 0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

/// The revision that Alembic was running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionInFlight {
    /// Its id.
    pub id: String,
    /// The direction in which it was run.
    pub direction: Direction,
}

/// A connection that was refused before it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The host that was asked for.
    pub host: Option<String>,
    /// The port.
    pub port: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The frames of the tree that asked, innermost first.
    pub frames: Vec<Frame>,
    /// The revision that asked; `None`: env.py.
    pub by: Option<RevisionInFlight>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("host", &self.host), ("port", &self.port), ("database", &self.database)];
        let known = parts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let known: Vec<String> = known.map(|(name, value)| format!("{name} {value}")).collect();
        f.write_str(&known.join(", "))
    }
}

/// Which way a revision is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// `upgrade()`.
    Upgrade,
    /// `downgrade()`.
    Downgrade,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Upgrade => "upgrade",
            Direction::Downgrade => "downgrade",
        })
    }
}

/// A statement that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its text, without parameters.
    pub sql: String,
    /// The revision that ran it; `None`: Alembic itself.
    pub revision: Option<String>,
    /// The line of the revision's file that ran it.
    pub line: Option<u32>,
    /// How long it took; `None`: it did not end.
    pub elapsed: Option<Duration>,
}

/// A place in a Python file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The file, absolute.
    pub file: Utf8PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// Its function.
    pub function: String,
    /// The text of the line, where it could be read.
    pub source: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_known_by_its_sqlstate_or_by_having_none() {
        let lost = |kind: &str, sqlstate: Option<&str>| {
            let sqlstate = sqlstate.map(str::to_owned);
            let raised = Exception { kind: kind.into(), sqlstate, ..Exception::default() };
            Transcript { exceptions: vec![raised], ..Transcript::default() }.lost_connection()
        };
        assert!(lost("psycopg2.errors.AdminShutdown", Some("57P01")));
        assert!(lost("psycopg2.OperationalError", None));
        assert!(lost("sqlalchemy.exc.DatabaseError", None));
        assert!(!lost("psycopg2.OperationalError", Some("55P03")));
        assert!(!lost("psycopg2.ProgrammingError", None));
    }
}
