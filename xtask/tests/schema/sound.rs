//! Sound migrations of awkward kinds, one chain: none may raise an alarm.

use super::support::{EACH_ITS_OWN, ONE_FOR_ALL, Revision, chain_on, gate};

/// Before, up and down; those whose name begins with `auto` commit each statement by itself.
const SOUND: &[(&str, &str, &str, &str)] = &[
    (
        "auto_concurrent_index",
        "CREATE TABLE s1 (a int)",
        "CREATE INDEX CONCURRENTLY s1_a ON s1 (a)",
        "DROP INDEX CONCURRENTLY s1_a",
    ),
    (
        "swap_of_tables",
        "CREATE TABLE s2 (a int)",
        "CREATE TABLE s2_new (a bigint);\nALTER TABLE s2 RENAME TO s2_old;\nALTER TABLE s2_new RENAME TO s2",
        "ALTER TABLE s2 RENAME TO s2_new;\nALTER TABLE s2_old RENAME TO s2;\nDROP TABLE s2_new",
    ),
    (
        "partition_attach",
        "CREATE TABLE s3 (d date) PARTITION BY RANGE (d);\nCREATE TABLE s3_1 (d date NOT NULL CHECK (d >= '2026-01-01' AND d < '2027-01-01'))",
        "ALTER TABLE s3 ATTACH PARTITION s3_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "ALTER TABLE s3 DETACH PARTITION s3_1",
    ),
    (
        "partition_new",
        "CREATE TABLE s4 (d date PRIMARY KEY) PARTITION BY RANGE (d)",
        "CREATE TABLE s4_1 PARTITION OF s4 DEFAULT",
        "DROP TABLE s4_1",
    ),
    (
        "enum_rebuilt",
        "CREATE TYPE s5 AS ENUM ('a');\nCREATE TABLE s5_t (v s5)",
        "ALTER TYPE s5 RENAME TO s5_old;\nCREATE TYPE s5 AS ENUM ('a', 'b');\nALTER TABLE s5_t ALTER v TYPE s5 USING v::text::s5;\nDROP TYPE s5_old",
        "ALTER TYPE s5 RENAME TO s5_old;\nCREATE TYPE s5 AS ENUM ('a');\nALTER TABLE s5_t ALTER v TYPE s5 USING v::text::s5;\nDROP TYPE s5_old",
    ),
    (
        "enum_label_renamed",
        "CREATE TYPE s6 AS ENUM ('a', 'b')",
        "ALTER TYPE s6 RENAME VALUE 'a' TO 'z'",
        "ALTER TYPE s6 RENAME VALUE 'z' TO 'a'",
    ),
    (
        "reorder_by_rebuild",
        "CREATE TABLE s7 (a int, b int)",
        "CREATE TABLE s7_new AS SELECT b, a FROM s7;\nDROP TABLE s7;\nALTER TABLE s7_new RENAME TO s7",
        "CREATE TABLE s7_new AS SELECT a, b FROM s7;\nDROP TABLE s7;\nALTER TABLE s7_new RENAME TO s7",
    ),
    (
        "rename_there_and_back",
        "CREATE TABLE s8 (a int)",
        "ALTER TABLE s8 RENAME a TO b",
        "ALTER TABLE s8 RENAME b TO a",
    ),
    (
        "column_dropped_and_readded",
        "CREATE TABLE s9 (a int, b text, c int)",
        "ALTER TABLE s9 DROP COLUMN b",
        "ALTER TABLE s9 ADD COLUMN b text",
    ),
    (
        "grant_and_revoke",
        "CREATE TABLE s10 (a int);\nCREATE ROLE s10_role",
        "GRANT SELECT ON s10 TO s10_role",
        "REVOKE SELECT ON s10 FROM s10_role",
    ),
    (
        "grants_in_another_order",
        "CREATE TABLE s11 (a int);\nCREATE ROLE s11_a;\nCREATE ROLE s11_b;\nGRANT SELECT ON s11 TO s11_a;\nGRANT SELECT ON s11 TO s11_b",
        "REVOKE SELECT ON s11 FROM s11_a, s11_b",
        "GRANT SELECT ON s11 TO s11_b;\nGRANT SELECT ON s11 TO s11_a",
    ),
    (
        "view_rebuilt_around_a_type",
        "CREATE TABLE s12 (a int);\nCREATE VIEW s12_v AS SELECT a FROM s12",
        "DROP VIEW s12_v;\nALTER TABLE s12 ALTER a TYPE bigint;\nCREATE VIEW s12_v AS SELECT a FROM s12",
        "DROP VIEW s12_v;\nALTER TABLE s12 ALTER a TYPE int;\nCREATE VIEW s12_v AS SELECT a FROM s12",
    ),
    ("role_made_and_dropped", "", "CREATE ROLE s13_role NOLOGIN", "DROP ROLE s13_role"),
    ("role_unless_there", "", "DO $$ BEGIN CREATE ROLE s14_role; END $$", "DROP ROLE s14_role"),
    (
        "constraint_not_valid_then_valid",
        "CREATE TABLE s15 (a int, CHECK (a BETWEEN 1 AND 99))",
        "ALTER TABLE s15 ADD CONSTRAINT s15_c CHECK (a > 0) NOT VALID;\nALTER TABLE s15 VALIDATE CONSTRAINT s15_c",
        "ALTER TABLE s15 DROP CONSTRAINT s15_c",
    ),
    (
        "identity_from_serial",
        "CREATE TABLE s16 (a serial)",
        "ALTER TABLE s16 ALTER a DROP DEFAULT;\nDROP SEQUENCE s16_a_seq;\nALTER TABLE s16 ALTER a ADD GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE s16 ALTER a DROP IDENTITY;\nCREATE SEQUENCE s16_a_seq AS int OWNED BY s16.a;\nALTER TABLE s16 ALTER a SET DEFAULT nextval('s16_a_seq')",
    ),
    (
        "function_replaced",
        "CREATE FUNCTION s17() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION s17() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "CREATE OR REPLACE FUNCTION s17() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    (
        "trigger_off_and_on",
        "CREATE TABLE s18 (a int);\nCREATE FUNCTION s18_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\nCREATE TRIGGER s18_t BEFORE INSERT ON s18 EXECUTE FUNCTION s18_f()",
        "ALTER TABLE s18 DISABLE TRIGGER s18_t;\nINSERT INTO s18 VALUES (424242);\nALTER TABLE s18 ENABLE TRIGGER s18_t",
        "DELETE FROM s18 WHERE a = 424242",
    ),
    (
        "schema_moved",
        "CREATE SCHEMA s19;\nCREATE TABLE s19_t (a int PRIMARY KEY)",
        "ALTER TABLE s19_t SET SCHEMA s19",
        "ALTER TABLE s19.s19_t SET SCHEMA public",
    ),
    ("extension_there_and_back", "", "CREATE EXTENSION pg_trgm", "DROP EXTENSION pg_trgm"),
    (
        "generated_column",
        "CREATE TABLE s21 (a int)",
        "ALTER TABLE s21 ADD COLUMN b bigint GENERATED ALWAYS AS (a::bigint * 2) STORED",
        "ALTER TABLE s21 DROP COLUMN b",
    ),
    (
        "comment_over_comment",
        "CREATE TABLE s22 (a int);\nCOMMENT ON TABLE s22 IS 'old'",
        "COMMENT ON TABLE s22 IS 'new'",
        "COMMENT ON TABLE s22 IS 'old'",
    ),
    (
        "default_privileges",
        "CREATE ROLE s23_role",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO s23_role",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM s23_role",
    ),
];

#[test]
fn sound_migrations_raise_no_alarm() {
    let before: Vec<&str> = SOUND.iter().map(|(_, before, ..)| *before).collect();
    let before = before.join(";\n");
    let mut chain = chain_on(&before);
    for (id, _, up, down) in SOUND {
        let autocommit = id.starts_with("auto");
        chain.push(Revision { autocommit, ..Revision::new(id, up, down) });
    }
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
    assert_eq!(said.verdict(), "pass", "{}", said.stderr);
    let told: Vec<String> = SOUND.iter().flat_map(|(id, ..)| said.about(id)).map(|f| f.0).collect();
    // Only that the restored column stands at the end.
    assert_eq!(told, ["MG407"]);
}

#[test]
fn a_head_that_drops_a_role_raises_no_alarm() {
    let made = "CREATE ROLE s24_role;\nGRANT SELECT ON s24 TO s24_role";
    let before = format!("CREATE TABLE s24 (a int);\n{made}");
    for transactions in [EACH_ITS_OWN, ONE_FOR_ALL] {
        let mut chain = chain_on(&before);
        let dropped = "REVOKE SELECT ON s24 FROM s24_role;\nDROP ROLE s24_role";
        chain.push(Revision::new("head", dropped, made));
        let said = gate(&chain, transactions, &[]);
        assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
        assert_eq!(said.verdict(), "pass", "{}", said.stderr);
    }
}

#[test]
fn branches_merges_and_dependencies_are_walked_rightly() {
    let revision = |id, up, down| Revision::new(id, up, down);
    let chain = [
        revision("root", "CREATE TABLE t_root (a int)", "DROP TABLE t_root"),
        revision("a1", "CREATE TABLE t_a1 (a int)", "DROP TABLE t_a1"),
        revision("a2", "CREATE TABLE t_a2 (a int)", "DROP TABLE t_a2"),
        Revision {
            below: Some("'root'"),
            ..revision("b1", "CREATE TABLE t_b1 (a int)", "DROP TABLE t_b1")
        },
        Revision {
            needs: "'a1'",
            ..revision("b2", "ALTER TABLE t_a1 ADD b int", "ALTER TABLE t_a1 DROP b")
        },
        Revision { below: Some("('a2', 'b2')"), ..revision("m", "SELECT 1", "SELECT 1") },
        revision("z", "CREATE TABLE t_z (a int)", "DROP TABLE t_z"),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
    assert_eq!(said.verdict(), "pass", "{}", said.stderr);
}
