//! Ctrl-C and its kin, as a value that every wait looks at.
//!
//! The first SIGINT, SIGTERM or SIGHUP is remembered and makes one end of a socket pair readable
//! for ever, so that whoever polls a file descriptor polls this one beside it. Whoever waits gets
//! an [`Interrupted`] error and unwinds; what was started is stopped by the values that own it.
//! Later signals change nothing: cleaning up is quick, and cutting it off would leave things behind.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Whether the run was interrupted, and by which signal.
#[derive(Clone, Debug)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The signal's number; 0: none came.
    signal: AtomicI32,
    /// Readable once a signal came.
    alarm: UnixStream,
}

/// The run was ended by a signal.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted {
    /// The signal's number.
    pub signal: i32,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.signal {
            SIGINT => "SIGINT",
            SIGTERM => "SIGTERM",
            _ => "SIGHUP",
        };
        write!(f, "interrupted by {name}")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP for this process.
    pub fn install() -> Result<Interrupt> {
        let (alarm, bell) = UnixStream::pair().context("cannot make a socket pair")?;
        let shared = Arc::new(Shared { signal: AtomicI32::new(0), alarm });
        let mut signals =
            Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot take over signals")?;
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                if seen
                    .signal
                    .compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
                {
                    // Fails only when the other end is gone, and then nobody waits any more.
                    let _ = bell.shutdown(Shutdown::Both);
                }
            }
        });
        Ok(Interrupt { shared })
    }

    /// One that never comes: for cleaning up, which must not be cut off.
    pub fn never() -> Result<Interrupt> {
        let (alarm, bell) = UnixStream::pair().context("cannot make a socket pair")?;
        // The other end must stay open: its end would ring.
        std::mem::forget(bell);
        Ok(Interrupt { shared: Arc::new(Shared { signal: AtomicI32::new(0), alarm }) })
    }

    /// The signal that ended the run, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.shared.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Fails once a signal came.
    pub fn check(&self) -> Result<()> {
        self.signal().map_or(Ok(()), |signal| Err(Interrupted { signal }.into()))
    }

    /// Sleeps, or fails as soon as a signal comes.
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        self.wait(&[], Instant::now() + duration).map(|_| ())
    }

    /// Waits until one of `fds` can be read or has no other end any more, and says which; `None`
    /// at the deadline. Fails as soon as a signal comes.
    pub fn wait(&self, fds: &[BorrowedFd<'_>], deadline: Instant) -> Result<Option<Vec<bool>>> {
        loop {
            let mut polled: Vec<PollFd<'_>> =
                fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
            polled.push(PollFd::new(&self.shared.alarm, PollFlags::IN));
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let count = match poll(&mut polled, Some(&timeout)) {
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => continue,
                Err(err) => return Err(io::Error::from(err)).context("cannot poll"),
            };
            self.check()?;
            if count == 0 {
                return Ok(None);
            }
            return Ok(Some(polled[..fds.len()].iter().map(|p| !p.revents().is_empty()).collect()));
        }
    }
}
