//! Chain of revisions while it is run in the head.

use rustc_hash::{FxHashMap, FxHashSet};

use super::event::{At, Event, Revision};
use super::world::{Key, World};

/// The chain as it is run.
pub(crate) struct Chain<'a> {
    pub(crate) revisions: &'a [Revision<'a>],
    /// Where each object is made first.
    pub(crate) made: FxHashMap<Key, At>,
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
    /// What was said not to be there yet, up or down: the first finding says it.
    pub(crate) reported: FxHashSet<(Key, bool)>,
    /// What was said not to be there any more.
    pub(crate) reported_gone: FxHashSet<(Key, bool)>,
    /// Tables made twice in the revision at hand: what is on them is made twice as well.
    pub(crate) twice: FxHashSet<String>,
    /// The table whose parts are passed over, since it was there already.
    pub(crate) passing_over: Option<String>,
    pub(crate) at: At,
    pub(crate) down: bool,
}
