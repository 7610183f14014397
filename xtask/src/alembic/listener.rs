//! Listener that puts the events of one call together into a transcript.

use std::time::{Duration, Instant};

use super::protocol::{self, Description, Event};
use model::transcript::{Direction, End, Refused, RevisionInFlight, Statement, Transcript};

/// Puts the events of one call together.
pub(super) struct Listener {
    pub(super) said: Transcript,
    description: Option<Description>,
    pub(super) started: Instant,
    returned: Option<bool>,
    /// Why the call was cut off, and when. The time that it took to end the call does not count.
    cut_off: Option<(End, Duration)>,
}

impl Listener {
    pub(super) fn new(command: String) -> Listener {
        Listener {
            said: Transcript { command, ..Transcript::default() },
            description: None,
            started: Instant::now(),
            returned: None,
            cut_off: None,
        }
    }

    pub(super) fn take(&mut self, event: Event, on_revision: &dyn Fn(&RevisionInFlight)) {
        match event {
            Event::Revision { id, direction } => {
                let direction =
                    if direction == "upgrade" { Direction::Upgrade } else { Direction::Downgrade };
                let revision = RevisionInFlight { id, direction };
                on_revision(&revision);
                if self.said.revisions.is_empty() {
                    self.said.before_first = Some(self.started.elapsed());
                }
                self.said.revisions.push(revision.clone());
                self.said.revision = Some(revision);
            }
            Event::RevisionsDone => self.said.revision = None,
            Event::Statement { sql, line, apart } => {
                self.said.apart = apart;
                self.said.statement = Some(sql.clone());
                let revision = self.said.revision.as_ref().map(|r| r.id.clone());
                self.said.statements.push(Statement { sql, revision, line, elapsed: None });
            }
            Event::StatementDone { seconds } => {
                self.said.statement = None;
                if let Some(last) = self.said.statements.last_mut() {
                    last.elapsed = Duration::try_from_secs_f64(seconds).ok();
                }
            }
            Event::Graph { value } => self.description = Some(value),
            Event::Refused { host, port, database, frames } => {
                let frames = frames.into_iter().map(Into::into).collect();
                let by = self.said.revision.clone();
                self.said.refused.get_or_insert(Refused { host, port, database, frames, by });
            }
            Event::Begun { frames } => {
                self.said.begun = frames.into_iter().map(Into::into).collect();
            }
            Event::Result { ok, value, exceptions, frames } => {
                self.returned = Some(ok);
                self.description = value.or(self.description.take());
                self.said.exceptions = exceptions.into_iter().map(Into::into).collect();
                self.said.frames = frames.into_iter().map(Into::into).collect();
            }
            // Said once at the start, or handled where the connection is at hand.
            Event::Ready(_)
            | Event::Unusable { .. }
            | Event::VersionTable { .. }
            | Event::Models { .. }
            | Event::Paused { .. }
            | Event::Look(_)
            | Event::Used { .. }
            | Event::Ended(_)
            | Event::Unknown => {}
        }
    }

    /// Remembers why the call was cut off, and after what time.
    pub(super) fn cut(&mut self, why: End, after: Duration) {
        self.cut_off = Some((why, after));
    }

    pub(super) fn end(mut self, ended: protocol::CallEnd) -> (Transcript, Option<Description>) {
        self.said.elapsed = self.elapsed();
        (self.said.output, self.said.orphaned) = (ended.output, ended.orphaned);
        self.said.end = match (self.cut_off, self.returned, ended.status, ended.signal) {
            (Some((end, _)), ..) => end,
            (_, Some(false), ..) => End::Raised,
            (_, Some(true), Some(0), _) => End::Returned,
            (_, _, _, Some(signal)) => End::Killed(signal),
            (_, _, status, None) => End::Exited(status.unwrap_or_default()),
        };
        (self.said, self.description)
    }

    pub(super) fn lost(mut self) -> Transcript {
        self.said.elapsed = self.elapsed();
        self.said.end = self.cut_off.map_or(End::Lost, |(end, _)| end);
        self.said
    }

    fn elapsed(&self) -> Duration {
        self.cut_off.map_or_else(|| self.started.elapsed(), |(_, after)| after)
    }
}
