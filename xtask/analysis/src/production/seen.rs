//! Summary of the observations of a way, by name.

use super::breaks::Break;
use super::setting::Text;
use super::view::View;
use model::production::{Blocked, MODES, Oid, Seen};
use model::transcript::Direction;

/// The observations of a way.
pub(super) fn seen(
    revisions: &[Text],
    view: &View<'_>,
    direction: Direction,
    (broken, tried): (&[Break], usize),
) -> Seen {
    let name = |oid: &Oid| view.relation(*oid).map(|r| r.name.clone()).unwrap_or_default();
    let is_table = |oid: &Oid| view.relation(*oid).is_some_and(|r| "rpmv".contains(r.kind));
    let word = |what: Blocked| format!("{what:?}").to_lowercase();
    let facts = &view.facts;
    let mode = |mode: u8| MODES.get(usize::from(mode).saturating_sub(1)).map(|m| (*m).to_owned());
    Seen {
        direction: direction.to_string(),
        revisions: revisions.iter().map(|text| text.revision.clone()).collect(),
        locks: facts
            .locks
            .iter()
            .filter(|(oid, _)| is_table(oid))
            .filter_map(|(oid, m)| Some((name(oid), mode(*m)?)))
            .collect(),
        rewrites: facts.rewrites.iter().map(name).collect(),
        scans: facts.scans.iter().map(name).collect(),
        blocks: facts.blocks.iter().map(|(oid, what)| (name(oid), word(*what))).collect(),
        blocks_through: facts
            .through
            .iter()
            .map(|(oid, all)| {
                (name(oid), all.iter().map(|(what, on)| (word(*what), name(on))).collect())
            })
            .collect(),
        breaks: broken.iter().map(ToString::to_string).collect(),
        statements: tried,
        lock_timeout: facts.lock_timeout.clone(),
    }
}
