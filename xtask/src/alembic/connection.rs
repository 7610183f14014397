//! Connection to one tree's Alembic: a socket with lines of JSON.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::protocol::{CallEnd, Event, Hello};
use crate::os::interrupt::Interrupt;
use crate::os::process::last_lines;

/// How long the imports may take; a cold disk needs several seconds.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the worker may take to say that it ended a call.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest line that the worker writes is far below this.
const LINE_MAX: usize = 16 * 1024 * 1024;

/// Connection to the worker of one tree.
pub struct Connection {
    stream: UnixStream,
    said: Lines,
    pub(super) log: Utf8PathBuf,
    pub(super) pycache: Utf8PathBuf,
    hello: Option<Hello>,
    /// Whether its other end is gone.
    pub(super) is_lost: bool,
}

/// Result of waiting for a line.
pub(super) enum Received {
    Event(Event),
    Deadline,
    Closed,
}

/// Bytes that become lines.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// How many of them are done with.
    done: usize,
}

impl Lines {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }

    /// The event of the next line.
    fn next(&mut self) -> Option<Event> {
        loop {
            let rest = self.rest();
            let line = &rest[..{ rest }.skip_until(b'\n').ok()?];
            if !line.ends_with(b"\n") {
                return None;
            }
            // A process that is ended in the middle of a line leaves one that is no JSON.
            let event = serde_json::from_slice(line).ok();
            self.done += line.len();
            if event.is_some() {
                return event;
            }
        }
    }

    /// Reads the bytes that are there; returns their number.
    fn read(&mut self, from: &mut impl Read) -> io::Result<usize> {
        self.bytes.drain(..self.done);
        self.done = 0;
        let mut chunk = [0; 65536];
        let count = from.read(&mut chunk)?;
        self.bytes.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

impl Connection {
    /// One whose other end is handed to an interpreter.
    pub(super) fn new(
        stream: UnixStream,
        log: &Utf8Path,
        pycache: Utf8PathBuf,
    ) -> Result<Connection> {
        stream.set_nonblocking(true).context("cannot set up a socket")?;
        let (log, said) = (log.to_owned(), Lines::default());
        Ok(Connection { stream, said, log, pycache, hello: None, is_lost: false })
    }

    /// Waits until the interpreter has imported Alembic, and returns its facts.
    pub(super) fn hello(&mut self, interrupt: &Interrupt) -> Result<Hello> {
        if let Some(hello) = &self.hello {
            return Ok(hello.clone());
        }
        match self.next(interrupt, Instant::now() + IMPORT_TIMEOUT)? {
            Received::Event(Event::Ready(hello)) => Ok(self.hello.insert(hello).clone()),
            Received::Event(Event::Unusable { python, message }) => bail!(
                "cannot use `{python}`: {message}\n\
                 hint: name an interpreter that has Alembic and SQLAlchemy with --python, or leave \
                 it out: then an active environment or a .venv is used, or the gate makes one"
            ),
            _ => bail!("cannot start Alembic's interpreter:\n{}", self.log_end()),
        }
    }

    /// Ends the call that runs, if one does, and waits until it has ended; whether it did.
    pub(super) fn end_call(&mut self, interrupt: &Interrupt) -> Result<Option<CallEnd>> {
        self.send(r#"{"kill": true}"#);
        let deadline = Instant::now() + KILL_TIMEOUT;
        loop {
            match self.next(interrupt, deadline)? {
                Received::Event(Event::Ended(ended)) => return Ok(Some(ended)),
                // Messages between its deadline and its end change nothing.
                Received::Event(_) => {}
                Received::Closed | Received::Deadline => {
                    self.is_lost = true;
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the whole line could be written.
    pub(super) fn send(&mut self, line: &str) -> bool {
        // A call is far smaller than a socket's buffer, which is empty between calls.
        let written = self.stream.write_all(format!("{line}\n").as_bytes()).is_ok();
        self.is_lost |= !written;
        written
    }

    /// The next event.
    pub(super) fn next(&mut self, interrupt: &Interrupt, deadline: Instant) -> Result<Received> {
        loop {
            if let Some(event) = self.said.next() {
                return Ok(Received::Event(event));
            }
            if interrupt.wait(&[self.stream.as_fd()], deadline)?.is_none() {
                return Ok(Received::Deadline);
            }
            match self.said.read(&mut self.stream) {
                Ok(1..) if self.said.rest().len() <= LINE_MAX => {}
                Err(err)
                    if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                _ => {
                    self.is_lost = true;
                    return Ok(Received::Closed);
                }
            }
        }
    }

    pub(super) fn log_end(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages that have come: statements that began, the time that one took, and calls that
    /// ended.
    fn heard(connection: &mut Connection) -> String {
        let (interrupt, mut all) = (Interrupt::never().unwrap(), Vec::new());
        let deadline = Instant::now() + Duration::from_millis(50);
        loop {
            all.push(match connection.next(&interrupt, deadline).unwrap() {
                Received::Event(Event::Statement { sql, .. }) => sql,
                Received::Event(Event::StatementDone { seconds }) => format!("took {seconds}"),
                Received::Event(Event::Paused { .. }) => "paused".into(),
                Received::Event(Event::Ended(_)) => "ended".into(),
                Received::Event(_) => "another".into(),
                Received::Closed => "closed".into(),
                Received::Deadline => return all.join(", "),
            });
            if all.last().is_some_and(|last| last == "closed") {
                return all.join(", ");
            }
        }
    }

    #[test]
    fn lines_are_heard_whole_up_to_the_deadline_and_the_end() {
        let (stream, mut says) = UnixStream::pair().unwrap();
        let nowhere = || Utf8PathBuf::from("/nowhere");
        let mut connection = Connection::new(stream, &nowhere(), nowhere()).unwrap();
        let statement = |sql: &str| format!("{{\"event\": \"statement\", \"sql\": \"{sql}\"}}\n");
        let done = "{\"event\": \"statement_done\", \"seconds\": 0.5}\n";
        let paused = "{\"event\": \"paused\", \"carries\": []}\n";
        let ended = "\n{\"event\": \"ended\", \"status\": 0, \"signal\": null, \"output\": \"\"}\n";
        for (said, expected) in [
            (statement("one") + done + paused, "one, took 0.5, paused"),
            // At a deadline the running statement is known.
            (statement("two"), "two"),
            // A process that is ended in the middle of a line leaves one that is no JSON.
            (statement("three") + &statement("four")[..20] + ended, "three, ended"),
            (statement("five"), "five"),
        ] {
            says.write_all(said.as_bytes()).unwrap();
            assert_eq!(heard(&mut connection), expected);
        }
        says.write_all(statement("six").as_bytes()).unwrap();
        drop(says);
        assert_eq!(heard(&mut connection), "six, closed");
    }
}
