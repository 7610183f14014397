//! Changes of files that a plan consists of.

use camino::Utf8PathBuf;

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its current name; the name to be for a new file.
    pub from: Utf8PathBuf,
    /// Its name to be.
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

/// Plan of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files that change.
    pub changes: Vec<Change>,
    /// The moves and their reasons, one sentence each.
    pub because: Vec<String>,
}

/// The number that an id is; hashes are none.
pub(super) fn number(id: &str) -> Option<u64> {
    let digits = (1..=8).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| id.parse().ok()).flatten()
}
