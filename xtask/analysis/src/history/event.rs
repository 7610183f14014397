//! Events of a chain: effects that cannot work, or that conflict, with their places.

use std::borrow::Cow;

use crate::body::{Body, Function};
use crate::effect::{Deed, Lookup, Object, Spot};

/// One revision.
#[derive(Clone, Copy)]
pub struct Revision<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its effects.
    pub body: &'a Body,
}

/// A place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The index of the revision, in the order of the upgrade.
    pub revision: usize,
    /// The line in its file.
    pub line: u32,
}

/// Effect that cannot work, or that conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it shows.
    pub at: At,
    /// Whether that is in `downgrade()`.
    pub down: bool,
    /// The fault.
    pub what: What,
}

/// Fault of an effect: it cannot work, or conflicts with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The object exists already.
    CreatedTwice {
        /// The object.
        object: Object,
        /// The name that it has before a rename, where one makes it.
        from: Option<String>,
        /// Where the other one was made, or got its name.
        first: At,
        /// The name that the other one had before a rename, where it got its name by one.
        first_from: Option<String>,
    },
    /// The object is dropped, and was dropped before.
    DroppedTwice {
        /// The object.
        object: Object,
        /// Where it went.
        first: At,
    },
    /// The object is dropped, and was never made.
    NeverMade(Object),
    /// The object is used, and was dropped before.
    UsedAfterDrop {
        /// The object.
        object: Object,
        /// Where it went.
        dropped: At,
    },
    /// The object is used, and is made later or never.
    UsedBeforeMade {
        /// The object.
        object: Object,
        /// Where it is made, if anywhere.
        later: Option<At>,
    },
    /// `upgrade()` makes it or gives it its name, and `downgrade()` leaves it.
    Left {
        /// The object.
        object: Object,
        /// The name that it had before.
        from: Option<String>,
    },
    /// `downgrade()` drops it, and `upgrade()` did not make it.
    DropsOther {
        /// The object.
        object: Object,
        /// Where it was made.
        made: At,
    },
    /// An expression that must be immutable and is not.
    NotImmutable {
        /// The place of the expression.
        spot: Spot,
        /// The object with the expression.
        owner: String,
        /// The part of it.
        offender: String,
    },
    /// A role that no revision makes.
    NoRole {
        /// Its name.
        role: String,
        /// The command that names it.
        command: Cow<'static, str>,
    },
    /// A row that is looked up and that no revision inserts.
    NoRow(MissingRow),
}

impl What {
    pub(super) fn is_left(&self) -> bool {
        matches!(self, What::Left { .. })
    }

    /// The bare names of the missing objects: an object and its table, a role, a table.
    pub(crate) fn missed(&self) -> Vec<&str> {
        let (name, table) = match self {
            What::NeverMade(object) | What::UsedBeforeMade { object, .. } => {
                (&object.name, object.table.as_ref())
            }
            What::NoRole { role, .. } => (role, None),
            What::NoRow(missing) => (&missing.lookup.table, None),
            _ => return Vec::new(),
        };
        let names = std::iter::once(name).chain(table);
        names.map(|name| name.rsplit('.').next().unwrap_or(name)).collect()
    }

    /// The other place that it has to do with.
    pub fn elsewhere(&self) -> Option<At> {
        match self {
            What::CreatedTwice { first: at, .. }
            | What::DroppedTwice { first: at, .. }
            | What::UsedAfterDrop { dropped: at, .. }
            | What::DropsOther { made: at, .. } => Some(*at),
            What::UsedBeforeMade { later, .. } => *later,
            _ => None,
        }
    }
}

pub(crate) fn deeds(function: Option<&Function>) -> impl Iterator<Item = &Deed> {
    function.into_iter().flat_map(|function| &function.deeds)
}

/// A row that is looked up and that no revision inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRow {
    /// The lookup.
    pub lookup: Lookup,
    /// The later revision after which a supply gives the row, too late for the lookup.
    pub too_late: Option<String>,
}
