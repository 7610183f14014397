//! Results of the walk over whole chains: small ones, the real ones, and real ones with a fault.

use std::path::Path;

use super::{Event, Revision, What, walk};
use crate::body::{self, Body};
use crate::python::Module;
use model::supply::{Given, Role, Row, Supply};

/// An event in short form.
pub fn shown(event: &Event) -> String {
    let what = match &event.what {
        What::CreatedTwice { object, first, .. } => {
            format!("twice: {}, first {}:{}", object.shown(), first.revision, first.line)
        }
        What::DroppedTwice { object, .. } => format!("dropped twice: {}", object.shown()),
        What::NeverMade(object) => format!("never made: {}", object.shown()),
        What::UsedAfterDrop { object, .. } => format!("used after drop: {}", object.shown()),
        What::UsedBeforeMade { object, later } => {
            format!("used before made: {}, later {}", object.shown(), later.is_some())
        }
        What::Left { object, from: None } => format!("left: {}", object.shown()),
        What::Left { object, from: Some(from) } => {
            format!("not renamed back: {} from {from}", object.shown())
        }
        What::DropsOther { object, .. } => format!("drops other: {}", object.shown()),
        What::NotImmutable { offender, .. } => format!("not immutable: {offender}"),
        What::NoRole { role, command } => format!("no role: {role} ({command})"),
        What::NoRow(missing) => format!("no row in {}", missing.lookup.table),
    };
    let down = if event.down { " down" } else { "" };
    format!("{}:{}{down} {what}", event.at.revision, event.at.line)
}

fn bodies(texts: &[String]) -> Vec<Body> {
    texts
        .iter()
        .map(|text| {
            let module = Module::parse(text.as_bytes()).unwrap();
            body::read(&module, &module.constants())
        })
        .collect()
}

fn events(texts: &[String], ids: &[String], given: &[Given]) -> Vec<String> {
    let bodies = bodies(texts);
    let revisions: Vec<Revision<'_>> =
        bodies.iter().zip(ids).map(|(body, id)| Revision { id, body }).collect();
    walk(&revisions, given).iter().map(shown).collect()
}

/// The events of a chain in which each revision is written `upgrade -- downgrade`.
fn chain(revisions: &[&str]) -> Vec<String> {
    let texts: Vec<String> = revisions
        .iter()
        .map(|text| {
            let (up, down) = text.split_once("--").unwrap_or((text, "pass"));
            let block = |text: &str| -> String {
                text.trim().lines().map(|line| format!("    {line}\n")).collect()
            };
            format!(
                "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\ndef upgrade():\n{}def downgrade():\n{}",
                block(up),
                block(down)
            )
        })
        .collect();
    let ids: Vec<String> = (0..texts.len()).map(|n| n.to_string()).collect();
    events(&texts, &ids, &[])
}

#[track_caller]
fn clean(revisions: &[&str]) {
    assert_eq!(chain(revisions), [""; 0]);
}

#[track_caller]
fn finds(revisions: &[&str], expected: &[&str]) {
    assert_eq!(chain(revisions), expected);
}

const T: &str = "op.create_table('t', sa.Column('a', sa.Text()), sa.Column('at', sa.DateTime(timezone=True))) -- op.drop_table('t')";

#[test]
fn object_made_twice_is_an_event() {
    finds(&[T, T], &["1:5 twice: table `t`, first 0:5"]);
    clean(&[T, "op.drop_table('t') -- op.create_table('t', sa.Column('a', sa.Text()))", T]);
    clean(&[T, "op.create_table('t', if_not_exists=True)"]);
    clean(&[T, "op.execute(f'DROP TABLE {x()}') -- op.execute(x())", "op.create_table('t')"]);
    clean(&[T, "op.execute('DO $$ BEGIN DROP TABLE t; END $$')", "op.create_table('t')"]);
    clean(&[T, "if x:\n    op.create_table('t')"]);
    clean(&[T, "op.create_table('t', schema='s')"]);
    finds(&[T, "op.create_index('t', 't', ['a']) -- pass"], &["1:5 twice: index `t`, first 0:5"]);
    finds(
        &[T, "op.add_column('t', sa.Column('a', sa.Text()))"],
        &["1:5 twice: column `a` of `t`, first 0:5"],
    );
}

