//! Revisions that fail, or lose something, only on tables with rows: each is found, at its revision,
//! with the row that shows it.

use super::row_cases::{DOWN, Defect, LOST, SOUND, UP};
use super::support::{EACH_ITS_OWN, Revision, chain_on, gate};

/// Gates one chain of all these revisions, and holds what is said of each against its case.
#[track_caller]
fn check(defects: &[Defect], sound: &[(&'static str, &'static str, &'static str)]) {
    let steps = defects.iter().map(|(before, up, down, ..)| (*before, *up, *down));
    let steps: Vec<_> = steps.chain(sound.iter().copied()).collect();
    let before: Vec<&str> = steps.iter().map(|(before, ..)| *before).collect();
    let ids: Vec<String> = (1..=steps.len()).map(|n| format!("r{n:02}")).collect();
    let before = before.join(";\n");
    let mut chain = chain_on(&before);
    for (id, (_, up, down)) in ids.iter().zip(steps) {
        chain.push(Revision::new(id, up, down));
    }
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    let mut wrong = Vec::new();
    for (id, (before, _, _, code, part)) in ids.iter().zip(defects) {
        let told = said.about(id);
        let is_right = |found: &str, message: &str| found == *code && message.contains(part);
        if !matches!(told.as_slice(), [(found, message)] if is_right(found, message)) {
            wrong.push(format!("{before}: expected {code} {part}, found {told:?}"));
        }
    }
    for (id, (before, ..)) in ids[defects.len()..].iter().zip(sound) {
        let told = said.about(id);
        if !told.is_empty() {
            wrong.push(format!("{before}: expected nothing, found {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), said.stderr);
}

#[test]
fn upgrade_that_fails_on_rows_is_found_with_the_row() {
    check(UP, &[]);
}

#[test]
fn losses_are_counted_and_sound_revisions_raise_no_alarm() {
    check(&[DOWN, LOST].concat(), SOUND);
}

/// A tree whose head alone is new is tried on rows too, in the round trip.
#[test]
fn new_head_is_tried_on_rows_without_a_stairway() {
    let chain = |up: &'static str| {
        vec![
            Revision::new("a", "CREATE TABLE h1 (id int PRIMARY KEY)", "DROP TABLE h1"),
            Revision::new("b", up, "ALTER TABLE h1 DROP COLUMN note"),
        ]
    };
    let said = gate(&chain("ALTER TABLE h1 ADD COLUMN note text NOT NULL"), EACH_ITS_OWN, &[]);
    let told = said.about("b");
    assert_eq!(told.len(), 1, "{told:?}\n{}", said.stderr);
    assert_eq!(told[0].0, "MG410");
    assert!(told[0].1.contains("h1 {\"id\":"), "{told:?}");
    assert_eq!(said.verdict(), "fail");
    let findings = said.report["findings"].as_array().unwrap();
    let step = findings.iter().find(|finding| finding["code"] == "MG410").unwrap()["step"].as_str();
    assert!(step.unwrap().ends_with("(round trip)"), "{step:?}");
    let said = gate(&chain("ALTER TABLE h1 ADD COLUMN note text"), EACH_ITS_OWN, &[]);
    assert_eq!(said.about("b"), []);
    assert_eq!(said.verdict(), "pass", "{}", said.stderr);
}

/// A head that says that it has no way back stays applied, and is tried on rows all the same.
#[test]
fn irreversible_head_is_tried_on_rows() {
    let chain = [
        Revision::new("a", "CREATE TABLE n1 (id int PRIMARY KEY)", "DROP TABLE n1"),
        Revision {
            says: "# migration-gate: irreversible, the old ids are gone",
            ..Revision::new(
                "b",
                "ALTER TABLE n1 ADD COLUMN note text NOT NULL",
                "python: raise NotImplementedError",
            )
        },
    ];
    let said = gate(&chain, EACH_ITS_OWN, &[]);
    let told = said.about("b");
    let codes: Vec<&str> = told.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["MG408", "MG410"], "{told:?}\n{}", said.stderr);
}

/// Where the catalogue does not say what production holds, the revision does.
#[test]
fn directives_about_rows_turn_findings_into_notes() {
    let before = "CREATE TABLE w1 (id int PRIMARY KEY, note text);\nCREATE TABLE w2 (a int)";
    let mut chain = chain_on(before);
    // It gets rows before this one, and must not have them before the next.
    chain.push(Revision::new("q", "ALTER TABLE w2 ADD c int", "ALTER TABLE w2 DROP c"));
    chain.push(Revision {
        says: "# migration-gate: loses w1.note, nobody reads it\n# migration-gate: rows w2, it is empty in production",
        ..Revision::new(
            "r",
            "ALTER TABLE w1 DROP COLUMN note;\nALTER TABLE w2 ADD COLUMN b int NOT NULL",
            "ALTER TABLE w1 ADD COLUMN note text;\nALTER TABLE w2 DROP COLUMN b",
        )
    });
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    let told = said.about("r");
    let codes: Vec<&str> = told.iter().map(|(code, _)| code.as_str()).collect();
    // What goes with a dropped column is told in the step alone.
    assert_eq!(codes, ["MG418"], "{told:?}\n{}", said.stderr);
    assert!(told[0].1.ends_with("it is empty in production"), "{told:?}");
    assert_eq!(said.verdict(), "pass");
}

#[test]
fn table_that_cannot_be_filled_is_named_with_the_reason() {
    let before = "CREATE FUNCTION f_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END';\nCREATE TABLE f0 (a int);\nCREATE TRIGGER f0_slow BEFORE INSERT ON f0 FOR EACH ROW EXECUTE FUNCTION f_slow();\nCREATE FUNCTION f_no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''only by the archive''; END';\nCREATE TABLE f1 (a int);\nCREATE TRIGGER f1_no BEFORE INSERT ON f1 FOR EACH ROW EXECUTE FUNCTION f_no();\nCREATE TABLE f2 (a text NOT NULL CHECK (md5(a) = 'x'))";
    let mut chain = chain_on(before);
    chain.push(Revision::new(
        "r",
        "ALTER TABLE f0 ADD COLUMN b int;\nALTER TABLE f1 ADD COLUMN b int;\nALTER TABLE f2 ADD COLUMN b int",
        "ALTER TABLE f0 DROP COLUMN b;\nALTER TABLE f1 DROP COLUMN b;\nALTER TABLE f2 DROP COLUMN b",
    ));
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    let told = said.about("r");
    let codes: Vec<&str> = told.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["MG417", "MG417", "MG417"], "{told:?}\n{}", said.stderr);
    assert!(told[0].1.contains("statement timeout"), "{told:?}");
    assert!(told[1].1.contains("only by the archive"), "{told:?}");
    assert!(told[2].1.contains("satisfies (md5(a) = 'x'::text)"), "{told:?}");
    assert_eq!(said.verdict(), "pass");
}
