//! Joins what the lints predicted with what then happened, so that one fault is shown once, with
//! both proofs.

use crate::model::code::{self, Code};
use crate::model::finding::Finding;

/// What a lint sees under one code, and what it becomes when the revision runs.
fn becomes(lint: &Code, run: &Code) -> bool {
    let pairs: [(&Code, &[&Code]); 13] = [
        (&code::CREATED_TWICE, &[&code::DUPLICATE_OBJECT]),
        (&code::DROPPED_NOT_THERE, &[&code::UNDEFINED_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::USED_AFTER_DROP, &[&code::UNDEFINED_OBJECT]),
        (&code::USED_BEFORE_MADE, &[&code::UNDEFINED_OBJECT]),
        (&code::NO_DOWNGRADE, &[&code::DOWNGRADE_FAILED]),
        (&code::RAISING_DOWNGRADE, &[&code::DOWNGRADE_FAILED, &code::IRREVERSIBLE]),
        (
            &code::LEFT_BEHIND,
            &[&code::DUPLICATE_OBJECT, &code::TABLE_TWICE, &code::REMAINS, &code::NOT_REPEATABLE],
        ),
        (
            &code::EMPTY_DOWNGRADE,
            &[&code::REMAINS, &code::NOT_RESTORED, &code::CHANGED, &code::DUPLICATE_OBJECT],
        ),
        (&code::DROPS_OTHERS, &[&code::NOT_RESTORED, &code::DOWNGRADE_FAILED]),
        (&code::OUTSIDE_TRANSACTION, &[&code::REFUSED]),
        (&code::LABEL_TOO_EARLY, &[&code::REFUSED]),
        (&code::IMPORTS_APPLICATION, &[&code::MISSING_PACKAGE]),
        (&code::UNREADABLE, &[&code::NOT_PYTHON]),
    ];
    lint == run || pairs.iter().any(|(from, to)| *from == lint && to.contains(&run))
}

/// Adds the lints' findings to those of the run; one that came true is folded into what it became.
pub fn join(findings: &mut Vec<Finding>, lints: Vec<Finding>) {
    for lint in lints {
        let mut proved = findings.iter_mut().filter(|run| came_true(&lint, run)).peekable();
        if proved.peek().is_none() {
            findings.push(lint);
            continue;
        }
        for run in proved {
            let said = match &lint.place {
                Some(place) => {
                    let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
                    format!("{} ({}{line})", lint.message, place.file)
                }
                None => lint.message.clone(),
            };
            run.predicted = Some(match run.predicted.take() {
                Some(before) => format!("{before}\n{said}"),
                None => said,
            });
            // What fails while the files are loaded has no line of its own.
            run.place = run.place.take().or(lint.place.clone());
            run.revision = run.revision.take().or(lint.revision.clone());
        }
    }
}

/// Whether a finding of the run is what a lint said would happen.
fn came_true(lint: &Finding, run: &Finding) -> bool {
    let same_revision = match (&lint.revision, &run.revision) {
        (Some(lint), Some(run)) => lint == run,
        // The graph as a whole is at fault, or nothing ran that could be named.
        _ => true,
    };
    let graph = lint.code == &code::MULTIPLE_HEADS || lint.code == &code::BROKEN_POINTER;
    run.step.is_some()
        && lint.tree == run.tree
        && becomes(lint.code, run.code)
        && (graph || same_revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: &'static Code, revision: &str, step: Option<&str>) -> Finding {
        Finding {
            tree: Some("console".into()),
            revision: Some(revision.into()),
            step: step.map(Into::into),
            ..Finding::new(code, "said")
        }
    }

    #[test]
    fn what_came_true_is_shown_once_with_both_proofs() {
        let mut findings = vec![finding(&code::DUPLICATE_OBJECT, "0002", Some("upgrade"))];
        join(&mut findings, vec![finding(&code::CREATED_TWICE, "0002", None)]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].predicted.as_deref(), Some("said"));
    }

    #[test]
    fn what_did_not_come_true_stands_by_itself() {
        let mut findings = vec![finding(&code::DUPLICATE_OBJECT, "0002", Some("upgrade"))];
        join(&mut findings, vec![finding(&code::CREATED_TWICE, "0009", None)]);
        join(&mut findings, vec![finding(&code::MISSING_ROLE, "0002", None)]);
        assert_eq!(findings.len(), 3);
    }
}
