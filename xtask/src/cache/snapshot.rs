//! The snapshot of a tree: a copy of its server's data directory right before its new revisions.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::inputs::{NotCacheable, Observed};
use crate::os::store::Store;
use crate::postgres::data_dir::DataDir;
use model::start::KnownStart;

/// The kind of entry.
pub const KIND: &str = "snapshot";
/// How many are kept, those that were used last.
const COUNT_MAX: usize = 8;
/// After this long the whole chain is run again.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// The file beside the directory.
const META: &str = "start.json";

/// A data directory, and how far the tree has come on it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The directory.
    pub data: DataDir,
    /// How far.
    pub start: KnownStart,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    start: KnownStart,
    observed: Observed,
}

impl Snapshot {
    /// The snapshot under this key, where it still holds.
    pub fn look_up(cache: &Store, key: &str) -> Result<Snapshot, NotCacheable> {
        let none = || NotCacheable("no run had these inputs up to the new revisions".into());
        let (data, folder) = DataDir::of_cache(cache, KIND, key).ok_or_else(none)?;
        let meta = fs::read(folder.join(META)).ok();
        let Some(Meta { start, observed }) =
            meta.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        else {
            cache.discard(KIND, key);
            return Err(none());
        };
        if start.since.elapsed().map_or(true, |age| age > AGE_MAX) {
            cache.discard(KIND, key);
            return Err(NotCacheable("the snapshot is more than a day old".into()));
        }
        if let Some(path) = observed.stale() {
            cache.discard(KIND, key);
            return Err(NotCacheable(format!("`{path}` has changed")));
        }
        Ok(Snapshot { data, start })
    }

    /// Keeps it.
    pub fn keep(&self, cache: &Store, key: &str, observed: Observed) -> anyhow::Result<()> {
        let meta = Meta { start: self.start.clone(), observed };
        let bytes = serde_json::to_vec(&meta).context("cannot write a snapshot's description")?;
        let beside = |folder: &camino::Utf8Path| {
            fs::write(folder.join(META), bytes).context("cannot write a snapshot's description")
        };
        self.data.keep(cache, (KIND, key), beside)?;
        cache.limit(KIND, COUNT_MAX);
        Ok(())
    }
}
