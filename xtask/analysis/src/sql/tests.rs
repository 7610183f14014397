//! Results of the SQL reader, for statements and expressions.

use expect_test::{Expect, expect};

use super::immutability::{self, Known};
use super::read;
use crate::effect::Effect;

/// The effects of some SQL, one a line, without literals.
fn check(sql: &str, expected: &Expect) {
    let effects = read(sql).into_iter().filter(|(_, e)| !matches!(e, Effect::Literals(_)));
    let lines: Vec<String> =
        effects.map(|(line, effect)| format!("{line} {}", effect.shown())).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn tables() {
    check(
        "-- a comment; with a semicolon
        CREATE TABLE IF NOT EXISTS public.t (
            id bigint GENERATED ALWAYS AS IDENTITY,
            s strategy_status NOT NULL DEFAULT 'draft',
            at timestamp(3) with time zone,
            names character varying(20)[],
            twice int GENERATED ALWAYS AS (id * 2) STORED,
            other integer CONSTRAINT fk_o REFERENCES o (id),
            CONSTRAINT pk_t PRIMARY KEY (id),
            CHECK (id > 0),
            UNIQUE (s)
        ) PARTITION BY RANGE (at, (lower(s)));
        CREATE TABLE p PARTITION OF t FOR VALUES FROM ('1') TO ('2');
        CREATE TABLE c AS SELECT * FROM t;
        CREATE TABLE l (LIKE t INCLUDING ALL)",
        &expect![[r#"
            1 create table `t` guarded
            1 create column `id` of `t` guarded int8
            1 use type `strategy_status`
            1 create column `s` of `t` guarded strategy_status
            1 create column `at` of `t` guarded timestamptz
            1 create column `names` of `t` guarded _varchar
            1 create column `twice` of `t` guarded int4
            1 immutable: the expression of generated column twice, table t: id * 2
            1 create column `other` of `t` guarded int4
            1 use table `o`
            1 create constraint `fk_o` of `t` guarded (other)
            1 create constraint `pk_t` of `t` guarded indexed (id)
            1 immutable: the partition key of t, table t: (lower(s))
            12 use table `t`
            12 create table `p` parent t
            13 use table `t`
            13 create table `c`
            14 create table `l`
            14 use table `t`"#]],
    );
}

#[test]
fn other_creations() {
    check(
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON t USING btree (a, lower(b), c DESC)
           WHERE d IS NULL AND e > now();
        CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 1; $$;
        CREATE TRIGGER trg BEFORE UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f();
        CREATE POLICY pol ON t FOR ALL TO r1, \"R2\" USING (true);
        CREATE OR REPLACE VIEW v AS WITH w AS (SELECT 1 FROM x) SELECT (SELECT 2 FROM y) FROM w JOIN z ON true;
        CREATE MATERIALIZED VIEW m AS SELECT 1;
        CREATE TYPE e AS ENUM ('a', 'b''c');
        CREATE SEQUENCE s; CREATE ROLE r NOLOGIN; CREATE SCHEMA IF NOT EXISTS sc;
        CREATE TEMP TABLE tmp (a int); CREATE EXTENSION IF NOT EXISTS citext",
        &expect![[r#"
            0 outside transaction: CREATE INDEX CONCURRENTLY
            0 use table `t`
            0 immutable: an expression of ix, table t: lower(b)
            0 immutable: the predicate of ix, table t: d IS NULL AND e > now()
            0 create index `ix` guarded on t (a, c)
            2 create function `f` immutable x int
            3 use table `t`
            3 use function `f`
            3 create trigger `trg` of `t`
            4 use table `t`
            4 role r1 (CREATE POLICY)
            4 role R2 (CREATE POLICY)
            4 create policy `pol` of `t`
            5 create view `v` replaces
            5 use table `x`
            5 use table `z`
            5 use table `y`
            6 create materialized view `m`
            7 create type `e` enum
            8 create sequence `s`
            8 create role r
            8 create schema `sc` guarded
            9 create table `tmp` temporary
            9 create column `a` of `tmp` temporary int4
            9 create extension `citext` guarded"#]],
    );
}

#[test]
fn alterations() {
    check(
        "ALTER TABLE t ADD COLUMN a text, ADD CONSTRAINT uq UNIQUE (a), DROP COLUMN IF EXISTS b CASCADE;
        ALTER TABLE t ALTER COLUMN c TYPE e USING c::e, ALTER d SET NOT NULL;
        ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME a TO b; ALTER TABLE u RENAME CONSTRAINT x TO y;
        ALTER TABLE u OWNER TO someone; ALTER TABLE u ATTACH PARTITION p DEFAULT;
        ALTER TABLE u ENABLE ROW LEVEL SECURITY;
        ALTER TABLE u ADD CONSTRAINT pk PRIMARY KEY USING INDEX ix;
        ALTER INDEX ix RENAME TO iy; ALTER SEQUENCE s RESTART; ALTER TYPE e ADD VALUE 'n' AFTER 'a';
        ALTER TYPE e RENAME TO e_old;
        ALTER DEFAULT PRIVILEGES FOR ROLE o IN SCHEMA public GRANT USAGE ON SEQUENCES TO app",
        &expect![[r#"
            0 use table `t`
            0 create column `a` of `t` text
            0 use table `t`
            0 whole t: Index
            0 create constraint `uq` of `t` indexed (a)
            0 drop column `b` of `t` guarded cascade
            1 use table `t`
            1 use type `e`
            1 alter column `c` of `t` to e
            1 use table `t`
            1 alter column `d` of `t`
            1 whole t: NotNull("d")
            2 rename table `t` to u
            2 rename column `a` of `u` to b
            2 rename constraint `x` of `u` to y
            3 alter table `u`
            3 role someone (ALTER TABLE … OWNER TO)
            3 alter table `u`
            3 attach p to Some("u")
            4 alter table `u`
            5 use table `u`
            5 drop index `ix` guarded
            5 create constraint `pk` of `u` indexed
            6 rename index `ix` to iy
            6 alter sequence `s`
            6 alter type `e`
            6 add value n to e
            7 rename type `e` to e_old
            8 role o (ALTER DEFAULT PRIVILEGES)
            8 role app (ALTER DEFAULT PRIVILEGES)"#]],
    );
}

#[test]
fn drops_and_roles() {
    check(
        "DROP TABLE IF EXISTS a, b CASCADE; DROP INDEX CONCURRENTLY i; DROP TRIGGER g ON t;
        DROP FUNCTION f(int, text); DROP VIEW v; DROP TYPE e;
        GRANT SELECT, INSERT ON t, u TO app, PUBLIC; GRANT USAGE ON SEQUENCE s TO app;
        GRANT owners TO kris; REVOKE ALL ON FUNCTION f() FROM PUBLIC; REVOKE USAGE ON SCHEMA s FROM x;
        SET ROLE other; SET lock_timeout = '5s'; COMMENT ON COLUMN t.a IS 'x; y';
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        &expect![[r#"
            0 drop table `a` guarded cascade
            0 drop table `b` guarded cascade
            0 outside transaction: DROP INDEX CONCURRENTLY
            0 drop index `i`
            0 drop trigger `g` of `t`
            1 drop function `f`
            1 drop view `v`
            1 drop type `e`
            2 use table `t`
            2 use table `u`
            2 role app (GRANT)
            2 use sequence `s`
            2 role app (GRANT)
            3 role owners (GRANT)
            3 role kris (GRANT)
            3 use function `f`
            3 use schema `s`
            3 role x (REVOKE)
            4 role other (SET ROLE)
            4 use column `a` of `t`
            5 role reader (GRANT)"#]],
    );
}

#[test]
fn rows() {
    check(
        "SELECT id FROM admins WHERE email = :email;
        SELECT id FROM a WHERE (a.x = 'it''s' AND y = 3) AND z > 1;
        SELECT count(*) FROM a;
        INSERT INTO g (slug, n) VALUES (:slug, 'x'), ('b', 2) ON CONFLICT (slug) DO NOTHING;
        INSERT INTO g (a) SELECT a FROM h;
        UPDATE g SET a = (SELECT b FROM k) FROM j WHERE j.id = g.id;
        WITH moved AS (DELETE FROM d WHERE a = 1 RETURNING a) INSERT INTO i (a) SELECT a FROM moved;
        SELECT setval('s', greatest(max(id), 1), max(id) IS NOT NULL) FROM p;
        TRUNCATE TABLE q",
        &expect![[r#"
            0 use table `admins`
            0 lookup admins [("email", Bound("email"))]
            1 use table `a`
            1 lookup a [("y", Known("3")), ("x", Known("it's"))] and more
            2 use table `a`
            3 use table `g`
            3 insert g Some([[("slug", Bound("slug")), ("n", Known("x"))], [("slug", Known("b")), ("n", Known("2"))]])
            4 use table `h`
            4 use table `g`
            4 insert g None
            5 use table `j`
            5 use table `k`
            5 use table `g`
            5 write g
            6 use table `d`
            6 write d
            6 use table `i`
            6 insert i None
            7 use table `p`
            8 write q
            8 whole q: Empty"#]],
    );
}

#[test]
fn unknown_statements_are_opaque() {
    check(
        "DO $$ BEGIN CREATE TYPE x AS ENUM ('a'); END $$;
        SELECT partman.create_parent('t');
        BEGIN; COMMIT; ROLLBACK TO SAVEPOINT a;
        FROBNICATE t; CREATE TABLE __not_known_before_the_run__ (a int);
        GRANT SELECT ON __not_known_before_the_run__ TO app;
        ALTER TABLE __not_known_before_the_run__ ADD a int; VACUUM t",
        &expect![[r#"
            0 opaque Some("DO $$ BEGIN CREATE TYPE x AS ENUM ('a'); END $$")
            1 opaque Some("SELECT partman.create_parent('t')")
            2 transaction: BEGIN
            2 transaction: COMMIT
            3 opaque Some("FROBNICATE t")
            3 opaque None
            3 opaque None
            4 role app (GRANT)
            5 opaque None
            5 outside transaction: VACUUM"#]],
    );
    check(
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
        COMMIT",
        &expect![[r#"
            0 create function `f` 
            1 transaction: COMMIT"#]],
    );
    check("SELECT 'unfinished", &expect![[r#"0 opaque Some("SELECT 'unfinished")"#]]);
    check("", &expect![[""]]);
}

#[test]
fn broken_text_causes_no_panic_or_hang() {
    let deep = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
    let long = format!("SELECT 1{}", " + 1".repeat(1_900));
    let longer = format!("UPDATE t SET a = 1{}", " + 1".repeat(100_000));
    let open = "CREATE TABLE t (".repeat(1000);
    for sql in [deep, long, longer, open, "\0\u{fffd};;;'".into(), "CREATE".into()] {
        read(&sql);
    }
}

/// The parts of an expression that are not immutable, with `at timestamptz`, `ts timestamp`, `d
/// date`, `n int4`, `s` an enum and `t text`.
#[track_caller]
fn offends(text: &str, expected: Option<&str>) {
    let types = [
        ("at", "timestamptz"),
        ("ts", "timestamp"),
        ("d", "date"),
        ("n", "int4"),
        ("s", "e"),
        ("t", "text"),
    ];
    let known = Known {
        column: &|name| types.iter().find(|(n, _)| *n == name).map(|(_, t)| (*t).to_owned()),
        function: &|name| (name == "mine").then_some(false).or((name == "pure").then_some(true)),
        is_enum: &|name| name == "e",
    };
    assert_eq!(immutability::offender(text, &known).as_deref(), expected, "{text}");
}

#[test]
fn mutable_expressions_are_named() {
    offends("at > now()", Some("now()"));
    offends("at > CURRENT_TIMESTAMP", Some("CURRENT_TIMESTAMP"));
    offends("d = current_date", Some("CURRENT_DATE"));
    offends("lower(t) = 'a' AND (n IS NULL OR at > NOW() - interval '1 day')", Some("now()"));
    offends("to_char(at, 'YYYY')", Some("to_char()"));
    offends("date_trunc('day', at)", Some("date_trunc(…, timestamptz)"));
    offends("extract(year FROM at)", Some("extract(YEAR FROM timestamptz)"));
    offends("at::date", Some("the cast from timestamptz to date"));
    offends("CAST(at AS date)", Some("the cast from timestamptz to date"));
    offends("s::text", Some("the cast from e to text"));
    offends("t::timestamptz", Some("the cast from text to timestamptz"));
    offends("at + interval '1 day'", Some("timestamptz + interval"));
    offends("at > ts", Some("timestamptz > timestamp"));
    offends("to_tsvector(t)", Some("to_tsvector(text)"));
    offends("mine(t)", Some("mine(), which is not declared IMMUTABLE"));
    offends("coalesce(t, current_user)", Some("CURRENT_USER"));
    offends("CASE WHEN n = 1 THEN random() ELSE 0 END", Some("random()"));
}

#[test]
fn immutable_and_uncertain_expressions_are_not_named() {
    for text in [
        "revoked_at IS NULL",
        "lower(t)",
        "date_trunc('day', ts)",
        "date_trunc('day', unknown_column)",
        "date_trunc('day', at AT TIME ZONE 'UTC')",
        "(at AT TIME ZONE 'UTC')::date",
        "at > '2026-01-01 00:00:00+00'::timestamptz",
        "at > timestamptz '2026-01-01'",
        "extract(year FROM ts)",
        "ts::date",
        "n::text",
        "to_tsvector('english', t)",
        "coalesce(n, 0)",
        "s = 'open'",
        "s IN ('new', 'partially_filled')",
        "split_part(t, '.', 1)",
        "t::varchar",
        "\"current_date\" = 1",
        "pure(t)",
        "t || 'now()'",
        "to_timestamp(n)",
        "(((((",
    ] {
        offends(text, None);
    }
}
