//! How long `lint` takes as a whole process, beside `alembic heads` on the same tree in the same
//! run: `cargo bench --package xtask --bench lint`. Both find what their earlier runs left: Alembic
//! the bytecode of the files, `lint` what it understood of them. What it takes with nothing left,
//! as in CI, stands beside it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a tool for people")]

#[allow(dead_code)]
#[path = "../tests/common/python_env.rs"]
mod python_env;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many revisions the trees have.
const SIZES: [usize; 5] = [50, 200, 1000, 5000, 10_000];
/// Of so many runs the fastest counts: what slows a run down is not what is measured.
const RUNS: usize = 5;

fn main() {
    let root = python_env::root();
    let python = python_env::python();
    let cache = tempfile::tempdir().unwrap();
    println!(
        "{:<16} {:>16} {:>10} {:>13} {:>7}",
        "tree", "first lint, ms", "lint, ms", "alembic, ms", "times"
    );
    let mut both = gate(cache.path());
    both.args(["lint", "--root"]).arg(&root);
    row(
        "both real trees",
        &mut both,
        &mut [
            alembic(&python, &root.join("console"), "migrations/alembic.ini"),
            alembic(&python, &root.join("backend_v2"), "alembic.ini"),
        ],
    );
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), size);
        let mut lint = gate(cache.path());
        lint.args(["lint", "--ini"]).arg(folder.path().join("alembic.ini"));
        row(
            &format!("{size} revisions"),
            &mut lint,
            &mut [alembic(&python, folder.path(), "alembic.ini")],
        );
    }
}

fn gate(cache: &Path) -> Command {
    let mut gate = python_env::gate();
    gate.env("XDG_CACHE_HOME", cache).env_remove("CI");
    gate
}

fn alembic(python: &Path, folder: &Path, ini: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "alembic", "-c", ini, "heads"]).current_dir(folder);
    command
}

/// `alembic heads` knows one tree at a time: for both it is called for both.
fn row(name: &str, lint: &mut Command, alembic: &mut [Command]) {
    let again = fastest(lint, RUNS);
    let first = fastest(lint.env("CI", "true"), RUNS);
    let alembic = alembic.iter_mut().map(|command| fastest(command, 2)).sum();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let times = ms(alembic) / ms(again);
    println!(
        "{name:<16} {:>16.1} {:>10.1} {:>13.1} {times:>7.0}",
        ms(first),
        ms(again),
        ms(alembic)
    );
}

fn fastest(command: &mut Command, runs: usize) -> Duration {
    let run = |_| {
        let started = Instant::now();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?} ended with {status}");
        started.elapsed()
    };
    (0..runs).map(run).min().unwrap()
}

/// Writes a chain of revisions as long and as varied as the real ones are: a table with its columns,
/// indexes and grants; a column of an earlier table; rows.
fn write(folder: &Path, size: usize) {
    let versions = folder.join("m/versions");
    fs::create_dir_all(&versions).unwrap();
    let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
    fs::write(folder.join("alembic.ini"), ini).unwrap();
    for number in 1..=size {
        let parent = if number == 1 { "None".into() } else { format!("\"{:05}\"", number - 1) };
        let (up, down) = match number % 4 {
            1 | 2 => table(number),
            3 => column(number),
            _ => rows(number),
        };
        let text = format!(
            "\"\"\"Revision {number:05} of the benchmark.\n\nRevision ID: {number:05}\n\n{PROSE}\"\"\"\n\n\
             from __future__ import annotations\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n\
             revision: str = \"{number:05}\"\ndown_revision = {parent}\nbranch_labels = None\n\
             depends_on = None\n\n\ndef upgrade() -> None:\n{up}\n\ndef downgrade() -> None:\n{down}"
        );
        fs::write(versions.join(format!("{number:05}_x.py")), text).unwrap();
    }
}

/// What a docstring explains.
const PROSE: &str = "Why this is needed, what it changes and what it leaves as it is, in the length\n\
    in which people write such a text: some lines about the table, its owner, the rows in it, and\n\
    what must be deployed first. The issue that asked for it, and the one that follows.\n";

fn table(number: usize) -> (String, String) {
    let mut columns = String::new();
    for (name, type_) in [
        ("account_id", "sa.String(length=36)"),
        ("email", "sa.Text()"),
        ("display_name", "sa.Text()"),
        ("amount_cents", "sa.BigInteger()"),
        ("currency", "sa.String(length=3)"),
        ("state", "sa.Text()"),
        ("created_at", "sa.DateTime(timezone=True)"),
        ("updated_at", "sa.DateTime(timezone=True)"),
    ] {
        columns += &format!("        sa.Column(\"{name}\", {type_}, nullable=False),\n");
    }
    let up = format!(
        "    # Orders of day {number}; see the docstring.\n    op.create_table(\n        \"orders_{number}\",\n\
         \x20       sa.Column(\"id\", sa.Integer(), primary_key=True, autoincrement=True),\n{columns}\
         \x20       sa.CheckConstraint(\"amount_cents >= 0\", name=\"ck_orders_{number}_amount\"),\n    )\n\
         \x20   op.create_index(\"ix_orders_{number}_account\", \"orders_{number}\", [\"account_id\"])\n\
         \x20   op.create_index(\n        \"ix_orders_{number}_state\", \"orders_{number}\", [\"state\", \"created_at\"],\n\
         \x20       unique=False, postgresql_where=sa.text(\"state <> 'done'\"),\n    )\n\
         \x20   op.execute(\"COMMENT ON TABLE orders_{number} IS 'one row an order'\")\n"
    );
    let down = format!(
        "    op.drop_index(\"ix_orders_{number}_state\", table_name=\"orders_{number}\")\n\
         \x20   op.drop_index(\"ix_orders_{number}_account\", table_name=\"orders_{number}\")\n\
         \x20   op.drop_table(\"orders_{number}\")\n"
    );
    (up, down)
}

fn column(number: usize) -> (String, String) {
    let of = number - 1;
    let up = format!(
        "    with op.batch_alter_table(\"orders_{of}\") as batch:\n\
         \x20       batch.add_column(sa.Column(\"note_{number}\", sa.Text(), nullable=True))\n\
         \x20   op.execute(\n        sa.text(\n            \"UPDATE orders_{of} SET note_{number} = 'none' \"\n\
         \x20           \"WHERE note_{number} IS NULL AND state = :state\"\n\
         \x20       ).bindparams(state=\"open\")\n    )\n"
    );
    let down = format!(
        "    with op.batch_alter_table(\"orders_{of}\") as batch:\n        batch.drop_column(\"note_{number}\")\n"
    );
    (up, down)
}

fn rows(number: usize) -> (String, String) {
    let of = number - 2;
    let up = format!(
        "    bind = op.get_bind()\n    for state in (\"open\", \"paid\", \"sent\", \"done\"):\n\
         \x20       bind.execute(\n            sa.text(\n                \"INSERT INTO orders_{of} (account_id, email, \
         display_name, amount_cents, \"\n                \"currency, state, created_at, updated_at) \"\n\
         \x20               \"VALUES ('a', 'a@example.org', 'A', 0, 'EUR', :state, now(), now())\"\n\
         \x20           ),\n            {{\"state\": state}},\n        )\n"
    );
    let down = format!(
        "    op.execute(\"DELETE FROM orders_{of} WHERE account_id = 'a' AND email = 'a@example.org'\")\n"
    );
    (up, down)
}
