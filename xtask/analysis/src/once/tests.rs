use super::*;
use model::finding::Place;
use model::production::Impact;
use model::transcript::{Exception, Frame};

fn found(code: &'static Code, revision: &str, step: &str, message: &str) -> Finding {
    Finding {
        tree: Some("shop".into()),
        revision: Some(revision.into()),
        step: (!step.is_empty()).then(|| step.to_owned()),
        ..Finding::new(code, message)
    }
}

/// The remaining messages, each with those that were folded into it.
#[track_caller]
fn check(findings: &[Finding], expected: &[&str]) {
    let mut findings = findings.to_vec();
    fold(&mut findings);
    let told =
        findings.iter().map(|f| [std::slice::from_ref(&f.message), f.also.as_slice()].concat());
    assert_eq!(told.map(|lines| lines.join("; ")).collect::<Vec<_>>(), expected);
}

#[test]
fn one_exception_in_several_steps_is_one_finding() {
    let failed = |revision: &str, step: &str| {
        found(&code::UNDEFINED_OBJECT, revision, step, "there is no t")
    };
    let folded = "there is no t; the same in the step 'stairway'";
    check(&[failed("2", "upgrade"), failed("2", "stairway")], &[folded]);
    check(&[failed("2", "upgrade"), failed("3", "stairway")], &["there is no t", "there is no t"]);
    let lint = found(&code::UNDEFINED_OBJECT, "2", "", "there is no t");
    check(&[failed("2", "upgrade"), lint], &["there is no t", "there is no t"]);
}

#[test]
fn exception_of_shared_code_is_one_finding() {
    let failed = |revision: &str, line: u32| {
        let raised = Exception { message: "too many arguments".into(), ..Exception::default() };
        let frame = Frame { file: "env.py".into(), line, function: "run".into(), source: None };
        Finding {
            transcript: Some(Box::new(Transcript {
                exceptions: vec![raised],
                frames: vec![frame],
                ..Transcript::default()
            })),
            place: Some(Place { file: "env.py".into(), line: Some(line), source: None }),
            ..found(&code::DOWNGRADE_FAILED, revision, "stairway", &format!("{line}: it fails"))
        }
    };
    check(&[failed("2", 7), failed("3", 7)], &["7: it fails; the same in 3"]);
    check(&[failed("2", 7), failed("3", 8)], &["7: it fails", "8: it fails"]);
}

#[test]
fn largest_values_are_a_line_of_the_type_that_is_not_restored() {
    let typed = Finding {
        subject: Some("column t.n".to_owned()),
        ..found(&code::CHANGED, "2", "stairway", "type was bigint")
    };
    let fails = |sql: &str| Finding {
        transcript: Some(Box::new(Transcript {
            statement: Some(sql.to_owned()),
            ..Transcript::default()
        })),
        ..found(&code::FAILS_ON_EXTREMES, "2", "stairway", "out of range")
    };
    let of_column = fails("ALTER TABLE t ALTER COLUMN n TYPE integer");
    check(&[typed.clone(), of_column], &["type was bigint; out of range"]);
    let of_another = fails("ALTER TABLE t ALTER COLUMN m TYPE integer");
    check(&[typed, of_another], &["type was bigint", "out of range"]);
}

#[test]
fn several_heads_are_told_by_the_step_that_counts_them() {
    let heads = |step: &str, said: &str| found(&code::MULTIPLE_HEADS, "3", step, said);
    let told = "2 heads; the same in the step 'upgrade'";
    check(&[heads("upgrade", "Multiple head revisions"), heads("count", "2 heads")], &[told]);
}

#[test]
fn a_second_base_is_a_line_of_the_heads() {
    let heads = found(&code::MULTIPLE_HEADS, "3", "count", "2 heads");
    let base = found(&code::SEVERAL_BASES, "3", "", "it has no parent");
    check(&[heads.clone(), base.clone()], &["2 heads; it has no parent"]);
    check(&[base.clone(), heads], &["2 heads; it has no parent"]);
    check(&[base], &["it has no parent"]);
}

