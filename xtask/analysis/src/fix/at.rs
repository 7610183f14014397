//! Place of a finding: a statement of a revision.

use tree_sitter::Node;

use crate::python::Module;
use crate::script::Script;
use model::finding::Finding;

/// A statement of a revision, and the finding about it.
pub(super) struct At<'a> {
    pub(super) finding: &'a Finding,
    pub(super) script: &'a Script,
    pub(super) module: &'a Module,
    pub(super) node: Node<'a>,
    /// The SQL that was in flight.
    pub(super) sql: &'a str,
    /// The SQLSTATE.
    pub(super) state: &'a str,
}
