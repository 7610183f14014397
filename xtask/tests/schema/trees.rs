//! Every state of both real trees: whenever the dumps of two of them differ, so do the snapshots, and
//! the other way round.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::property::{dump, pg_dump_is_there};
use super::*;
use crate::alembic::python::{self, Search};
use crate::alembic::{self, Alembic, Limits};
use crate::os::cache_dir;
use crate::os::run_dir::RunDir;
use crate::os::sandbox::Sandbox;
use crate::postgres::binaries::Places;
use crate::postgres::cluster::{self, Cluster, Setup};
use crate::postgres::provision;
use crate::recipes::console::KRIS_ADMIN_ROW;
use crate::recipes::raptor::RAPTOR_APP;
use model::supply::Row;
use model::tree::Tree;

/// A state by the revision that it is at, and how it was come to.
struct State {
    name: String,
    dump: String,
    snapshot: Schema,
}

/// Walks a tree up from its base, each revision up, down and up again, and compares what it came by
/// with all else. `supply` is the row that is there from a revision on.
fn check(tree: &Tree, supply: Option<(&str, &Row)>) {
    let interrupt = Interrupt::never().unwrap();
    let user = cluster::server_user().unwrap();
    let programs = provision::find(&Places::of_this_machine(None), true, &interrupt).unwrap();
    let found = programs.get(user.as_ref(), &interrupt, &|_| {}).unwrap();
    let bin = found.dir.clone();
    if !pg_dump_is_there(&bin) {
        return;
    }
    let scratch = RunDir::new(user.as_ref()).unwrap();
    let (binaries, user) = (&found, user.as_ref());
    let setup = Setup {
        binaries,
        user,
        scratch: &scratch,
        interrupt: &interrupt,
        tell: &|_| {},
        endpoint: None,
    };
    let server = Cluster::start(&setup, None).unwrap();
    let mut main = Session::open(&server.endpoint, "postgres", &interrupt).unwrap();
    main.create_database(&tree.database, None, None).unwrap();
    main.execute(RAPTOR_APP.create).unwrap();
    let named = std::env::var("MIGRATION_GATE_PYTHON").ok().map(Utf8PathBuf::from);
    let search = Search {
        root: Utf8Path::new("/"),
        named: named.as_deref(),
        environments: &cache_dir::folder().unwrap().join(cache_dir::PYTHON),
        interrupt: &interrupt,
        notice: &|_| {},
        base: OnceCell::new(),
        kept: None,
    };
    let python = python::interpreter(&search, tree).unwrap();
    let env = python::environment(&scratch, &[]);
    let (interpreter, mut connections) =
        alembic::start(&python, 1, &env, (&scratch, &Sandbox::default())).unwrap();
    let connection = connections.pop().unwrap();
    let mut alembic = Alembic::new(connection, tree, &server.endpoint, &interrupt).unwrap();
    let limits = Limits {
        timeout: Duration::from_secs(120),
        on_revision: &|_| {},
        on_deadline: &|| None,
        pause: None,
        look: None,
    };
    let (_, described) = alembic.describe(&limits).unwrap();
    let chain: Vec<String> =
        described.unwrap().revisions.iter().rev().map(|r| r.revision.clone()).collect();
    let mut watch = SchemaReader::new(&server.endpoint, &tree.database, &interrupt);
    let socket = scratch.path().as_str();
    let look = |name: String, watch: &mut SchemaReader<'_>| State {
        name,
        dump: dump(&bin, socket, &tree.database),
        snapshot: watch.read().unwrap(),
    };
    let mut states = vec![look("base".into(), &mut watch)];
    for (number, revision) in chain.iter().enumerate() {
        let below = number.checked_sub(1).map_or("base", |parent| chain[parent].as_str());
        for (op, target, told) in [
            ("upgrade", revision.as_str(), "at"),
            ("downgrade", below, "below"),
            ("upgrade", revision.as_str(), ""),
        ] {
            let said = match op {
                "upgrade" => alembic.upgrade(target, false, &limits).unwrap().0,
                _ => alembic.downgrade(target, &limits).unwrap(),
            };
            assert!(said.ok(), "{op} {target}: {:?}", said.headline());
            // A dump takes longer than all else: every state on the way up, and some on the way down.
            if told == "at" || told == "below" && number % 5 == 0 {
                states.push(look(format!("{told} {revision}"), &mut watch));
            }
        }
        if let Some((_, row)) = supply.filter(|(at, _)| at == revision) {
            let mut session = Session::open(&server.endpoint, &tree.database, &interrupt).unwrap();
            session.execute(row.insert).unwrap();
        }
    }
    drop((alembic, interpreter));
    let mut wrong = Vec::new();
    for (number, one) in states.iter().enumerate() {
        for other in &states[..number] {
            let differ = (one.dump != other.dump, one.snapshot != other.snapshot);
            if differ.0 != differ.1 {
                wrong.push(format!("{} and {}: {differ:?}", other.name, one.name));
            }
        }
    }
    assert!(states.len() > chain.len() && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn root() -> Utf8PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    Utf8PathBuf::from_path_buf(root).unwrap()
}

#[test]
fn all_states_of_console_differ_for_a_snapshot_as_for_a_dump() {
    check(&crate::recipes::console::TREE.at(&root()), Some(("0015", &KRIS_ADMIN_ROW)));
}

#[test]
fn all_states_of_raptor_differ_for_a_snapshot_as_for_a_dump() {
    check(&crate::recipes::raptor::TREE.at(&root()), None);
}
