//! Bodies of revision files, as the reader shows them.

use std::path::Path;

use expect_test::{Expect, expect};

use super::{Body, Function, read};
use crate::effect::Effect;
use crate::python::Module;

fn body(text: &str) -> Body {
    let module = Module::parse(text.as_bytes()).unwrap();
    read(&module, &module.constants())
}

fn shown(function: Option<&Function>) -> String {
    let Some(function) = function else { return "missing".into() };
    let mut lines: Vec<String> = Vec::new();
    for deed in function.deeds.iter().filter(|deed| !matches!(deed.effect, Effect::Literals(_))) {
        let conditional = if deed.conditional { " if" } else { "" };
        let block = deed.autocommit.map(|n| format!(" block {n}")).unwrap_or_default();
        lines.push(format!("{}{conditional}{block} {}", deed.line, deed.effect.shown()));
    }
    lines.extend(function.raises.map(|line| format!("{line} raises")));
    lines.join("\n")
}

fn check(upgrade: &str, expected: &Expect) {
    check_file(&format!("def upgrade():\n{}", indented(upgrade)), expected);
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn check_file(text: &str, expected: &Expect) {
    let head = "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n";
    expected.assert_eq(&shown(body(&format!("{head}{text}")).upgrade.as_ref()));
}

/// The revision files of the real trees.
fn real() -> Vec<(String, Body)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut bodies = Vec::new();
    for folder in ["console/migrations/versions", "backend_v2/alembic/versions"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
                let module = Module::parse(&std::fs::read(&path).unwrap()).unwrap();
                bodies.push((name, read(&module, &module.constants())));
            }
        }
    }
    bodies.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(bodies.len() > 70);
    bodies
}

#[test]
fn real_trees_have_no_opaque_effect() {
    for (name, body) in real() {
        let functions = [body.upgrade, body.downgrade];
        for deed in functions.into_iter().flatten().flat_map(|function| function.deeds) {
            assert!(!matches!(deed.effect, Effect::Opaque(_)), "{name}:{}", deed.line);
        }
        assert!(body.touches.is_empty(), "{name}: {:?}", body.touches);
    }
}

