//! Changes of files that a plan consists of.

use camino::Utf8PathBuf;

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is called now; what it will be called, where it is new.
    pub from: Utf8PathBuf,
    /// What it will be called.
    pub to: Utf8PathBuf,
    /// Its bytes now; none where it is new.
    pub before: Vec<u8>,
    /// Its bytes then.
    pub after: Vec<u8>,
}

impl Change {
    /// Whether the file is written anew.
    pub fn is_new(&self) -> bool {
        self.before.is_empty()
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files that change.
    pub changes: Vec<Change>,
    /// What moves and why, one sentence each.
    pub because: Vec<String>,
}

/// The number that an id is; hashes are none.
pub(super) fn number(id: &str) -> Option<u64> {
    let digits = (1..=8).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| id.parse().ok()).flatten()
}
