//! The revision graph in the form of `git log --graph`: newest first, one lane for each line of
//! descent.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use model::graph::{Fault, Graph, Revision};
use model::report::{Report, TreeReport};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const MAGENTA: Style = AnsiColor::Magenta.on_default();
const BOLD: Style = Style::new().bold();

/// Draws every tree of a report.
pub fn draw(report: &Report) -> String {
    let mut out = String::new();
    for (number, tree) in report.trees.iter().enumerate() {
        let Some(graph) = &tree.graph else { continue };
        if number > 0 {
            out.push('\n');
        }
        draw_tree(&mut out, tree, graph);
    }
    out
}

fn draw_tree(out: &mut String, tree: &TreeReport, graph: &Graph) {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (revisions, heads) =
        (count(graph.revisions.len(), "revision"), count(graph.heads.len(), "head"));
    let bases = count(graph.bases.len(), "base");
    line(out, &format!("{BOLD}{}{BOLD:#}: {revisions}, {heads}, {bases}", tree.label));
    let mut lanes = Lanes { lanes: Vec::new(), out };
    for index in &graph.walk {
        lanes.revision(graph, *index);
    }
    for index in dropped(graph) {
        let revision = &graph.revisions[index];
        let what = format!("{RED}!{RED:#} {} {}", revision.id, revision.file);
        line(out, &format!("{what} {RED}(dropped: another file has this id){RED:#}"));
    }
    for branch in &graph.branches {
        let adds = graph.ids(&branch.adds).join(", ");
        let head = graph.id(branch.head);
        match branch.from {
            Some(from) => {
                line(out, &format!("head {head} parts at {}: adds {adds}", graph.id(from)));
            }
            None => line(out, &format!("head {head} stands alone: {adds}")),
        }
    }
}

fn dropped(graph: &Graph) -> Vec<usize> {
    (0..graph.revisions.len()).filter(|index| !graph.walk.contains(index)).collect()
}

/// The lanes, each with the revision that it leads down to.
struct Lanes<'a> {
    lanes: Vec<usize>,
    out: &'a mut String,
}

impl Lanes<'_> {
    fn revision(&mut self, graph: &Graph, index: usize) {
        let revision = &graph.revisions[index];
        let at = match self.lanes.iter().position(|lane| *lane == index) {
            Some(at) => at,
            None => {
                self.lanes.push(index);
                self.lanes.len() - 1
            }
        };
        self.gather(index, at);
        let text = describe(graph, index);
        self.row(|lane| if lane == at { '*' } else { '|' }, |_| ' ', &text);
        for missing in missing(graph, index) {
            let text = format!("{RED}! its parent {missing} does not exist{RED:#}");
            self.row(|_| '|', |_| ' ', &text);
        }
        let mut parents = revision.parents.iter();
        match parents.next() {
            Some(parent) => self.lanes[at] = *parent,
            None => self.close(at),
        }
        for parent in parents {
            self.open(at, *parent);
        }
    }

    /// Leads every lane that ends here into the first of them.
    fn gather(&mut self, index: usize, into: usize) {
        while let Some(from) = self.lanes.iter().rposition(|lane| *lane == index) {
            if from == into {
                break;
            }
            let last = self.lanes.len();
            // The lanes to the right move along; `_` carries a lane below the lanes in between.
            self.row(
                |lane| if lane >= from { ' ' } else { '|' },
                |gap| match gap {
                    gap if gap + 1 >= from && gap + 1 < last => '/',
                    gap if gap >= into && gap + 1 < from => '_',
                    _ => ' ',
                },
                "",
            );
            self.lanes.remove(from);
        }
    }

    /// Ends a lane at a base; the lanes to its right move left.
    fn close(&mut self, at: usize) {
        self.lanes.remove(at);
        if at < self.lanes.len() {
            let last = self.lanes.len();
            let shift = |gap: usize| if gap >= at && gap < last { '/' } else { ' ' };
            let width = last + 1;
            self.wide_row(width, |lane| if lane < at { '|' } else { ' ' }, shift, "");
        }
    }

    /// Opens a lane to the right for a further parent of a merge.
    fn open(&mut self, at: usize, parent: usize) {
        let last = self.lanes.len();
        let shift = |gap: usize| if gap >= at && gap < last { '\\' } else { ' ' };
        self.wide_row(last + 1, |lane| if lane <= at { '|' } else { ' ' }, shift, "");
        self.lanes.insert(at + 1, parent);
    }

    fn row(&mut self, lane: impl Fn(usize) -> char, gap: impl Fn(usize) -> char, text: &str) {
        self.wide_row(self.lanes.len(), lane, gap, text);
    }

    fn wide_row(
        &mut self,
        width: usize,
        lane: impl Fn(usize) -> char,
        gap: impl Fn(usize) -> char,
        text: &str,
    ) {
        let mut row = String::new();
        for at in 0..width {
            row.push(lane(at));
            row.push(gap(at));
        }
        line(self.out, &format!("{row}{text}"));
    }
}

fn missing(graph: &Graph, index: usize) -> impl Iterator<Item = &str> {
    graph.faults.iter().filter_map(move |fault| match fault {
        Fault::NoParent { of, named } if *of == index => Some(named.as_str()),
        _ => None,
    })
}

fn describe(graph: &Graph, index: usize) -> String {
    let revision = &graph.revisions[index];
    let mut text = format!("{MAGENTA}{}{MAGENTA:#}", revision.id);
    let mut marks = Vec::new();
    if graph.heads.contains(&index) {
        marks.push("head".to_owned());
    }
    if graph.bases.contains(&index) {
        marks.push("base".to_owned());
    }
    if revision.down_revision.len() > 1 {
        marks.push(format!("merges {}", revision.down_revision.join(", ")));
    }
    if revision.new {
        marks.push("new".to_owned());
    }
    if !revision.branch_labels.is_empty() {
        marks.push(format!("branch {}", revision.branch_labels.join(", ")));
    }
    if !revision.depends_on.is_empty() {
        marks.push(format!("needs {}", revision.depends_on.join(", ")));
    }
    if !marks.is_empty() {
        let _ = write!(text, " {GREEN}({}){GREEN:#}", marks.join("; "));
    }
    let _ = write!(text, " {}", title(revision));
    text
}

/// Its docstring, else its file.
pub(super) fn title(revision: &Revision) -> String {
    let title = if revision.title.is_empty() {
        revision.file.file_name().unwrap_or_default()
    } else {
        &revision.title
    };
    title.chars().filter(|c| !c.is_control()).take(72).collect()
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}
