//! Several Alembic commands in one process, with the gate looking at the database in between.
//!
//! Each command loads env.py anew, as Alembic does; only the revision files are read once. What a
//! process costs, and what a thousand revision files cost, is paid once for a whole stairway.

use std::time::Instant;

use anyhow::{Context, Result};

use super::ahead::Begun;
use super::listener::Listener;
use super::protocol::{Errand, Event, Order};
use super::{Ahead, Alembic, Heard, KILL_TIMEOUT, Limits, VersionTable};
use model::redact::{hide, redact};
use model::transcript::Transcript;

impl Alembic {
    /// Begins a walk. It lasts until a command fails or [`Alembic::end_walk`] is called.
    pub fn begin_walk(&mut self) -> Result<bool> {
        self.used.calls += 1;
        let line = self.line_of("walk", Some("head"), None, Ahead::default())?;
        // Where it is begun already, orders are all that it waits for.
        let is_this = |begun: &mut Begun| matches!(begun, Begun::Call(asked) if *asked == line);
        if self.begun.take_if(is_this).is_some() { Ok(true) } else { self.send_call(line) }
    }

    /// The next command of a walk, `upgrade` or `downgrade`; where it fails, the walk has ended.
    pub fn go(&mut self, op: &str, revision: &str, limits: &Limits<'_>) -> Result<Transcript> {
        let said = self.go_raw(op, revision, limits)?;
        let password = self.password.as_deref();
        Ok(said.map_texts(|text| redact(&hide(text, password)).into_owned()))
    }

    fn go_raw(&mut self, op: &str, revision: &str, limits: &Limits<'_>) -> Result<Transcript> {
        let mut heard = Listener::new(self.typed(op, Some(revision)));
        let order = Order { go: Some(Errand { op, revision }) };
        let order = serde_json::to_string(&order).context("cannot write an order")?;
        if !self.connection.send(&order) {
            return Ok(heard.lost());
        }
        let mut deadline = Instant::now() + limits.timeout;
        loop {
            match self.connection.next(&self.interrupt, deadline)? {
                Heard::Event(Event::Arrived) => {
                    heard.said.elapsed = heard.started.elapsed();
                    return Ok(heard.said);
                }
                Heard::Event(Event::Stale) => {
                    let line = self.line_of("walk", Some("head"), None, Ahead::default())?;
                    if !(self.call_anew(&line)? && self.connection.send(&order)) {
                        return Ok(heard.lost());
                    }
                }
                Heard::Event(Event::Ended(ended)) => return Ok(heard.end(ended).0),
                Heard::Event(Event::Used { files, folders, doubts }) => {
                    self.used.add(files, folders, doubts);
                }
                Heard::Event(Event::VersionTable { name, schema }) => {
                    self.version_table = VersionTable { schema, name };
                }
                Heard::Event(event) => heard.take(event, limits.on_revision),
                Heard::Closed => return Ok(heard.lost()),
                Heard::Deadline if heard.timed_out.is_some() => return Ok(heard.lost()),
                Heard::Deadline => {
                    heard.timed_out = Some(limits.timeout);
                    heard.said.waits_for = (limits.on_deadline)();
                    self.connection.send(r#"{"kill": true}"#);
                    deadline = Instant::now() + KILL_TIMEOUT;
                }
            }
        }
    }

    /// Ends a walk that has not failed.
    pub fn end_walk(&mut self) -> Result<()> {
        let order = serde_json::to_string(&Order { go: None }).context("cannot write an order")?;
        if !self.connection.send(&order) {
            return Ok(());
        }
        let deadline = Instant::now() + KILL_TIMEOUT;
        loop {
            match self.connection.next(&self.interrupt, deadline)? {
                Heard::Event(Event::Ended(_)) | Heard::Closed | Heard::Deadline => return Ok(()),
                Heard::Event(Event::Used { files, folders, doubts }) => {
                    self.used.add(files, folders, doubts);
                }
                Heard::Event(_) => {}
            }
        }
    }
}
