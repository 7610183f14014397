//! `--fix`: what was verified is applied, in real repositories.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::repository::{Ids, Repository};

/// A fault of a new revision on a table `items` with the column `n`.
struct Fault {
    upgrade: &'static str,
    downgrade: &'static str,
    /// What is red at first.
    code: &'static str,
    /// What is said of the remedy.
    what: &'static str,
    /// What the revision holds then.
    then: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        upgrade: "op.create_index('i', 'items', ['n'], postgresql_concurrently=True)",
        downgrade: "op.drop_index('i', table_name='items')",
        code: "MG114",
        what: "into an autocommit block",
        then: "    with op.get_context().autocommit_block():\n        op.create_index(",
    },
    Fault {
        upgrade: "op.create_index('i', 'items', ['n'], postgresql_where=sa.text('n > 1 AND at > now()'))",
        downgrade: "op.drop_index('i', table_name='items')",
        code: "MG004",
        what: "leave of the predicate what is immutable: n > 1",
        then: "postgresql_where=sa.text('n > 1'))",
    },
    Fault {
        upgrade: "op.execute('CREATE INDEX i ON items (n) WHERE at > CURRENT_TIMESTAMP;')",
        downgrade: "op.execute('DROP INDEX i')",
        code: "MG004",
        what: "the index has all rows then",
        then: "op.execute('CREATE INDEX i ON items (n);')",
    },
    Fault {
        upgrade: "op.create_table('pets', sa.Column('id', sa.Integer, primary_key=True), sa.Column('kind', sa.Enum('cat', 'dog', name='kind')))",
        downgrade: "op.drop_table('pets')",
        code: "MG400",
        what: "add what the downgrade lacks",
        then: "    op.drop_table('pets')\n    op.execute(",
    },
    Fault {
        upgrade: "op.execute(\"ALTER TYPE mood ADD VALUE 'new'\")\n    op.execute(\"INSERT INTO moods VALUES ('new')\")",
        downgrade: "op.execute(\"DELETE FROM moods WHERE m = 'new'\")",
        code: "MG114",
        what: "add the label in an autocommit block",
        then: "        op.execute(\"ALTER TYPE mood ADD VALUE IF NOT EXISTS 'new'\")",
    },
    Fault {
        upgrade: "op.create_table('moods2', sa.Column('m', sa.Enum('old', name='mood')))",
        downgrade: "op.drop_table('moods2')",
        code: "MG111",
        what: "`create_type=False`",
        then: "postgresql.ENUM('old', name='mood', create_type=False)",
    },
    Fault {
        upgrade: "op.execute('CREATE TABLE pets (id serial PRIMARY KEY, n int)')\n    op.execute('INSERT INTO pets VALUES (1, 1)')\n    op.execute('INSERT INTO pets (n) VALUES (2)')",
        downgrade: "op.drop_table('pets')",
        code: "MG112",
        what: "move the sequence of pets.id behind the rows",
        then: "SELECT setval(pg_get_serial_sequence('pets', 'id'), (SELECT max(id) FROM pets))",
    },
    Fault {
        upgrade: "op.add_column('items', sa.Column('b', sa.Text))",
        downgrade: "raise NotImplementedError\n    op.drop_column('items', 'b')",
        code: "MG117",
        what: "let the downgrade do its work instead of raising",
        then: "def downgrade():\n    op.drop_column(",
    },
    // What the upgrade left alone is not to be touched: a line that makes it again would lose its rows.
    Fault {
        upgrade: "if 'n' not in [c['name'] for c in sa.inspect(op.get_bind()).get_columns('items')]:\n        op.add_column('items', sa.Column('n', sa.Integer))",
        downgrade: "op.drop_column('items', 'n')",
        code: "MG401",
        what: "take out `op.drop_column('items', 'n')`",
        then: "def downgrade():\n    pass",
    },
    Fault {
        upgrade: "op.alter_column('items', 'id', existing_type=sa.Integer(), nullable=False)",
        downgrade: "op.execute('ALTER TABLE items DROP CONSTRAINT items_pkey')\n    op.create_primary_key('items_pkey', 'items', ['id'])\n    op.alter_column('items', 'n', nullable=False)",
        code: "MG402",
        what: "take out `op.alter_column('items', 'n', nullable=False)`",
        then: "op.create_primary_key('items_pkey', 'items', ['id'])\n",
    },
    Fault {
        upgrade: "op.create_index('ix_items_n', 'items', ['n'])",
        downgrade: "op.drop_index('ix_item_n', table_name='items')",
        code: "MG106",
        what: "write ix_items_n for ix_item_n",
        then: "op.drop_index('ix_items_n',",
    },
    Fault {
        upgrade: "input('Sure?')",
        downgrade: "pass",
        code: "MG252",
        what: "take out `input('Sure?')`",
        then: "def upgrade():\n    pass",
    },
    Fault {
        upgrade: "op.create_table('items', sa.Column('a', sa.Text))",
        downgrade: "op.drop_table('items')",
        code: "MG006",
        what: "rename the earlier table items to items_earlier, and back in the downgrade",
        then: "    op.rename_table(\"items\", \"items_earlier\")\n    op.create_table(",
    },
];

