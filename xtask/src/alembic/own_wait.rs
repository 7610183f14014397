//! Wait of a call for a lock of its own other connection, which never ends.

use std::time::{Duration, Instant};

/// How often a call that says nothing is looked at.
const GLANCE: Duration = Duration::from_secs(5);
/// How many looks in a row must show the same wait.
const LOOKS: u32 = 3;

/// The wait that the last looks have shown.
pub(super) struct OwnWait {
    /// When to look next.
    pub(super) next: Instant,
    holder: Option<String>,
    looks: u32,
}

impl OwnWait {
    pub(super) fn new() -> OwnWait {
        OwnWait { next: Instant::now() + GLANCE, holder: None, looks: 0 }
    }

    /// Takes who holds the lock that the call waits for now. Whether the wait is endless: again and
    /// again the holder has done nothing since the same statement, in an open transaction. No one but
    /// the call is connected to its database.
    pub(super) fn is_endless(&mut self, holder: Option<&str>) -> bool {
        self.next = Instant::now() + GLANCE;
        self.looks = if self.holder.as_deref() == holder { self.looks + 1 } else { 1 };
        self.holder = holder.map(str::to_owned);
        self.looks >= LOOKS && holder.is_some_and(|holder| holder.contains("(idle in transaction)"))
    }
}
