//! `cargo xtask migration-gate graph`: the revision graph, drawn.

use crate::flags::{Graph, GraphFormat};
use crate::lint::LintOptions;
use crate::os::interrupt::Interrupt;
use crate::render::{diagram, json, log_graph};
use model::report::{Report, TreeReport, Verdict};

/// Draws the graph; where the trees cannot be read, the report says why and nothing is drawn.
pub fn run(flags: &Graph, interrupt: &Interrupt) -> (Report, Option<String>) {
    let report = crate::gate::lint::report(
        &flags.which,
        LintOptions::since(flags.since.as_deref()),
        interrupt,
    );
    let has_none =
        |tree: &TreeReport| tree.graph.as_ref().is_none_or(|graph| graph.revisions.is_empty());
    if report.verdict() == Verdict::Error || report.trees.iter().any(has_none) {
        return (report, None);
    }
    let drawn = match flags.format {
        GraphFormat::Text => log_graph::draw(&report),
        GraphFormat::Mermaid => diagram::mermaid(&report),
        GraphFormat::Dot => diagram::dot(&report),
        GraphFormat::Json => json::report(&report),
    };
    (report, Some(drawn))
}
