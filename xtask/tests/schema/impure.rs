//! Schemas that depend on where they are made.

use super::support::{EACH_ITS_OWN, Revision, Said, chain_on, gate};

/// Upgrades that give the same as often as they run on one machine, and something else on another.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("zone", "import time; default('zone', time.timezone)", "table zone, column a: default was"),
    (
        "zone_of_sql",
        "op.execute(\"DO $$ BEGIN EXECUTE format('ALTER TABLE zone_of_sql ALTER a SET DEFAULT %L', current_setting('timezone')); END $$\")",
        "table zone_of_sql, column a: default was",
    ),
    (
        "day",
        "import datetime; default('day', datetime.date.today())",
        "table day, column a: default was",
    ),
    (
        "weekday",
        "import time; default('weekday', time.strftime('%A'))",
        "table weekday, column a: default was",
    ),
    (
        "partition",
        "import datetime; op.execute(f\"CREATE TABLE partition_{datetime.date.today():%d} (a int)\")",
        "table partition_",
    ),
    (
        "set_order",
        "[op.execute(f'ALTER TABLE set_order ADD {name} int') for name in {'north', 'east', 'south', 'west', 'up', 'down'}]",
        "column order: table set_order",
    ),
    (
        "hash_of_a_name",
        "default('hash_of_a_name', hash('name'))",
        "table hash_of_a_name, column a: default was",
    ),
    (
        "environment",
        "import os; default('environment', os.environ['LANG'])",
        "table environment, column a: default was",
    ),
    (
        "home",
        "import os; default('home', os.path.expanduser('~'))",
        "table home, column a: default was",
    ),
    (
        "process",
        "import os; default('process', os.getpid())",
        "table process, column a: default was",
    ),
    (
        "locale",
        "import locale; default('locale', locale.setlocale(locale.LC_ALL, ''))",
        "table locale, column a: default was",
    ),
];

/// Upgrades that give something else each time.
const EACH_TIME: &[(&str, &str)] = &[
    ("now", "import datetime; default('now', datetime.datetime.now())"),
    (
        "now_of_sql",
        "op.execute(\"DO $$ BEGIN EXECUTE format('ALTER TABLE now_of_sql ALTER a SET DEFAULT %L', clock_timestamp()); END $$\")",
    ),
    ("random", "import random; default('random', random.random())"),
    ("uuid", "import uuid; default('uuid', uuid.uuid4())"),
];

const DEFAULT: &str = "\
def default(table, value):
    op.execute(f\"ALTER TABLE {table} ALTER a SET DEFAULT '{value}'\")
";

/// A table for each of them, then each of them as a revision of its own, then one that names all
/// tables and is not to blame.
fn chain_of(names: &[&str], bodies: &[&str]) -> Said {
    let made: Vec<String> = names.iter().map(|t| format!("CREATE TABLE {t} (a text)")).collect();
    let after: Vec<String> = names.iter().map(|t| format!("COMMENT ON TABLE {t} IS 'x'")).collect();
    let back: Vec<String> = names.iter().map(|t| format!("COMMENT ON TABLE {t} IS NULL")).collect();
    let (made, after, back) = (made.join(";\n"), after.join(";\n"), back.join(";\n"));
    let bodies: Vec<String> = bodies.iter().map(|body| format!("python: {body}")).collect();
    // What they made goes with the table, whatever it was.
    let downs: Vec<String> = names
        .iter()
        .map(|t| format!("DROP TABLE {t};\nDO $$ DECLARE n text; BEGIN FOR n IN SELECT relname FROM pg_class WHERE relname ~ '^{t}_[0-9]+$' LOOP EXECUTE 'DROP TABLE ' || n; END LOOP; END $$;\nCREATE TABLE {t} (a text)"))
        .collect();
    let mut chain = chain_on(&made);
    for ((id, up), down) in names.iter().zip(&bodies).zip(&downs) {
        chain.push(Revision { says: DEFAULT, ..Revision::new(id, up, down) });
    }
    chain.push(Revision::new("last", &after, &back));
    gate(&chain, EACH_ITS_OWN, &["--stairway"])
}

#[test]
fn environment_dependence_is_found_at_its_revision() {
    let names: Vec<&str> = ELSEWHERE.iter().map(|(name, ..)| *name).collect();
    let bodies: Vec<&str> = ELSEWHERE.iter().map(|(_, body, _)| *body).collect();
    let said = chain_of(&names, &bodies);
    for (name, _, expected) in ELSEWHERE {
        let about = said.about_schema(name);
        assert!(
            !about.is_empty(),
            "{name}: nothing\n{:#?}\n{}",
            said.errors_of_schema(),
            said.stderr
        );
        // The order of columns is a note, whatever it comes from.
        let expected_code = match *name {
            _ if expected.starts_with("column order") => "MG407",
            // Another one in the same environment, too.
            "process" => "MG403",
            _ => "MG409",
        };
        assert!(about.iter().all(|(code, _)| code == expected_code), "{name}: {about:#?}");
        assert!(about.iter().any(|(_, told)| told.contains(expected)), "{name}: {about:#?}");
    }
    assert_eq!(said.verdict(), "fail");
    assert!(said.about_schema("last").is_empty(), "{:#?}", said.errors_of_schema());
}

#[test]
fn random_schema_is_found_at_its_revision() {
    let names: Vec<&str> = EACH_TIME.iter().map(|(name, _)| *name).collect();
    let bodies: Vec<&str> = EACH_TIME.iter().map(|(_, body)| *body).collect();
    let said = chain_of(&names, &bodies);
    for (name, _) in EACH_TIME {
        let about = said.about_schema(name);
        assert_eq!(about.len(), 1, "{name}: {about:#?}\n{}", said.stderr);
        // The second time is in another environment, too: either may be said to be the reason.
        assert!(["MG403", "MG409"].contains(&about[0].0.as_str()), "{about:#?}");
    }
    assert_eq!(said.errors_of_schema().len(), EACH_TIME.len(), "{:#?}", said.errors_of_schema());
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
