//! Findings about production with one cause: one finding, and a line of it for each of the others.

use model::code::{self, Severity};
use model::finding::{Finding, Place};
use model::transcript::Direction;

/// Folds what one revision breaks or blocks, and is avoided in one way, into one finding.
pub(crate) fn once_a_remedy(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same = |known: &&mut Finding| {
            known.code == finding.code
                && is_beside(known, &finding)
                && known.instead() == finding.instead()
        };
        let foldable = [&code::BREAKS_RUNNING, &code::WHO_WAITS].contains(&finding.code)
            && finding.allowed.is_none();
        match once.iter_mut().find(is_same).filter(|_| foldable) {
            Some(known) => add(known, finding),
            None => once.push(finding),
        }
    }
    once
}

/// Adds a table that waits to the finding about the same statement, or about one of the tables
/// (`of`) whose work it waits for.
pub(super) fn waits_once(findings: &mut Vec<Finding>, finding: Finding, of: &[String]) {
    let is_same = |known: &&mut Finding| {
        // One transaction may hold several revisions.
        let is_of = |known: &Finding| {
            weight(known) == weight(&finding)
                && known.impact.as_deref().is_some_and(|impact| of.contains(&impact.table))
        };
        let is_one = known.place == finding.place && is_beside(known, &finding);
        known.code == &code::WHO_WAITS && known.allowed.is_none() && (is_one || is_of(known))
    };
    match findings.iter_mut().find(is_same).filter(|_| finding.allowed.is_none()) {
        Some(known) => add(known, finding),
        None => findings.push(finding),
    }
}

/// Adds lost rows to the finding that says that their table was dropped; `false`: there is none.
pub(super) fn lost_with_table(findings: &mut [Finding], lost: &Finding) -> bool {
    let table = |finding: &Finding| {
        finding.impact.as_ref().map(|impact| (impact.direction, impact.table.clone()))
    };
    let is_its =
        |known: &&mut Finding| known.code == &code::BREAKS_RUNNING && table(known) == table(lost);
    let Some(known) = findings.iter_mut().find(is_its) else { return false };
    known.also.push(format!("{}: {}", lost.code.id, lost.message));
    true
}

/// Whether two findings have the same revision, direction and severity, and no directive allows the first.
fn is_beside(one: &Finding, other: &Finding) -> bool {
    one.allowed.is_none() && one.revision == other.revision && weight(one) == weight(other)
}

fn weight(finding: &Finding) -> (Option<Direction>, Severity) {
    (finding.impact.as_ref().map(|impact| impact.direction), finding.severity())
}

fn add(known: &mut Finding, finding: Finding) {
    let line = finding.place.as_ref().filter(|place| known.place.as_ref() != Some(*place));
    let file = |place: &Place| match known.place.as_ref().is_some_and(|of| of.file == place.file) {
        true => "line ".to_owned(),
        false => format!("{}:", place.file),
    };
    let line = line.and_then(|place| Some(format!(" ({}{})", file(place), place.line?)));
    known.also.push(format!("{}{}", finding.message, line.unwrap_or_default()));
    known.also.extend(finding.also);
}
