//! The revision graph as a picture: Mermaid, which GitHub shows in Markdown, and Graphviz.

use std::fmt::Write as _;

use super::log_graph::title;
use crate::model::graph::{Fault, Graph};
use crate::model::report::Report;

/// A Mermaid flowchart, the oldest at the top.
pub fn mermaid(report: &Report) -> String {
    let mut out = String::from("flowchart TD\n");
    for (tree, report) in report.trees.iter().enumerate() {
        let Some(graph) = &report.graph else { continue };
        let _ = writeln!(out, "  subgraph t{tree}[\"{}\"]", mermaid_text(&report.label));
        for (index, revision) in graph.revisions.iter().enumerate() {
            let text = mermaid_text(&format!("{} {}", revision.id, title(revision)));
            let class = class(graph, index).map(|class| format!(":::{class}")).unwrap_or_default();
            let _ = writeln!(out, "    t{tree}r{index}[\"{text}\"]{class}");
        }
        for (from, to, kind) in edges(graph) {
            let arrow = if kind == Edge::Parent { "-->" } else { "-. needs .->" };
            let _ = writeln!(out, "    t{tree}r{from} {arrow} t{tree}r{to}");
        }
        for (number, (of, named)) in missing(graph).into_iter().enumerate() {
            let text = mermaid_text(&format!("{named} does not exist"));
            let _ = writeln!(out, "    t{tree}m{number}[\"{text}\"]:::broken");
            let _ = writeln!(out, "    t{tree}m{number} -.-> t{tree}r{of}");
        }
        out.push_str("  end\n");
    }
    out.push_str("  classDef head stroke-width:4px\n");
    out.push_str("  classDef new stroke-width:4px,stroke:#2da44e\n");
    out.push_str("  classDef broken stroke-dasharray:4,stroke:#cf222e\n");
    out
}

/// A Graphviz digraph, the oldest at the top.
pub fn dot(report: &Report) -> String {
    let mut out = String::from("digraph revisions {\n  node [shape=box, fontname=monospace];\n");
    for (tree, report) in report.trees.iter().enumerate() {
        let Some(graph) = &report.graph else { continue };
        let _ = writeln!(out, "  subgraph cluster_{tree} {{");
        let _ = writeln!(out, "    label=\"{}\";", dot_text(&report.label));
        for (index, revision) in graph.revisions.iter().enumerate() {
            let text = dot_text(&format!("{} {}", revision.id, title(revision)));
            let style = match class(graph, index) {
                Some("new") => ", penwidth=3, color=\"#2da44e\"",
                Some("head") => ", penwidth=3",
                Some(_) => ", style=dashed, color=\"#cf222e\"",
                None => "",
            };
            let _ = writeln!(out, "    t{tree}r{index} [label=\"{text}\"{style}];");
        }
        for (from, to, kind) in edges(graph) {
            let style = if kind == Edge::Parent { "" } else { " [style=dashed, label=needs]" };
            let _ = writeln!(out, "    t{tree}r{from} -> t{tree}r{to}{style};");
        }
        for (number, (of, named)) in missing(graph).into_iter().enumerate() {
            let text = dot_text(&format!("{named} does not exist"));
            let broken = "style=dashed, color=\"#cf222e\"";
            let _ = writeln!(out, "    t{tree}m{number} [label=\"{text}\", {broken}];");
            let _ = writeln!(out, "    t{tree}m{number} -> t{tree}r{of} [{broken}];");
        }
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Parent,
    Dependency,
}

fn edges(graph: &Graph) -> Vec<(usize, usize, Edge)> {
    let mut edges = Vec::new();
    for (to, revision) in graph.revisions.iter().enumerate() {
        edges.extend(revision.parents.iter().map(|from| (*from, to, Edge::Parent)));
        edges.extend(revision.dependencies.iter().map(|from| (*from, to, Edge::Dependency)));
    }
    edges
}

fn missing(graph: &Graph) -> Vec<(usize, &str)> {
    let missing = graph.faults.iter().filter_map(|fault| match fault {
        Fault::NoParent { of, named } | Fault::NoDependency { of, named } => {
            Some((*of, named.as_str()))
        }
        _ => None,
    });
    missing.collect()
}

fn class(graph: &Graph, index: usize) -> Option<&'static str> {
    let revision = &graph.revisions[index];
    if graph.by_id.get(&revision.id) != Some(&index) {
        Some("broken")
    } else if revision.new {
        Some("new")
    } else {
        graph.heads.contains(&index).then_some("head")
    }
}

fn mermaid_text(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "#quot;".to_owned(),
        '#' => "#35;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn dot_text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
