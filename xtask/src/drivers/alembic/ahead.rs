//! What Alembic and its worker do before it is called, so that the call takes less.

use std::time::{Duration, Instant};

use anyhow::Result;
use camino::Utf8PathBuf;
use serde::Serialize;

use super::connection::Heard;
use super::protocol::Event;
use super::{Alembic, KILL_TIMEOUT};

/// What is done ahead of a call.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Ahead<'a> {
    /// The revision files that may change before they are run; nothing: none may. For `get_ready`.
    late: Option<&'a [Utf8PathBuf]>,
    /// For how many calls a process is made beforehand. For `get_ready`.
    spares: usize,
    /// Whether the call waits for a word before its first statement.
    hold: bool,
    /// Whether the files in `late` may be edited until that word.
    edited: bool,
}

/// What of a call is done before it is due.
pub(super) enum Begun {
    /// The revisions are read, as they are at the start of each call.
    Reading,
    /// All of this call that comes before its first statement.
    Call(String),
}

impl Alembic {
    /// Has Alembic read the revisions before it is called: no call after this reads any but those in
    /// `late`, which may be edited until then, as long as they say of themselves what they said when
    /// they were described. For so many calls a process is made, each with memory of its own: what
    /// the system would copy in the call, a third of its time, it copies before. Whether the
    /// revisions could be read.
    pub fn get_ready(
        &mut self,
        late: &[Utf8PathBuf],
        spares: usize,
        timeout: Duration,
    ) -> Result<bool> {
        self.give_up_begun()?;
        let deadline = Instant::now() + timeout;
        let ahead = Ahead { late: Some(late), spares, ..Ahead::default() };
        let line = self.line_of("get_ready", None, None, ahead)?;
        Ok(self.connection.send(&line)
            && matches!(
                self.connection.next(&self.interrupt, deadline)?,
                Heard::Event(Event::IsReady)
            ))
    }

    /// The same where none is edited until then, for the calls that follow: whatever a revision does
    /// when it is read it does in each of them. Where it cannot be done, they read all. Nobody waits.
    pub fn begin_to_get_ready(&mut self) -> Result<()> {
        // That the connection is lost is what the next call says.
        self.connection.send(&self.line_of("get_ready", None, None, Ahead::default())?);
        Ok(())
    }

    /// Begins a call before it is due: it comes as far as it can without the database. Where the tree
    /// may reach that by a way on which nobody waits, nothing is begun.
    pub fn begin(&mut self, op: &str, revision: &str) -> Result<()> {
        self.begin_and_pause(op, revision, None)
    }

    /// The same of an upgrade that is to pause before a revision.
    pub fn begin_and_pause(
        &mut self,
        op: &str,
        revision: &str,
        pause_before: Option<&str>,
    ) -> Result<()> {
        self.begin_as((op, revision, pause_before), Ahead { hold: true, ..Ahead::default() })
    }

    /// The same where the files that [`Alembic::get_ready`] was told may be edited until it is due.
    pub fn begin_before_edits(&mut self, op: &str, revision: &str) -> Result<()> {
        let hold = Ahead { hold: true, edited: true, ..Ahead::default() };
        self.begin_as((op, revision, None), hold)
    }

    /// Begins a walk before it is due, unless it is begun, on a database where it is no harm that env.py
    /// connects to it: the files that [`Alembic::get_ready`] was told may be edited until the first
    /// command.
    pub fn begin_walk_before_edits(&mut self, database: &str) -> Result<()> {
        if self.begun.is_some() {
            return Ok(());
        }
        self.use_database(database);
        self.begin_as(("walk", "head", None), Ahead { edited: true, ..Ahead::default() })
    }

    fn begin_as(
        &mut self,
        (op, revision, pause_before): (&str, &str, Option<&str>),
        hold: Ahead<'_>,
    ) -> Result<()> {
        if self.used.doubts.is_empty() {
            let line = self.line_of(op, Some(revision), pause_before, hold)?;
            let is_sent = self.send_call(line)?;
            let asked = self.line_of(op, Some(revision), pause_before, Ahead::default())?;
            self.begun = is_sent.then_some(Begun::Call(asked));
        }
        Ok(())
    }

    /// Sends a call, or the word that what was begun of it may go on. Whether it could be sent.
    pub(super) fn send_call(&mut self, line: String) -> Result<bool> {
        match self.begun.take() {
            Some(Begun::Call(begun)) if begun == line => {
                Ok(self.connection.send(r#"{"go": true}"#))
            }
            Some(Begun::Reading) => Ok(self.connection.send(&format!(r#"{{"go": {line}}}"#))),
            Some(Begun::Call(_)) => {
                self.end_call()?;
                Ok(self.connection.send(&line))
            }
            None => Ok(self.connection.send(&line)),
        }
    }

    /// Ends what was begun: it may be connected to the database.
    pub fn give_up_begun(&mut self) -> Result<()> {
        if self.begun.take().is_some() { self.end_call() } else { Ok(()) }
    }

    fn end_call(&mut self) -> Result<()> {
        self.connection.send(r#"{"kill": true}"#);
        self.wait_for_end()
    }

    /// Begins a call anew that was begun before an edit and has looked at what stood there then: it ends
    /// by itself. Whether the call could be sent.
    pub(super) fn call_anew(&mut self, line: &str) -> Result<bool> {
        self.wait_for_end()?;
        Ok(self.connection.send(line))
    }

    /// Waits until the process of a call has ended.
    fn wait_for_end(&mut self) -> Result<()> {
        let deadline = Instant::now() + KILL_TIMEOUT;
        loop {
            match self.connection.next(&self.interrupt, deadline)? {
                Heard::Event(Event::Ended(_)) | Heard::Closed | Heard::Deadline => return Ok(()),
                Heard::Event(_) => {}
            }
        }
    }
}
