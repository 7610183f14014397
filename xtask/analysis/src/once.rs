//! One cause, one finding: further effects of a cause are lines of its finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::NO_DOWNGRADE;
use crate::effect::{Effect, Object};
use crate::schema_diff::mentions;
use crate::sql;
use model::code::{self, Code, Severity};
use model::finding::Finding;
use model::transcript::{Direction, Transcript};

/// Codes about the schema that one `downgrade()` leaves.
const OF_A_DOWNGRADE: [&Code; 3] = [&code::REMAINS, &code::NOT_RESTORED, &code::CHANGED];
/// Codes of habits: each revision of the tree has the same reason.
const OF_A_HABIT: [&Code; 3] = [&code::NO_DOWNGRADE, &code::RAISING_DOWNGRADE, &code::IRREVERSIBLE];

/// Codes about heads: a base of its own has a head of its own.
const HEADS: [&Code; 2] = [&code::MULTIPLE_HEADS, &code::SEVERAL_BASES];

/// The number of revisions that may block or break production in one way before it is a habit.
const REVISIONS_EACH: usize = 3;

/// Folds each finding into the first one that has the same cause.
pub fn fold(findings: &mut Vec<Finding>) {
    let habits = habits_of_production(findings);
    let mut folded: Vec<Finding> = Vec::new();
    for mut finding in findings.drain(..) {
        let habit = hazard(&finding).filter(|hazard| habits.contains(hazard));
        let first = folded.iter_mut().find_map(|first| {
            let line = match &habit {
                Some(_) => (hazard(first) == habit).then(|| same_in(&finding)),
                None => line(first, &finding),
            };
            Some((line?, first))
        });
        match first {
            Some((line, first)) => {
                // The step that counts the heads reports their number and names.
                let is_count = finding.code == &code::MULTIPLE_HEADS;
                if is_count && HEADS.contains(&first.code) {
                    std::mem::swap(first, &mut finding);
                }
                if !first.also.contains(&line) && !is_said(first, &finding) {
                    first.also.push(line);
                }
                if habit.is_none() {
                    first.also.append(&mut finding.also);
                }
                // What another downgrade lacks belongs into that one.
                let is_of_another =
                    OF_A_DOWNGRADE.contains(&finding.code) && first.revision != finding.revision;
                if !is_of_another {
                    first.lacks.append(&mut finding.lacks);
                    first.edit = first.edit.take().or(finding.edit);
                }
            }
            None => folded.push(finding),
        }
    }
    *findings = folded;
}

/// Whether both say of one revision that its work was done before.
fn is_said(first: &Finding, other: &Finding) -> bool {
    other.code == &code::SCHEMA_OF_TODAY && first.subject == other.subject
}

/// The tree of a warning about production, its code and its safe form.
type Hazard = (Option<String>, &'static str, String);

fn hazard(finding: &Finding) -> Option<Hazard> {
    let is_warning = finding.severity() == Severity::Warning && finding.allowed.is_none();
    let instead = finding.instead().filter(|_| is_warning)?;
    Some((finding.tree.clone(), finding.code.id, instead.to_owned()))
}

/// The hazards that many revisions of a tree have.
fn habits_of_production(findings: &[Finding]) -> BTreeSet<Hazard> {
    let mut revisions: BTreeMap<Hazard, BTreeSet<&Option<String>>> = BTreeMap::new();
    for finding in findings {
        if let Some(hazard) = hazard(finding) {
            revisions.entry(hazard).or_default().insert(&finding.revision);
        }
    }
    let is_habit = |(_, of): &(Hazard, BTreeSet<_>)| of.len() > REVISIONS_EACH;
    revisions.into_iter().filter(is_habit).map(|(hazard, _)| hazard).collect()
}

/// The line of a finding beside another one of its habit: its revision, place and table.
fn same_in(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(|place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!(" ({}{line})", place.file)
    });
    let table = finding.impact.as_ref().map(|impact| format!(": `{}`", impact.table));
    let revision = finding.revision.as_deref().unwrap_or("another revision");
    format!("the same in {revision}{}{}", place.unwrap_or_default(), table.unwrap_or_default())
}

/// Whether both are about a repeated effect, or a repeated lack, of one tree.
fn is_one_habit(first: &Finding, other: &Finding) -> bool {
    let of_habit = first.code == other.code && OF_A_HABIT.contains(&first.code);
    let lacks = lacks_downgrade(other) || other.code == &code::NO_DOWNGRADE;
    of_habit || (lacks_downgrade(first) && lacks)
}

/// Whether a step down met a revision without `downgrade()`.
fn lacks_downgrade(finding: &Finding) -> bool {
    let said = finding.transcript.as_deref().and_then(Transcript::headline);
    said.is_some_and(|raised| raised.message.ends_with(NO_DOWNGRADE))
}

/// Whether both are about what one downgrade leaves; of lost rows, about the same table.
fn is_of_one_downgrade(first: &Finding, other: &Finding) -> bool {
    let of_rows = |finding: &Finding| finding.code == &code::DATA_LOST;
    let is_of = |finding: &Finding| OF_A_DOWNGRADE.contains(&finding.code) || of_rows(finding);
    let is_mixed = of_rows(first) != of_rows(other);
    is_of(first) && is_of(other) && (!is_mixed || was_empty(first) || is_related(first, other))
}

