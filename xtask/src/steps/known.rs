//! Doubt about a failure on a snapshot.

use anyhow::Result;

use super::context::StepOutcome;
use super::errors::SnapshotInvalid;
use crate::os::interrupt::Interrupted;
use model::start::KnownStart;

/// Why the outcome of a step may come from the snapshot: the step went wrong, and not plainly by a
/// revision after the snapshot.
pub(super) fn doubt(start: &KnownStart, result: &Result<StepOutcome>) -> Option<SnapshotInvalid> {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(err) if err.is::<Interrupted>() => return None,
        Err(err) => return Some(SnapshotInvalid(format!("{err:#}"))),
    };
    let finding = outcome.error()?;
    let said = finding.transcript.as_ref().and_then(|said| said.revision.as_ref());
    let revision = said.map(|r| &r.id).or(finding.revision.as_ref());
    match revision {
        Some(revision) if !start.applied.contains(revision) => None,
        _ => Some(SnapshotInvalid(finding.message.clone())),
    }
}