#[test]
fn the_enum_of_a_column_is_made_once_in_a_run() {
    let e = "sa.Enum('a', name='e')";
    let drop = "op.drop_table('t')\nop.execute('DROP TYPE e')";
    clean(&[&format!("op.create_table('t', sa.Column('a', {e}), sa.Column('b', {e})) -- {drop}")]);
    finds(
        &[&format!(
            "e = {e}\ne.create(op.get_bind())\nop.create_table('t', sa.Column('a', e)) -- {drop}"
        )],
        &["0:7 twice: type `e`, first 0:6"],
    );
    finds(
        &[
            "op.create_table('t') -- op.drop_table('t')",
            &format!("op.add_column('t', sa.Column('a', {e})) -- op.drop_column('t', 'a')"),
        ],
        &["1:5 used before made: type `e`, later false"],
    );
}

#[test]
fn a_key_that_is_put_on_later_is_not_made_with_its_table() {
    let key = "sa.ForeignKeyConstraint(['a'], ['u.a'], name='fk', use_alter=True)";
    clean(&[&format!(
        "op.create_table('t', sa.Column('a', sa.Text()), {key})\nop.create_table('u', sa.Column('a', sa.Text()))\nop.create_foreign_key('fk', 't', 'u', ['a'], ['a']) -- op.drop_constraint('fk', 't')\nop.drop_table('u')\nop.drop_table('t')"
    )]);
    finds(
        &[&format!(
            "op.create_table('t', sa.Column('a', sa.Text()), {}) -- op.drop_table('t')",
            key.replace("True", "False")
        )],
        &["0:5 used before made: table `u`, later false"],
    );
}

#[test]
fn drop_of_missing_object_is_an_event() {
    finds(
        &[
            T,
            "op.drop_table('t') -- op.create_table('t')",
            "op.drop_table('t')--op.create_table('t')",
            "op.drop_table('t')",
        ],
        &["2:5 dropped twice: table `t`", "3:5 dropped twice: table `t`"],
    );
    finds(&["op.drop_table('t')"], &["0:5 never made: table `t`"]);
    clean(&["op.execute('DROP TABLE IF EXISTS t')"]);
    clean(&["op.execute(x())", "op.drop_table('t')"]);
    clean(&["op.drop_index('ix')"]);
    finds(
        &[
            "op.create_table('t', sa.Column('a', sa.Text()))\nop.create_index('ix', 't', ['a']) -- op.drop_table('t')\nop.drop_index('ix')",
        ],
        &["0:9 down dropped twice: index `ix`"],
    );
}

#[test]
fn use_of_missing_object_is_an_event() {
    finds(
        &[
            T,
            "op.drop_table('t') -- op.create_table('t')",
            "op.execute('GRANT SELECT ON t TO PUBLIC')",
        ],
        &["2:5 used after drop: table `t`"],
    );
    finds(
        &["op.add_column('t', sa.Column('b', sa.Text())) -- op.drop_column('t', 'b')", T],
        &["0:5 used before made: table `t`, later true"],
    );
    finds(&["op.execute('UPDATE t SET a = 1')"], &["0:5 used before made: table `t`, later false"]);
    clean(&[
        "op.execute('SELECT 1 FROM pg_class')",
        "op.execute('UPDATE alembic_version SET a = 1')",
    ]);
    clean(&["op.execute('UPDATE other.t SET a = 1')"]);
    clean(&[
        "op.execute('CREATE TEMP TABLE t (a int)')\nop.execute('INSERT INTO t VALUES (1)') -- pass",
    ]);
    clean(&["helpers.run(op.get_bind())", "op.execute('UPDATE t SET a = 1')"]);
    finds(
        &[
            T,
            "op.drop_column('t', 'a') -- op.add_column('t', sa.Column('a', sa.Text()))",
            "op.alter_column('t', 'a', nullable=True)",
        ],
        &["2:5 used after drop: column `a` of `t`"],
    );
    clean(&[
        T,
        "op.rename_table('t', 'u') -- op.rename_table('u', 't')",
        "op.add_column('u', sa.Column('b', sa.Text())) -- op.drop_column('u', 'b')",
    ]);
    finds(
        &[
            T,
            "op.rename_table('t', 'u') -- op.rename_table('u', 't')",
            "op.add_column('t', sa.Column('b', sa.Text()))",
        ],
        &["2:5 used after drop: table `t`"],
    );
}

