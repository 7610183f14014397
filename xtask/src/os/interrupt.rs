//! Ctrl-C and its kin, as a value that every wait looks at.
//!
//! The first SIGINT, SIGTERM or SIGHUP is remembered and makes one end of a socket pair readable
//! for ever, so that code which polls a file descriptor polls this one beside it. Code that waits
//! gets an [`Interrupted`] error and unwinds; the values that own processes stop them. Later
//! signals change nothing: cleaning up is quick, and cutting it off would leave things behind.
//!
//! A part of the run that may end without a signal has a [child](Interrupt::child), which rings
//! with its parent or alone. Things that were prepared before the part began are
//! [tied](Interrupt::also_ends) to it.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
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
    /// Whether Ctrl-C goes to another program, which has the terminal.
    lent: AtomicBool,
    /// The other end of the alarm, where it is not a signal's thread that holds it.
    bell: Option<UnixStream>,
    /// The interrupt that rings this one too.
    parent: Option<Arc<Shared>>,
}

/// With nothing to wait for but an event, a wait ends now and then.
pub const FOR_EVER: Duration = Duration::from_secs(3600);

/// In the place of a signal's number: the files changed meanwhile.
const SUPERSEDED: i32 = -1;

impl Shared {
    fn of(alarm: UnixStream, bell: Option<UnixStream>, parent: Option<Arc<Shared>>) -> Shared {
        Shared { signal: AtomicI32::new(0), alarm, lent: AtomicBool::new(false), bell, parent }
    }

    fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::SeqCst) {
            0 => self.parent.as_ref().and_then(|parent| parent.signal()),
            signal => Some(signal),
        }
    }

    /// Its alarm and those of its parents.
    fn alarms(&self) -> Vec<&UnixStream> {
        let mut alarms = self.parent.as_ref().map(|parent| parent.alarms()).unwrap_or_default();
        alarms.push(&self.alarm);
        alarms
    }
}

/// The run was ended by a signal.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted {
    /// The signal's number, or less than 0 where it was none.
    pub signal: i32,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.signal {
            SUPERSEDED => return f.write_str("given up: the files changed meanwhile"),
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
        let shared = Arc::new(Shared::of(alarm, None, None));
        let mut signals =
            Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot take over signals")?;
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                if signal == SIGINT && seen.lent.load(Ordering::SeqCst) {
                    continue;
                }
                if seen
                    .signal
                    .compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
                {
                    // Fails only when the other end is gone; then nothing waits for it any more.
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
        Ok(Interrupt { shared: Arc::new(Shared::of(alarm, None, None)) })
    }

    /// One that comes with this one, or alone by [`Interrupt::supersede`].
    pub fn child(&self) -> Result<Interrupt> {
        let (alarm, bell) = UnixStream::pair().context("cannot make a socket pair")?;
        let parent = Some(Arc::clone(&self.shared));
        Ok(Interrupt { shared: Arc::new(Shared::of(alarm, Some(bell), parent)) })
    }

    /// Ends every wait on this child, because the files have changed.
    pub fn supersede(&self) {
        self.shared.signal.store(SUPERSEDED, Ordering::SeqCst);
        if let Some(bell) = &self.shared.bell {
            // Fails only when the other end is gone; then nothing waits for it any more.
            let _ = bell.shutdown(Shutdown::Both);
        }
    }

    /// Leaves Ctrl-C to a program that has the terminal, while `work` waits for it.
    pub fn lend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.lent.store(true, Ordering::SeqCst);
        let done = work();
        self.shared.lent.store(false, Ordering::SeqCst);
        done
    }

    /// The signal that ended the run, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.shared.signal()
    }

    /// Fails once a signal came.
    pub fn check(&self) -> Result<()> {
        self.signal().map_or(Ok(()), |signal| Err(Interrupted { signal }.into()))
    }

    /// Sleeps, or fails as soon as a signal comes.
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        self.wait(&[], Instant::now() + duration).map(|_| ())
    }

    /// Waits until something can be read, however long that takes. `false`: a signal came first.
    pub fn wait_for(&self, fd: BorrowedFd<'_>) -> bool {
        loop {
            match self.wait(&[fd], Instant::now() + FOR_EVER) {
                Ok(None) => {}
                Ok(Some(_)) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Waits until one of `fds` can be read or has no other end any more, and says which; `None`
    /// at the deadline. Fails as soon as a signal comes.
    pub fn wait(&self, fds: &[BorrowedFd<'_>], deadline: Instant) -> Result<Option<Vec<bool>>> {
        loop {
            let mut polled: Vec<PollFd<'_>> =
                fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
            let alarms = self.shared.alarms();
            polled.extend(alarms.into_iter().map(|alarm| PollFd::new(alarm, PollFlags::IN)));
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
