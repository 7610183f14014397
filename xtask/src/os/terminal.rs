//! The terminal: its size, and keys as they are pressed.
//!
//! Of its settings only echo and line editing are turned off. Ctrl-C stays a signal, and output
//! looks as usual. The terminal is restored however this value ends.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;
use std::time::Duration;

use super::interrupt::Interrupt;
use anyhow::{Context, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The columns and rows of a terminal; `None`: it is none, or has no size.
pub fn size(terminal: impl AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// The keys of the terminal that the gate was started from.
pub struct Keys {
    terminal: File,
    before: Termios,
}

impl Keys {
    /// Takes the keyboard; `None` where standard input is not a terminal, or this process does not
    /// stand in its foreground.
    pub fn take() -> Option<Keys> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let terminal = File::open("/dev/tty").ok()?;
        if rustix::termios::tcgetpgrp(&terminal).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let keys = Keys { terminal, before };
        keys.listen().ok()?;
        Some(keys)
    }

    fn listen(&self) -> Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&self.terminal, OptionalActions::Now, &modes).context("cannot set the terminal")
    }

    /// Readable once a key was pressed.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }

    /// The keys that were pressed; to be called once [`Keys::fd`] is readable. `None` at the
    /// terminal's end.
    pub fn pressed(&mut self) -> Option<String> {
        let mut chunk = [0; 64];
        match self.terminal.read(&mut chunk) {
            Ok(0) | Err(_) => None,
            Ok(count) => Some(String::from_utf8_lossy(&chunk[..count]).into_owned()),
        }
    }

    /// Gives the terminal to a command of the shell until it ends, Ctrl-C included.
    pub fn lend(&self, command: &str, interrupt: &Interrupt) -> Result<()> {
        let terminal = || File::options().read(true).write(true).open("/dev/tty");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {command}")]);
        shell.stdin(terminal()?).stdout(terminal()?).stderr(terminal()?);
        self.give_back();
        let ended = interrupt.lend(|| {
            let mut child = shell.spawn().context("cannot start a shell")?;
            while child.try_wait()?.is_none() {
                if let Err(err) = interrupt.sleep(Duration::from_millis(50)) {
                    child.kill()?;
                    child.wait()?;
                    return Err(err);
                }
            }
            Ok(())
        });
        self.listen()?;
        ended
    }

    fn give_back(&self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.give_back();
    }
}