#[test]
fn objects_that_a_downgrade_leaves() {
    finds(
        &[
            "op.execute('CREATE TYPE e AS ENUM (1)')\nop.create_table('t', sa.Column('a', sa.Text())) -- op.drop_table('t')",
        ],
        &["0:5 left: type `e`"],
    );
    finds(
        &["op.create_table('t', sa.Column('e', sa.Enum('a', name='e'))) -- op.drop_table('t')"],
        &["0:5 left: type `e`"],
    );
    finds(
        &[
            T,
            "op.add_column('t', sa.Column('b', sa.Text()))\nop.create_index('ix', 't', ['a'])\nop.create_check_constraint('ck', 't', 'x') -- print()\nop.execute('UPDATE t SET a = 1')",
        ],
        &[
            "1:5 left: column `b` of `t`",
            "1:6 left: index `ix`",
            "1:7 left: constraint `ck` of `t`",
        ],
    );
    finds(
        &[
            "op.execute('CREATE FUNCTION f() RETURNS trigger AS 1')\nop.create_table('t')\nop.execute('CREATE TRIGGER g BEFORE UPDATE ON t EXECUTE FUNCTION f()') -- op.drop_table('t')",
        ],
        &["0:5 left: function `f`"],
    );
    // The column takes the index and the check with it.
    clean(&[
        T,
        "op.add_column('t', sa.Column('b', sa.Text()))\nop.create_index('ix', 't', ['b'])\nop.create_check_constraint('ck', 't', 'b > 1') -- op.drop_column('t', 'b')",
    ]);
    clean(&["op.execute('CREATE EXTENSION citext')\nop.create_table('t') -- op.drop_table('t')"]);
    clean(&[T, "op.create_index('ix', 't', ['a']) -- helpers.undo(op.get_bind())"]);
    clean(&[
        T,
        "op.create_index('ix', 't', ['a']) -- op.execute('DO $$ BEGIN DROP INDEX ix; END $$')",
    ]);
    clean(&[T, "op.create_index('ix', 't', ['a']) -- for name in x():\n    op.drop_index(name)"]);
}

#[test]
fn foreign_objects_that_a_downgrade_drops() {
    finds(
        &[T, "op.create_index('ix', 't', ['a']) -- op.drop_index('ix')\nop.drop_table('t')"],
        &["1:8 down drops other: table `t`"],
    );
    finds(
        &[
            T,
            "op.add_column('t', sa.Column('b', sa.Text())) -- op.drop_column('t', 'b')\nop.drop_column('t', 'a')",
        ],
        &["1:8 down drops other: column `a` of `t`"],
    );
    // An object must be dropped before it is made anew.
    clean(&[
        "op.execute('CREATE VIEW v AS SELECT 1') -- op.execute('DROP VIEW v')",
        "op.execute('CREATE OR REPLACE VIEW v AS SELECT 2') -- op.execute('DROP VIEW v')\nop.execute('CREATE VIEW v AS SELECT 1')",
    ]);
}

#[test]
fn a_table_that_takes_the_place_of_another_has_parts_of_its_own() {
    clean(&[
        T,
        "op.execute('CREATE TABLE n AS SELECT a FROM t')\nop.drop_table('t')\nop.rename_table('n', 't')\nop.alter_column('t', 'a', nullable=True) -- op.execute(x())",
        "op.alter_column('t', 'at', nullable=True) -- op.execute('x')",
    ]);
    // A constraint without a name in the revision has one in Postgres, and existed before.
    let pk = "op.drop_constraint('t_pkey', 't')\nop.create_primary_key('t_pkey', 't', ['a'])";
    clean(&[T, &format!("{pk} -- {pk}")]);
    // An object that downgrade() makes again under another name was not made by upgrade().
    clean(&[
        T,
        "for name in x():\n    op.drop_constraint(name, 't') -- op.create_primary_key('pk', 't', ['a'])",
        "op.drop_constraint('pk', 't') -- op.create_primary_key('pk', 't', ['a'])",
    ]);
}

