//! Recipe of any other tree: the supplies of its own settings, and its models.

use anyhow::Result;

use crate::steps::runner::StepRunner;
use model::supply::Script;

/// Each file right before the revision that needs it, then the round trip, then `alembic check`.
pub fn plain(scripts: &[Script], steps: &mut StepRunner<'_>) -> Result<()> {
    for script in steps.in_order(scripts) {
        if let Some(revision) = &script.required_by {
            steps.upgrade_below(revision)?;
        }
        steps.supply(script)?;
    }
    steps.round_trip()?;
    steps.models()
}
