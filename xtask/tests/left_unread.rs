//! What Alembic makes of a tree is the same whether it reads every revision file or the worker leaves
//! those unread that are not run: generated trees, edited after they were read, asked about in both
//! ways; the smallest tree is shown where they differ.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

#[path = "common/generated_tree.rs"]
mod generated_tree;
#[path = "common/python_env.rs"]
mod python_env;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use generated_tree::{revs, write};
use python_env::Answers;

const TREES: u32 = 200;

/// Reads a tree as the worker's first call does, or compares what comes of it in both ways.
const COMPARE: &str = r#"
import importlib.util, json, os, signal, sys, warnings
from alembic import util
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionMap

# Alembic goes through revisions in the order of a set of objects, which is that of their addresses.
# Where something is used twice that decides who gets which label, and who is named: here the order is
# that of the files.
def in_order(work):
    return lambda self, revisions, map_: work(self, sorted(revisions, key=lambda script: script.path), map_)

for name in ("_map_branch_labels", "_add_branches", "_add_depends_on"):
    setattr(RevisionMap, name, in_order(getattr(RevisionMap, name)))

READ_ALL = util.load_python_file

def load_worker(path):
    spec = importlib.util.spec_from_file_location("worker", path)
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    # The trees are written a moment before they are read.
    worker.REST_NS = 0
    return worker

class Endless(Exception):
    pass

def give_up(*_):
    raise Endless

signal.signal(signal.SIGALRM, give_up)

def soon(work, *args):
    """What Alembic makes of a circle that it does not see has no end."""
    signal.alarm(3)
    try:
        return work(*args)
    finally:
        signal.alarm(0)

def know(worker, question):
    loaded = worker.note_loaded()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        script = ScriptDirectory.from_config(Config(question["ini"]))
        description = soon(worker.describe, script, said)
    worker.keep_known(question["known"], {} if description["repeated"] else loaded)

def outcome(question):
    told = []
    def call(name, work):
        os.environ["SEEN"] = ""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                value = soon(work, ScriptDirectory.from_config(Config(question["ini"])))
            except KeyError:
                # Which of several missing revisions it names, Alembic leaves to the order of a set
                # of objects, by their addresses: it differs from call to call.
                value = "KeyError"
            except BaseException as err:
                value = f"{type(err).__name__}: {err}"
        told.append([name, value, sorted(str(w.message) for w in said), os.environ["SEEN"]])
        return value
    call("heads", lambda script: list(script.get_heads()))
    walk = call("walk", lambda script: [
        [r.revision, r.down_revision, sorted(r.branch_labels), r.dependencies, r.path]
        for r in script.walk_revisions()
    ])
    call("up", lambda script: [step(s) for s in script._upgrade_revs("heads", ())])
    heads = told[0][1] if isinstance(told[0][1], list) else []
    call("down", lambda script: [step(s) for s in script._downgrade_revs("base", tuple(heads))])
    for revision, parent, *_ in walk if isinstance(walk, list) else []:
        if isinstance(parent, str):
            call("one up", lambda script: [step(s) for s in script._upgrade_revs(revision, parent)])
            call("one down", lambda script: [step(s) for s in script._downgrade_revs(parent, revision)])
    call("docs", lambda script: [[r.doc, r.longdoc] for r in script.walk_revisions()])
    return told

def step(step):
    run = step.migration_fn
    bound = sorted(name for name in run.__globals__ if name != "__builtins__")
    return [step.revision.revision, step.doc, run.__code__.co_filename, run.__name__,
            run.__code__.co_code.hex(), run.__code__.co_firstlineno, run.__module__, bound]

def compare(worker, question):
    util.load_python_file = READ_ALL
    plain = outcome(question)
    worker.leave_unread(question["known"])
    unread = [0]
    leave = util.load_python_file
    def counted(*args):
        module = leave(*args)
        unread[0] += isinstance(module, worker.Unread)
        return module
    util.load_python_file = counted
    left = outcome(question)
    return {"plain": plain, "left": left, "unread": unread[0]}

class Said:
    """What the worker says, in the place of its socket."""

    def __init__(self):
        self.events = []

    def sendall(self, line):
        self.events.append(json.loads(line)["event"])

FROM_CONFIG = ScriptDirectory.__dict__["from_config"]

def ahead(worker, question):
    """What comes of it where Alembic has read the revisions before it is called."""
    plain, said = outcome(question), Said()
    folder = os.path.dirname(question["ini"])
    worker.get_ready(said, {
        "ini": question["ini"], "known": question["known"], "cwd": folder, "argv": ["heads"],
        "pycache": question["known"] + "-pycache", "config_url": None, "late": None,
    })
    is_ready = said.events == ["is_ready"]
    as_read = ScriptDirectory.from_config
    def call_begins(cls, config):
        # As it does before Alembic is called.
        worker.read_late()
        return as_read(config)
    ScriptDirectory.from_config = classmethod(call_begins)
    told = outcome(question) if is_ready else plain
    # Each call of a gate is a process of its own; here what a file does is done in the first one.
    for one in (plain, told):
        one[1:] = [[*call[:-1], ""] for call in one[1:]]
    ScriptDirectory.from_config = FROM_CONFIG
    sys.pycache_prefix = None
    return {"plain": plain, "left": told, "unread": int(is_ready)}

for line in sys.stdin:
    question = json.loads(line)
    worker = load_worker(question["worker"])
    util.load_python_file = READ_ALL
    answer = {}
    try:
        work = {"know": know, "compare": compare, "ahead": ahead}[question["do"]]
        answer = work(worker, question) or {}
    except Exception as err:
        answer = {"error": f"{type(err).__name__}: {err}"}
    print(json.dumps(answer), flush=True)
