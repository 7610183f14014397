//! Downgrades that end well and leave the schema otherwise than it was. Each defect is a revision of
//! one long chain, which the stairway climbs; each must be found, at its revision, by its object.

use super::support::{ONE_FOR_ALL, Revision, changes, climb, gate};

#[test]
fn planted_defects_are_found_and_named() {
    let defects = changes("defects.yaml");
    assert!(defects.len() >= 60, "only {}", defects.len());
    let said = climb(&defects, Some(Revision::new("head", "SELECT 1", "SELECT 1")));
    let mut wrong = Vec::new();
    for defect in &defects {
        let about = said.about_schema(&defect.id);
        if !matches!(about.as_slice(), [(_, message)] if message.contains(&defect.told)) {
            wrong.push(format!("{}: expected `{}`, found {about:#?}", defect.up, defect.told));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), said.stderr);
    let second =
        "the second upgrade fails: psycopg2.errors.DuplicateObject: type \"l_side\" already exists";
    assert_eq!(said.also(&defects[0].id), [second]);
    // That columns stand in another order is a note.
    let notes = defects.iter().filter(|defect| defect.told.contains("column order")).count();
    let errors = said.errors_of_schema();
    assert_eq!(errors.len(), defects.len() - notes, "{errors:#?}");
}

/// The patch that is offered for a head, whose downgrade is compared in the official step.
#[test]
fn downgrade_in_one_transaction_is_compared() {
    let chain = [
        Revision::new("one", "CREATE TABLE t (a int)", "DROP TABLE t"),
        Revision::new("two", "CREATE TYPE side AS ENUM ('buy')", "SELECT 1"),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &[]);
    assert_eq!(said.verdict(), "fail");
    let about = said.about("two");
    assert_eq!(about.len(), 1, "{about:#?}\n{}", said.stderr);
    assert_eq!(about[0].0, "MG400", "{about:#?}");
    assert_eq!(about[0].1, "left behind: type side (enum: buy), by the downgrade of revision two");
    let finding = &said.report["findings"][0];
    assert_eq!(finding["statement"], "CREATE TYPE side AS ENUM ('buy')");
    assert_eq!(finding["verified"], true);
    let patch = finding["patch"].as_str().unwrap();
    assert!(patch.contains("\n+    op.execute(\"DROP TYPE side\")"), "{patch}");
    assert!(
        finding["file"].as_str().unwrap().ends_with("versions/two.py") && finding["line"] == 11
    );
}

/// An author who wrote why there is no way back is offered the directive, and no statements.
#[test]
fn words_of_an_empty_downgrade_are_quoted() {
    let of = |down: &str| {
        let two = Revision::new("two", "CREATE TABLE t (a int)", down);
        let said = gate(&[Revision::new("one", "SELECT 1", "SELECT 1"), two], ONE_FOR_ALL, &[]);
        let finding = said.report["findings"][0].clone();
        assert_eq!(finding["code"], "MG400", "{}", said.stderr);
        (finding["remedy"][0].as_str().unwrap_or_default().to_owned(), finding["patch"].is_null())
    };
    let (remedy, has_none) = of("python: pass  # Older code does not mind the table");
    let words = "`downgrade()` says `Older code does not mind the table`: where that means";
    assert!(remedy.starts_with(words) && has_none, "{remedy}");
    let (remedy, has_none) = of("python: pass");
    assert!(!remedy.contains("irreversible") && !has_none, "{remedy}");
}

/// No downgrade can remove a label; the upgrade must accept it when it runs again.
#[test]
fn label_that_stays_is_accepted_by_the_verified_patch() {
    let chain = [
        Revision::new("one", "CREATE TYPE side AS ENUM ('buy')", "DROP TYPE side"),
        Revision::new("two", "ALTER TYPE side ADD VALUE 'sell'", "SELECT 1"),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &[]);
    let finding = &said.report["findings"][0];
    assert_eq!((&finding["code"], &finding["verified"]), (&"MG402".into(), &true.into()));
    let patch = finding["patch"].as_str().unwrap();
    assert!(patch.contains("ADD VALUE IF NOT EXISTS 'sell'"), "{patch}");
}

/// What is not shown of a downgrade's differences is counted in the finding that shows the others.
#[test]
fn further_differences_are_a_line_of_the_first_finding() {
    let types: Vec<String> = (0..30).map(|n| format!("CREATE TYPE e{n} AS ENUM ('a')")).collect();
    let types = types.join(";\n");
    let chain = [
        Revision::new("one", "CREATE TABLE t (a int)", "DROP TABLE t"),
        Revision::new("two", &types, "SELECT 1"),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &[]);
    assert_eq!(said.about("two").len(), 1, "{:#?}", said.about("two"));
    let also = said.report["findings"][0]["also"].as_array().unwrap();
    assert!(also.contains(&"5 further differences are not shown".into()), "{also:#?}");
}

/// A label that the upgrade adds only where it is missing is no fault of the downgrade.
#[test]
fn label_that_the_second_upgrade_accepts_is_a_note() {
    let up = "python: run = op.get_bind().exec_driver_sql
    there = run('SELECT enumlabel FROM pg_enum').scalars().all()
    if 'sell' not in there:
        run(\"ALTER TYPE side ADD VALUE 'sell'\")";
    let chain = [
        Revision::new("one", "CREATE TYPE side AS ENUM ('buy')", "DROP TYPE side"),
        Revision::new("two", up, ""),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &[]);
    let about = said.about("two");
    assert_eq!(about.len(), 1, "{about:#?}\n{}", said.stderr);
    assert!(about[0].0 == "MG406" && about[0].1.ends_with("the second upgrade accepts it"));
    assert_eq!(said.verdict(), "pass");
}

/// A downgrade that runs nothing is told once, with all that it leaves.
#[test]
fn downgrade_that_runs_nothing_is_one_finding() {
    let before = "CREATE TABLE t (id int PRIMARY KEY, note text);\nCREATE INDEX ix ON t (note);\n\
                  CREATE TABLE other (id int PRIMARY KEY, a int CHECK (a BETWEEN 0 AND 99))";
    let up = "CREATE TABLE made (a int);\nDROP INDEX ix;\nALTER TABLE t ALTER id TYPE bigint;\n\
              UPDATE other SET a = 99 - a";
    let chain = [
        Revision::new("one", before, "DROP TABLE t, other"),
        Revision::new("two", up, "python: print('kept')"),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &[]);
    let about = said.about("two");
    assert_eq!(about.len(), 1, "{about:#?}\n{}", said.stderr);
    let told = format!("{}; {}", about[0].1, said.report["findings"][0]["also"]);
    for part in ["index ix", "table made", "type was", "other.a: "] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
