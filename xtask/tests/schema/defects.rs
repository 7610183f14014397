//! Downgrades that end well and leave the schema otherwise than it was. Each defect is a revision of
//! one long chain, which the stairway climbs; each must be found, at its revision, by its object.
//! Long because it is a list of cases.

use super::support::{EACH_ITS_OWN, ONE_FOR_ALL, Revision, chain_on, gate};

/// What was there before, the upgrade, the faulty downgrade, and what the finding must say.
type Defect = (&'static str, &'static str, &'static str, &'static str);

/// A kind of object that the upgrade makes and the downgrade leaves.
const LEFT: &[Defect] = &[
    (
        "",
        "CREATE TYPE l_side AS ENUM ('buy', 'sell')",
        "",
        "left behind: type l_side (enum: buy, sell)",
    ),
    (
        "",
        "CREATE TYPE l_pair AS (a int, b text)",
        "",
        "left behind: type l_pair (composite: a integer, b text)",
    ),
    (
        "",
        "CREATE TYPE l_range AS RANGE (subtype = float8)",
        "",
        "left behind: type l_range (range: ",
    ),
    ("", "CREATE DOMAIN l_positive AS int CHECK (VALUE > 0)", "", "left behind: domain l_positive"),
    ("", "CREATE TABLE l_table (a int)", "", "left behind: table l_table"),
    (
        "CREATE TABLE l_t1 (a int)",
        "ALTER TABLE l_t1 ADD COLUMN b int",
        "",
        "left behind: column l_t1.b",
    ),
    ("CREATE TABLE l_t2 (a int)", "CREATE INDEX l_ix ON l_t2 (a)", "", "left behind: index l_ix"),
    (
        "CREATE TABLE l_t3 (a int)",
        "ALTER TABLE l_t3 ADD CONSTRAINT l_check CHECK (a > 0)",
        "",
        "left behind: constraint l_t3.l_check",
    ),
    (
        "CREATE TABLE l_t4 (a int)",
        "ALTER TABLE l_t4 ADD CONSTRAINT l_unique UNIQUE (a)",
        "",
        "left behind: constraint l_t4.l_unique",
    ),
    (
        "CREATE TABLE l_t5 (a int PRIMARY KEY);\nCREATE TABLE l_t6 (a int)",
        "ALTER TABLE l_t6 ADD CONSTRAINT l_fk FOREIGN KEY (a) REFERENCES l_t5",
        "",
        "left behind: constraint l_t6.l_fk",
    ),
    ("", "CREATE SEQUENCE l_seq", "", "left behind: sequence l_seq"),
    ("", "CREATE VIEW l_view AS SELECT 1 AS a", "", "left behind: view l_view"),
    (
        "",
        "CREATE MATERIALIZED VIEW l_matview AS SELECT 1 AS a",
        "",
        "left behind: materialized view l_matview",
    ),
    (
        "",
        "CREATE FUNCTION l_f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "",
        "left behind: function l_f(integer)",
    ),
    ("", "CREATE PROCEDURE l_p() LANGUAGE sql AS 'SELECT 1'", "", "left behind: procedure l_p()"),
    (
        "",
        "CREATE AGGREGATE l_sum(int) (SFUNC = int4pl, STYPE = int)",
        "",
        "left behind: aggregate l_sum(integer)",
    ),
    (
        "CREATE TABLE l_t7 (a int);\nCREATE FUNCTION l_touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER l_trigger BEFORE UPDATE ON l_t7 FOR EACH ROW EXECUTE FUNCTION l_touch()",
        "",
        "left behind: trigger l_t7.l_trigger",
    ),
    (
        "CREATE TABLE l_t8 (a int)",
        "CREATE RULE l_rule AS ON DELETE TO l_t8 DO INSTEAD NOTHING",
        "",
        "left behind: rule l_t8.l_rule",
    ),
    (
        "CREATE TABLE l_t9 (a int)",
        "CREATE POLICY l_policy ON l_t9 USING (a > 0)",
        "",
        "left behind: policy l_t9.l_policy",
    ),
    (
        "CREATE TABLE l_t10 (a int, b int)",
        "CREATE STATISTICS l_stats ON a, b FROM l_t10",
        "",
        "left behind: statistics l_stats",
    ),
    ("", "CREATE SCHEMA l_schema", "", "left behind: schema l_schema"),
    ("", "CREATE EXTENSION citext", "", "left behind: extension citext"),
    (
        "",
        "CREATE COLLATION l_coll (provider = icu, locale = 'de')",
        "",
        "left behind: collation l_coll",
    ),
    ("", "CREATE PUBLICATION l_pub", "", "left behind: publication l_pub"),
    ("", "CREATE FOREIGN DATA WRAPPER l_fdw", "", "left behind: foreign data wrapper l_fdw"),
    (
        "CREATE FOREIGN DATA WRAPPER l_fdw2",
        "CREATE SERVER l_server FOREIGN DATA WRAPPER l_fdw2",
        "",
        "left behind: foreign server l_server",
    ),
    (
        "CREATE FUNCTION l_evt() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER l_event ON sql_drop EXECUTE FUNCTION l_evt()",
        "",
        "left behind: event trigger l_event",
    ),
    (
        "",
        "CREATE TEXT SEARCH CONFIGURATION l_search (COPY = simple)",
        "",
        "left behind: text search configuration l_search",
    ),
    (
        "CREATE FUNCTION l_cast(int) RETURNS point LANGUAGE sql AS 'SELECT point(1, 1)'",
        "CREATE CAST (int AS point) WITH FUNCTION l_cast(int)",
        "",
        "left behind: cast (integer AS point)",
    ),
    ("", "CREATE ROLE l_role NOLOGIN", "", "left behind: role l_role"),
    (
        "CREATE ROLE l_a;\nCREATE ROLE l_b",
        "GRANT l_a TO l_b",
        "",
        "left behind: membership l_b in l_a",
    ),
    (
        "CREATE ROLE l_c;\nCREATE SCHEMA l_ns",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA l_ns GRANT SELECT ON TABLES TO l_c",
        "",
        "left behind: default privileges of postgres for tables in schema l_ns",
    ),
    (
        "CREATE ROLE l_d",
        "ALTER ROLE l_d SET work_mem = '5MB'",
        "",
        "left behind: settings of role l_d",
    ),
];

