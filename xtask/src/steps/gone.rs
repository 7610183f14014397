//! Data that goes with what a downgrade drops.

/// How much of what goes is told.
const TOLD: usize = 4;

/// Data that goes with dropped columns and tables.
#[derive(Clone, Debug, Default)]
pub(super) struct LostData {
    /// With those that the upgrade added.
    pub(super) added: Vec<String>,
    /// With those that the upgrade dropped.
    pub(super) dropped: Vec<String>,
}

/// Lines about what went, where anything did.
pub(super) fn told_gone<'g>(all: impl Iterator<Item = &'g LostData> + Clone) -> Vec<String> {
    let mut lines = Vec::new();
    for (how, of) in [
        (
            "on downgrade, with what was added",
            (|gone: &LostData| &gone.added) as fn(&LostData) -> &Vec<_>,
        ),
        ("on upgrade, with what was dropped", |gone| &gone.dropped),
    ] {
        let gone: Vec<&String> = all.clone().flat_map(of).collect();
        if gone.is_empty() {
            continue;
        }
        lines.push(format!("data lost {how}:"));
        lines.extend(gone.iter().take(TOLD).map(|what| format!("  {what}")));
        let more = gone.len().saturating_sub(TOLD);
        lines.extend((more > 0).then(|| format!("  and {more} more")));
    }
    lines
}
