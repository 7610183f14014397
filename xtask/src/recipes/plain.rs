//! Any other tree: nothing is supplied.

use anyhow::Result;

use super::round_trip;
use super::steps::Steps;

/// The round trip alone.
pub fn plain(steps: &mut Steps<'_>) -> Result<()> {
    round_trip(steps)
}