"#;

/// What the top level of a file does besides.
const TAILS: [&str; 8] = [
    "",
    "",
    "",
    "",
    "\nimport sqlalchemy as sa\nKIND = sa.Enum('a', name='k')\n",
    "\nfrom sqlalchemy.dialects.postgresql import UUID as U\nLIMIT: int = 3\n",
    "\nimport os\nos.environ['SEEN'] += 'x'\n",
    "\nimport os\ngetattr(os, 'environ').update(SEEN='y')\n",
];

/// What happens to a file between the first call and the next.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Break,
    OtherBody,
    NoParent,
    NewDocstring,
    Remove,
    Effect,
    Touch,
}

fn edit(file: &Path, edit: Edit) {
    let text = fs::read_to_string(file).unwrap();
    let with = |text: String| fs::write(file, text).unwrap();
    match edit {
        Edit::Break => with(text + "\ndef x(:\n"),
        Edit::OtherBody => with(text.replace("pass", "return 5")),
        Edit::NoParent => with(text + "\ndown_revision = None\n"),
        Edit::NewDocstring => with(text.replace("title of", "another title of")),
        Edit::Remove => fs::remove_file(file).unwrap(),
        Edit::Effect => with(text + TAILS[6]),
        Edit::Touch => with(text),
    }
}

struct Asked {
    alembic: RefCell<Answers>,
    unread: Cell<u64>,
    ahead: Cell<u64>,
}

impl Asked {
    fn start() -> Asked {
        Asked { alembic: Answers::start(COMPARE).into(), unread: Cell::new(0), ahead: Cell::new(0) }
    }

    fn ask(&self, what: &str, ini: &Path, known: &Path) -> serde_json::Value {
        let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/drivers/alembic/worker.py");
        let question = json!({"do": what, "ini": ini, "known": known, "worker": worker});
        self.alembic.borrow_mut().ask(&question)
    }

    /// Both ways must say the same; returns how many files were left unread.
    fn compare(&self, ini: &Path, known: &Path) -> Result<(), TestCaseError> {
        let unread = self.unread.get() + self.same("compare", ini, known)?;
        self.unread.set(unread);
        Ok(())
    }

    /// So must a worker that has Alembic read the revisions ahead; counts those that can.
    fn compare_ahead(&self, ini: &Path, known: &Path) -> Result<(), TestCaseError> {
        let ahead = self.ahead.get() + self.same("ahead", ini, known)?;
        self.ahead.set(ahead);
        Ok(())
    }

    fn same(&self, what: &str, ini: &Path, known: &Path) -> Result<u64, TestCaseError> {
        let answer = self.ask(what, ini, known);
        prop_assert!(answer.get("error").is_none(), "{}", answer);
        prop_assert_eq!(&answer["plain"], &answer["left"]);
        Ok(answer["unread"].as_u64().unwrap())
    }
}

#[test]
fn what_comes_of_a_generated_tree_is_the_same() {
    let asked = Asked::start();
    let edits = prop_oneof![
        Just(Edit::Break),
        Just(Edit::OtherBody),
        Just(Edit::NoParent),
        Just(Edit::NewDocstring),
        Just(Edit::Remove),
        Just(Edit::Effect),
        Just(Edit::Touch),
    ];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), edits), 0..3);
    // What reaches further is in few trees: there nothing is left unread.
    let tails = prop::collection::vec(prop_oneof![40 => 0..6_usize, 1 => 6..8_usize], 14);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::with_cases(TREES)
    });
    let result = runner.run(&(revs(), tails, edits), |(revs, tails, edits)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        write(&path, &revs);
        let (ini, known) = (path.join("alembic.ini"), path.join("known"));
        for (file, tail) in revisions(&path).iter().zip(tails) {
            fs::write(file, fs::read_to_string(file).unwrap() + TAILS[tail]).unwrap();
        }
        asked.ask("know", &ini, &known);
        asked.compare_ahead(&ini, &known)?;
        for (which, how) in edits {
            let files = revisions(&path);
            if !files.is_empty() {
                edit(&files[which.index(files.len())], how);
            }
        }
        asked.compare(&ini, &known)
    });
    if let Err(err) = result {
        panic!("{err}");
    }
    assert!(asked.unread.get() > u64::from(TREES), "hardly anything was left unread");
    // About every ninth tree can: of the others Alembic has something to say when it reads them. None of
    // so many is no chance.
    assert!(asked.ahead.get() > 0, "no tree was read ahead");
}

fn revisions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("m/versions")).unwrap().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| {
        file.extension().is_some_and(|e| e == "py") && !file.ends_with("__init__.py")
    });
    files.sort();
    files
}

#[test]
fn what_comes_of_both_real_trees_is_the_same() {
    let asked = Asked::start();
    for ini in ["console/migrations/alembic.ini", "backend_v2/alembic.ini"] {
        let (ini, dir) = (python_env::root().join(ini), tempfile::tempdir().unwrap());
        let known = dir.path().join("known");
        assert_eq!(asked.ask("know", &ini, &known), json!({}));
        asked.compare_ahead(&ini, &known).unwrap();
        asked.compare(&ini, &known).unwrap();
    }
    assert_eq!(asked.ahead.get(), 2);
    // Some sixty of them do nothing but bind names.
    assert!(asked.unread.get() > 100, "{}", asked.unread.get());
}
