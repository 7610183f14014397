//! Differences as they read, each from two small schemas.

use super::*;

type Own<'a> = &'a [(&'a str, &'a str)];

fn schema(objects: &[(&str, &str, Own<'_>)]) -> Schema {
    let objects = objects.iter().map(|(kind, identity, own)| {
        let id = ObjectId { kind: (*kind).into(), identity: (*identity).into() };
        let own = own.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        (id, own)
    });
    Schema::of(objects.collect())
}

#[track_caller]
fn check(was: &[(&str, &str, Own<'_>)], now: &[(&str, &str, Own<'_>)], expected: &[&str]) {
    let told: Vec<String> = compare(&schema(was), &schema(now), "")
        .iter()
        .map(|d| format!("{} → {}", describe(d), python_line(d, "").unwrap_or_default()))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn remains_are_named_with_the_line_that_drops_them() {
    check(
        &[],
        &[
            ("index", "ix_o", &[("definition", "CREATE INDEX ix_o ON o (a)"), ("of", "o")]),
            ("type", "order_side", &[("enum", "buy, sell")]),
        ],
        &[
            "left behind: index ix_o (CREATE INDEX ix_o ON o (a)) → op.drop_index(\"ix_o\", table_name=\"o\")",
            "left behind: type order_side (enum: buy, sell) → op.execute(\"DROP TYPE order_side\")",
        ],
    );
}

#[test]
fn a_column_that_lost_something_is_told_with_its_table() {
    check(
        &[("column", "orders.note", &[("type", "text"), ("nullability", "NOT NULL")])],
        &[("column", "orders.note", &[("type", "text"), ("default", "''::text")])],
        &[
            "changed: table orders, column note: NOT NULL was lost → op.alter_column(\"orders\", \"note\", nullable=False)",
            "changed: table orders, column note: default `''::text` stayed → op.alter_column(\"orders\", \"note\", server_default=None)",
        ],
    );
}

#[test]
fn lines_that_put_something_back_take_the_values_along() {
    check(
        &[
            ("column", "t.kind", &[("type", "kind")]),
            ("column", "t.name", &[("type", "character varying(20)")]),
            ("constraint", "t.pk", &[("definition", "PRIMARY KEY (a)"), ("index", "ON (a)")]),
            ("sequence", "t_id_seq", &[("owned by", "t.id")]),
        ],
        &[
            ("column", "t.kind", &[("type", "character varying(9)")]),
            ("column", "t.name", &[("type", "text")]),
            ("constraint", "t.pk", &[("definition", "PRIMARY KEY (b)"), ("index", "ON (b)")]),
        ],
        &[
            "changed: table t, column kind: type was `kind`, is `character varying(9)` → op.execute(\"ALTER TABLE t ALTER COLUMN kind TYPE kind USING kind::kind\")",
            "changed: table t, column name: type was `character varying(20)`, is `text` → op.execute(\"ALTER TABLE t ALTER COLUMN name TYPE character varying(20)\")",
            "changed: table t, constraint pk: definition was `PRIMARY KEY (a)`, is `PRIMARY KEY (b)` → op.execute(\"ALTER TABLE t DROP CONSTRAINT pk, ADD CONSTRAINT pk PRIMARY KEY (a)\")",
            "not restored: sequence t_id_seq → op.execute(\"CREATE SEQUENCE t_id_seq OWNED BY t.id\")\nop.execute(\"SELECT setval('t_id_seq', coalesce((SELECT max(id) FROM t), 0) + 1, false)\")",
        ],
    );
}

#[test]
fn difference_of_a_table_covers_its_parts() {
    check(
        &[],
        &[
            ("column", "t.id", &[("type", "bigint")]),
            ("constraint", "t.t_pkey", &[("definition", "PRIMARY KEY (id)")]),
            ("index", "ix_t", &[("of", "t")]),
            ("sequence", "t_id_seq", &[("owned by", "identity of t.id")]),
            ("table", "t", &[("column order", "id")]),
        ],
        &["left behind: table t (columns: id) → op.drop_table(\"t\")"],
    );
}

#[test]
fn privileges_are_told_by_role_and_fixed_by_grant_and_revoke() {
    check(
        &[("table", "t", &[("privileges", "app=r/postgres\npostgres=arwdDxt/postgres")])],
        &[("table", "t", &[("privileges", "=r/postgres\npostgres=arwdDxt/postgres")])],
        &[
            "changed: table t: SELECT of app was lost; SELECT of PUBLIC stayed → op.execute(\"GRANT SELECT ON TABLE t TO app\")\nop.execute(\"REVOKE SELECT ON TABLE t FROM PUBLIC\")",
        ],
    );
}

#[test]
fn a_column_order_counts_only_for_columns_that_both_have() {
    let with = |order: &'static str| schema(&[("table", "t", &[("column order", order)])]);
    let differs = |was, now| !compare(&with(was), &with(now), "").is_empty();
    assert!(!differs("a, b", "a, b, c"));
    assert!(differs("a, b, c", "a, c, b"));
    let moved = compare(&with("a, b, c"), &with("a, c, b"), "");
    assert!(is_order(&moved[0]));
}

#[test]
fn a_constraint_that_is_valid_now_needs_no_way_back() {
    let with =
        |definition: &'static str| schema(&[("constraint", "t.ck", &[("definition", definition)])]);
    let differ = |was, is| !compare(&with(was), &with(is), "").is_empty();
    assert!(!differ("CHECK ((a > 0)) NOT VALID", "CHECK ((a > 0))"));
    assert!(differ("CHECK ((a > 0))", "CHECK ((a > 0)) NOT VALID"));
    assert!(differ("CHECK ((a > 0)) NOT VALID", "CHECK ((a > 1))"));
}

/// The differences that remain after these statements, and the lines that take them back.
#[track_caller]
fn renames(
    was: &[(&str, &str, Own<'_>)],
    now: &[(&str, &str, Own<'_>)],
    statements: &[&str],
    expected: &[&str],
) {
    let run = |sql: &&str| model::transcript::Statement {
        revision: None,
        sql: (*sql).to_owned(),
        line: None,
        elapsed: None,
    };
    let statements: Vec<_> = statements.iter().map(run).collect();
    let differences = rename::fold(
        compare(&schema(was), &schema(now), ""),
        &statements.iter().collect::<Vec<_>>(),
    );
    let told = differences
        .iter()
        .map(|d| format!("{} → {}", describe(d), python_line(d, "").unwrap_or_default()));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_rename_that_is_not_taken_back_is_one_difference() {
    renames(
        &[
            ("table", "t", &[("column order", "id")]),
            ("column", "t.id", &[]),
            ("sequence", "t_id_seq", &[("owned by", "t.id")]),
        ],
        &[
            ("table", "u", &[("column order", "id")]),
            ("column", "u.id", &[]),
            ("sequence", "t_id_seq", &[("owned by", "u.id")]),
        ],
        &["ALTER TABLE t RENAME TO u"],
        &["not renamed back: table t is `u` now → op.rename_table(\"u\", \"t\")"],
    );
    renames(
        &[
            ("column", "t.a", &[("type", "text")]),
            ("constraint", "t.uq", &[("definition", "UNIQUE (a)")]),
            ("constraint", "t.ck", &[("definition", "CHECK (a > 0)")]),
        ],
        &[
            ("column", "t.b", &[("type", "text")]),
            ("constraint", "t.uq", &[("definition", "UNIQUE (b)")]),
            ("constraint", "t.ck", &[("definition", "CHECK (b > 1)")]),
        ],
        &["ALTER TABLE t RENAME a TO b"],
        &[
            "not renamed back: column t.a is `b` now → op.alter_column(\"t\", \"b\", new_column_name=\"a\")",
            "changed: table t, constraint ck: definition was `CHECK (a > 0)`, is `CHECK (b > 1)` → op.execute(\"ALTER TABLE t DROP CONSTRAINT ck, ADD CONSTRAINT ck CHECK (a > 0)\")",
        ],
    );
    // A table that was made anew beside the old one, and renamed.
    renames(
        &[
            ("column", "t.id", &[("default", "nextval('t_id_seq'::regclass)")]),
            ("sequence", "t_id_seq", &[("type", "integer"), ("owned by", "t.id")]),
        ],
        &[
            ("column", "t.id", &[("default", "nextval('u_id_seq1'::regclass)")]),
            ("sequence", "u_id_seq1", &[("type", "integer"), ("owned by", "t.id")]),
        ],
        &["ALTER TABLE u RENAME TO t"],
        &[
            "not renamed back: sequence t_id_seq is `u_id_seq1` now → op.execute(\"ALTER SEQUENCE u_id_seq1 RENAME TO t_id_seq\")",
        ],
    );
    // The dropped and the new object may be unrelated.
    let (one, other): (&[(&str, &str, Own<'_>)], _) = (&[("index", "a", &[])], "b");
    renames(
        one,
        &[("index", other, &[])],
        &["DROP INDEX a", "CREATE INDEX b ON t (x)"],
        &["not restored: index a → ", "left behind: index b → "],
    );
}

#[test]
fn a_declaration_needs_a_reason() {
    let difference = Difference {
        object: ObjectId { kind: "type".into(), identity: "order_side".into() },
        change: Change::LeftBehind(Vec::new()),
    };
    let reason = |text: &str| {
        let declarations = declared(text);
        declarations.iter().find_map(|d| d.excuses(&difference).map(str::to_owned))
    };
    let kept = reason("    # migration-gate: keeps type order_side, old rows use it\n");
    assert_eq!(kept.as_deref(), Some("old rows use it"));
    assert_eq!(reason("# migration-gate: keeps type order_side"), None);
    assert_eq!(reason("# migration-gate: keeps type order, x"), None);
}

#[test]
fn lines_of_both_definitions_are_shown() {
    let lines = |name: &str| (0..20).map(|at| format!("{name}.c{at},\n")).collect::<String>();
    let told = line_diff(&lines("a"), &lines("b"));
    assert!(told.starts_with("  - a.c0,\n  + b.c0,\n  - a.c1,"), "{told}");
    assert_eq!(told.lines().count(), 12);
}
