//! Schemas that depend on where they are made.

use super::support::{EACH_ITS_OWN, Revision, changes, climb, gate};

const DEFAULT: &str = "\
def default(table, value):
    op.execute(f\"ALTER TABLE {table} ALTER a SET DEFAULT '{value}'\")
";

/// A table for each of them, then each of them as a revision of its own, then one that names all
/// tables and is not to blame.
#[test]
fn environment_dependence_is_found_at_its_revision() {
    let mut changes = changes("impure.yaml");
    let (mut after, mut back) = (String::new(), String::new());
    for change in &mut changes {
        let t = &change.id;
        after += &format!("COMMENT ON TABLE {t} IS 'x';\n");
        back += &format!("COMMENT ON TABLE {t} IS NULL;\n");
        change.before = format!("CREATE TABLE {t} (a text)");
        // What they made goes with the table, whatever it was.
        let made = format!("SELECT relname FROM pg_class WHERE relname ~ '^{t}_[0-9]+$'");
        let drop = "EXECUTE 'DROP TABLE ' || n";
        change.down = format!(
            "DROP TABLE {t};\nDO $$ DECLARE n text; BEGIN FOR n IN {made} LOOP {drop}; \
             END LOOP; END $$;\nCREATE TABLE {t} (a text)"
        );
        change.says = DEFAULT.into();
    }
    let said = climb(&changes, Some(Revision::new("last", &after, &back)));
    for change in &changes {
        let about = said.about_schema(&change.id);
        assert!(!about.is_empty(), "{}: nothing\n{}", change.id, said.stderr);
        let is_right = |(code, _): &(String, String)| change.code.contains(code);
        assert!(about.iter().all(is_right), "{}: {about:#?}", change.id);
        let is_told = about.iter().any(|(_, told)| told.contains(&change.told));
        // Once, where it is another one each time.
        let once = about.len() == 1 || !change.told.is_empty();
        assert!(is_told && once, "{}: {about:#?}", change.id);
    }
    assert_eq!(said.verdict(), "fail");
    assert!(said.about_schema("last").is_empty(), "{:#?}", said.errors_of_schema());
}

#[test]
fn upgrade_that_differs_the_second_time_is_found() {
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
    let codes: Vec<String> = said.about_schema("two").into_iter().map(|f| f.0).collect();
    assert_eq!(codes, ["MG406", "MG403"], "{:#?}", said.about("two"));
}
