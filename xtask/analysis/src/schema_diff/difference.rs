//! Difference between two schemas.

use model::schema::{Attributes, ObjectId};

/// One difference between the schema that was expected and the one that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The object that differs.
    pub object: ObjectId,
    /// How.
    pub change: Change,
}

/// How an object differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It should not be there, and is like this.
    LeftBehind(Attributes),
    /// It should be there, and was like this.
    Missing(Attributes),
    /// It has this identity now, by a rename that was not taken back.
    Renamed {
        /// Which.
        to: String,
    },
    /// One of its attributes differs.
    Changed {
        /// Which.
        attribute: String,
        /// What it was.
        expected: Option<String>,
        /// What it is.
        found: Option<String>,
    },
}