/// Whether two gaps of one downgrade are about the same table, or one is the reason of the other.
fn is_related(first: &Finding, other: &Finding) -> bool {
    let identity = |finding: &Finding| {
        let subject = finding.subject.as_deref()?;
        subject.rsplit(' ').next().map(str::to_owned)
    };
    let (Some(one), Some(two)) = (identity(first), identity(other)) else { return false };
    let table = |identity: &str| identity.rsplit_once('.').map(|(table, _)| table.to_owned());
    let bare = |identity: &str| identity.rsplit('.').next().unwrap_or_default().to_owned();
    let told = |name: &str, by: &Finding| {
        by.also.iter().chain([&by.message]).any(|line| mentions(line, name))
    };
    (table(&one).is_some() && table(&one) == table(&two))
        || told(&bare(&two), first)
        || told(&bare(&one), other)
}

/// Whether a revision does not restore what an earlier one leaves behind: where both are taken down, the
/// one makes up for the other, so neither is changed alone.
fn is_left_by(first: &Finding, other: &Finding) -> bool {
    let Some(subject) = other.subject.as_deref() else { return false };
    let is_it = |line: &String| {
        let named = line.strip_prefix("left behind: ").and_then(|line| line.strip_prefix(subject));
        named.is_some_and(|rest| rest.starts_with([' ', ',']))
    };
    OF_A_DOWNGRADE.contains(&first.code)
        && [&code::NOT_RESTORED, &code::CHANGED].contains(&other.code)
        && first.also.iter().chain([&first.message]).any(is_it)
}

/// Whether a downgrade fails on rows at the column that it does not restore as it was.
fn fails_at(first: &Finding, other: &Finding) -> bool {
    let column = first.subject.as_deref().and_then(|subject| subject.strip_prefix("column "));
    let column = column.map(|column| column.replace('"', ""));
    let sql = other.transcript.as_deref().and_then(|said| said.statement.as_deref());
    let is_it = |effect: &Effect| match effect {
        Effect::Alter { object: Object { table: Some(table), name, .. }, .. } => {
            column.as_ref() == Some(&format!("{table}.{name}"))
        }
        _ => false,
    };
    let fails_on_rows = [&code::FAILS_ON_EXTREMES, &code::NULLS_IN_ROWS, &code::VALUES_IN_ROWS];
    let goes_down = other.direction().is_none_or(|way| way == Direction::Downgrade);
    first.code == &code::CHANGED
        && fails_on_rows.contains(&other.code)
        && (goes_down || other.code == &code::FAILS_ON_EXTREMES)
        && sql.is_some_and(|sql| sql::read(sql).iter().any(|(_, effect)| is_it(effect)))
}

/// Whether the downgrade of a finding does nothing, as its lint said.
fn was_empty(finding: &Finding) -> bool {
    let title = finding.predicted.as_deref();
    title.is_some_and(|predicted| predicted.contains(DOES_NOTHING))
}

/// The line that the second of two findings adds to the first, where both have one cause.
fn line(first: &Finding, other: &Finding) -> Option<String> {
    if first.tree != other.tree || first.standing != other.standing {
        return None;
    }
    let same_revision = first.revision == other.revision;
    let (one, two) = (first.code, other.code);
    let raised = |finding: &Finding| {
        let said = finding.transcript.as_deref()?;
        Some((said.headline()?.clone(), said.frames.last()?.clone()))
    };
    let same_exception = raised(first).is_some() && raised(first) == raised(other);
    let same_words = one == two && first.message == other.message;
    if one != two && HEADS.contains(&one) && HEADS.contains(&two) {
        let base = if one == &code::SEVERAL_BASES { first } else { other };
        return Some(base.message.clone());
    }
    match (&first.step, &other.step) {
        // The steps after the first meet the same.
        (Some(_), Some(step)) if same_revision && (same_words || same_exception) => {
            Some(format!("the same in the step '{step}'"))
        }
        // Raised by code that the revisions share, such as env.py.
        (Some(_), Some(_)) if same_exception && first.place == other.place => {
            Some(same_in(&Finding { place: None, ..other.clone() }))
        }
        (Some(step), Some(_)) if one == two && one == &code::MULTIPLE_HEADS => {
            Some(format!("the same in the step '{step}'"))
        }
        // A failure of the second way up is a consequence of the downgrade's leftovers.
        (Some(step), Some(_))
            if same_revision
                && step.ends_with("(round trip)")
                && first.transcript.is_some()
                && OF_A_DOWNGRADE.contains(&two) =>
        {
            Some(other.message.clone())
        }
        (Some(_), Some(_)) if same_revision && is_of_one_downgrade(first, other) => {
            Some(other.message.clone())
        }
        (Some(_), Some(_)) if !same_revision && is_left_by(first, other) => {
            Some(other.message.clone())
        }
        // The type that the downgrade gives a column holds less than the one that it had.
        (Some(_), Some(_)) if same_revision && fails_at(first, other) => {
            Some(other.message.clone())
        }
        _ if one == two && one == &code::SCHEMA_OF_TODAY && same_revision => {
            Some(format!("the same for {}", other.subject.as_deref().unwrap_or("another revision")))
        }
        // Each revision meets the same tables.
        _ if one == two && [first, other].iter().all(|it| it.message.contains(NO_ROWS)) => {
            Some(other.message.clone())
        }
        _ if is_one_habit(first, other) => Some(same_in(other)),
        _ => None,
    }
}

/// A part of the message about a table that no row could be made for.
pub const NO_ROWS: &str = " has no rows when revision ";
/// The lint's message about an empty `downgrade()`.
pub(crate) const DOES_NOTHING: &str = "`upgrade()` changes the database and this does not";

#[cfg(test)]
mod tests;
