//! Texts of a tree as they were when its run began.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Result, bail};
use camino::Utf8PathBuf;

use crate::alembic::Description;
use model::tree::Tree;

/// A checksum of each file; `None` of one that cannot be read.
pub(super) struct Checksums(BTreeMap<Utf8PathBuf, Option<u32>>);

impl Checksums {
    /// Those of the ini and of the revisions.
    pub(super) fn of(tree: &Tree, graph: Option<&Description>) -> Checksums {
        let revisions = graph.iter().flat_map(|graph| graph.revisions.iter());
        let files = revisions.map(|revision| revision.file.clone()).chain([tree.ini_path()]);
        Checksums(files.map(|file| (file.clone(), checksum(&file))).collect())
    }

    /// Fails where one is another text now.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.iter().find(|(file, sum)| checksum(file) != **sum) {
            None => Ok(()),
            Some((file, _)) => bail!(
                "the tree changed while it was gated: `{file}` is not what it was at the start\n\
                 hint: run the gate again, and let nothing write to the checkout meanwhile"
            ),
        }
    }
}

fn checksum(file: &Utf8PathBuf) -> Option<u32> {
    fs::read(file).ok().map(|bytes| crc32fast::hash(&bytes))
}
