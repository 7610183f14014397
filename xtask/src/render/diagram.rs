//! The revision graph as a picture: Mermaid, which GitHub shows in Markdown, and Graphviz.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::log_graph::title;
use super::words;
use model::code::Severity;
use model::finding::Finding;
use model::graph::{Fault, Graph};
use model::report::Report;
use model::shown::printable;

const CLASSES: &str = "  classDef head stroke-width:4px
  classDef new stroke-width:4px,stroke:#2da44e
  classDef broken stroke-dasharray:4,stroke:#cf222e
  classDef found stroke-width:4px,stroke:#cf222e
";
/// The meaning of the classes, in the order of the legend.
const LEGEND: [(&str, &str); 4] = [
    ("found", "named by a finding"),
    ("new", "new"),
    ("head", "head"),
    ("broken", "missing, or an id used twice"),
];
/// The number of branches of a large graph that are shown where it parts.
const BRANCHES_SHOWN: usize = 8;
const SHOWN_OF_A_BRANCH: usize = 3;
const FAULTS_SHOWN: usize = 8;
const LABEL_CHARACTERS: usize = 48;

/// A Mermaid flowchart, the oldest at the top.
pub fn mermaid(report: &Report) -> String {
    let mut out = String::from("flowchart TD\n");
    let findings = &report.findings;
    for (tree, report) in report.trees.iter().enumerate() {
        let Some(graph) = &report.graph else { continue };
        let named = named(findings, &report.tree);
        let _ = writeln!(out, "  subgraph t{tree}[\"{}\"]", mermaid_text(&report.label));
        for (index, revision) in graph.revisions.iter().enumerate() {
            let text = mermaid_text(&format!("{} {}", revision.id, title(revision)));
            let class = marked(class(graph, index, &named));
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
    let legend = legend(&out);
    out + &legend + CLASSES
}

/// The part of a graph where it parts or breaks, as a Mermaid flowchart; `None`: the graph is one
/// line. The revisions that findings name are marked.
pub(super) fn trouble(graph: &Graph, findings: &[Finding], tree: &str) -> Option<String> {
    let named = named(findings, tree);
    let kept = kept(graph);
    if kept.is_empty() {
        return None;
    }
    let mut out = String::from("flowchart TD\n");
    for index in &kept {
        let revision = &graph.revisions[*index];
        // For two files with one id, the label is the file: the id would not distinguish them.
        let text = match is_twice(graph, *index) {
            true => revision.file.file_name().unwrap_or_default().to_owned(),
            false => title(revision),
        };
        let text = words::cut(&format!("{} {text}", revision.id), LABEL_CHARACTERS);
        let class = marked(class(graph, *index, &named));
        let _ = writeln!(out, "  r{index}[\"{}\"]{class}", mermaid_text(&text));
    }
    for index in &kept {
        for (below, skipped) in graph.revisions[*index]
            .parents
            .iter()
            .filter_map(|parent| nearest_below(graph, &kept, *parent))
        {
            let arrow = match skipped {
                0 => "-->".to_owned(),
                more => format!("-. {more} more .->"),
            };
            let _ = writeln!(out, "  r{below} {arrow} r{index}");
        }
    }
    for (number, (of, named)) in missing(graph).into_iter().enumerate() {
        if kept.contains(&of) {
            let text = words::cut(&format!("{named} does not exist"), LABEL_CHARACTERS);
            let _ = writeln!(out, "  m{number}[\"{}\"]:::broken", mermaid_text(&text));
            let _ = writeln!(out, "  m{number} -.-> r{of}");
        }
    }
    let legend = legend(&out);
    Some(out + &legend + CLASSES)
}

/// The revisions that show the fault.
fn kept(graph: &Graph) -> BTreeSet<usize> {
    let mut kept = BTreeSet::new();
    for branch in graph.branches.iter().take(BRANCHES_SHOWN) {
        kept.extend(branch.from);
        // A branch that shares no revision with the others is a whole history.
        let shown = if branch.from.is_some() { SHOWN_OF_A_BRANCH } else { 1 };
        let (first, last) = branch.adds.split_at(branch.adds.len().min(shown));
        kept.extend(first);
        kept.extend(last.last());
    }
    for fault in graph.faults.iter().take(FAULTS_SHOWN) {
        match fault {
            Fault::IdTwice { first, second } => {
                kept.extend([*first, *second]);
                let (one, two) = (&graph.revisions[*first], &graph.revisions[*second]);
                kept.extend(one.parents.iter().chain(&two.parents).chain(&two.children).take(6));
            }
            Fault::NoParent { of, .. } => {
                kept.insert(*of);
                kept.extend(graph.revisions[*of].children.iter().take(2));
                kept.extend(graph.heads.iter().take(BRANCHES_SHOWN));
            }
            Fault::OwnParent(index) => {
                kept.insert(*index);
            }
            Fault::Cycle(around) | Fault::EndlessCycle(around) => {
                kept.extend(around.iter().take(12));
            }
            _ => {}
        }
    }
    kept
}

/// The nearest shown revision at or below this one, and the number of revisions in between.
fn nearest_below(graph: &Graph, kept: &BTreeSet<usize>, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    for skipped in 0..graph.revisions.len() {
        if kept.contains(&at) {
            return Some((at, skipped));
        }
        at = *graph.revisions.get(at)?.parents.first()?;
    }
    None
}

fn is_twice(graph: &Graph, index: usize) -> bool {
    graph.faults.iter().any(|fault| {
        matches!(fault, Fault::IdTwice { first, second } if *first == index || *second == index)
    })
}

/// A Graphviz digraph, the oldest at the top.
pub fn dot(report: &Report) -> String {
    let mut out = String::from("digraph revisions {\n  node [shape=box, fontname=monospace];\n");
    let findings = &report.findings;
    for (tree, report) in report.trees.iter().enumerate() {
        let Some(graph) = &report.graph else { continue };
        let named = named(findings, &report.tree);
        let _ = writeln!(out, "  subgraph cluster_{tree} {{");
        let _ = writeln!(out, "    label=\"{}\";", dot_text(&report.label));
        for (index, revision) in graph.revisions.iter().enumerate() {
            let text = dot_text(&format!("{} {}", revision.id, title(revision)));
            let style = match class(graph, index, &named) {
                Some("found") => ", penwidth=3, color=\"#cf222e\"",
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

/// The revisions of a tree that have errors: by file where known, since two may have one id, else
/// by id.
fn named<'f>(findings: &'f [Finding], tree: &str) -> BTreeSet<&'f str> {
    let errors = findings.iter().filter(|finding| finding.severity() == Severity::Error);
    let of_tree = errors.filter(|finding| finding.tree.as_deref() == Some(tree));
    let name = |finding: &'f Finding| match &finding.place {
        Some(place) => Some(place.file.as_str()),
        None => finding.revision.as_deref(),
    };
    of_tree.filter_map(name).collect()
}

fn marked(class: Option<&str>) -> String {
    class.map(|class| format!(":::{class}")).unwrap_or_default()
}

/// The legend of a chart: a box for each class that it uses.
fn legend(chart: &str) -> String {
    let used = LEGEND.iter().filter(|(class, _)| chart.contains(&format!(":::{class}\n")));
    let boxes = used.map(|(class, means)| format!("    legend_{class}[\"{means}\"]:::{class}\n"));
    match boxes.collect::<String>() {
        boxes if boxes.is_empty() => boxes,
        boxes => format!("  subgraph legend[\"Legend\"]\n{boxes}  end\n"),
    }
}

fn class(graph: &Graph, index: usize, named: &BTreeSet<&str>) -> Option<&'static str> {
    let revision = &graph.revisions[index];
    if named.contains(revision.id.as_str()) || named.contains(revision.file.as_str()) {
        Some("found")
    } else if graph.by_id.get(&revision.id) != Some(&index) {
        Some("broken")
    } else if revision.new {
        Some("new")
    } else {
        graph.heads.contains(&index).then_some("head")
    }
}

/// A label that is plain text: Mermaid also finds directives, comments, formulas, icons, links and
/// Markdown in labels. The characters that mark these are escaped.
fn mermaid_text(text: &str) -> String {
    let escape = |c: char| match c {
        c if c.is_alphanumeric() || matches!(c, ' ' | ',' | '(' | ')' | '—' | '…' | '+') => {
            c.to_string()
        }
        c if c.is_control() => " ".to_owned(),
        // In the middle of a word these characters have no meaning to Mermaid.
        '_' | '.' | '-' | '/' => c.to_string(),
        c => format!("#{};", u32::from(c)),
    };
    printable(text).chars().map(escape).collect()
}

fn dot_text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