#[test]
fn remains_of_one_downgrade_are_told_once() {
    let about = |code, subject: &str, what: &str| Finding {
        subject: Some(subject.to_owned()),
        ..found(code, "2", "stairway", what)
    };
    let findings = [
        about(&code::CHANGED, "column t.state", "column state: type was kind"),
        about(&code::NOT_RESTORED, "type kind", "type kind"),
        about(&code::REMAINS, "column u.b", "column b"),
        about(&code::DATA_LOST, "t.state", "t.state: 4 values lost"),
        about(&code::DATA_LOST, "v.a", "v.a: 3 values lost"),
    ];
    let told = "column state: type was kind; type kind; column b; t.state: 4 values lost";
    check(&findings, &[told, "v.a: 3 values lost"]);
    let empty = |f: &Finding| Finding { predicted: Some(DOES_NOTHING.into()), ..f.clone() };
    let findings: Vec<Finding> = findings.iter().map(empty).collect();
    check(&findings, &[&format!("{told}; v.a: 3 values lost")]);
}

#[test]
fn object_that_an_earlier_revision_leaves_is_told_there() {
    let about = |code, revision: &str, subject: &str, what: &str| Finding {
        subject: Some(subject.to_owned()),
        lacks: vec![what.to_owned()],
        ..found(code, revision, "stairway", what)
    };
    let mut findings = vec![
        about(&code::REMAINS, "2", "table t", "left behind: table t (columns: a)"),
        about(&code::REMAINS, "2", "type kind", "left behind: type kind (enum: a)"),
        about(&code::NOT_RESTORED, "3", "type kind", "not restored: type kind"),
        about(&code::NOT_RESTORED, "3", "index ix", "not restored: index ix"),
        about(&code::NOT_RESTORED, "4", "type kind_of", "not restored: type kind_of"),
    ];
    let told = "left behind: table t (columns: a); left behind: type kind (enum: a); not restored: type kind";
    check(&findings, &[told, "not restored: index ix", "not restored: type kind_of"]);
    fold(&mut findings);
    assert_eq!(findings[0].lacks.len(), 2, "the third is of another file");
}

#[test]
fn hazard_of_many_revisions_is_one_finding() {
    let warns = |revision: &str, instead: &str| Finding {
        impact: Some(Box::new(Impact {
            direction: Direction::Upgrade,
            table: "t".into(),
            told: vec![("instead".into(), instead.into())],
        })),
        ..found(&code::WHO_WAITS, revision, "", "nobody can write")
    };
    let few = ["2", "3", "4"].map(|revision| warns(revision, "concurrently"));
    check(&few, &["nobody can write"; 3]);
    let many = [&few[..], &[warns("5", "concurrently"), warns("6", "NOT VALID")]].concat();
    let told = "nobody can write; the same in 3: `t`; the same in 4: `t`; the same in 5: `t`";
    check(&many, &[told, "nobody can write"]);
}

#[test]
fn repeated_habit_of_a_tree_is_one_finding() {
    let raises = |revision: &str| found(&code::RAISING_DOWNGRADE, revision, "", "it raises");
    let told = "it raises; the same in 3; the same in 4";
    check(&[raises("2"), raises("3"), raises("4")], &[told]);
    let does = |revision: &str| found(&code::EMPTY_DOWNGRADE, revision, "", "it does nothing");
    check(&[does("2"), does("3")], &["it does nothing", "it does nothing"]);
}

#[test]
fn tables_without_rows_are_told_once() {
    let empty = |revision: &str, table: &str| {
        let message = format!("{table}{NO_ROWS}{revision} is tried");
        found(&code::NOT_FILLED, revision, "stairway", &message)
    };
    let other = found(&code::NOT_FILLED, "2", "stairway", "it raises on purpose");
    check(
        &[empty("2", "t"), empty("2", "u"), empty("3", "t"), other],
        &[
            "t has no rows when revision 2 is tried; u has no rows when revision 2 is tried; \
             t has no rows when revision 3 is tried",
            "it raises on purpose",
        ],
    );
}
