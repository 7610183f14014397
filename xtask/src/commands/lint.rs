//! `cargo xtask migration-gate lint`: faults that can be found without running anything, in
//! milliseconds.

use crate::flags::{Lint, base_words};
use crate::gate;
use crate::lint::LintOptions;
use crate::os::interrupt::Interrupt;
use model::report::Report;

/// Reads and lints the chosen trees. An error is part of the report.
pub fn run(flags: &Lint, interrupt: &Interrupt) -> Report {
    let Lint { which, since, all, whole: _, verbose, output: _ } = flags;
    let terms = LintOptions { all: *all, others: true, ..LintOptions::since(since.as_deref()) };
    let report = gate::lint::report(which, terms, interrupt);
    let next = gate::next::command(&report, "lint", which, base_words(*all, since.as_deref()));
    Report { verbose: *verbose, next, ..report }
}
