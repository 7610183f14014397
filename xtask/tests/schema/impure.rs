//! Schemas that depend on where they are made.

use super::support::{EACH_ITS_OWN, Revision, gate};

#[test]
fn a_default_taken_from_the_environment_is_found() {
    let zone =
        "python: import time; op.execute(f\"ALTER TABLE t ALTER a SET DEFAULT '{time.timezone}'\")";
    let chain = [
        Revision::new("one", "CREATE TABLE t (a text)", "DROP TABLE t"),
        Revision::new("two", zone, "ALTER TABLE t ALTER a DROP DEFAULT"),
        Revision::new("three", "CREATE TABLE u (a text)", "DROP TABLE u"),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    assert_eq!(said.verdict(), "fail");
    let about = said.about("two");
    assert_eq!(about.len(), 1, "{about:#?}\n{}", said.stderr);
    assert_eq!(about[0].0, "MG409");
    assert!(about[0].1.contains("table t, column a: default"), "{about:#?}");
}

#[test]
fn an_upgrade_that_gives_something_else_the_second_time_is_found() {
    let up = "DO $$ BEGIN IF to_regclass('seen') IS NULL THEN CREATE TABLE t (a int); \
              ELSE CREATE TABLE t (a bigint); END IF; END $$;\nDROP TABLE IF EXISTS seen";
    let chain = [
        Revision::new("one", "SELECT 1", "SELECT 1"),
        Revision {
            says: "# migration-gate: keeps table seen, to see a second time",
            ..Revision::new("two", up, "DROP TABLE t;\nCREATE TABLE seen (a int)")
        },
    ];
    let said = gate(&chain, EACH_ITS_OWN, &[]);
    let codes: Vec<String> = said.about("two").into_iter().map(|f| f.0).collect();
    assert_eq!(codes, ["MG406", "MG403"], "{:#?}", said.about("two"));
}
