//! What the gate expects in the version table is what Alembic stores there: generated trees, brought up
//! by Alembic and each head taken down, on a database of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

#[allow(dead_code, reason = "another test uses the rest")]
#[path = "common/generated_tree.rs"]
mod generated_tree;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "common/python_env.rs"]
mod python_env;

use std::cell::{Cell, RefCell};
use std::fs;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use analysis::graph::stored::{Applied, Link};
use generated_tree::{revs, write};
use python_env::Answers;

/// How many trees are compared.
const TREES: u32 = 32;

const ENV: &str = "from alembic import context
context.configure(connection=context.config.attributes['connection'])
with context.begin_transaction():
    context.run_migrations()
";

const ALEMBIC: &str = include_str!("../test_data/alembic/stored.py");

fn ids(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_version_table_holds_what_is_expected_there() {
    let alembic = RefCell::new(Answers::start(ALEMBIC));
    let config =
        Config { failure_persistence: None, max_shrink_iters: 0, ..Config::with_cases(TREES) };
    // The same trees in every run: some others take Alembic itself beyond any time.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let compared = Cell::new(0);
    let result = runner.run(&revs(), |revs| {
        // What is wrong with a tree is another test's.
        if revs.iter().any(|rev| rev.mistake.is_some()) {
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &revs);
        fs::write(folder.path().join("m/env.py"), ENV).unwrap();
        let ini = folder.path().join("alembic.ini");
        let described = alembic.borrow_mut().ask(&json!({"ini": ini}));
        let Some(described) = described.as_array() else { return Ok(()) };
        let described: Vec<_> = described
            .iter()
            .map(|link| (link[0].as_str().unwrap(), ids(&link[1]), ids(&link[2])))
            .collect();
        let links = described.iter().map(|(revision, parents, requires)| Link {
            revision,
            parents,
            requires,
        });
        let all = Applied::all(links);
        let top = all.stored();
        let downs: Vec<_> = top.iter().map(|head| all.down(head).unwrap()).collect();
        let targets: Vec<&str> = downs.iter().map(|down| down.target.as_str()).collect();
        let theirs = alembic.borrow_mut().ask(&json!({"ini": ini, "downs": targets}));
        prop_assert!(theirs.is_array(), "{theirs} {targets:?} {described:?}");
        for (down, theirs) in downs.iter().zip(theirs.as_array().unwrap()) {
            if theirs[0].is_null() {
                continue;
            }
            prop_assert_eq!(&ids(&theirs[0]), &top, "at the top of {:?}", described);
            if !theirs[1].is_null() {
                prop_assert_eq!(&ids(&theirs[1]), &down.stored, "{:?} of {:?}", down, described);
                compared.set(compared.get() + 1);
            }
        }
        Ok(())
    });
    if let Err(err) = result {
        panic!("{err}");
    }
    assert!(compared.get() >= TREES / 2);
}
