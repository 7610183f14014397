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
    /// The object should not exist, and has these attributes.
    LeftBehind(Attributes),
    /// The object should exist, and had these attributes.
    Missing(Attributes),
    /// The object has this identity now, by a rename that was not taken back.
    Renamed {
        /// The new identity.
        to: String,
        /// Whether no statement renamed it: it was made again under another name.
        anew: bool,
    },
    /// One of its attributes differs.
    Changed {
        /// The attribute.
        attribute: String,
        /// Its earlier value.
        expected: Option<String>,
        /// Its value now.
        found: Option<String>,
    },
}