#[test]
fn expressions_and_roles_and_rows() {
    finds(
        &[
            T,
            "op.create_index('ix', 't', [sa.text('(at::date)')], postgresql_where=sa.text('at > now()')) -- op.drop_index('ix')",
        ],
        &["1:5 not immutable: the cast from timestamptz to date", "1:5 not immutable: now()"],
    );
    clean(&[
        T,
        "op.create_index('ix', 't', [sa.text('lower(a)')], postgresql_where=sa.text('a IS NULL')) -- op.drop_index('ix')",
    ]);
    finds(
        &[
            "op.execute('CREATE TABLE g (d date GENERATED ALWAYS AS (at::date) STORED, at timestamptz)') -- op.drop_table('g')",
        ],
        &["0:5 not immutable: the cast from timestamptz to date"],
    );
    finds(
        &[
            "op.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO app')\nop.execute('SET ROLE app') -- op.execute('x')",
        ],
        &["0:5 no role: app (GRANT)"],
    );
    clean(&["op.execute('CREATE ROLE app')\nop.execute('SET ROLE app') -- op.execute('x')"]);
    clean(&[
        "op.execute('DO $$ BEGIN CREATE ROLE app; END $$')\nop.execute('SET ROLE app') -- op.execute('x')",
    ]);
    let lookup = "x = op.get_bind().execute(sa.text(\"SELECT 1 FROM t WHERE a = 'b'\")).scalar_one() -- op.execute('x')";
    finds(&[T, lookup], &["1:5 no row in t"]);
    clean(&[T, lookup.replace("scalar_one", "scalar").as_str()]);
    clean(&[T, "op.execute(\"INSERT INTO t (a) VALUES ('b')\") -- op.execute('x')", lookup]);
    finds(
        &[T, "op.execute(\"INSERT INTO t (a) VALUES ('c')\") -- op.execute('x')", lookup],
        &["2:5 no row in t"],
    );
    clean(&[T, "op.execute('INSERT INTO t SELECT 1') -- op.execute('x')", lookup]);
}

/// The real revisions, with one of them changed.
fn real(tree: &str, changed: Option<(&str, &str, &str)>, given: &[Given]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(tree);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    let mut was_changed = changed.is_none();
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    for path in files {
        let id = path.file_name().unwrap().to_string_lossy()[..4].to_owned();
        let mut text = std::fs::read_to_string(&path).unwrap();
        if let Some((of, from, to)) = changed.filter(|(of, ..)| *of == id) {
            assert!(text.contains(from), "{of} has no {from:?}");
            text = text.replacen(from, to, 1);
            was_changed = true;
        }
        texts.push(text);
        ids.push(id);
    }
    assert!(was_changed && texts.len() > 25);
    events(&texts, &ids, given)
}

const CONSOLE: &str = "console/migrations/versions";
const RAPTOR: &str = "backend_v2/alembic/versions";

fn admin_row(after: &str) -> Given {
    let insert = "INSERT INTO admins (id, email) VALUES ('1', 'kris@moosequest.net')";
    let row = Row { name: "", required_by: "", insert, exists: "" };
    Given { after: Some(after.into()), step: String::new(), what: Supply::Row(row) }
}

fn raptor_app() -> Given {
    let role = Role { name: "raptor_app", required_by: "", create: "" };
    Given { after: None, step: String::new(), what: Supply::Role(role) }
}

#[test]
fn the_real_trees_are_clean() {
    assert_eq!(real(CONSOLE, None, &[admin_row("0015")]), [""; 0]);
    assert_eq!(real(RAPTOR, None, &[raptor_app()]), [""; 0]);
}

#[test]
fn the_real_trees_need_what_their_recipes_supply() {
    assert_eq!(real(CONSOLE, None, &[]), ["15:57 no row in admins"]);
    assert_eq!(real(CONSOLE, None, &[admin_row("0016")]), ["15:57 no row in admins"]);
    assert_eq!(real(RAPTOR, None, &[]), ["1:49 no role: raptor_app (GRANT)"]);
}
