//! Texts made safe to show: text from a migration, a file's name or a database cannot move the
//! cursor, reverse a line, or start a command of GitHub's runner.

use camino::Utf8PathBuf;

use super::finding::{Edit, Finding, Place};
use super::graph::{Fault, Graph};
use super::production::Seen;
use super::report::{Comparison, Report, TreeReport};
use super::rollback::Rollback;
use super::step::Step;

/// A text without characters that move a cursor, change a colour or are invisible; lines stay
/// lines.
pub fn printable(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\t', "    ");
    lines.chars().filter(|c| *c == '\n' || !is_invisible(*c)).collect()
}

/// The same on one line.
pub fn one_line(text: &str) -> String {
    printable(&text.replace('\n', " "))
}

/// Control characters, unusual line ends, and marks of the direction of writing: with them a text
/// can look different from its content.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// A text of the gate's own, with its own colours, at the edge to a terminal or a log: of the
/// invisible characters, only plain colours pass.
pub fn at_edge(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c != '\n' && is_invisible(c)) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour = colour_length(rest);
        out.push_str(&rest[..colour]);
        let skipped = rest.chars().next().map_or(0, char::len_utf8);
        rest = &rest[colour.max(skipped)..];
    }
    out + rest
}

/// JSON in which every character that a terminal would interpret is escaped.
pub fn escaped_json(json: &str) -> String {
    let escape = |c: char| match c {
        c if c != '\n' && is_invisible(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    json.chars().map(escape).collect()
}

/// The length of the escape sequence of a plain colour at the start of a text.
fn colour_length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else { return 0 };
    let Some((codes, _)) = rest.split_once('m') else { return 0 };
    let is_plain = |code: &str| {
        matches!(code.parse::<u8>(), Ok(0..=4 | 22..=24 | 30..=37 | 39 | 90..=97))
            || code.is_empty()
    };
    if codes.split(';').all(is_plain) { "\u{1b}[m".len() + codes.len() } else { 0 }
}

/// The form in which a text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Several lines.
    Lines,
    /// On one line: a name, a path.
    Name,
    /// To the letter: a patch.
    Verbatim,
}

/// Puts each text through a function.
struct Texts<'f>(&'f dyn Fn(&str, Kind) -> String);

impl Texts<'_> {
    fn name(&self, text: &mut String) {
        *text = (self.0)(text, Kind::Name);
    }

    fn lines(&self, text: &mut String) {
        *text = (self.0)(text, Kind::Lines);
    }

    fn path(&self, path: &mut Utf8PathBuf) {
        *path = (self.0)(path.as_str(), Kind::Name).into();
    }

    fn step(&self, step: &mut Step) {
        self.name(&mut step.name);
        let texts = step.reason.iter_mut().chain(&mut step.notes).chain(&mut step.printed);
        texts.for_each(|text| self.lines(text));
    }

    fn place(&self, Place { file, source, .. }: &mut Place) {
        self.path(file);
        source.iter_mut().for_each(|text| self.lines(text));
    }

    fn edit(&self, Edit { file, before, after, .. }: &mut Edit) {
        self.path(file);
        before.iter_mut().chain(after).for_each(|text| self.name(text));
    }

    fn finding(&self, finding: &mut Finding) {
        let names = [&mut finding.tree, &mut finding.step, &mut finding.revision];
        names.into_iter().flatten().for_each(|text| self.name(text));
        self.lines(&mut finding.message);
        let texts = [&mut finding.predicted, &mut finding.statement, &mut finding.allowed];
        texts.into_iter().flatten().for_each(|text| self.lines(text));
        let lists = [&mut finding.lacks, &mut finding.by_hand, &mut finding.also];
        lists.into_iter().flatten().for_each(|text| self.lines(text));
        if let Some(impact) = &mut finding.impact {
            self.name(&mut impact.table);
            impact.told.iter_mut().for_each(|(_, text)| self.lines(text));
        }
        if let Some(fix) = &mut finding.fix {
            fix.what.iter_mut().for_each(|text| self.lines(text));
            // Tabs and line ends are part of the patch that is applied; other invisible characters
            // are not shown.
            fix.patch = (self.0)(&fix.patch, Kind::Verbatim);
        }
        finding.place.iter_mut().for_each(|place| self.place(place));
        finding.edit.iter_mut().for_each(|edit| self.edit(edit));
        if let Some(said) = &mut finding.transcript {
            **said = std::mem::take(&mut **said).map_texts(|text| (self.0)(text, Kind::Lines));
        }
    }

    fn graph(&self, graph: &mut Graph) {
        for revision in &mut graph.revisions {
            self.path(&mut revision.file);
            let lists = [&mut revision.down_revision, &mut revision.depends_on];
            let labels = lists.into_iter().chain([&mut revision.branch_labels]).flatten();
            labels.chain([&mut revision.id, &mut revision.title]).for_each(|text| self.name(text));
        }
        for fault in &mut graph.faults {
            if let Fault::NoParent { named, .. }
            | Fault::NoDependency { named, .. }
            | Fault::LabelTwice { label: named, .. } = fault
            {
                self.name(named);
            }
        }
    }

    fn tree(&self, tree: &mut TreeReport) {
        let names = [&mut tree.tree, &mut tree.label, &mut tree.database];
        let lists = [&mut tree.heads, &mut tree.new_revisions].into_iter().flatten();
        names.into_iter().chain(lists).for_each(|text| self.name(text));
        self.path(&mut tree.ini);
        [&mut tree.graph, &mut tree.wrong_graph].into_iter().flatten().for_each(|g| self.graph(g));
        tree.steps.iter_mut().for_each(|step| self.step(step));
        tree.sql.iter_mut().for_each(|statement| self.lines(&mut statement.sql));
        let untried = tree.stairs.iter_mut().flat_map(|stairs| &mut stairs.untried);
        untried.for_each(|(_, why)| self.lines(why));
        tree.rollback.iter_mut().for_each(|rollback| self.rollback(rollback));
        tree.production.iter_mut().for_each(|seen| self.seen(seen));
    }

    fn rollback(&self, rollback: &mut Rollback) {
        let Rollback { cwd, command, revisions, not_rehearsed, waits, lost, no_return, .. } =
            rollback;
        let lists = [revisions, not_rehearsed, waits, lost].into_iter().flatten();
        lists.chain([cwd, command]).chain(no_return).for_each(|text| self.name(text));
    }

    fn seen(&self, seen: &mut Seen) {
        let lists = [&mut seen.revisions, &mut seen.rewrites, &mut seen.scans, &mut seen.breaks];
        lists.into_iter().flatten().for_each(|text| self.name(text));
        let name = |text: String| (self.0)(&text, Kind::Name);
        seen.locks =
            std::mem::take(&mut seen.locks).into_iter().map(|(t, m)| (name(t), m)).collect();
        let blocks = std::mem::take(&mut seen.blocks).into_iter();
        seen.blocks = blocks.map(|(table, what)| (name(table), what)).collect();
        let through = std::mem::take(&mut seen.blocks_through).into_iter();
        seen.blocks_through = through
            .map(|(table, on)| (name(table), on.into_iter().map(|(w, t)| (w, name(t))).collect()))
            .collect();
    }

    fn base(&self, Comparison { rev, commit, reason, moved }: &mut Comparison) {
        [rev, commit].into_iter().flatten().for_each(|text| self.name(text));
        reason.iter_mut().chain(moved).for_each(|text| self.lines(text));
    }
}

