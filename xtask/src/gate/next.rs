//! Next command: the one to run after a red report.

use crate::flags::TreeSelection;
use crate::os::process::quote_all;
use model::called;
use model::code::{self, Severity};
use model::finding::Finding;
use model::report::{Next, Report, Verdict};

/// The command that goes on from a report. `verb`: the command that made it, empty for the gate itself;
/// `options`: its further options. `None`: nothing is wrong, or nothing that a command or an edit would
/// change.
pub fn command(
    report: &Report,
    verb: &str,
    which: &TreeSelection,
    options: Vec<String>,
) -> Option<Next> {
    if report.verdict() != Verdict::Fail {
        return None;
    }
    let named = |wanted: &dyn Fn(&Finding) -> bool| -> Vec<String> {
        let is_wanted = |tree: &&str| {
            report.findings.iter().any(|f| f.tree.as_deref() == Some(tree) && wanted(f))
        };
        let trees = report.trees.iter().map(|tree| tree.tree.as_str()).filter(is_wanted);
        trees.map(str::to_owned).collect()
    };
    let verified = named(&|finding| finding.fix.is_some());
    let parted = named(&|finding| finding.code.id == code::MULTIPLE_HEADS.id);
    let (when, next, more, trees) = if !verified.is_empty() {
        ("to fix it", "", "--fix", verified)
    } else if !parted.is_empty() {
        ("to fix it", "renumber", "", parted)
    } else {
        let wrong = named(&|finding| finding.severity() == Severity::Error);
        ("once that is fixed", verb, "", wrong)
    };
    let options = if next == verb { options } else { Vec::new() };
    let arguments = which.words(&trees).into_iter().chain(options);
    let words = [called::gate(), next.to_owned(), quote_all(arguments), more.to_owned()];
    let command = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Some(Next { when: when.to_owned(), command })
}
