//! Causes of events: two revisions that conflict do so in many objects, and that is one finding.

use std::mem::discriminant;

use crate::effect::Kind;
use crate::history::{Event, What};

/// An event, the index of its revision, and the further events of the same cause.
pub(super) type Caused<'a> = (usize, &'a Event, Vec<&'a Event>);

/// The events, each with those that have the same cause. `is_whole`: a drop of what nothing creates
/// is a finding.
pub(super) fn by_cause(events: &[(usize, Event)], is_whole: bool) -> Vec<Caused<'_>> {
    let is_told = |event: &Event| is_whole || !matches!(event.what, What::NeverMade(_));
    let brings = |by: &Event, event: &Event| is_told(by) && leads_to(by, event);
    let is_effect = |event: &Event| events.iter().any(|(_, by)| brings(by, event));
    // A cause comes before its effects, and a table before what lies on it.
    let mut order: Vec<&(usize, Event)> = events.iter().collect();
    order.sort_by_cached_key(|(_, event)| (is_effect(event), !is_about_table(event)));
    let mut caused: Vec<Caused<'_>> = Vec::new();
    for (index, event) in order {
        let mut causes = caused.iter_mut();
        match causes.find(|(_, first, _)| is_same(first, event) || brings(first, event)) {
            Some((_, _, also)) => also.push(event),
            None => caused.push((*index, event, Vec::new())),
        }
    }
    caused.sort_by_key(|(_, event, _)| (event.at.revision, event.down, event.at.line));
    caused
}

fn is_about_table(event: &Event) -> bool {
    matches!(&event.what, What::CreatedTwice { object, .. } if object.kind == Kind::Table)
}

/// Whether two revisions conflict in the same way in both.
fn is_same(first: &Event, other: &Event) -> bool {
    let elsewhere = |event: &Event| event.what.elsewhere().map(|at| at.revision);
    let (one, two) = (elsewhere(first), elsewhere(other));
    discriminant(&first.what) == discriminant(&other.what)
        && (first.at.revision, first.down) == (other.at.revision, other.down)
        && one == two
        && one.is_some_and(|revision| revision != first.at.revision)
}

/// Whether `upgrade()` does not drop what `downgrade()` therefore creates a second time.
fn leads_to(first: &Event, other: &Event) -> bool {
    let missed = match &first.what {
        What::NeverMade(object) | What::DroppedTwice { object, .. } => object,
        _ => return false,
    };
    matches!(&other.what, What::CreatedTwice { object, .. } if object.kind == missed.kind && object.table == missed.table)
        && first.at.revision == other.at.revision
        && (first.down, other.down) == (false, true)
}
