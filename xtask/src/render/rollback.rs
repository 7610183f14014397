//! Rollback card of a tree, in Markdown.

use std::fmt::Write as _;

use super::markup::{prose, span, text};
use model::redact::redact;
use model::report::TreeReport;

/// The command back, the sessions that wait meanwhile, the lost data, and the point of no return.
pub(super) fn card(tree: &TreeReport) -> String {
    let Some(rollback) = &tree.rollback else { return String::new() };
    let mut out = format!("**Rollback of {}**\n\n", text(&tree.label));
    let mut item = |name: &str, what: String| {
        let _ = writeln!(out, "- {name}: {what}");
    };
    let told =
        |all: &[String]| all.iter().map(|one| prose(&redact(one))).collect::<Vec<_>>().join("; ");
    let place = if rollback.cwd.is_empty() { ".".to_owned() } else { rollback.cwd.clone() };
    item("command", format!("{}, in {}", span(&rollback.command), span(&place)));
    let taken = rollback.revisions.iter().map(|id| span(id)).collect::<Vec<_>>().join(", ");
    item("takes back", taken);
    match rollback.rehearsed {
        true => item("rehearsed", "yes, down and up again, on tables with rows".to_owned()),
        false => item("rehearsed", format!("no: {}", told(&rollback.not_rehearsed))),
    }
    match rollback.waits.is_empty() {
        true => item("who waits", "not tried".to_owned()),
        false => item("who waits", told(&rollback.waits)),
    }
    let none = |none: &str| if rollback.rehearsed { none } else { "not tried" }.to_owned();
    match rollback.lost.is_empty() {
        true => item("data lost", none("none: it drops no table and no column")),
        false => {
            item(
                "data lost",
                format!("{}: whatever was written there since", told(&rollback.lost)),
            );
        }
    }
    match &rollback.no_return {
        Some(why) => item("point of no return", prose(&redact(why))),
        None => item("point of no return", none("none")),
    }
    out + "\n"
}
