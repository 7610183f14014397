//! The remedies of the causes, run: what fails with a SQLSTATE or an exception, and the same with its
//! remedy. One revision tries them all, each in a savepoint.

use std::collections::BTreeSet;

use model::code::causes::CAUSES;

use crate::support::root::{Root, Tree};

/// What is raised, what is there before, what raises it, and the remedy. SQL statements are told apart by
/// a semicolon at the end of a line; what begins with `py:` is Python, with `bind`, `op` and `sa`.
type Case = (&'static str, &'static str, &'static str, &'static str);

const T: &str = "CREATE TABLE t (a int)";

const CASES: &[Case] = &[
    (
        "0A000",
        "CREATE TABLE t (a int);\nCREATE VIEW v AS SELECT a FROM t",
        "ALTER TABLE t ALTER a TYPE bigint",
        "DROP VIEW v;\nALTER TABLE t ALTER a TYPE bigint;\nCREATE VIEW v AS SELECT a FROM t",
    ),
    ("0A000", "", "CREATE EXTENSION no_such_extension", "CREATE EXTENSION IF NOT EXISTS plpgsql"),
    (
        "22001",
        "CREATE TABLE t (a varchar(2))",
        "INSERT INTO t VALUES ('long')",
        "ALTER TABLE t ALTER a TYPE varchar(9);\nINSERT INTO t VALUES ('long')",
    ),
    (
        "22003",
        "CREATE TABLE t (a smallint)",
        "INSERT INTO t VALUES (70000)",
        "ALTER TABLE t ALTER a TYPE bigint;\nINSERT INTO t VALUES (70000)",
    ),
    (
        "22007",
        "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('soon')",
        "ALTER TABLE t ALTER a TYPE date USING a::date",
        "UPDATE t SET a = '2026-01-01';\nALTER TABLE t ALTER a TYPE date USING a::date",
    ),
    (
        "22012",
        "CREATE TABLE t (a int);\nINSERT INTO t VALUES (0)",
        "SELECT 1 / a FROM t",
        "SELECT 1 / NULLIF(a, 0) FROM t",
    ),
    ("22P02", "CREATE TYPE m AS ENUM ('a')", "SELECT 'b'::m", "SELECT 'a'::m"),
    (
        "22P02",
        "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('x')",
        "ALTER TABLE t ALTER a TYPE int USING a::int",
        "UPDATE t SET a = '1';\nALTER TABLE t ALTER a TYPE int USING a::int",
    ),
    (
        "23502",
        "CREATE TABLE t (a int);\nINSERT INTO t VALUES (NULL)",
        "ALTER TABLE t ALTER a SET NOT NULL",
        "UPDATE t SET a = 0 WHERE a IS NULL;\nALTER TABLE t ALTER a SET NOT NULL",
    ),
    (
        "23503",
        "CREATE TABLE p (a int PRIMARY KEY);\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
        "INSERT INTO p VALUES (1);\nALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
    ),
    (
        "23505",
        "CREATE TABLE t (a int, b serial);\nINSERT INTO t VALUES (1), (1)",
        "ALTER TABLE t ADD UNIQUE (a)",
        "DELETE FROM t WHERE b > 1;\nALTER TABLE t ADD UNIQUE (a)",
    ),
    (
        "23514",
        "CREATE TABLE t (a int);\nINSERT INTO t VALUES (-1)",
        "ALTER TABLE t ADD CHECK (a > 0)",
        "UPDATE t SET a = 1;\nALTER TABLE t ADD CHECK (a > 0)",
    ),
    (
        "23P01",
        "CREATE TABLE t (r int4range, n serial);\nINSERT INTO t VALUES ('[1,3)'), ('[2,4)')",
        "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
        "DELETE FROM t WHERE n > 1;\nALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
    ),
    ("25006", "", "SET TRANSACTION READ ONLY;\nCREATE TABLE t (a int)", T),
    (
        "25P02",
        "",
        "py:\ntry:\n    bind.exec_driver_sql('SELECT 1 / 0')\nexcept Exception:\n    pass\nbind.exec_driver_sql('SELECT 1')",
        "py:\ntry:\n    with bind.begin_nested():\n        bind.exec_driver_sql('SELECT 1 / 0')\nexcept Exception:\n    pass\nbind.exec_driver_sql('SELECT 1')",
    ),
    (
        "2BP01",
        "CREATE TABLE t (a int);\nCREATE VIEW v AS SELECT a FROM t",
        "DROP TABLE t",
        "DROP VIEW v;\nDROP TABLE t",
    ),
    (
        "3F000",
        "",
        "CREATE TABLE s.t (a int)",
        "CREATE SCHEMA IF NOT EXISTS s;\nCREATE TABLE s.t (a int)",
    ),
    (
        "42501",
        "CREATE ROLE mg_a;\nCREATE TABLE t (a int)",
        "SET LOCAL ROLE mg_a;\nALTER TABLE t ADD b int",
        "ALTER TABLE t OWNER TO mg_a;\nSET LOCAL ROLE mg_a;\nALTER TABLE t ADD b int",
    ),
    (
        "42501",
        "CREATE ROLE mg_b",
        "SET LOCAL ROLE mg_b;\nCREATE TABLE t (a int)",
        "GRANT CREATE ON SCHEMA public TO mg_b;\nSET LOCAL ROLE mg_b;\nCREATE TABLE t (a int)",
    ),
    ("42601", T, "ALTER TABLE t ADD COLUM b int", "ALTER TABLE t ADD COLUMN b int"),
    ("42701", T, "ALTER TABLE t ADD a int", "ALTER TABLE t DROP a;\nALTER TABLE t ADD a int"),
    ("42702", T, "SELECT a FROM t, t AS u", "SELECT t.a FROM t, t AS u"),
    ("42803", T, "SELECT a, count(*) FROM t", "SELECT a, count(*) FROM t GROUP BY a"),
    ("42703", T, "CREATE INDEX ON t (b)", "CREATE INDEX ON t (a)"),
    (
        "42704",
        "",
        "CREATE TABLE t (a mood)",
        "CREATE TYPE mood AS ENUM ('x');\nCREATE TABLE t (a mood)",
    ),
    ("42704", "", "CREATE TABLE t (a datetime)", "CREATE TABLE t (a timestamp)"),
    ("42704", T, "CREATE INDEX ON t USING gin (a)", "CREATE INDEX ON t (a)"),
    (
        "42804",
        "",
        "CREATE TABLE t (a boolean DEFAULT 1)",
        "CREATE TABLE t (a boolean DEFAULT true)",
    ),
    (
        "TypeError",
        T,
        "py:\nop.execute(sa.text('INSERT INTO t VALUES (:a)'), {'a': 1})",
        "py:\nbind.execute(sa.text('INSERT INTO t VALUES (:a)'), {'a': 1})",
    ),
    (
        "42710",
        "CREATE TYPE m AS ENUM ('a')",
        "CREATE TYPE m AS ENUM ('a')",
        "DROP TYPE m;\nCREATE TYPE m AS ENUM ('a')",
    ),
    (
        "42723",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    ),
    (
        "42804",
        "CREATE TABLE t (a text)",
        "ALTER TABLE t ALTER a TYPE int",
        "ALTER TABLE t ALTER a TYPE int USING a::int",
    ),
    ("42809", "CREATE VIEW v AS SELECT 1 AS a", "DROP TABLE v", "DROP VIEW v"),
    (
        "42830",
        "CREATE TABLE p (a int);\nCREATE TABLE t (a int)",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (a)",
        "ALTER TABLE p ADD UNIQUE (a);\nALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (a)",
    ),
    ("42846", "", "SELECT true::date", "SELECT '2026-01-01'::text::date"),
    ("42883", "", "SELECT 1 = 'a'::text", "SELECT 1::text = 'a'::text"),
    (
        "42883",
        "",
        "SELECT uuid_of()",
        "CREATE FUNCTION uuid_of() RETURNS int LANGUAGE sql AS 'SELECT 1';\nSELECT uuid_of()",
    ),
    ("42P01", "", "CREATE INDEX ON t (a)", "CREATE TABLE t (a int);\nCREATE INDEX ON t (a)"),
    ("42P02", "", "SELECT $1", "SELECT 1"),
    ("42P06", "CREATE SCHEMA s", "CREATE SCHEMA s", "CREATE SCHEMA IF NOT EXISTS s"),
    ("42P07", T, T, "DROP TABLE t;\nCREATE TABLE t (a int)"),
    (
        "42P10",
        T,
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING",
        "ALTER TABLE t ADD UNIQUE (a);\nINSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING",
    ),
    (
        "42P16",
        "CREATE TABLE t (a int PRIMARY KEY, b int)",
        "ALTER TABLE t ADD PRIMARY KEY (b)",
        "ALTER TABLE t DROP CONSTRAINT t_pkey;\nALTER TABLE t ADD PRIMARY KEY (b)",
    ),
    (
        "42P16",
        "CREATE VIEW v AS SELECT 1 AS a, 2 AS b",
        "CREATE OR REPLACE VIEW v AS SELECT 1 AS a",
        "DROP VIEW v;\nCREATE VIEW v AS SELECT 1 AS a",
    ),
    (
        "42P17",
        "CREATE TABLE t (a timestamptz)",
        "CREATE INDEX ON t (a) WHERE a > now()",
        "CREATE INDEX ON t (a) WHERE a > '2026-01-01Z'",
    ),
    ("42P18", "", "SELECT array[]", "SELECT array[]::int[]"),
    (
        "55000",
        "CREATE SEQUENCE s",
        "SELECT currval('s')",
        "SELECT nextval('s');\nSELECT currval('s')",
    ),
    (
        "55006",
        "CREATE TABLE p (a int PRIMARY KEY);\nCREATE TABLE t (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO p VALUES (1)",
        "INSERT INTO t VALUES (1);\nALTER TABLE t ADD b int",
        "INSERT INTO t VALUES (1);\nSET CONSTRAINTS ALL IMMEDIATE;\nALTER TABLE t ADD b int",
    ),
    (
        "55P03",
        "LOCK TABLE alembic_version",
        "py:\nwith bind.engine.connect() as other:\n    other.exec_driver_sql('LOCK TABLE alembic_version NOWAIT')",
        "py:\nbind.exec_driver_sql('LOCK TABLE alembic_version NOWAIT')",
    ),
    (
        "57014",
        "",
        "SET LOCAL statement_timeout = 1;\nSELECT pg_sleep(1)",
        "SET LOCAL statement_timeout = '10min';\nSELECT pg_sleep(0)",
    ),
    ("58P01", "", "LOAD 'no_such_library'", "LOAD 'plpgsql'"),
    (
        "P0001",
        T,
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM t) THEN RAISE 'no row'; END IF; END $$",
        "INSERT INTO t VALUES (1);\nDO $$ BEGIN IF NOT EXISTS (SELECT FROM t) THEN RAISE 'no row'; END IF; END $$",
    ),
    (
        "CompileError",
        "CREATE TABLE t (a int UNIQUE)",
        "py:\nop.drop_constraint(None, 't')",
        "py:\nop.drop_constraint('t_a_key', 't')",
    ),
    (
        "IdentifierError",
        T,
        "py:\nop.create_index('x' * 64, 't', ['a'])",
        "py:\nop.create_index('x' * 63, 't', ['a'])",
    ),
    (
        "InvalidRequestError",
        "",
        "py:\nm = sa.MetaData()\nsa.Table('x', m, sa.Column('a', sa.Integer))\nsa.Table('x', m, sa.Column('b', sa.Integer))",
        "py:\nsa.Table('x', sa.MetaData(), sa.Column('a', sa.Integer))\nsa.Table('x', sa.MetaData(), sa.Column('b', sa.Integer))",
    ),
    (
        "InvalidRequestError",
        "",
        "py:\nop.execute(\"SELECT ':name'\")",
        "py:\nop.execute(r\"SELECT '\\:name'\")",
    ),
    (
        "ObjectNotExecutableError",
        "",
        "py:\nbind.execute('SELECT 1')",
        "py:\nbind.execute(sa.text('SELECT 1'))",
    ),
    (
        "NoSuchTableError",
        "",
        "py:\nsa.Table('t', sa.MetaData(), autoload_with=bind)",
        "py:\nbind.exec_driver_sql('CREATE TABLE t (a int)')\nsa.Table('t', sa.MetaData(), autoload_with=bind)",
    ),
];

