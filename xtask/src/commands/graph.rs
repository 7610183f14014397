//! `cargo xtask migration-gate graph`: the revision graph, drawn.

use crate::flags::{Graph, GraphFormat};
use crate::lint::LintOptions;
use crate::os::interrupt::Interrupt;
use crate::render::{diagram, human, json, log_graph};
use model::report::{Report, TreeReport, Verdict};

/// The graph, and whether there is one; where the trees cannot be read, the text says why.
pub fn run(flags: &Graph, interrupt: &Interrupt) -> (Report, String, bool) {
    let report = crate::gate::lint::report(
        &flags.which,
        LintOptions::since(flags.since.as_deref()),
        interrupt,
    );
    let has_none =
        |tree: &TreeReport| tree.graph.as_ref().is_none_or(|graph| graph.revisions.is_empty());
    let is_there = report.verdict() != Verdict::Error && !report.trees.iter().any(has_none);
    let text = match flags.format {
        GraphFormat::Json => json::report(&report),
        _ if !is_there => human::summary(&report),
        GraphFormat::Text => log_graph::draw(&report),
        GraphFormat::Mermaid => diagram::mermaid(&report),
        GraphFormat::Dot => diagram::dot(&report),
    };
    (report, text, is_there)
}
