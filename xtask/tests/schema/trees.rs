//! Every state of both real trees: whenever the dumps of two of them differ, so do the snapshots, and
//! the other way round.

use std::path::Path;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::property::{dump, pg_dump_is_there};
use super::*;
use crate::alembic::{Alembic, Limits};
use crate::test_server::TestServer;
use model::supply::SupplyChange;
use model::tree::Tree;

/// A state by the revision that it is at, and how it was come to.
struct State {
    name: String,
    dump: String,
    snapshot: Schema,
}

/// Walks a tree up from its base, some revisions up, down and up again, with the supplies of its recipe, and
/// compares each state with all others.
fn check(tree: &Tree) {
    let supplies = crate::recipes::supplies(tree, SupplyChange::default());
    let server = TestServer::start();
    if !pg_dump_is_there(&server.bin) {
        return;
    }
    let TestServer { cluster, interrupt, .. } = &server;
    let mut main = server.session("postgres");
    main.create_database(&tree.database, None, None).unwrap();
    supplies.roles.iter().for_each(|role| main.execute(role.create).unwrap());
    let (interpreter, connection) = server.worker(tree);
    let mut alembic = Alembic::new(connection, tree, &cluster.endpoint, interrupt).unwrap();
    let limits = Limits::of(Duration::from_secs(120));
    let (_, described) = alembic.describe(&limits).unwrap();
    let chain: Vec<String> =
        described.unwrap().revisions.iter().rev().map(|r| r.revision.clone()).collect();
    let mut watch = SchemaReader::new(&cluster.endpoint, &tree.database, interrupt);
    let look = |name: String, watch: &mut SchemaReader<'_>| State {
        name,
        dump: dump(&server.bin, server.scratch.path().as_str(), &tree.database),
        snapshot: watch.read().unwrap(),
    };
    let mut states = vec![look("base".into(), &mut watch)];
    for (number, revision) in chain.iter().enumerate() {
        let below = number.checked_sub(1).map_or("base", |parent| chain[parent].as_str());
        // A dump takes longer than all else: every state on the way up, and some on the way down.
        let ways: &[(&str, &str, &str)] = match number % 5 {
            0 => &[
                ("upgrade", revision, "at"),
                ("downgrade", below, "below"),
                ("upgrade", revision, ""),
            ],
            _ => &[("upgrade", revision, "at")],
        };
        for (op, target, told) in ways {
            let said = match *op {
                "upgrade" => alembic.upgrade(target, false, &limits).unwrap().0,
                _ => alembic.downgrade(target, &limits).unwrap(),
            };
            assert!(said.ok(), "{op} {target}: {:?}", said.headline());
            if !told.is_empty() {
                states.push(look(format!("{told} {revision}"), &mut watch));
            }
        }
        for (_, row) in supplies.rows.iter().filter(|(at, _)| at.as_ref() == Some(revision)) {
            server.session(&tree.database).execute(row.insert).unwrap();
        }
    }
    drop((alembic, interpreter));
    let wrong = told_apart_otherwise(&states);
    assert!(states.len() > chain.len() && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Pairs of states that only their dumps tell apart, or only their snapshots.
fn told_apart_otherwise(states: &[State]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, one) in states.iter().enumerate() {
        for other in &states[..number] {
            let differ = (one.dump != other.dump, one.snapshot != other.snapshot);
            if differ.0 != differ.1 {
                wrong.push(format!("{} and {}: {differ:?}", other.name, one.name));
            }
        }
    }
    wrong
}

fn root() -> Utf8PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    Utf8PathBuf::from_path_buf(root).unwrap()
}

#[test]
fn all_states_of_console_differ_for_a_snapshot_as_for_a_dump() {
    check(&crate::recipes::console::TREE.at(&root()));
}

#[test]
fn all_states_of_raptor_differ_for_a_snapshot_as_for_a_dump() {
    check(&crate::recipes::raptor::TREE.at(&root()));
}