#[test]
fn operations() {
    check(
        "op.create_table('t', sa.Column('id', sa.Integer(), primary_key=True),
    sa.Column('s', sa.Enum('a', name='s_kind'), index=True),
    sa.Column('o', sa.BigInteger, sa.ForeignKey('other.id', name='fk')),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Column('c', sa.Text, sa.Computed('lower(x)')),
    sa.UniqueConstraint('s', 'o', name='uq'), schema='public')
op.add_column('t', sa.Column('x', sa.String(4)), schema='app')
op.alter_column('t', 'x', new_column_name='y', type_=sa.Text())
op.create_index(op.f('ix'), 't', ['a', sa.text('lower(b)')], postgresql_where=sa.text('c > now()'))
op.drop_index('ix', table_name='t', if_exists=True)
op.create_foreign_key(None, 't', 'u', ['a'], ['b'])
op.drop_constraint('uq', 't', type_='unique')
op.rename_table('t', 'u')
op.drop_table('u')",
        &expect![[r#"
            6 create type `s_kind` enum
            5 create table `t`
            5 create column `id` of `t` int4
            6 create column `s` of `t` s_kind
            7 create column `o` of `t` int8
            7 use table `other`
            8 create column `at` of `t` timestamptz
            9 create column `c` of `t` text
            9 immutable: the expression of generated column c, table t: lower(x)
            6 create index `ix_t_s` on t (s)
            7 create constraint `fk` of `t` (o)
            10 create constraint `uq` of `t` indexed (s, o)
            11 use table `app.t`
            11 create column `x` of `app.t` varchar
            12 use table `t`
            12 alter column `x` of `t` to text
            12 rename column `x` of `t` to y
            13 use table `t`
            13 whole t: Index
            13 immutable: an expression of ix, table t: lower(b)
            13 immutable: the predicate of ix, table t: c > now()
            13 create index `ix` on t (a)
            14 drop index `ix` guarded
            15 use table `t`
            15 use table `u`
            15 use column `b` of `u`
            15 whole t: ForeignKey { columns: ["a"], target: Some("u") }
            15 create constraint `` of `t` (a)
            16 drop constraint `uq` of `t`
            17 rename table `t` to u
            18 drop table `u`"#]],
    );
}

#[test]
fn batches_blocks_and_loops() {
    check_file(
        "
TABLES = ('a', 'b')
def grant(table, *, to='app'):
    op.execute(f'GRANT SELECT ON {table} TO {to}')
def upgrade():
    with op.batch_alter_table('t') as batch_op:
        batch_op.add_column(sa.Column('c', sa.Text()))
        batch_op.create_index('ix', ['c'])
        batch_op.create_foreign_key('fk', 'u', ['c'], ['d'])
        batch_op.drop_constraint('ck', type_='check')
        batch_op.alter_column('c', nullable=False)
    for table in TABLES:
        grant(table)
    for old, new in [('a', 'b')]:
        op.rename_table(old, new)
    with op.get_context().autocommit_block():
        op.execute('VACUUM')
    for name in op.get_bind().execute(sa.text('SELECT n FROM t')):
        op.drop_table(name)
    grant('c', to='other')
",
        &expect![[r#"
            10 use table `t`
            10 create column `c` of `t` text
            11 use table `t`
            11 whole t: Index
            11 create index `ix` on t (c)
            12 use table `t`
            12 use table `u`
            12 use column `d` of `u`
            12 whole t: ForeignKey { columns: ["c"], target: Some("u") }
            12 create constraint `fk` of `t` (c)
            13 use table `t`
            13 drop constraint `ck` of `t`
            14 use table `t`
            14 alter column `c` of `t`
            14 whole t: NotNull("c")
            7 use table `a`
            7 role app (GRANT)
            7 use table `b`
            7 role app (GRANT)
            18 rename table `a` to b
            20 block 1 outside transaction: VACUUM
            21 use table `t`
            21 lookup t []
            22 if opaque None
            7 use table `c`
            7 role other (GRANT)"#]],
    );
}

#[test]
fn sql_in_every_spelling() {
    check(
        "bind = op.get_bind()
bind.execute(sa.text('DELETE FROM a'))
op.get_bind().exec_driver_sql('DELETE FROM b')
op.execute(sa.text('DELETE FROM c WHERE x = :x').bindparams(x=1))
op.execute(sa.DDL('DROP TABLE d'))
op.execute(
    '''
    DROP TABLE e;
    DROP TABLE f
    ''')
op.execute('DROP TABLE %s' % name)
op.execute('GRANT SELECT ON {} TO app'.format(name))
op.execute(open('x.sql').read())
t = sa.table('g', sa.column('x'))
op.execute(t.update().where(t.c.x == 1).values(x=2))
op.bulk_insert(t, [{'x': 1, 'y': 'z'}])
session = sa.orm.Session(bind=bind)
session.execute(sa.text('DELETE FROM h'))
session.commit()
bind.commit()
helper(bind)
unknown()",
        &expect![[r#"
            6 use table `a`
            6 write a
            6 whole a: Empty
            7 use table `b`
            7 write b
            7 whole b: Empty
            8 use table `c`
            8 write c
            9 drop table `d`
            12 drop table `e`
            13 drop table `f`
            15 opaque None
            16 role app (GRANT)
            17 opaque None
            19 use table `g`
            19 write g
            20 use table `g`
            20 insert g Some([[("x", Known("1")), ("y", Known("z"))]])
            22 use table `h`
            22 write h
            22 whole h: Empty
            24 transaction: commit()
            25 opaque None"#]],
    );
}

#[test]
fn types_of_the_application_hide_nothing() {
    check_file(
        "
from app.types import GUID
import geoalchemy2
from sqlalchemy.orm import sessionmaker
def upgrade():
    op.create_table('t', sa.Column('id', GUID(16)), sa.Column('g', geoalchemy2.Geometry()), sa.Column('a', sa.ARRAY(GUID())))
    Session = sessionmaker(bind=op.get_bind())
    session = Session()
    session.execute(sa.text('DELETE FROM t'))
    session.query(t).delete()
    session.commit()
",
        &expect![[r#"
            9 create table `t`
            9 create column `id` of `t`
            9 create column `g` of `t`
            9 create column `a` of `t`
            12 use table `t`
            12 write t
            12 whole t: Empty"#]],
    );
}

#[test]
fn enums() {
    check_file(
        "
kind = postgresql.ENUM('a', name='kind', create_type=False)
other = sa.Enum('a', name='other')
def upgrade():
    kind.create(op.get_bind(), checkfirst=False)
    other.create(op.get_bind())
    op.create_table('t', sa.Column('k', kind), sa.Column('o', other), sa.Column('n', sa.Enum('x', name='n', native_enum=False)), sa.Column('g', sa.Enum('a', name='generic', create_type=False)))
    op.add_column('t', sa.Column('z', kind))
    sa.Enum(name='third').drop(op.get_bind(), checkfirst=False)
",
        &expect![[r#"
            8 create type `kind` enum
            9 create type `other` guarded enum
            10 create type `other` enum
            10 create type `generic` enum
            10 create table `t`
            10 alter type `kind`
            10 create column `k` of `t` kind
            10 create column `o` of `t` other
            10 create column `n` of `t`
            10 create column `g` of `t` generic
            11 use table `t`
            11 alter type `kind`
            11 create column `z` of `t` kind
            12 drop type `third`"#]],
    );
}

#[test]
fn lookups_that_raise() {
    check(
        "bind = op.get_bind()
a = bind.execute(sa.text('SELECT id FROM a WHERE x = :x'), {'x': 'y'}).scalar()
if a is None:
    raise RuntimeError('no a')
b = bind.execute(sa.text('SELECT id FROM b')).scalar_one()
c = bind.execute(sa.text('SELECT id FROM c')).first()
if c:
    pass
d = bind.scalar(sa.text('SELECT id FROM d'))
assert d, 'no d'
e = bind.execute(sa.text('SELECT id FROM e')).fetchone()[0]
f = bind.execute(sa.text('SELECT id FROM f')).fetchall()
if not f:
    print('none')
else:
    op.execute('DELETE FROM g')",
        &expect![[r#"
            6 use table `a`
            6 lookup a [("x", Known("y"))] or raise
            9 use table `b`
            9 lookup b [] or raise
            10 use table `c`
            10 lookup c []
            13 use table `d`
            13 lookup d [] or raise
            15 use table `e`
            15 lookup e [] or raise
            16 use table `f`
            16 lookup f []
            20 if use table `g`
            20 if write g
            20 if whole g: Empty"#]],
    );
}

#[test]
fn conditions_and_ends() {
    check(
        "if op.get_bind().dialect.name == 'sqlite':
    op.drop_table('never')
else:
    op.drop_table('always')
if x:
    op.drop_table('perhaps')
    return
op.drop_table('perhaps_too')",
        &expect![[r#"
            8 drop table `always`
            10 if drop table `perhaps`
            12 if drop table `perhaps_too`"#]],
    );
    check(
        "op.drop_table('a')\nraise NotImplementedError\nop.drop_table('b')",
        &expect![[r#"
        5 drop table `a`
        6 raises"#]],
    );
    check("if x:\n    raise ValueError\nop.drop_table('a')", &expect!["7 drop table `a`"]);
    check(
        "try:\n    op.drop_table('a')\nexcept Exception:\n    pass",
        &expect!["6 if drop table `a`"],
    );
}

#[test]
fn imports_and_outside_effects_are_found() {
    let body = body(
        "import os, json
from app.models import User as U
from . import helpers
import requests
import pathlib
SQL = pathlib.Path(__file__).with_name('x.sql').read_text()
URL = os.environ['URL']
HERE = os.path.join('a', 'b')
requests.get('x')
def upgrade():
    open('x')
if __name__ == '__main__':
    open('y')
",
    );
    let touches: Vec<String> =
        body.touches.iter().map(|t| format!("{} {} ({})", t.line, t.what, t.whom)).collect();
    expect![[r#"
        6 read_text() (the file system)
        7 os.environ (the environment)
        9 requests.get (the network)"#]]
    .assert_eq(&touches.join("\n"));
    let imports: Vec<String> =
        body.imports.iter().map(|i| format!("{} {}", i.line, i.module)).collect();
    expect![[r#"
        1 os
        1 json
        2 app.models
        3 .
        4 requests
        5 pathlib"#]]
    .assert_eq(&imports.join("\n"));
}

#[test]
fn broken_text_causes_no_panic_or_hang() {
    let deep = format!("def upgrade():\n    x = {}a(){}", "f(".repeat(150), ")".repeat(150));
    let recursive = "def f(x):\n    f(x)\n    f(x)\ndef upgrade():\n    f(1)".to_owned();
    let each = |n: usize| format!("{}for a{n} in (1,2,3,4,5,6,7,8,9):\n", "    ".repeat(n + 1));
    let loops: String = (0..12).map(each).collect();
    let loops = format!("def upgrade():\n{loops}{}op.execute('x')", "    ".repeat(13));
    let texts = [deep, recursive, loops, "def upgrade(".into(), "def upgrade(): op.".into()];
    texts.iter().for_each(|text| drop(body(text)));
}