/// Those that need a transaction of their own, or two at a time: `tests/git/fix.rs` runs 25001 and 55P04.
const ELSEWHERE: &[&str] = &["25001", "55P04", "40001", "40P01", "42611"];

const UPGRADE: &str = r#"
import json
import textwrap
import sqlalchemy as sa
bind, wrong = op.get_bind(), []
def run(what):
    if what.startswith('py:'):
        exec(what[3:], {'bind': bind, 'op': op, 'sa': sa})
        return
    for sql in filter(None, what.split(';\n')):
        bind.exec_driver_sql(sql)
def raised(what):
    try:
        with bind.begin_nested():
            run(what)
    except Exception as error:
        names = [type(error).__name__, type(getattr(error, 'orig', None)).__name__]
        return [getattr(getattr(error, 'orig', None), 'pgcode', None), *names, str(error)]
    return []
for expected, before, bad, good in json.loads(CASES):
    outer = bind.begin_nested()
    run(before)
    first = raised(bad)
    if expected not in first:
        wrong.append(f'{expected}: {bad}: {first}')
    second = raised(good)
    if second:
        wrong.append(f'{expected}: the remedy {good}: {second}')
    outer.rollback()
if wrong:
    raise RuntimeError('\n'.join(wrong))
"#;

#[test]
fn each_remedy_of_a_cause_turns_the_failure_into_success() {
    let root = Root::copy();
    let cases = serde_json::to_string(CASES).unwrap();
    let file = root.add_head(Tree::Raptor, UPGRADE, "pass");
    let text = root.read(&file);
    let constant = format!("CASES = {}\n\n\ndef upgrade", serde_json::to_string(&cases).unwrap());
    root.write(&file, text.replacen("def upgrade", &constant, 1));
    let ended = root.gate().arg("raptor").run();
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let upgraded = &report["trees"][0]["steps"][1];
    assert_eq!(upgraded["status"], "passed", "{}", upgraded["reason"].as_str().unwrap_or_default());
    // Every SQLSTATE of the table was run.
    let ran: BTreeSet<&str> =
        CASES.iter().map(|case| case.0).chain(ELSEWHERE.iter().copied()).collect();
    let known = CAUSES.iter().map(|cause| cause.state).filter(|state| !state.is_empty());
    let left: BTreeSet<&str> = known.filter(|state| !ran.contains(state)).collect();
    assert_eq!(left, BTreeSet::new());
}
