//! News of a watch: saves, keys, and the end of a run.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::state;
use crate::os::interrupt::{FOR_EVER, Interrupt};
use crate::os::terminal::Keys;
use crate::os::watcher::Watcher;
use model::watch::{Moment, Watch};

/// Shows the state.
pub type Show<'a> = &'a (dyn Fn(&Watch, Moment) + Sync);

/// Event that ends a wait.
pub(super) enum WatchEvent {
    /// The run came to its end.
    Done,
    /// Files hold something else.
    Changed(Vec<Utf8PathBuf>),
    /// A run is asked for by a key; with the stairway or without.
    Again { stairway: bool },
    /// Enough.
    Quit,
}

/// Waits for news.
pub(super) struct Listen<'a> {
    pub(super) interrupt: &'a Interrupt,
    pub(super) state: &'a Mutex<Watch>,
    pub(super) show: Show<'a>,
}

impl Listen<'_> {
    pub(super) fn wait(
        &self,
        watcher: &mut Watcher,
        keys: &mut Option<Keys>,
        done: Option<&UnixStream>,
    ) -> Result<WatchEvent> {
        loop {
            let mut fds = vec![watcher.fd()];
            fds.extend(done.map(AsFd::as_fd));
            fds.extend(keys.as_ref().map(Keys::fd));
            let Some(ready) = self.interrupt.wait(&fds, Instant::now() + FOR_EVER)? else {
                continue;
            };
            let mut ready = ready.into_iter();
            let touched = ready.next().unwrap_or_default();
            let done = done.is_some() && ready.next().unwrap_or_default();
            let pressed = ready.next().unwrap_or_default();
            if touched {
                let files = watcher.changed(self.interrupt)?;
                if !files.is_empty() {
                    return Ok(WatchEvent::Changed(files));
                }
            }
            if done {
                return Ok(WatchEvent::Done);
            }
            if pressed && let Some(taken) = keys {
                match taken.pressed() {
                    Some(typed) => {
                        for key in typed.chars() {
                            if let Some(news) = self.key(key, taken)? {
                                return Ok(news);
                            }
                        }
                    }
                    // The terminal is gone, so no key will be pressed.
                    None => return Ok(WatchEvent::Quit),
                }
            }
        }
    }

    fn key(&self, key: char, terminal: &Keys) -> Result<Option<WatchEvent>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            'q' => return Ok(Some(WatchEvent::Quit)),
            'r' | '\n' | ' ' => return Ok(Some(WatchEvent::Again { stairway: false })),
            's' => return Ok(Some(WatchEvent::Again { stairway: true })),
            'e' if state.answer.is_none() => state.answer = Some(state::explain(&state)),
            'e' => state.answer = None,
            'o' | '1'..='9' => {
                let tree = key.to_digit(10).map(|number| number as usize - 1);
                match state::open(&state, tree) {
                    Some(psql) => terminal.lend(psql, self.interrupt)?,
                    None => state.answer = Some(state::NO_DATABASE.to_owned()),
                }
            }
            _ => return Ok(None),
        }
        (self.show)(&state, Moment::Answer);
        Ok(None)
    }
}