/// Something that the upgrade changes or drops and the downgrade does not bring back.
const NOT_RESTORED: &[Defect] = &[
    (
        "CREATE TABLE c_t1 (note text NOT NULL)",
        "ALTER TABLE c_t1 ALTER note DROP NOT NULL",
        "",
        "changed: table c_t1, column note: NOT NULL was lost",
    ),
    (
        "CREATE TABLE c_t2 (note text DEFAULT 'x')",
        "ALTER TABLE c_t2 ALTER note DROP DEFAULT",
        "",
        "changed: table c_t2, column note: default `'x'::text` was lost",
    ),
    (
        "CREATE TABLE c_t3 (a int)",
        "ALTER TABLE c_t3 ALTER a TYPE bigint",
        "",
        "changed: table c_t3, column a: type was `integer`, is `bigint`",
    ),
    (
        "CREATE TABLE c_t4 (a text)",
        "ALTER TABLE c_t4 DROP COLUMN a",
        "",
        "not restored: column c_t4.a",
    ),
    (
        "CREATE TABLE c_t5 (a int);\nCREATE INDEX c_ix5 ON c_t5 (a)",
        "DROP INDEX c_ix5",
        "",
        "not restored: index c_ix5",
    ),
    (
        "CREATE TABLE c_t6 (a int);\nCREATE UNIQUE INDEX c_ix6 ON c_t6 (a)",
        "DROP INDEX c_ix6",
        "CREATE INDEX c_ix6 ON c_t6 (a)",
        "changed: index c_ix6: definition",
    ),
    (
        "CREATE TABLE c_t7 (a int CONSTRAINT c_check CHECK (a > 0))",
        "ALTER TABLE c_t7 DROP CONSTRAINT c_check",
        "ALTER TABLE c_t7 ADD CONSTRAINT c_check CHECK (a > 0) NOT VALID",
        "changed: table c_t7, constraint c_check: definition",
    ),
    (
        "CREATE TYPE c_enum AS ENUM ('a', 'b')",
        "ALTER TYPE c_enum ADD VALUE 'c'",
        "",
        "changed: type c_enum: enum was `a, b`, is `a, b, c`",
    ),
    (
        "CREATE VIEW c_view AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW c_view AS SELECT 2 AS a",
        "",
        "changed: view c_view: definition",
    ),
    (
        "CREATE FUNCTION c_f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION c_f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "",
        "changed: function c_f(): definition",
    ),
    (
        "CREATE TABLE c_t8 (a int);\nCOMMENT ON TABLE c_t8 IS 'old'",
        "COMMENT ON TABLE c_t8 IS 'new'",
        "",
        "changed: table c_t8: comment was `old`, is `new`",
    ),
    (
        "CREATE TABLE c_t9 (a int);\nCOMMENT ON COLUMN c_t9.a IS 'old'",
        "COMMENT ON COLUMN c_t9.a IS NULL",
        "",
        "changed: table c_t9, column a: comment `old` was lost",
    ),
    (
        "CREATE TABLE c_t10 (a int);\nCREATE ROLE c_r1;\nGRANT SELECT ON c_t10 TO c_r1",
        "REVOKE SELECT ON c_t10 FROM c_r1",
        "",
        "changed: table c_t10: SELECT of c_r1 was lost",
    ),
    (
        "CREATE TABLE c_t11 (a int);\nCREATE ROLE c_r2",
        "GRANT UPDATE (a) ON c_t11 TO c_r2",
        "",
        "changed: table c_t11, column a: UPDATE of c_r2 stayed",
    ),
    (
        "CREATE FUNCTION c_f2() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "REVOKE EXECUTE ON FUNCTION c_f2() FROM PUBLIC",
        "",
        "changed: function c_f2(): EXECUTE of PUBLIC was lost",
    ),
    (
        "CREATE TABLE c_t12 (a int);\nCREATE ROLE c_r3",
        "ALTER TABLE c_t12 OWNER TO c_r3",
        "",
        "changed: table c_t12: owner was `postgres`, is `c_r3`",
    ),
    (
        "CREATE TABLE c_t13 (a int);\nALTER TABLE c_t13 ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE c_t13 DISABLE ROW LEVEL SECURITY",
        "",
        "changed: table c_t13: row level security `ENABLED` was lost",
    ),
    (
        "CREATE TABLE c_t14 (a int);\nCREATE POLICY c_pol ON c_t14 USING (a > 0)",
        "ALTER POLICY c_pol ON c_t14 USING (a > 1)",
        "",
        "changed: table c_t14, policy c_pol: using",
    ),
    (
        "CREATE TABLE c_t15 (a int);\nCREATE FUNCTION c_tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\nCREATE TRIGGER c_trg BEFORE INSERT ON c_t15 EXECUTE FUNCTION c_tf()",
        "ALTER TABLE c_t15 DISABLE TRIGGER c_trg",
        "",
        "changed: table c_t15, trigger c_trg: state was `ENABLED`, is `DISABLED`",
    ),
    (
        "CREATE SEQUENCE c_seq INCREMENT 5",
        "ALTER SEQUENCE c_seq INCREMENT 1",
        "",
        "changed: sequence c_seq: increment was `5`, is `1`",
    ),
    (
        "CREATE TABLE c_t16 (a int, b text, c int)",
        "ALTER TABLE c_t16 ALTER b SET STORAGE EXTERNAL",
        "",
        "changed: table c_t16, column b: storage `EXTERNAL` stayed",
    ),
    (
        "CREATE TABLE c_t17 (a int)",
        "ALTER TABLE c_t17 ALTER a SET STATISTICS 300",
        "",
        "changed: table c_t17, column a: statistics target `300` stayed",
    ),
    (
        "CREATE TABLE c_t18 (a int GENERATED ALWAYS AS IDENTITY)",
        "ALTER TABLE c_t18 ALTER a SET GENERATED BY DEFAULT",
        "",
        "changed: table c_t18, column a: identity was",
    ),
    (
        "CREATE TABLE c_t19 (d date) PARTITION BY RANGE (d);\nCREATE TABLE c_p19 PARTITION OF c_t19 DEFAULT",
        "ALTER TABLE c_t19 DETACH PARTITION c_p19",
        "",
        "changed: table c_p19: parents `c_t19` was lost",
    ),
    (
        "CREATE TABLE c_t20 (a int) WITH (fillfactor = 70)",
        "ALTER TABLE c_t20 RESET (fillfactor)",
        "",
        "changed: table c_t20: options `fillfactor=70` was lost",
    ),
    (
        "CREATE TABLE c_t21 (a int)",
        "ALTER TABLE c_t21 REPLICA IDENTITY FULL",
        "",
        "changed: table c_t21: replica identity `FULL` stayed",
    ),
    (
        "CREATE TABLE c_t22 (a int PRIMARY KEY);\nCREATE TABLE c_t23 (a int CONSTRAINT c_fk REFERENCES c_t22 ON DELETE CASCADE)",
        "ALTER TABLE c_t23 DROP CONSTRAINT c_fk",
        "ALTER TABLE c_t23 ADD CONSTRAINT c_fk FOREIGN KEY (a) REFERENCES c_t22",
        "changed: table c_t23, constraint c_fk: definition",
    ),
    (
        "CREATE TABLE c_t24 (a int, b int, c int)",
        "DROP TABLE c_t24",
        "CREATE TABLE c_t24 (a int, c int, b int)",
        "column order: table c_t24: was `a, b, c`, is `a, c, b`",
    ),
    (
        "CREATE ROLE c_r4 NOLOGIN",
        "ALTER ROLE c_r4 LOGIN",
        "",
        "changed: role c_r4: attributes was `NOLOGIN`, is `LOGIN`",
    ),
    ("CREATE TABLE c_t25 (a int)", "DROP TABLE c_t25", "", "not restored: table c_t25"),
];

