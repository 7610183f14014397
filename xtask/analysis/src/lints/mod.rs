//! What can be known to be wrong without running anything: one table, one function a lint.
//!
//! A lint looks at the whole tree and returns what it finds. What a file allows with a comment
//! (`# migration-gate: allow MGnnn reason`) is marked afterwards, for all lints in one place.

mod allow;
mod arrivals;
mod base;
mod bodies;
mod chain;
mod edits;
mod files;
mod graph;
mod imports;
pub(crate) mod nearest;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::history::{Event, Walked};
use super::script::{Script, Trouble};
use model::code::{self, Code};
use model::files::{Arrival, Base, Listing};
use model::finding::{Finding, Place};
use model::graph::Graph;
use model::supply::Given;

/// A tree as the lints see it.
pub struct Subject<'a> {
    /// Its label: `Console`.
    pub label: &'a str,
    /// Whether it means to have several heads, one a base.
    pub several: bool,
    /// The files that say which revision they are; the graph's indexes are theirs.
    pub scripts: &'a [Script],
    /// How they hang together.
    pub graph: &'a Graph,
    /// What is wrong with single files, with or without a script.
    pub troubles: &'a [(Utf8PathBuf, Trouble)],
    /// Which files there are.
    pub listing: &'a Listing,
    /// What cannot be followed in the settings.
    pub unknown_settings: &'a [String],
    /// The ini, as it is shown.
    pub ini: &'a Utf8Path,
    /// The base branch, and the graph that it has.
    pub base: Option<(&'a Base, &'a Graph)>,
    /// How the files came into the history, where revisions collide and git knows it.
    pub arrivals: &'a HashMap<Utf8PathBuf, Arrival>,
    /// Which of the scripts are looked into for what they do: all, but in a very large tree.
    pub looked_into: &'a [bool],
    /// Which of them are followed when the chain is run in the head: those that are looked into, and
    /// whatever has to do with them.
    pub followed: &'a [bool],
    /// The modules that its revisions import and should not: those of the application with their
    /// files, and those that are nowhere.
    pub application: &'a HashMap<String, Option<Utf8PathBuf>>,
    /// What its recipe supplies.
    pub given: &'a [Given],
    /// The file with its recipe, where it has one of its own.
    pub recipe: Option<&'a str>,
    /// What running the chain in the head shows, with the index of the revision; worked out by the
    /// first lint that asks.
    pub events: OnceCell<Vec<(usize, Event)>>,
    /// The chain as it was walked the last time, and is now.
    pub walked: &'a RefCell<Option<Walked>>,
}

pub use imports::{comes_with_python, is_required};

/// What follows a message about a way down.
pub(crate) const IN_DOWNGRADE: &str = " (in `downgrade()`)";

