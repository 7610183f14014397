//! Cancellation of a connection's query when the run is interrupted.
//!
//! One thread waits for that as long as the connection lives: one for each statement would take longer
//! than most statements do.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use postgres::Client;

use super::endpoint::Endpoint;
use crate::os::interrupt::Interrupt;

/// How long the thread waits before it looks again.
const TURN: Duration = Duration::from_secs(24 * 3600);
/// How soon it cancels again: a statement that begins at the moment of the interrupt may be missed.
const AGAIN: Duration = Duration::from_millis(50);

/// Watches over one connection until it is dropped.
pub(super) struct CancelOnInterrupt {
    busy: Arc<AtomicBool>,
    /// The thread sees it closed.
    _alive: UnixStream,
}

impl CancelOnInterrupt {
    /// Begins to watch.
    pub(super) fn of(
        client: &Client,
        endpoint: &Endpoint,
        interrupt: &Interrupt,
    ) -> Result<CancelOnInterrupt> {
        let (alive, mut waiter) = UnixStream::pair().context("cannot make a socket pair")?;
        let busy = Arc::new(AtomicBool::new(false));
        let (is_busy, token) = (Arc::clone(&busy), client.cancel_token());
        let (endpoint, interrupt) = (endpoint.clone(), interrupt.clone());
        let watch = move || {
            loop {
                match interrupt.wait(&[waiter.as_fd()], Instant::now() + TURN) {
                    Ok(None) => {}
                    Ok(Some(_)) => return,
                    Err(_) => break,
                }
            }
            while waiter.set_read_timeout(Some(AGAIN)).is_ok() {
                if is_busy.load(Ordering::Acquire) {
                    endpoint.cancel(&token);
                }
                if matches!(waiter.read(&mut [0]), Ok(0)) {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name("guard".to_owned()).spawn(watch);
        spawned.context("cannot start a thread")?;
        Ok(CancelOnInterrupt { busy, _alive: alive })
    }

    /// Runs something that is to be cancelled.
    pub(super) fn over<T>(&self, run: impl FnOnce() -> T) -> T {
        self.busy.store(true, Ordering::Release);
        let result = run();
        self.busy.store(false, Ordering::Release);
        result
    }
}
