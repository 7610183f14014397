//! Chain of revisions while it is run in the head.

use rustc_hash::{FxHashMap, FxHashSet};

use super::event::{At, Event, Revision};
use super::world::{Key, World};

/// The chain during the simulation.
pub(crate) struct Chain<'a> {
    pub(crate) revisions: &'a [Revision<'a>],
    /// Where each object is made first.
    pub(crate) made: FxHashMap<Key, At>,
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
    pub(crate) reported: Reported,
    /// Tables made twice in the current revision: the objects on them are made twice as well.
    pub(crate) twice: FxHashSet<String>,
    /// The table whose parts are skipped because it exists already.
    pub(crate) passing_over: Option<String>,
    pub(crate) at: At,
    pub(crate) down: bool,
}

/// Objects that have an event already, on the way up or down: the first event is enough.
#[derive(Default)]
pub(crate) struct Reported {
    /// Tables and columns that are not made yet.
    pub(crate) unmade: FxHashSet<(Key, bool)>,
    /// Tables and columns that are dropped.
    pub(crate) gone: FxHashSet<(Key, bool)>,
}

impl Reported {
    pub(crate) fn has(&self, key: &(Key, bool)) -> bool {
        self.unmade.contains(key) || self.gone.contains(key)
    }
}