type Check = fn(&Subject<'_>) -> Vec<Finding>;

/// One kind of finding and what looks for it.
pub struct Lint {
    /// What it finds.
    pub code: &'static Code,
    /// Finds it.
    pub check: Check,
}

/// Every lint.
pub static LINTS: &[Lint] = &[
    Lint { code: &code::CONFIG_UNKNOWN, check: files::settings },
    Lint { code: &code::LOADED_TWICE, check: files::loaded_twice },
    Lint { code: &code::UNREADABLE, check: files::unreadable },
    Lint { code: &code::NOT_A_REVISION, check: files::not_a_revision },
    Lint { code: &code::COMPUTED, check: files::computed },
    Lint { code: &code::NUMBER_DIFFERS, check: files::number_differs },
    Lint { code: &code::NOT_COMPARED, check: chain::not_compared },
    Lint { code: &code::MULTIPLE_HEADS, check: graph::heads_and_duplicates },
    Lint { code: &code::BROKEN_POINTER, check: graph::missing_parents },
    Lint { code: &code::MISSING_DEPENDENCY, check: graph::missing_dependencies },
    Lint { code: &code::CYCLE, check: graph::cycles },
    Lint { code: &code::SEVERAL_BASES, check: graph::several_bases },
    Lint { code: &code::ILLEGAL_ID, check: graph::illegal_ids },
    Lint { code: &code::ID_TOO_LONG, check: graph::long_ids },
    Lint { code: &code::LABEL_USED_TWICE, check: graph::labels_used_twice },
    Lint { code: &code::NOT_ON_BASE_HEAD, check: base::not_on_base_head },
    Lint { code: &code::ID_TAKEN, check: base::id_taken },
    Lint { code: &code::CHANGED_ON_BASE, check: base::changed },
    Lint { code: &code::MISSING_ROW, check: chain::missing_rows },
    Lint { code: &code::MISSING_ROLE, check: chain::missing_roles },
    Lint { code: &code::NOT_IMMUTABLE, check: chain::not_immutable },
    Lint { code: &code::TABLE_TWICE, check: chain::tables_twice },
    Lint { code: &code::CREATED_TWICE, check: chain::created_twice },
    Lint { code: &code::DROPPED_NOT_THERE, check: chain::dropped_not_there },
    Lint { code: &code::USED_AFTER_DROP, check: chain::used_after_drop },
    Lint { code: &code::BASE_NOT_EMPTY, check: chain::base_not_empty },
    Lint { code: &code::NAMELESS_DROP, check: bodies::nameless_drops },
    Lint { code: &code::USED_BEFORE_MADE, check: chain::used_before_made },
    Lint { code: &code::LEFT_BEHIND, check: chain::left_behind },
    Lint { code: &code::DROPS_OTHERS, check: chain::drops_others },
    Lint { code: &code::NO_DOWNGRADE, check: bodies::no_downgrade },
    Lint { code: &code::EMPTY_DOWNGRADE, check: bodies::empty_downgrade },
    Lint { code: &code::RAISING_DOWNGRADE, check: bodies::raising_downgrade },
    Lint { code: &code::OUTSIDE_TRANSACTION, check: bodies::outside_transaction },
    Lint { code: &code::LABEL_TOO_EARLY, check: bodies::label_too_early },
    Lint { code: &code::ENDS_TRANSACTION, check: bodies::ends_transaction },
    Lint { code: &code::COMMIT_BEFORE_CONCURRENTLY, check: bodies::commit_before_concurrently },
    Lint { code: &code::SET_ORDER, check: bodies::set_order },
    Lint { code: &code::ASKS, check: bodies::asks },
    Lint { code: &code::TOUCHES_AT_IMPORT, check: bodies::touches_at_import },
    Lint { code: &code::IMPORTS_APPLICATION, check: imports::imports_application },
];

/// Runs every lint, and marks what the files allow. Sorted by file and line.
pub fn lint(subject: &Subject<'_>) -> Vec<Finding> {
    let found = LINTS.iter().flat_map(|lint| (lint.check)(subject)).collect();
    let mut findings = allow::apply(subject.scripts, subject.looked_into, found);
    edits::add(subject, &mut findings);
    findings.sort_by(|a, b| position(a).cmp(&position(b)));
    findings
}

fn position(finding: &Finding) -> (Option<&Utf8Path>, Option<u32>, &'static str) {
    let place = finding.place.as_ref();
    (place.map(|p| p.file.as_path()), place.and_then(|p| p.line), finding.code.id)
}

impl Subject<'_> {
    /// A finding in a revision, at a line of its file.
    fn in_script(&self, code: &'static Code, index: usize, line: u32, message: String) -> Finding {
        let mut finding = Finding::new(code, message);
        if let Some(script) = self.scripts.get(index) {
            let source = script.module.line_text(line).map(str::to_owned);
            finding.revision = Some(script.revision.text.clone());
            finding.place = Some(Place { file: script.file.clone(), line: Some(line), source });
        }
        finding
    }

    /// A revision as a reader finds it: id and file.
    fn show(&self, index: usize) -> String {
        let file = self.scripts.get(index).map_or("", |script| script.file.as_str());
        format!("{} ({file})", self.graph.id(index))
    }

    /// Whether the chain, as far as it is followed, shows anything in what is looked into. Where some
    /// of it is not followed, that is a reason to follow all of it.
    pub fn shows_anything(&self) -> bool {
        !self.events.get_or_init(|| chain::events(self)).is_empty()
    }

    /// Whether a revision is on the base branch already.
    fn is_on_base(&self, index: usize) -> bool {
        let Some((base, _)) = self.base else { return false };
        self.scripts.get(index).is_some_and(|script| base.files.contains(&script.file))
    }
}

/// The first finding of each revision; the others are lines below it.
fn once_a_revision(all: Vec<Finding>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in all {
        match found.iter_mut().find(|first| first.revision == finding.revision) {
            Some(first) => {
                let line = finding.place.as_ref().and_then(|place| place.line).unwrap_or_default();
                first.message.push_str(&format!("\nline {line}: {}", finding.message));
            }
            None => found.push(finding),
        }
    }
    found
}

/// A finding in a file, which need not be a revision.
fn in_file(
    code: &'static Code,
    file: &Utf8Path,
    line: Option<u32>,
    message: impl Into<String>,
) -> Finding {
    let place = Some(Place { file: file.to_owned(), line, source: None });
    Finding { place, ..Finding::new(code, message) }
}

#[cfg(test)]
mod tests;
