//! The socket of one tree: lines of JSON, waited for.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::LINE_MAX;
use super::protocol::Event;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::process::last_lines;

/// One tree's socket.
pub struct Connection {
    pub(super) stream: UnixStream,
    pub(super) pending: Vec<u8>,
    pub(super) log: Utf8PathBuf,
    pub(super) pycache: Utf8PathBuf,
    pub(super) known: Utf8PathBuf,
}

impl Connection {
    /// Keeps what is known of the revision files in this file, which others of the same tree may share.
    pub fn knowing(self, known: Utf8PathBuf) -> Connection {
        Connection { known, ..self }
    }
}

/// What came of waiting for a line.
pub(super) enum Heard {
    Event(Event),
    Deadline,
    Closed,
}

impl Connection {
    /// Whether the whole line could be written.
    pub(super) fn send(&mut self, line: &str) -> bool {
        // A call is far smaller than a socket's buffer, which is empty between calls.
        self.stream.write_all(format!("{line}\n").as_bytes()).is_ok()
    }

    pub(super) fn next(&mut self, interrupt: &Interrupt, deadline: Instant) -> Result<Heard> {
        loop {
            let mut line = Vec::new();
            let length = self.pending.as_slice().read_until(b'\n', &mut line)?;
            if line.ends_with(b"\n") {
                self.pending.drain(..length);
                // A process that is ended in the middle of a line leaves one that is no JSON.
                match serde_json::from_slice(&line) {
                    Ok(event) => return Ok(Heard::Event(event)),
                    Err(_) => continue,
                }
            }
            if self.pending.len() > LINE_MAX {
                return Ok(Heard::Closed);
            }
            if interrupt.wait(&[self.stream.as_fd()], deadline)?.is_none() {
                return Ok(Heard::Deadline);
            }
            let mut chunk = [0; 65536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Heard::Closed),
                Ok(n) => self.pending.extend_from_slice(&chunk[..n]),
                Err(err)
                    if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => return Ok(Heard::Closed),
            }
        }
    }

    pub(super) fn log_end(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), 20)
    }
}
