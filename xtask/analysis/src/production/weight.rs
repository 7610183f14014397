//! Weight of a finding, by time and direction.

use super::sizes::Extent;
use super::waits::WARNS;
use model::code::Severity;
use model::transcript::Direction;

/// From how many seconds on a finding is a warning, an error, and an error on a hot table.
const WEIGHS: (f64, f64, f64) = (WARNS, 5.0, 1.0);

/// The weight of work that takes so long on a table of this extent.
pub(crate) fn weigh(seconds: Option<f64>, extent: Extent, direction: Direction) -> Severity {
    let (warns, fails, fails_hot) = WEIGHS;
    let is_hot = matches!(extent, Extent::Known(size) if size.is_hot());
    let weight = match (seconds, extent) {
        (_, Extent::Seeded(_)) => Severity::Note,
        (None, _) => Severity::Warning,
        (Some(seconds), _) if seconds < warns => Severity::Note,
        (Some(seconds), _) if seconds >= fails || is_hot && seconds >= fails_hot => Severity::Error,
        _ => Severity::Warning,
    };
    lower(weight, direction)
}

/// A downgrade weighs one less.
pub(super) fn lower(weight: Severity, direction: Direction) -> Severity {
    match (weight, direction) {
        (weight, Direction::Upgrade) => weight,
        (Severity::Error, Direction::Downgrade) => Severity::Warning,
        (_, Direction::Downgrade) => Severity::Note,
    }
}
