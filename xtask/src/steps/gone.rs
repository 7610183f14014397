//! Data that is lost with dropped columns and tables.

use model::schema::Schema;
use model::stairs::Stairs;

/// The most losses that are listed.
const TOLD: usize = 4;

/// Data that goes with dropped columns and tables.
#[derive(Clone, Debug, Default)]
pub(super) struct LostData {
    /// With those that the upgrade added.
    pub(super) added: Vec<String>,
    /// With those that the upgrade dropped, and rows that it deleted.
    pub(super) dropped: Vec<String>,
    /// The tables and columns that the downgrade drops.
    pub(super) homes: Vec<String>,
}

/// The tables and columns that a downgrade dropped, in each database; of a table, not each column.
pub(super) fn dropped_between(before: &[Schema], after: &[Schema]) -> Vec<String> {
    let of_one = |(before, after): (&Schema, &Schema)| -> Vec<String> {
        let is_gone = |kind: &str, name: &str| {
            before.get(kind, name).is_some() && after.get(kind, name).is_none()
        };
        let ids = before.objects().keys().filter(|id| {
            let table = id.identity.rsplit_once('.').map_or("", |(table, _)| table);
            is_gone(&id.kind, &id.identity)
                && (id.kind == "table" || id.kind == "column" && !is_gone("table", table))
        });
        ids.map(|id| id.identity.clone()).collect()
    };
    before.iter().zip(after).flat_map(of_one).collect()
}

/// Lines about lost data; none without loss.
pub(super) fn told_lost(stairs: &Stairs) -> Vec<String> {
    let mut lines = Vec::new();
    for (how, lost) in [
        ("on downgrade, with the columns that were added", &stairs.lost_down),
        ("on upgrade, with what it drops or deletes", &stairs.lost_up),
    ] {
        if lost.is_empty() {
            continue;
        }
        lines.push(format!("data lost {how}:"));
        lines.extend(lost.iter().take(TOLD).map(|(revision, what)| format!("  {revision} {what}")));
        let more = lost.len().saturating_sub(TOLD);
        lines.extend((more > 0).then(|| format!("  and {more} more")));
    }
    lines
}
