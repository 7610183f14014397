//! What is done ahead of a call changes nothing of what comes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres::{Client, NoTls};
use rustix::process::{Signal, kill_process};

use super::keep::Removal;
use crate::support::root::{Root, Tree};
use crate::support::run::{Ended, caches};
use crate::support::sandbox::pid;
use crate::support::watched::Watched;

const GOOD: (&str, &str) = ("op.execute('CREATE TABLE t (a int)')", "op.execute('DROP TABLE t')");

/// Writes down which processes reach the database, by SQLAlchemy and by hand.
const NOTES: &str = "\
import os
import pathlib
import psycopg2
from sqlalchemy import event
from sqlalchemy.engine import Engine

def note(how):
    with pathlib.Path(__file__).with_name(how).open('a') as notes:
        notes.write(f'{os.getpid()}\\n')

if os.environ.get('BY_HAND'):
    psycopg2.connect(os.environ['DATABASE_URL'].replace('+psycopg2', '')).close()
    note('by-hand')
event.listen(Engine, 'after_cursor_execute', lambda *_: note('by-sqlalchemy'))
";

/// A tree whose head leaves its table behind, so that the step after the downgrade is skipped; and
/// how many processes reached the database.
fn reached(how: &str, pass: &str) -> (Root, Ended, usize) {
    let root = Root::copy();
    take_notes(&root, "backend_v2/alembic/env.py");
    root.add_head(Tree::Raptor, GOOD.0, "op.execute('SELECT 1')");
    // Nothing comes between for a head that is not new.
    root.git("init --quiet --initial-branch main");
    root.git("add console backend_v2");
    root.git("commit --quiet --message base");
    let gate = root.gate_for_a_person().args("raptor --keep --pass-env BY_HAND");
    let ended = gate.env("BY_HAND", pass).run();
    ended.assert_code(1);
    let count = processes_in(&root, &format!("backend_v2/alembic/{how}"));
    (root, ended, count)
}

fn take_notes(root: &Root, env: &str) {
    let text = root.read(env);
    let (docstring, rest) = text.split_once("\nimport ").unwrap();
    root.write(env, format!("{docstring}\n{NOTES}\nimport {rest}"));
}

/// How many processes have written into these notes.
fn processes_in(root: &Root, notes: &str) -> usize {
    root.read(notes).lines().collect::<BTreeSet<_>>().len()
}

#[test]
fn what_was_begun_for_a_step_that_is_skipped_touches_nothing() {
    let (root, ended, count) = reached("by-sqlalchemy", "");
    let line = |text: &str| ended.stdout.lines().map(str::trim).find(|line| line.contains(text));
    let _removal = Removal(line("rm -rf ").unwrap_or_default().to_owned());
    let url = line("DATABASE_URL='postgresql+psycopg2://").unwrap();
    let url = url.strip_prefix("DATABASE_URL='").unwrap().strip_suffix('\'').unwrap();
    let mut client = Client::connect(&url.replace("+psycopg2", ""), NoTls).unwrap();
    let row = client.query_one("SELECT version_num FROM alembic_version", &[]).unwrap();
    assert_eq!(row.get::<_, String>(0), root.head(Tree::Raptor), "the one below the new one");
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let others: i64 = client.query_one(others, &[]).unwrap().get(0);
    assert_eq!(others, 0, "somebody is connected still");
    assert_eq!(count, 2, "up and down");
}

#[test]
fn who_connects_without_sqlalchemy_waits_for_the_step_too() {
    let (_, ended, count) = reached("by-hand", "yes");
    let removal = ended.stdout.lines().find(|line| line.contains("rm -rf ")).unwrap();
    let _removal = Removal(removal.trim().to_owned());
    assert_eq!(count, 2, "up and down");
}

#[test]
fn what_was_begun_beside_a_supply_that_fails_touches_nothing() {
    for (how, pass) in [("by-sqlalchemy", ""), ("by-hand", "yes")] {
        let root = Root::copy();
        take_notes(&root, "console/migrations/env.py");
        let file = "console/migrations/versions/0015_rbac_membership_expiry.py";
        // Long enough for what is begun to go on, if it did.
        let fails = "def upgrade() -> None:\n    op.execute('''CREATE FUNCTION no() RETURNS trigger \
            LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RAISE 'no'; END $$''')\n    \
            op.execute('CREATE TRIGGER no BEFORE INSERT ON admins \
            FOR EACH ROW EXECUTE FUNCTION no()')\n";
        root.edit(file, "def upgrade() -> None:\n", fails);
        let gate = root.gate().args("console --pass-env BY_HAND");
        let report = gate.env("BY_HAND", pass).run().report();
        let steps = report.statuses("console");
        assert!(steps.starts_with("passed failed skipped"), "{steps}");
        assert_eq!(processes_in(&root, &format!("console/migrations/{how}")), 1, "{how}");
    }
}

/// The processes that wait for a call: below a server, which is below the interpreter.
pub(super) fn waiting(root: &Root) -> Vec<u32> {
    let parent = |process: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let pythons = root.sandbox.processes().into_iter();
    let pythons: Vec<u32> =
        pythons.filter(|it| it.command.contains("python")).map(|it| it.pid).collect();
    let is_python = |process: &u32| pythons.contains(process);
    let above = |process: u32| parent(process).filter(is_python);
    pythons.iter().copied().filter(|it| above(*it).and_then(above).is_some()).collect()
}

#[test]
fn a_process_that_was_made_for_a_call_and_is_gone_is_not_missed() {
    let root = Root::copy();
    let mut watched = Watched::begin(&root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    let known = format!("Raptor is known up to {}", root.head(Tree::Raptor));
    let file = root.add_head(Tree::Raptor, GOOD.0, GOOD.1);
    assert_eq!(watched.verdict().verdict(), "pass");
    watched.run.until("processes wait for calls", || waiting(&root).len() >= 3);
    std::thread::sleep(Duration::from_secs(1));
    for process in waiting(&root) {
        let _ = kill_process(pid(process), Signal::KILL);
    }
    root.edit(&file, "a int", "a bigint");
    let report = watched.verdict();
    assert_eq!(report.verdict(), "pass");
    watched.run.signal(Signal::TERM);
    let ended = watched.run.wait();
    assert!(ended.stdout.contains(&known), "{}", ended.stdout);
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn what_is_kept_of_the_worker_may_be_damaged() {
    let root = Root::copy();
    root.gate().arg("raptor").run().assert_code(0);
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let environments = entries(&caches().join("migration-gate/python"));
    let workers = environments.iter().flat_map(|it| entries(&it.join("worker")));
    let mut damaged = Vec::new();
    for worker in workers {
        for compiled in entries(&worker.join("__pycache__")) {
            let whole = fs::read(&compiled).unwrap();
            fs::write(&compiled, &whole[..whole.len() / 2]).unwrap();
        }
        let patterns = worker.join("patterns");
        let mut bytes = fs::read(&patterns).unwrap_or_default();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
            fs::write(&patterns, &bytes).unwrap();
            damaged.push((patterns, bytes));
        }
    }
    assert!(!damaged.is_empty(), "nothing of a worker is kept");
    let ended = root.gate().args("raptor --no-cache").run();
    ended.assert_code(0);
    let mended = |(patterns, bytes): &(PathBuf, Vec<u8>)| fs::read(patterns).unwrap() != *bytes;
    assert!(damaged.iter().any(mended), "it is not made again");
}
