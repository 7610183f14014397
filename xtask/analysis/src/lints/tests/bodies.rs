//! The lints on effects of revisions: each with faults that it must find and sound code that it
//! must pass.

use std::collections::HashMap;

use expect_test::{Expect, expect};

use super::{graph_of, scripts};
use crate::lints::{Subject, lint};
use model::finding::Finding;
use model::supply::Given;

/// The findings of the lints in some files.
pub(super) fn of_files(files: &[(&str, String)]) -> Vec<Finding> {
    lint_files(files, &[], None)
}

fn lint_files(files: &[(&str, String)], given: &[Given], recipe: Option<&str>) -> Vec<Finding> {
    let (scripts, troubles) = scripts(files);
    let mut graph = graph_of(&scripts);
    graph.whole &= !troubles.iter().any(|(_, trouble)| trouble.leaves_a_gap);
    let mut subject = Subject::of(&scripts, &graph);
    (subject.tree.given, subject.tree.recipe) = (given.to_vec(), recipe.map(str::to_owned));
    subject.files.troubles = troubles;
    subject.files.application = HashMap::from([
        ("app.models".to_owned(), Some("app/models.py".into())),
        ("migrations.helpers".to_owned(), Some("migrations/helpers.py".into())),
        ("nowhere".to_owned(), None),
    ]);
    lint(&subject)
}

/// The findings of the lints in some files: code, file, line and message.
fn findings(
    files: &[(&str, String)],
    given: &[Given],
    recipe: Option<&str>,
) -> Vec<(String, String)> {
    lint_files(files, given, recipe)
        .into_iter()
        .filter(super::is_wrong)
        .map(|finding| {
            let place = finding.place.unwrap();
            let line = place.line.unwrap();
            (format!("{} {}:{line}", finding.code.id, place.file), finding.message)
        })
        .collect()
}

/// Revisions `0001`, `0002` … that are written `upgrade -- downgrade`, or whole.
fn tree(bodies: &[&str]) -> Vec<(&'static str, String)> {
    const NAMES: [&str; 4] = ["0001_a.py", "0002_b.py", "0003_c.py", "0004_d.py"];
    let block = |text: &str| -> String {
        text.trim().lines().map(|line| format!("    {line}\n")).collect()
    };
    bodies
        .iter()
        .zip(NAMES)
        .enumerate()
        .map(|(n, (body, name))| {
            let parent = if n == 0 { "None".into() } else { format!("'000{n}'") };
            let body = match body.split_once(" -- ") {
                Some((up, down)) => {
                    format!("def upgrade():\n{}def downgrade():\n{}", block(up), block(down))
                }
                None => (*body).to_owned(),
            };
            let head = "from alembic import op; import sqlalchemy as sa";
            let text =
                format!("{head}\nrevision = '000{}'\ndown_revision = {parent}\n{body}", n + 1);
            (name, text)
        })
        .collect()
}