#[test]
fn planted_defects_are_found_and_named() {
    let defects: Vec<&Defect> = LEFT.iter().chain(NOT_RESTORED).collect();
    assert!(defects.len() >= 60, "only {}", defects.len());
    let before: Vec<&str> = defects.iter().map(|(before, ..)| *before).collect();
    let before = before.join(";\n");
    let ids: Vec<String> = (0..defects.len()).map(|number| format!("d{number:03}")).collect();
    let mut chain = chain_on(&before);
    for (id, (_, up, down, _)) in ids.iter().zip(&defects) {
        chain.push(Revision::new(id, up, down));
    }
    chain.push(Revision::new("head", "SELECT 1", "SELECT 1"));
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    let mut wrong = Vec::new();
    for (id, (.., expected)) in ids.iter().zip(&defects) {
        let about = said.about_schema(id);
        if !about.iter().any(|(_, message)| message.contains(expected)) {
            wrong.push(format!("{id}: expected `{expected}`, found {about:#?}"));
        }
        if about.len() > 1 {
            wrong.push(format!("{id}: more than one finding: {about:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), said.stderr);
    // That columns stand in another order is a note.
    let notes = defects.iter().filter(|(.., expected)| expected.contains("column order")).count();
    let errors = said.errors_of_schema();
    assert_eq!(errors.len(), defects.len() - notes, "{errors:#?}");
}

#[track_caller]
fn check_head(transactions: bool) {
    let chain = [
        Revision::new("one", "CREATE TABLE t (a int)", "DROP TABLE t"),
        Revision::new("two", "CREATE TYPE side AS ENUM ('buy')", "SELECT 1"),
    ];
    let said = gate(&chain, transactions, &[]);
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
        finding["file"].as_str().unwrap().ends_with("versions/two.py") && finding["line"] == 10
    );
}

#[test]
fn the_official_downgrade_is_compared() {
    check_head(EACH_ITS_OWN);
}

#[test]
fn downgrade_in_one_transaction_is_compared() {
    check_head(ONE_FOR_ALL);
}

#[test]
fn declared_remains_are_notes() {
    let mut revision = Revision::new("one", "CREATE TYPE side AS ENUM ('buy')", "SELECT 1");
    revision.up = "DO $$ BEGIN CREATE TYPE side AS ENUM ('buy'); EXCEPTION WHEN duplicate_object THEN NULL; END $$";
    revision.says = "# migration-gate: keeps type side, old rows use it";
    let said = gate(&[revision], EACH_ITS_OWN, &[]);
    assert_eq!(said.verdict(), "pass", "{:#?}", said.errors());
    let about = said.about("one");
    assert_eq!(about[0].0, "MG406", "{about:#?}");
}

#[test]
fn a_revision_without_a_way_back_needs_a_reason() {
    let mut revision =
        Revision::new("one", "CREATE TABLE t (a int)", "python: raise NotImplementedError");
    let said = gate(&[revision], EACH_ITS_OWN, &[]);
    assert_eq!((said.verdict(), said.about("one")[0].0.as_str()), ("fail", "MG117"));
    revision = Revision::new("one", "CREATE TABLE t (a int)", "python: raise NotImplementedError");
    revision.says = "# migration-gate: irreversible, its rows are gone";
    let said = gate(&[revision], EACH_ITS_OWN, &[]);
    assert_eq!((said.verdict(), said.about("one")[0].0.as_str()), ("pass", "MG408"));
}
