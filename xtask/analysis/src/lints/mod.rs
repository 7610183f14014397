//! Lints: faults that are known without a run; one table, one function a lint.
//!
//! A lint examines the whole tree and returns its findings. Findings that a file allows with a
//! comment (`# migration-gate: allow MGnnn reason`) are marked afterwards, for all lints in one
//! place.

mod allow;
mod arrivals;
mod base;
mod bodies;
mod cause;
mod chain;
mod directives;
mod edits;
mod files;
mod graph;
mod imports;
mod nearest;
mod production;
mod rows;
mod sentence;
mod subject;
mod tables;

use camino::Utf8Path;

use crate::fix::function;
use model::code::{self, Code};
use model::finding::Finding;
use model::transcript::Direction;

pub(crate) use self::subject::IN_DOWNGRADE;
pub use self::subject::{Subject, SubjectFiles, SubjectTree};
pub use imports::{comes_with_python, is_required};

type Check = fn(&Subject<'_>) -> Vec<Finding>;

/// One kind of finding and the function that searches for it.
pub struct Lint {
    /// The code of its findings.
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
    Lint { code: &code::NULLS_IN_ROWS, check: rows::need_value },
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

/// Runs every lint, and marks the findings that the files allow. Sorted by file and line.
pub fn lint(subject: &Subject<'_>) -> Vec<Finding> {
    let found = LINTS.iter().flat_map(|lint| (lint.check)(subject)).collect();
    let codes: Vec<&str> = LINTS.iter().map(|lint| lint.code.id).collect();
    let mut findings = allow::apply(subject.scripts, found, &codes);
    // These lints apply exceptions of their own.
    findings.extend(production::hazards(subject));
    edits::add(subject, &mut findings);
    for finding in &mut findings {
        finding.direction = finding.direction.or_else(|| direction(subject, finding));
    }
    findings.sort_by(|a, b| position(a).cmp(&position(b)));
    findings
}

/// The direction whose function a finding lies in.
fn direction(subject: &Subject<'_>, finding: &Finding) -> Option<Direction> {
    let place = finding.place.as_ref()?;
    let row = usize::try_from(place.line?).ok()?.checked_sub(1)?;
    let script = subject.scripts.iter().find(|script| script.file == place.file)?;
    let holds = |way: &Direction| {
        let function = function(&script.module, &format!("{way}"));
        function.is_some_and(|node| {
            (node.start_position().row..=node.end_position().row).contains(&row)
        })
    };
    [Direction::Upgrade, Direction::Downgrade].into_iter().find(holds)
}

fn position(finding: &Finding) -> (Option<&Utf8Path>, Option<u32>, &'static str) {
    let place = finding.place.as_ref();
    (place.map(|p| p.file.as_path()), place.and_then(|p| p.line), finding.code.id)
}

#[cfg(test)]
mod tests;
