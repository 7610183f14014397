//! Tree as the lints see it, and the findings that they make of it.

use std::cell::OnceCell;
use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::history::Event;
use crate::production::Sizes;
use crate::script::{Script, Trouble};
use model::code::Code;
use model::files::{Arrival, Base, Listing};
use model::finding::{Finding, Place};
use model::graph::Graph;
use model::supply::Given;

/// The end of a message about a way down.
pub(crate) const IN_DOWNGRADE: &str = " (in `downgrade()`)";

/// One finding for each message; further places of the same message are lines of that finding.
pub(super) fn told_once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        let bare = |finding: &Finding| finding.message.trim_end_matches(IN_DOWNGRADE).to_owned();
        let Some(first) = once.iter_mut().find(|first| bare(first) == bare(&finding)) else {
            once.push(finding);
            continue;
        };
        first.also.extend(finding.place.as_ref().map(|place| {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("the same in {}{line}", place.file)
        }));
    }
    once
}

/// A tree as the lints see it.
pub struct Subject<'a> {
    /// Properties of the tree beside its files.
    pub tree: SubjectTree,
    /// Properties of its files beside their revisions.
    pub files: SubjectFiles,
    /// The files that say which revision they are; the graph's indexes are theirs.
    pub scripts: &'a [Script],
    /// How they hang together.
    pub graph: &'a Graph,
    /// The base branch, and the graph that it has.
    pub base: Option<(&'a Base, &'a Graph)>,
    /// The commits that brought the files, if revisions collide and git knows them.
    pub arrivals: HashMap<Utf8PathBuf, Arrival>,
    /// The events of the simulated chain, with the index of the revision; computed by the first
    /// lint that asks.
    pub events: OnceCell<Vec<(usize, Event)>>,
}

/// Facts of a tree that its revisions do not say.
#[derive(Default)]
pub struct SubjectTree {
    /// Its label: `Console`.
    pub label: String,
    /// Whether it means to have several heads, one a base.
    pub several: bool,
    /// Whether its settings say why revisions without a way back have none.
    pub irreversible: bool,
    /// The ini, as shown to the user.
    pub ini: Utf8PathBuf,
    /// The supplies of its recipe.
    pub given: Vec<Given>,
    /// The file with its recipe, where it has one of its own.
    pub recipe: Option<String>,
}

/// Facts of a tree's files beside their revisions.
#[derive(Default)]
pub struct SubjectFiles {
    /// The list of files.
    pub listing: Listing,
    /// The faults of single files, with or without a script.
    pub troubles: Vec<(Utf8PathBuf, Trouble)>,
    /// The settings that cannot be followed.
    pub unknown_settings: Vec<String>,
    /// The modules that its revisions import and should not: those of the application with their
    /// files, and those that are nowhere.
    pub application: HashMap<String, Option<Utf8PathBuf>>,
    /// The sizes of production, where they are known.
    pub sizes: Option<Sizes>,
}

impl<'a> Subject<'a> {
    /// A tree of which only the revisions are known.
    pub fn of(scripts: &'a [Script], graph: &'a Graph) -> Subject<'a> {
        let (tree, files) = Default::default();
        let (base, arrivals, events) = (None, HashMap::new(), OnceCell::new());
        Subject { tree, files, scripts, graph, base, arrivals, events }
    }
}

impl Subject<'_> {
    /// A finding in a revision, at a line of its file.
    pub(super) fn in_script(
        &self,
        code: &'static Code,
        index: usize,
        line: u32,
        message: String,
    ) -> Finding {
        let mut finding = Finding::new(code, message);
        if let Some(script) = self.scripts.get(index) {
            let source = script.module.line_text(line).map(str::to_owned);
            finding.revision = Some(script.revision.text.clone());
            finding.place = Some(Place { file: script.file.clone(), line: Some(line), source });
        }
        finding
    }

    /// A revision as a reader finds it: id and file.
    pub(super) fn show(&self, index: usize) -> String {
        let file = self.scripts.get(index).map_or("", |script| script.file.as_str());
        format!("{} ({file})", self.graph.id(index))
    }

    /// Whether a revision is on the base branch already.
    pub(super) fn is_on_base(&self, index: usize) -> bool {
        let Some((base, _)) = self.base else { return false };
        self.scripts.get(index).is_some_and(|script| base.files.contains(&script.file))
    }
}

/// The first finding of each revision; the others are lines below it.
pub(super) fn once_a_revision(all: Vec<Finding>) -> Vec<Finding> {
    once_where(all, |first, other| first.revision == other.revision)
}

/// The first finding about each `downgrade()`, which ends at that fault; the others are lines below
/// it.
pub(super) fn once_a_downgrade(all: Vec<Finding>) -> Vec<Finding> {
    let is_down = |finding: &Finding| finding.message.ends_with(IN_DOWNGRADE);
    once_where(all, |first, other| {
        first.revision == other.revision && is_down(first) && is_down(other)
    })
}

/// The first of the findings that belong together; the others are lines below it.
fn once_where(all: Vec<Finding>, belong: impl Fn(&Finding, &Finding) -> bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in all {
        match found.iter_mut().find(|first| belong(first, &finding)) {
            Some(first) => {
                let line = finding.place.as_ref().and_then(|place| place.line).unwrap_or_default();
                first.also.push(format!("line {line}: {}", finding.message));
                first.also.extend(finding.also);
            }
            None => found.push(finding),
        }
    }
    found
}

/// A finding in a file, which need not be a revision.
pub(super) fn in_file(
    code: &'static Code,
    file: &Utf8Path,
    line: Option<u32>,
    message: impl Into<String>,
) -> Finding {
    let place = Some(Place { file: file.to_owned(), line, source: None });
    Finding { place, ..Finding::new(code, message) }
}