#[track_caller]
fn check(bodies: &[&str], expected: &Expect) {
    let found = findings(&tree(bodies), &[], Some("recipe.rs"));
    let lines: Vec<String> =
        found.into_iter().map(|(head, message)| format!("{head} {message}")).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[track_caller]
fn clean(bodies: &[&str]) {
    check(bodies, &expect![[""]]);
}

const T: &str = "op.create_table('t', sa.Column('a', sa.Text())) -- op.drop_table('t')";

#[test]
fn mg001_missing_row() {
    let lookup =
        "row = op.get_bind().execute(sa.text('SELECT 1 FROM t WHERE a = :a'), {'a': 'x'}).scalar()
if row is None:
    raise RuntimeError('no row')
op.execute(\"UPDATE t SET a = 'y'\") -- op.execute(\"UPDATE t SET a = 'x'\")";
    check(
        &[T, lookup],
        &expect![[
            r#"MG001 0002_b.py:5 it raises unless `t` has the row with a = 'x', and no revision before it puts one there; add to `recipe.rs`: `steps.upgrade("0001", "pre-seed")?; steps.seed(&ROW_OF_T)?;`, and define `ROW_OF_T` as a `Row` with `required_by: "0002"`"#
        ]],
    );
    clean(&[T, &lookup.replace("raise RuntimeError('no row')", "print('no row')")]);
    clean(&[
        T,
        "op.execute(\"INSERT INTO t (a) VALUES ('x')\") -- op.execute('DELETE FROM t')",
        lookup,
    ]);
}

#[test]
fn mg002_missing_role() {
    check(
        &[
            T,
            "op.execute('GRANT SELECT ON t TO reader') -- op.execute('REVOKE SELECT ON t FROM reader')",
        ],
        &expect![
            "MG002 0002_b.py:5 `GRANT` names role `reader`, which neither the recipe supplies nor an earlier revision creates; add to `recipe.rs`, before the upgrade: `steps.create_role(&READER)?;`, and define `READER` as a `Role` with `required_by: \"0002+\"`"
        ],
    );
    clean(&[
        T,
        "op.execute('GRANT SELECT ON t TO PUBLIC') -- op.execute('REVOKE SELECT ON t FROM PUBLIC')",
    ]);
    clean(&[
        T,
        "op.execute('CREATE ROLE reader')\nop.execute('GRANT SELECT ON t TO reader') -- op.execute('DROP ROLE reader')",
    ]);
}

#[test]
fn mg004_not_immutable() {
    check(
        &["op.create_table('t', sa.Column('at', sa.DateTime(timezone=True)), sa.Column('day', sa.Date, sa.Computed('at::date')))
op.create_index('ix', 't', ['at'], postgresql_where=sa.text('at > now()'))
op.execute(\"CREATE INDEX iy ON t (date_trunc('day', at))\")
op.create_index('iz', 't', [sa.func.now()]) -- op.drop_table('t')"],
        &expect![[r#"
            MG004 0001_a.py:5 the expression of generated column `day` must be immutable, and the cast from timestamptz to date is not
            MG004 0001_a.py:6 the predicate of `ix` must be immutable, and now() is not
            MG004 0001_a.py:7 an expression of `iy` must be immutable, and date_trunc(…, timestamptz) is not
            MG004 0001_a.py:8 an expression of `iz` must be immutable, and now() is not"#]],
    );
    clean(&["op.create_table('t', sa.Column('at', sa.DateTime()), sa.Column('day', sa.Date, sa.Computed('at::date')), sa.Column('now', sa.Date, server_default=sa.func.now()))
op.create_index('ix', 't', ['at'], postgresql_where=sa.text(\"at > '2026-01-01'\"))
op.execute(\"CREATE INDEX iy ON t (date_trunc('day', at))\") -- op.drop_table('t')"]);
}

#[test]
fn mg006_table_twice() {
    check(
        &[T, "op.create_table('t', sa.Column('a', sa.Text())) -- op.drop_table('t')"],
        &expect![[
            r#"MG006 0002_b.py:5 `t` was created in 0001_a.py:5 already, and nothing drops it in between. Where this one replaces it, drop it first (`op.drop_table("t")`, its indexes before it) and create the earlier one again in `downgrade()`; where it is the same table, delete this one and leave a comment"#
        ]],
    );
    clean(&[
        T,
        "op.drop_table('t')\nop.create_table('t', sa.Column('b', sa.Text())) -- op.drop_table('t')\nop.create_table('t', sa.Column('a', sa.Text()))",
    ]);
}

/// A table that has the name by a rename is not to be dropped: it holds what it held before.
#[test]
fn mg006_the_name_comes_from_a_rename() {
    let two = "op.create_table('t', sa.Column('a', sa.Text()))
op.create_table('u', sa.Column('a', sa.Text())) -- op.drop_table('u')
op.drop_table('t')";
    let renames = "op.rename_table('t', 'v')
op.rename_table('u', 'w') -- op.rename_table('v', 'u')
op.rename_table('w', 'u')";
    check(
        &[two, renames],
        &expect![[
            r#"MG006 0002_b.py:9 table `w` is to be renamed to `u`, and table `v` was renamed to `u` in 0002_b.py:8 already, and nothing renames or drops it in between (in `downgrade()`)"#
        ]],
    );
    let found = lint_files(&tree(&[two, renames]), &[], None);
    let twice = found.iter().find(|finding| finding.code.id == "MG006").unwrap();
    expect![[r#"
        [
            "table `v` was renamed to `u` in 0002_b.py:8 already: correct the name there or here, and drop nothing: both are in use",
        ]
    "#]]
    .assert_debug_eq(&twice.steps());
    check(
        &[
            two,
            "op.rename_table('t', 'v') -- op.rename_table('v', 't')",
            "op.create_table('v', sa.Column('a', sa.Text())) -- op.drop_table('v')",
        ],
        &expect![[
            r#"MG006 0003_c.py:5 table `t` was renamed to `v` in 0002_b.py:5 already, and nothing renames or drops it in between"#
        ]],
    );
    check(
        &[two, "op.rename_table('t', 'u') -- op.rename_table('u', 't')"],
        &expect![[
            r#"MG006 0002_b.py:5 table `t` is to be renamed to `u`, and table `u` was created in 0001_a.py:6 already, and nothing drops it in between"#
        ]],
    );
    clean(&[
        two,
        "op.rename_table('t', 'v')
op.rename_table('u', 't')
op.rename_table('v', 'u') -- op.rename_table('u', 'v')
op.rename_table('t', 'u')
op.rename_table('v', 't')",
    ]);
}

#[test]
fn mg220_created_twice() {
    check(
        &[
            T,
            "op.create_index('ix', 't', ['a']) -- op.drop_index('ix')",
            "op.create_index('ix', 't', ['a']) -- op.execute('SELECT 1')",
        ],
        &expect![
            "MG220 0003_c.py:5 index `ix` was created in 0002_b.py:5 already, and nothing drops it in between"
        ],
    );
    clean(&[
        T,
        "op.create_index('ix', 't', ['a']) -- op.drop_index('ix')",
        "op.execute('CREATE INDEX IF NOT EXISTS ix ON t (a)') -- op.execute('SELECT 1')",
    ]);
}

#[test]
fn mg221_dropped_not_there() {
    check(
        &[
            T,
            "op.execute('DROP VIEW v')\nop.drop_column('t', 'a')\nop.drop_column('t', 'a') -- op.add_column('t', sa.Column('a', sa.Text()))",
        ],
        &expect![[r#"
            MG221 0002_b.py:5 nothing ever creates view `v`
            MG221 0002_b.py:7 column `a` of `t` was already dropped in 0002_b.py:6"#]],
    );
    clean(&[
        T,
        "op.execute('DROP VIEW IF EXISTS v')\nop.drop_column('t', 'a') -- op.add_column('t', sa.Column('a', sa.Text()))",
    ]);
}

#[test]
fn mg222_and_mg223_use_of_missing_objects() {
    check(
        &[
            "op.add_column('t', sa.Column('b', sa.Text())) -- op.drop_column('t', 'b')",
            T,
            "op.drop_table('t') -- op.create_table('t')",
            "op.execute('DELETE FROM t')\nop.execute('DELETE FROM u') -- op.execute('SELECT 1')",
        ],
        &expect![[r#"
            MG223 0001_a.py:5 table `t` is created only in 0002_b.py:5
            MG222 0004_d.py:5 table `t` was dropped in 0003_c.py:5
            MG223 0004_d.py:6 nothing creates table `u`"#]],
    );
    clean(&[T, "op.execute('DELETE FROM t') -- op.execute('SELECT 1')"]);
}

#[test]
fn mg230_to_mg232_downgrades() {
    check(
        &[
            "def upgrade():\n    op.create_table('t')\n",
            "op.create_table('u') -- pass",
            "op.create_table('v') -- raise NotImplementedError('no way back')",
        ],
        &expect![[r#"
            MG230 0001_a.py:4 there is an `upgrade()` and no `downgrade()`
            MG231 0002_b.py:6 `upgrade()` changes the database and this does not
            MG232 0003_c.py:7 `downgrade()` always ends with this exception"#]],
    );
    clean(&[
        "pass -- pass",
        "op.execute('DROP INDEX IF EXISTS ix')\nop.execute('CREATE TABLE IF NOT EXISTS a (b int)')\nop.drop_table('a') -- pass",
        "op.execute('UPDATE pg_class SET a = 1') -- pass",
        "op.create_table('w', sa.Column('c', sa.String(9))) -- op.drop_table('w')",
    ]);
    // Some effects need no way back: a narrow value fits a wide type, a label stays in its enum,
    // and rows may stay.
    clean(&[
        "op.create_table('w', sa.Column('c', sa.String(9))) -- op.drop_table('w')",
        "op.alter_column('w', 'c', type_=sa.Text()) -- pass",
        "op.execute(\"INSERT INTO w (c) VALUES ('a')\") -- pass",
    ]);
    clean(&[
        "op.execute(\"CREATE TYPE e AS ENUM ('a')\") -- op.execute('DROP TYPE e')",
        "op.execute(\"ALTER TYPE e ADD VALUE 'b'\") -- pass",
    ]);
    clean(&[
        "op.create_table('v') -- if op.get_bind() is None:\n    raise ValueError\nop.drop_table('v')",
    ]);
}

#[test]
fn mg233_and_mg234_downgrades_that_do_not_fit() {
    check(
        &[
            "op.create_table('t', sa.Column('e', sa.Enum('a', name='e'))) -- op.drop_table('t')",
            "op.create_table('u') -- op.drop_table('u')\nop.drop_table('t')",
        ],
        &expect![[r#"
            MG233 0001_a.py:5 `upgrade()` creates type `e` here, and it is still there after `downgrade()`
            MG234 0002_b.py:8 it drops table `t`, which was created in 0001_a.py:5"#]],
    );
    clean(&[
        "op.create_table('t', sa.Column('e', sa.Enum('a', name='e'))) -- op.drop_table('t')\nsa.Enum(name='e').drop(op.get_bind())",
    ]);
}

#[test]
fn mg240_outside_transaction() {
    check(
        &[
            T,
            "op.create_index('ix', 't', ['a'], postgresql_concurrently=True) -- op.execute('DROP INDEX CONCURRENTLY ix')",
        ],
        &expect![[r#"
            MG240 0002_b.py:5 `CREATE INDEX CONCURRENTLY` cannot run inside a transaction, and Alembic began one
            MG240 0002_b.py:7 `DROP INDEX CONCURRENTLY` cannot run inside a transaction, and Alembic began one"#]],
    );
    clean(&[
        T,
        "with op.get_context().autocommit_block():\n    op.create_index('ix', 't', ['a'], postgresql_concurrently=True) -- op.drop_index('ix')",
    ]);
}

#[test]
fn mg241_label_too_early() {
    let enum_ = "op.execute(\"CREATE TYPE e AS ENUM ('a')\")\nop.create_table('t', sa.Column('a', sa.Text())) -- op.drop_table('t')\nop.execute('DROP TYPE e')";
    check(
        &[
            enum_,
            "op.execute(\"ALTER TYPE e ADD VALUE 'b'\")\nop.execute(\"UPDATE t SET a = 'b'\") -- op.execute(\"UPDATE t SET a = 'a'\")",
        ],
        &expect![
            "MG241 0002_b.py:6 'b' was added to `e` in this transaction, and Postgres does not let it be used before that has ended"
        ],
    );
    clean(&[
        enum_,
        "with op.get_context().autocommit_block():\n    op.execute(\"ALTER TYPE e ADD VALUE 'b'\")\nop.execute(\"UPDATE t SET a = 'b'\") -- op.execute(\"UPDATE t SET a = 'a'\")",
    ]);
    clean(&[
        enum_,
        "op.execute(\"ALTER TYPE e ADD VALUE 'b'\")\nop.execute(\"UPDATE t SET a = 'c'\") -- op.execute(\"UPDATE t SET a = 'a'\")",
    ]);
}

#[test]
fn mg242_ends_transaction() {
    check(
        &[T, "op.execute('COMMIT')\nop.get_bind().commit() -- op.execute('SELECT 1')"],
        &expect![[r#"
            MG242 0002_b.py:5 `COMMIT` inside Alembic's own transaction
            MG242 0002_b.py:6 `commit()` inside Alembic's own transaction"#]],
    );
    clean(&[
        T,
        "op.execute('SAVEPOINT a')\nop.execute('COMMENT ON TABLE t IS $$COMMIT$$')\nsa.orm.Session(bind=op.get_bind()).commit() -- op.execute('SELECT 1')",
    ]);
}

#[test]
fn mg250_and_mg251_imports() {
    check(
        &[
            "import os, requests, nowhere\nfrom app.models import User\nfrom . import shared\nKEY = os.environ['KEY']\nTEXT = open('x').read()\n",
        ],
        &expect![[r#"
            MG251 0001_a.py:4 `nowhere` is neither Python's own nor a package that this tree is run with
            MG251 0001_a.py:5 `app.models` is code of this repository: app/models.py
            MG251 0001_a.py:6 `.` is relative, and Alembic loads revisions outside a package
            MG250 0001_a.py:7 `os.environ` uses the environment when the file is imported
            MG250 0001_a.py:8 `open` uses the file system when the file is imported"#]],
    );
    clean(&[
        "import os, uuid, some_vendor.tools\nfrom app.other import x\nfrom sqlalchemy.dialects import postgresql\nfrom __future__ import annotations\nHERE = os.path.dirname(__file__)\ndef upgrade():\n    open('x')\ndef downgrade():\n    os.environ['x']\n",
    ]);
}

#[test]
fn allow_silences_lints_of_bodies() {
    clean(&[
        T,
        "op.execute('COMMIT')  # migration-gate: allow MG242 the vendor's script demands it\n -- op.execute('SELECT 1')",
    ]);
}
