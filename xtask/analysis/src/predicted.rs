//! Predictions of the lints, joined with the findings of the run: one fault is shown once, with
//! both proofs.

use crate::lints::IN_DOWNGRADE;
use model::code::{self, Code};
use model::finding::{Finding, Standing};
use model::transcript::Direction;

/// Whether a lint's code becomes this code when the revision runs.
fn becomes(lint: &Code, run: &Code) -> bool {
    let pairs: [(&Code, &[&Code]); 17] = [
        (&code::CREATED_TWICE, &[&code::DUPLICATE_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::TABLE_TWICE, &[&code::DUPLICATE_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::DROPPED_NOT_THERE, &[&code::UNDEFINED_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::USED_AFTER_DROP, &[&code::UNDEFINED_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::USED_BEFORE_MADE, &[&code::UNDEFINED_OBJECT, &code::DOWNGRADE_FAILED]),
        (&code::BASE_NOT_EMPTY, &[&code::UNDEFINED_OBJECT, &code::BEFORE_SEED]),
        (&code::NAMELESS_DROP, &[&code::MIGRATION_FAILED, &code::DOWNGRADE_FAILED]),
        (&code::ID_TOO_LONG, &[&code::NOT_STORED]),
        (&code::NO_DOWNGRADE, &[&code::DOWNGRADE_FAILED]),
        (&code::RAISING_DOWNGRADE, &[&code::DOWNGRADE_FAILED, &code::IRREVERSIBLE]),
        (
            &code::LEFT_BEHIND,
            &[
                &code::DUPLICATE_OBJECT,
                &code::TABLE_TWICE,
                &code::REMAINS,
                &code::NOT_REPEATABLE,
                // Revisions after the failure did not run either.
                &code::DOWNGRADE_FAILED,
            ],
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

/// Whether a lint's code is more precise than the run's about a fault that keeps Alembic from
/// loading the files: a bare `KeyError` may be a parent or a dependency, and a missing module may
/// be one on a search path.
fn is_sharper(lint: &Code, run: &Code) -> bool {
    let (names, vague) = (
        [
            &code::NOT_A_REVISION,
            &code::CYCLE,
            &code::MISSING_DEPENDENCY,
            &code::ILLEGAL_ID,
            &code::LABEL_USED_TWICE,
            &code::CONFIG_UNKNOWN,
        ],
        [&code::MIGRATION_FAILED, &code::BROKEN_POINTER, &code::MISSING_PACKAGE],
    );
    if lint == &code::BASE_NOT_EMPTY && run == &code::UNDEFINED_OBJECT {
        return true;
    }
    // In a circle that it does not detect, Alembic loops until it is stopped.
    let endless = lint == &code::CYCLE && run == &code::TIMED_OUT;
    endless || (names.contains(&lint) && vague.contains(&run))
}

/// Lints of a way up, which a step proves or disproves.
const OF_THE_WAY_UP: [&Code; 11] = [
    &code::MISSING_ROW,
    &code::MISSING_ROLE,
    &code::NOT_IMMUTABLE,
    &code::TABLE_TWICE,
    &code::CREATED_TWICE,
    &code::DROPPED_NOT_THERE,
    &code::USED_AFTER_DROP,
    &code::USED_BEFORE_MADE,
    &code::OUTSIDE_TRANSACTION,
    &code::LABEL_TOO_EARLY,
    &code::ID_TOO_LONG,
];

/// Lints of one revision, up or down, which a run of that revision proves or disproves.
const OF_ONE_REVISION: [&Code; 9] = [
    &code::LEFT_BEHIND,
    &code::DROPS_OTHERS,
    &code::NO_DOWNGRADE,
    &code::EMPTY_DOWNGRADE,
    &code::RAISING_DOWNGRADE,
    &code::NAMELESS_DROP,
    &code::BASE_NOT_EMPTY,
    &code::ID_TOO_LONG,
    &code::ASKS,
];

/// Lints of the tree as a whole, which spoil every step; and of changes to merged revisions.
const OF_THE_WHOLE: [&Code; 12] = [
    &code::MULTIPLE_HEADS,
    &code::BROKEN_POINTER,
    &code::NOT_A_REVISION,
    &code::UNREADABLE,
    &code::CYCLE,
    &code::MISSING_DEPENDENCY,
    &code::ILLEGAL_ID,
    &code::LABEL_USED_TWICE,
    &code::CONFIG_UNKNOWN,
    &code::NOT_ON_BASE_HEAD,
    &code::ID_TAKEN,
    &code::CHANGED_ON_BASE,
];

/// Whether a step depends on the finding of a lint, for any revision.
pub fn decides_a_step(lint: &Finding) -> bool {
    OF_THE_WHOLE.contains(&lint.code) || is_of_the_way_up(lint)
}

fn is_of_the_way_up(lint: &Finding) -> bool {
    OF_THE_WAY_UP.contains(&lint.code) && !lint.message.ends_with(IN_DOWNGRADE)
}

/// Whether a rehearsal is more precise about the finding than a lint.
pub fn is_of_production(lint: &Finding) -> bool {
    [&code::WHO_WAITS, &code::BREAKS_RUNNING, &code::WHOLE_TABLE].contains(&lint.code)
}

/// Result of a run for a lint's finding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proofs<'a> {
    /// Whether the whole chain went up.
    pub went_up: bool,
    /// The revisions that were taken up, down and up again, each time with the same schema.
    pub exact: &'a [String],
}

impl Proofs<'_> {
    fn disprove(self, lint: &Finding) -> bool {
        let of_one = is_of_the_way_up(lint)
            || lint.message.ends_with(IN_DOWNGRADE)
            || OF_ONE_REVISION.contains(&lint.code);
        let is_exact = lint.revision.as_ref().is_some_and(|id| self.exact.contains(id));
        (of_one && is_exact) || (self.went_up && is_of_the_way_up(lint))
    }
}

/// Adds the lints' findings to those of the run; a confirmed one is merged into the finding that
/// confirms it, and a disproved one is withdrawn.
pub fn join(findings: &mut Vec<Finding>, lints: Vec<Finding>, proofs: Proofs<'_>) {
    for mut lint in lints {
        if proofs.disprove(&lint) {
            lint.standing = Standing::Disproved;
        }
        let mut proved = findings.iter_mut().filter(|run| came_true(&lint, run)).peekable();
        if proved.peek().is_none() {
            findings.push(lint);
            continue;
        }
        let mut edit = lint.edit.clone();
        for run in proved {
            let said = match &lint.place {
                Some(place) => {
                    let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
                    format!("{} ({}{line})", lint.message, place.file)
                }
                None => lint.message.clone(),
            };
            let said = [&[said], lint.also.as_slice()].concat().join("\n");
            run.predicted = Some(match run.predicted.take() {
                Some(before) => format!("{before}\n{said}"),
                None => said,
            });
            // A failure while the files are loaded, or of the tree as a whole, has no line.
            if run.place.as_ref().is_none_or(|place| place.line.is_none()) && lint.place.is_some() {
                run.place.clone_from(&lint.place);
                run.revision = lint.revision.clone().or(run.revision.take());
            }
            if is_sharper(lint.code, run.code) {
                run.code = lint.code;
            }
            run.revision = run.revision.take().or(lint.revision.clone());
            if run.own_steps.is_empty() {
                run.own_steps.clone_from(&lint.own_steps);
            }
            // One change is enough for all that it fixes.
            run.edit = run.edit.take().or(edit.take());
        }
    }
}

/// Whether a finding of the run confirms the prediction of a lint.
fn came_true(lint: &Finding, run: &Finding) -> bool {
    let file = |finding: &Finding| finding.place.as_ref().map(|place| place.file.clone());
    let same_revision = match (&lint.revision, &run.revision) {
        (Some(lint), Some(run)) => lint == run,
        // No revision ran that could be named: the graph as a whole is at fault, or a file.
        (Some(_), None) => OF_THE_WHOLE.contains(&lint.code) || file(lint) == file(run),
        (None, _) => true,
    };
    let graph = lint.code == &code::MULTIPLE_HEADS || lint.code == &code::BROKEN_POINTER;
    // Faults of a downgrade do not show on the first way up.
    let downwards = [
        &code::NO_DOWNGRADE,
        &code::EMPTY_DOWNGRADE,
        &code::RAISING_DOWNGRADE,
        &code::LEFT_BEHIND,
        &code::DROPS_OTHERS,
    ];
    let first_way_up =
        run.step.as_ref().is_some_and(|step| !step.ends_with(')') || step.contains(" (pre-"));
    if first_way_up && downwards.contains(&lint.code) {
        return false;
    }
    // What nobody creates, an index or a column of such a table among it, may fail in any revision; what
    // a later revision creates has a remedy of its own.
    let base = lint.code == &code::BASE_NOT_EMPTY && first_way_up && run.own_steps.is_empty();
    // While the files are loaded, no revision runs.
    let loading = is_sharper(lint.code, run.code) && run.revision.is_none();
    // A line of env.py that raises has a fault of its own: the settings led to it.
    let of_env = lint.code == &code::CONFIG_UNKNOWN
        && run.place.as_ref().is_some_and(|place| place.line.is_some());
    // What is created twice on one way does not explain the other.
    let twice = [&code::TABLE_TWICE, &code::CREATED_TWICE].contains(&lint.code);
    let is_down = lint.message.ends_with(IN_DOWNGRADE);
    let other_way =
        twice && run.direction().is_some_and(|ran| (ran == Direction::Downgrade) != is_down);
    run.step.is_some()
        && lint.tree == run.tree
        && !of_env
        && !other_way
        && (loading || (becomes(lint.code, run.code) && (graph || base || same_revision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_error_of_env_is_not_the_settings() {
        let place = model::finding::Place { file: "env.py".into(), line: Some(6), source: None };
        let run = finding(&code::MISSING_PACKAGE, "", Some("upgrade"));
        let mut findings = vec![Finding { revision: None, place: Some(place), ..run }];
        let lint = Finding { revision: None, ..finding(&code::CONFIG_UNKNOWN, "", None) };
        join(&mut findings, vec![lint], Proofs::default());
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.id).collect();
        assert_eq!(codes, ["MG108", "MG213"]);
    }

    #[test]
    fn base_that_is_missing_fails_in_any_revision() {
        let of = |revision: &str, step: &str| Finding {
            revision: Some(revision.into()),
            ..finding(&code::UNDEFINED_OBJECT, "", Some(step))
        };
        for (step, left) in [
            ("shop — alembic upgrade head", ["MG225"].as_slice()),
            ("shop — alembic upgrade head (round trip)", &["MG110", "MG225"]),
        ] {
            let mut findings = vec![of("0003", step)];
            join(
                &mut findings,
                vec![finding(&code::BASE_NOT_EMPTY, "0002", None)],
                Proofs::default(),
            );
            assert_eq!(findings.iter().map(|found| found.code.id).collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn a_way_down_that_creates_twice_explains_no_way_up() {
        let message = format!("twice{IN_DOWNGRADE}");
        let own_steps = vec!["correct the name".to_owned()];
        let lint = finding(&code::TABLE_TWICE, "0002", None);
        let lint = Finding { message, own_steps, ..lint };
        for (code, direction, left) in [
            (&code::DOWNGRADE_FAILED, Direction::Downgrade, 1),
            (&code::DUPLICATE_OBJECT, Direction::Upgrade, 2),
        ] {
            let run = finding(code, "0002", Some("shop — stairway (reversibility check)"));
            let mut findings = vec![Finding { direction: Some(direction), ..run }];
            join(&mut findings, vec![lint.clone()], Proofs::default());
            assert_eq!(findings.len(), left);
            assert_eq!(findings[0].own_steps.is_empty(), left == 2);
        }
    }

    /// A missing dependency reads like a missing parent.
    #[test]
    fn lint_code_replaces_vague_load_error() {
        let mut findings =
            vec![Finding { revision: None, ..finding(&code::BROKEN_POINTER, "", Some("upgrade")) }];
        join(
            &mut findings,
            vec![finding(&code::MISSING_DEPENDENCY, "0002", None)],
            Proofs::default(),
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code.id, "MG204");
    }

    #[test]
    fn a_circle_that_alembic_does_not_see_is_why_it_never_ended() {
        let run = |revision: Option<&str>| Finding {
            revision: revision.map(str::to_owned),
            ..finding(&code::TIMED_OUT, "", Some("Raptor — alembic upgrade head"))
        };
        for (run, left) in
            [(run(None), ["MG203"].as_slice()), (run(Some("0002")), &["MG103", "MG203"])]
        {
            let mut findings = vec![run];
            join(&mut findings, vec![finding(&code::CYCLE, "0003", None)], Proofs::default());
            assert_eq!(findings.iter().map(|found| found.code.id).collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn a_downgrade_does_not_explain_the_first_way_up() {
        let first = finding(&code::DUPLICATE_OBJECT, "0002", Some("Raptor — alembic upgrade head"));
        let again = Some("Raptor — alembic upgrade head (round trip)".to_owned());
        let again = Finding { step: again, ..first.clone() };
        for (run, left) in [(first, 2), (again, 1)] {
            let mut findings = vec![run];
            join(
                &mut findings,
                vec![finding(&code::EMPTY_DOWNGRADE, "0002", None)],
                Proofs::default(),
            );
            assert_eq!(findings.len(), left);
        }
    }

    fn finding(code: &'static Code, revision: &str, step: Option<&str>) -> Finding {
        Finding {
            tree: Some("console".into()),
            revision: Some(revision.into()),
            step: step.map(Into::into),
            ..Finding::new(code, "said")
        }
    }

    #[test]
    fn confirmed_lint_is_shown_once_with_both_proofs() {
        let mut findings = vec![finding(&code::DUPLICATE_OBJECT, "0002", Some("upgrade"))];
        join(&mut findings, vec![finding(&code::CREATED_TWICE, "0002", None)], Proofs::default());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].predicted.as_deref(), Some("said"));
    }

    #[test]
    fn disproved_lint_is_withdrawn() {
        let exact = ["0002".to_owned()];
        let check = |code, revision, went_up, withdrawn| {
            let mut findings = Vec::new();
            let proofs = Proofs { went_up, exact: &exact };
            join(&mut findings, vec![finding(code, revision, None)], proofs);
            let standing = if withdrawn { Standing::Disproved } else { Standing::Counts };
            assert_eq!(findings[0].standing, standing, "{}", code.id);
        };
        for code in [&code::EMPTY_DOWNGRADE, &code::LEFT_BEHIND, &code::NAMELESS_DROP] {
            check(code, "0002", false, true);
            check(code, "0003", true, false);
        }
        check(&code::CREATED_TWICE, "0003", true, true);
        check(&code::CREATED_TWICE, "0003", false, false);
        // A finding that the run did not test is kept.
        for code in [&code::TOUCHES_AT_IMPORT, &code::ENDS_TRANSACTION, &code::MULTIPLE_HEADS] {
            check(code, "0002", true, false);
        }
    }

    #[test]
    fn a_file_that_cannot_be_loaded_is_explained_by_no_other_file() {
        let at = |file: &str, finding: Finding| {
            let place = model::finding::Place { file: file.into(), line: Some(1), source: None };
            Finding { place: Some(place), ..finding }
        };
        let run = Finding {
            revision: None,
            ..at("0009.py", finding(&code::MIGRATION_FAILED, "", Some("upgrade")))
        };
        for (file, left) in [("0002.py", 2), ("0009.py", 1)] {
            let mut findings = vec![run.clone()];
            let lint = at(file, finding(&code::NAMELESS_DROP, "0002", None));
            join(&mut findings, vec![lint], Proofs::default());
            assert_eq!(findings.len(), left);
        }
    }

    #[test]
    fn unconfirmed_lint_stands_by_itself() {
        let mut findings = vec![finding(&code::DUPLICATE_OBJECT, "0002", Some("upgrade"))];
        join(&mut findings, vec![finding(&code::CREATED_TWICE, "0009", None)], Proofs::default());
        join(&mut findings, vec![finding(&code::MISSING_ROLE, "0002", None)], Proofs::default());
        assert_eq!(findings.len(), 3);
    }
}