pub(super) const FILE: &str = "0004_fault.py";

const BASE: &str = "op.execute('CREATE TABLE items (id serial PRIMARY KEY, n int, at timestamptz)')\n    \
                    op.execute(\"CREATE TYPE mood AS ENUM ('old')\")\n    \
                    op.execute('CREATE TABLE moods (m mood)')";
const BASE_DOWN: &str = "op.execute('DROP TABLE moods')\n    op.execute('DROP TYPE mood')\n    \
                         op.execute('DROP TABLE items')";
/// A repository whose `main` has the table, and a branch with a revision of this body.
pub(super) fn broken(upgrade: &str, downgrade: &str) -> Repository {
    let repository = Repository::alone(Ids::Numbers, "main");
    write(&repository, "0003_base.py", "0003", "0002", BASE, BASE_DOWN);
    repository.commit("the base");
    repository.git(&["switch", "--quiet", "--create", "change"]);
    write(&repository, FILE, "0004", "0003", upgrade, downgrade);
    repository.commit("the change");
    repository
}

fn write(repository: &Repository, file: &str, id: &str, parent: &str, up: &str, down: &str) {
    let text = format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {id:?}\n\
         down_revision = {parent:?}\n\n\ndef upgrade():\n    {up}\n\n\ndef downgrade():\n    {down}\n"
    );
    fs::write(repository.file(file), text).unwrap();
}

#[track_caller]
fn is_fixed(fault: &Fault) {
    let Fault { upgrade, downgrade, code, what, then } = fault;
    let repository = broken(upgrade, downgrade);
    let red = repository.gate(&["--format", "json"]);
    assert_eq!(red.code, 1, "{upgrade}: {}", red.said());
    let report: Value = serde_json::from_str(&red.out).unwrap();
    let verified = report["findings"].as_array().unwrap().iter().find(|f| f["verified"] == true);
    let finding = verified.unwrap_or_else(|| panic!("{upgrade}: nothing verified: {report:#}"));
    let codes: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&Value::from(*code)), "{upgrade}: {codes:?}");
    let remedy = finding["remedy"].to_string();
    assert!(remedy.contains(what), "{upgrade}: {remedy}");
    // The files are as they were, and git takes the patch at the root.
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    apply(&repository.path, finding["patch"].as_str().unwrap());
    let text = fs::read_to_string(repository.file(FILE)).unwrap();
    assert!(text.contains(then), "{upgrade}: {text}");
    let green = repository.gate(&["--no-cache"]);
    assert_eq!(green.code, 0, "{upgrade}: {}", green.said());
}

fn apply(root: &Path, patch: &str) {
    let mut git = Command::new("git");
    let git = git.args(["apply", "--whitespace=nowarn", "-"]).current_dir(root);
    let mut child = git.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{patch}");
}

#[test]
fn each_verified_patch_applies_and_is_green() {
    std::thread::scope(|scope| {
        for half in FAULTS.chunks(FAULTS.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(is_fixed));
        }
    });
}

#[test]
fn fix_applies_what_was_verified_and_is_green() {
    let fault = &FAULTS[0];
    let repository = broken(fault.upgrade, fault.downgrade);
    let fixed = repository.gate(&["--fix", "--format", "json"]);
    fixed.says(0, &["--fix: changed tree/versions/0004_fault.py; gating again"]);
    let report: Value = serde_json::from_str(&fixed.out).unwrap();
    assert_eq!(report["verdict"], "pass");
    let text = fs::read_to_string(repository.file(FILE)).unwrap();
    assert!(text.contains(fault.then), "{text}");
    assert_eq!(repository.git(&["status", "--porcelain"]), "M tree/versions/0004_fault.py");
}

#[test]
fn fix_leaves_uncommitted_changes_and_what_has_no_remedy_alone() {
    let fault = &FAULTS[0];
    let repository = broken(fault.upgrade, fault.downgrade);
    repository.edit(FILE, "def downgrade", "X = 1\n\n\ndef downgrade");
    let before = fs::read_to_string(repository.file(FILE)).unwrap();
    let refused = repository.gate(&["--fix"]);
    refused.says(1, &["commit or stash your changes to tree/versions/0004_fault.py first"]);
    assert_eq!(fs::read_to_string(repository.file(FILE)).unwrap(), before);

    let repository = broken("raise RuntimeError('on purpose')", "pass");
    repository
        .gate(&["--fix"])
        .says(1, &["--fix changed nothing: no remedy turned the gate green"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

/// Green on the copy, and red where the files themselves are: a revision that looks where it lies.
#[test]
fn fix_restores_the_files_where_the_second_run_is_no_better() {
    let upgrade = "op.execute('VACUUM items')\n    if 'autocommit' in open(__file__).read() and \
                   'mirror' not in __file__:\n        raise RuntimeError('worse')";
    let repository = broken(upgrade, "raise NotImplementedError");
    repository.edit(FILE, "raise NotImplementedError", "pass");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    let put_back = repository.gate(&["--fix"]);
    put_back.says(1, &["--fix has put every file back: the second run was no better (MG100: RuntimeError: worse)"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "{}", put_back.said());
}
