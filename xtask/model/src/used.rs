//! Files and folders that the Python of a tree read while it ran: inputs of its outcome in addition
//! to the gate's own.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// Files and folders that calls read, outside their own Python.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// The files, absolute.
    pub files: BTreeSet<Utf8PathBuf>,
    /// The folders that were listed, absolute.
    pub folders: BTreeSet<Utf8PathBuf>,
    /// Their actions beyond files: another process, a network.
    pub doubts: BTreeSet<String>,
    /// The number of calls.
    pub calls: usize,
    /// The number of calls that reported their reads; a call that was ended did not.
    pub told: usize,
}

impl Used {
    /// Adds the reads of one call.
    pub fn add(&mut self, files: Vec<Utf8PathBuf>, folders: Vec<Utf8PathBuf>, doubts: Vec<String>) {
        self.files.extend(files);
        self.folders.extend(folders);
        self.doubts.extend(doubts);
        self.told += 1;
    }

    /// Adds the reads of other calls.
    pub fn join(&mut self, other: Used) {
        self.add(
            other.files.into_iter().collect(),
            other.folders.into_iter().collect(),
            other.doubts.into_iter().collect(),
        );
        self.told = self.told + other.told - 1;
        self.calls += other.calls;
    }
}
