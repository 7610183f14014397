//! Any other tree: nothing is supplied.

use anyhow::Result;

use crate::steps::runner::Steps;

/// The round trip alone.
pub fn plain(steps: &mut Steps<'_>) -> Result<()> {
    steps.round_trip()
}
