//! Private network: loopback alone, shared by a server that listens there and its workers.
//!
//! A process of this program makes it and holds it until the gate's end of a pipe closes, however
//! the gate ends. Sandboxes join the network by that process. Without root they join its user
//! namespace first, else the network cannot be joined.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{CAN, ELSEWHERE, OWN};
use crate::os::process::Group;

/// The first argument of this program where it holds a private network.
pub(super) const HOLD: &str = "--hold-network";
/// Its message when the network is there.
pub(super) const READY: &str = "ready\n";
/// The first port of a server in it.
const FIRST_PORT: u16 = 5432;

/// A private network, gone with this value and the last process in it.
pub struct PrivateNetwork {
    // Closed first: then the process ends by itself.
    stdin: Option<ChildStdin>,
    holder: Group,
    ports: AtomicU16,
}

impl PrivateNetwork {
    /// Makes one. Fails where the kernel does not allow it.
    pub fn new() -> Result<PrivateNetwork> {
        if CAN.get().is_none() {
            bail!(ELSEWHERE);
        }
        let mut command = Command::new(OWN);
        command.arg(HOLD).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut holder =
            Group::spawn(&mut command).context("cannot start the holder of a network")?;
        let (stdin, mut said) = (holder.child.stdin.take(), String::new());
        if let Some(mut stderr) = holder.child.stderr.take() {
            stderr.read_to_string(&mut said).context("cannot hear of a private network")?;
        }
        if said != READY {
            bail!("{}", said.trim());
        }
        Ok(PrivateNetwork { stdin, holder, ports: AtomicU16::new(FIRST_PORT) })
    }

    /// The process that holds it.
    pub fn holder(&self) -> u32 {
        self.holder.child.id()
    }

    /// A port that no other server in it has.
    pub fn port(&self) -> u16 {
        self.ports.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for PrivateNetwork {
    fn drop(&mut self) {
        self.stdin.take();
        self.holder.ended_within(Duration::from_secs(1));
    }
}
