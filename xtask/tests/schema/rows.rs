//! Revisions that fail, or lose something, only on tables with rows: each is found, at its revision,
//! with the row that shows it.

use super::support::{EACH_ITS_OWN, Revision, changes, climb, gate};

/// Climbs one chain of all these revisions, and holds what is told of each against its case.
#[test]
fn losses_and_failures_on_rows_are_found_with_the_row() {
    let changes = changes("rows.yaml");
    let said = climb(&changes, None);
    let mut wrong = Vec::new();
    for change in &changes {
        let told = said.about(&change.id);
        let is_right = match told.as_slice() {
            [] => change.code.is_empty(),
            [(code, message)] => *code == change.code && message.contains(&change.told),
            _ => false,
        };
        let weight = said.severity_of(&change.id);
        let is_weighed = change.severity.is_empty() || weight == change.severity;
        let remedies = said.remedies(&change.id);
        let is_helped = remedies.iter().any(|step| step.contains(&change.remedy));
        // A directive that is offered names its table.
        let is_nameless = remedies.iter().any(|step| step.contains(" TABLE"));
        let is_helped = !is_nameless && (is_helped || change.remedy.is_empty());
        let also = said.also(&change.id);
        let is_right = is_right && (change.also.is_empty() || change.also == also);
        if !is_right || !is_weighed || !is_helped {
            let (before, code, part) = (&change.before, &change.code, &change.told);
            wrong.push(format!(
                "{before}: expected {code} {part}, found {weight} {told:?} {also:?} {remedies:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), said.stderr);
}

/// A tree whose head alone is new is tried on rows too, in the round trip.
#[test]
fn new_head_is_tried_on_rows_without_a_stairway() {
    let (up, down) =
        ("ALTER TABLE h1 ADD COLUMN note text NOT NULL", "ALTER TABLE h1 DROP COLUMN note");
    let chain = [
        Revision::new("a", "CREATE TABLE h1 (id int PRIMARY KEY)", "DROP TABLE h1"),
        Revision::new("b", up, down),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &[]);
    let told = said.about("b");
    assert_eq!(told.len(), 1, "{told:?}\n{}", said.stderr);
    assert_eq!(told[0].0, "MG410");
    assert!(told[0].1.contains("h1 {\"id\":"), "{told:?}");
    assert_eq!(said.verdict(), "fail");
    let findings = said.report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == "MG410").unwrap();
    let (step, directive) = (found["step"].as_str(), found["remedy"][1].as_str());
    assert!(step.unwrap().ends_with("(round trip)"), "{step:?}");
    assert!(directive.unwrap().contains("`# migration-gate: rows h1, reason`"), "{directive:?}");
}

/// A loss is shown at the line that ran, whatever other line names the column.
#[test]
fn lost_value_stands_where_its_statement_ran() {
    let up = "python: run = op.get_bind().exec_driver_sql
    if run('SELECT 1').scalar() == 2:
        run('SELECT note FROM h7')
    for value in ('note || note',):
        run('UPDATE h7 SET note = ' + value)
    run('DELETE FROM h8')
    run('ALTER TABLE h7 ADD COLUMN title text')";
    let chain = [
        Revision::new(
            "a",
            "CREATE TABLE h7 (id int PRIMARY KEY, note text);\nCREATE TABLE h8 (id int)",
            "DROP TABLE h7, h8",
        ),
        Revision::new("b", up, "ALTER TABLE h7 DROP COLUMN title"),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &[]);
    let findings = said.report["findings"].as_array().unwrap();
    let lost: Vec<_> = findings.iter().filter(|finding| finding["code"] == "MG416").collect();
    assert_eq!(lost.len(), 1, "{lost:#?}\n{}", said.stderr);
    assert_eq!(lost[0]["line"], 14, "{:#}", lost[0]);
    assert_eq!(lost[0]["statement"], "UPDATE h7 SET note = note || note");
    let deleted =
        ["data lost on upgrade, with what it drops or deletes", "b h8 (", "by DELETE or TRUNCATE"];
    assert!(deleted.iter().all(|part| said.stderr.contains(part)), "{}", said.stderr);
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

/// Where the catalogue does not say what production holds, the revision does; and what cannot be filled is
/// named with the reason.
#[test]
fn notes_about_rows_leave_the_verdict_alone() {
    let said = climb(&changes("notes.yaml"), None);
    // What goes with a dropped column is told in the step alone.
    for (id, reason) in [("told", "it is empty in production"), ("lossy", "it was a guess")] {
        let told = said.about(id);
        let is_right =
            |(code, message): &(String, String)| code == "MG418" && message.ends_with(reason);
        assert!(told.len() == 1 && is_right(&told[0]), "{told:?}\n{}", said.stderr);
    }
    // One note for all tables of the tree.
    let (told, also) = (said.about("unfilled"), said.also("unfilled"));
    let all: Vec<&String> = told.iter().map(|(_, message)| message).chain(&also).collect();
    let expected = ["statement timeout", "only by the archive", "satisfies (md5(a) = 'x'::text)"];
    assert!(told.len() == 1 && told[0].0 == "MG417", "{told:?}\n{}", said.stderr);
    assert_eq!(all.len(), expected.len(), "{all:?}");
    assert!(all.iter().zip(expected).all(|(told, part)| told.contains(part)), "{all:?}");
    assert_eq!(said.verdict(), "pass");
}

/// A downgrade that fails in any case does not hide that the upgrade fails on rows.
#[test]
fn upgrade_is_tried_on_rows_where_the_downgrade_fails() {
    let chain = [
        Revision::new("a", "CREATE TABLE h4 (id int PRIMARY KEY)", "DROP TABLE h4"),
        Revision::new("b", "ALTER TABLE h4 ADD COLUMN note text NOT NULL", "DROP TABLE h5"),
        Revision::new("c", "CREATE TABLE h6 (a int)", "DROP TABLE h6"),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    let codes: Vec<String> = said.about("b").into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["MG106", "MG410"], "{}", said.stderr);
}
