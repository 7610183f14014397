//! Files and folders that the Python of a tree read while it ran: inputs of its outcome besides the
//! gate's own.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// What calls read, outside the Python that they ran in.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// The files, absolute.
    pub files: BTreeSet<Utf8PathBuf>,
    /// The folders that were listed, absolute.
    pub folders: BTreeSet<Utf8PathBuf>,
    /// What they did that reaches further than files: another process, a network.
    pub doubts: BTreeSet<String>,
    /// How many calls there were.
    pub calls: usize,
    /// How many of them said what they read: not one that was ended.
    pub told: usize,
}

impl Used {
    /// Adds what one call said.
    pub fn add(&mut self, files: Vec<Utf8PathBuf>, folders: Vec<Utf8PathBuf>, doubts: Vec<String>) {
        self.files.extend(files);
        self.folders.extend(folders);
        self.doubts.extend(doubts);
        self.told += 1;
    }

    /// Adds what other calls read.
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
