//! Findings about production with one cause: one finding, and a line of it for each of the others.

use model::code::{self, Severity};
use model::finding::Finding;
use model::transcript::Direction;

/// Folds what one revision breaks or blocks, and is avoided in one way, into one finding.
pub(crate) fn once_a_remedy(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same = |known: &&mut Finding| {
            known.code == finding.code
                && is_beside(known, &finding)
                && told(known, "instead") == told(&finding, "instead")
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
        let is_of = |impact: &model::production::Impact| of.contains(&impact.table);
        known.code == &code::WHO_WAITS
            && is_beside(known, &finding)
            && (known.place == finding.place || known.impact.as_deref().is_some_and(is_of))
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

/// Whether two findings are of one revision and way, and of one weight, that no directive lowered.
fn is_beside(one: &Finding, other: &Finding) -> bool {
    let way = |finding: &Finding| -> (Option<String>, Option<Direction>, Severity) {
        let direction = finding.impact.as_ref().map(|impact| impact.direction);
        (finding.revision.clone(), direction, finding.severity())
    };
    one.allowed.is_none() && way(one) == way(other)
}

fn told<'f>(finding: &'f Finding, word: &str) -> Option<&'f str> {
    let told = &finding.impact.as_ref()?.told;
    told.iter().find(|(of, _)| of == word).map(|(_, text)| text.as_str())
}

fn add(known: &mut Finding, finding: Finding) {
    let line = finding.place.as_ref().filter(|place| known.place.as_ref() != Some(*place));
    let line = line.and_then(|place| place.line).map(|line| format!(" (line {line})"));
    known.also.push(format!("{}{}", finding.message, line.unwrap_or_default()));
    known.also.extend(finding.also);
}
