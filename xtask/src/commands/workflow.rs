//! `cargo xtask migration-gate workflow`.

use crate::flags::WorkflowArgs;
use crate::model::report::Report;

/// Audits.
pub fn run(_args: &WorkflowArgs) -> Report {
    Report::default()
}