impl Report {
    /// The same with each of its texts put through a function.
    pub fn map_texts(mut self, change: &dyn Fn(&str, Kind) -> String) -> Report {
        let texts = Texts(change);
        self.trees.iter_mut().for_each(|tree| texts.tree(tree));
        self.findings.iter_mut().chain(&mut self.allowed).for_each(|f| texts.finding(f));
        self.workflows.iter_mut().for_each(|path| texts.path(path));
        self.base.iter_mut().for_each(|base| texts.base(base));
        self.python.iter_mut().for_each(|text| texts.name(text));
        self.notes.iter_mut().for_each(|text| texts.lines(text));
        self.next.iter_mut().for_each(|next| texts.name(&mut next.command));
        if let Some(postgres) = &mut self.postgres {
            texts.name(&mut postgres.version);
        }
        self
    }

    /// The same, made safe to show.
    pub fn printable(&self) -> Report {
        self.clone().map_texts(&shown)
    }
}

impl Step {
    /// The same with each of its texts put through a function.
    pub fn map_texts(mut self, change: &dyn Fn(&str, Kind) -> String) -> Step {
        Texts(change).step(&mut self);
        self
    }
}

impl Finding {
    /// The same with each of its texts put through a function.
    pub fn map_texts(mut self, change: &dyn Fn(&str, Kind) -> String) -> Finding {
        Texts(change).finding(&mut self);
        self
    }
}

/// A text made safe to show.
pub fn shown(text: &str, kind: Kind) -> String {
    match kind {
        Kind::Lines => printable(text),
        Kind::Name => one_line(text),
        Kind::Verbatim => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{at_edge, escaped_json, printable};

    #[test]
    fn only_plain_colours_pass_the_edge() {
        let cases = [
            ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[8mhidden", "[8mhidden"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "[2J]0;title"),
            ("a\r::error::b\n\u{2028}c\u{61c}\u{202e}d\u{9b}1m", "a::error::b\ncd1m"),
        ];
        for (text, expected) in cases {
            assert_eq!(at_edge(text), expected, "{text:?}");
        }
        assert_eq!(escaped_json("{\n \"a\": \"\u{202e}é\"\n}"), "{\n \"a\": \"\\u202eé\"\n}");
        assert_eq!(printable("\u{1b}[31ma\tb\r\nc"), "[31ma    b\nc");
    }
}
