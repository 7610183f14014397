//! The graph that the gate reads from the text of a tree is the one that Alembic makes by running
//! it: generated trees, both asked about each, and the smallest tree shown where they differ.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

#[path = "common/generated_tree.rs"]
mod generated_tree;
#[path = "common/python_env.rs"]
mod python_env;
// The rest of the gate is one binary and no library: what reads the files is compiled in here too.
#[allow(dead_code, unused_imports)]
#[path = "../src/os/tree_files.rs"]
mod tree_files;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};

use analysis::script::Script;
use analysis::{graph, settings};
use generated_tree::{Rev, revs, write};
use model::graph::{Fault, Graph};
use python_env::Answers;

/// How many trees are compared, unless MIGRATION_GATE_GRAPH_TREES says more.
const TREES: u32 = 300;

const ALEMBIC: &str = include_str!("../test_data/alembic/graph.py");

/// What the gate makes of the tree, in the shape in which Alembic is asked about it.
fn ours(folder: &Path, partial: &[String]) -> Value {
    let folder = Utf8Path::from_path(folder).unwrap();
    let texts = tree_files::texts(&folder.join("alembic.ini"), folder);
    let listing = tree_files::list(&settings::understand(&texts, folder, "alembic"));
    let read = |file: &Utf8PathBuf| Script::read(file, &fs::read(file).unwrap());
    let (scripts, troubles): (Vec<_>, Vec<_>) = listing.files.iter().map(read).unzip();
    let troubles: Vec<_> = troubles.into_iter().flatten().map(|t| t.message).collect();
    let scripts: Vec<Script> = scripts.into_iter().flatten().collect();
    let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
    if !troubles.is_empty() || refused(&graph) {
        return json!({"error": format!("{troubles:?} {:?}", graph.faults)});
    }
    if graph.faults.iter().any(endless) {
        return json!({"heads": graph.ids(&graph.heads), "bases": graph.ids(&graph.bases)});
    }
    let sorted = |indexes: &[usize]| {
        let mut ids = graph.ids(indexes);
        ids.sort();
        ids
    };
    let revision = |index: &usize| {
        let revision = &graph.revisions[*index];
        let described = json!({
            "down_revision": revision.down_revision,
            "depends_on": revision.depends_on,
            "own_dependencies": sorted(&revision.own_dependencies),
            "children": sorted(&revision.children),
            "on_branches": revision.on_branches,
        });
        (revision.id.clone(), described)
    };
    let resolved = partial.iter().map(|partial| {
        let id = match graph::resolve(&graph, partial) {
            graph::Resolved::One(index) => Some(graph.id(index)),
            _ => None,
        };
        (partial.clone(), json!(id))
    });
    json!({
        "heads": graph.ids(&graph.heads),
        "bases": graph.ids(&graph.bases),
        "walk": graph.ids(&graph.walk),
        "revisions": graph.walk.iter().map(revision).collect::<serde_json::Map<_, _>>(),
        "resolved": resolved.collect::<serde_json::Map<_, _>>(),
    })
}

/// Whether Alembic raises for what it finds. That an id is used twice it only warns of, until it
/// walks the revisions and stumbles over what that did to the heads.
fn refused(graph: &Graph) -> bool {
    let heads: Vec<&str> = graph.real_heads.iter().map(|index| graph.id(*index)).collect();
    let kept = |index: &usize| graph.by_id.get(graph.id(*index)) == Some(index);
    let stumbles = graph.real_heads.iter().any(|head| {
        !kept(head)
            && !graph.revisions[graph.by_id[graph.id(*head)]].followers.is_empty()
            && heads.len() > 1
    });
    let warned = |fault: &Fault| matches!(fault, Fault::IdTwice { .. }) || endless(fault);
    stumbles || !graph.faults.iter().all(warned)
}

/// Whether Alembic loads the tree, and walks it for ever.
fn endless(fault: &Fault) -> bool {
    matches!(fault, Fault::EndlessCycle(_))
}

fn compare(alembic: &mut Answers, revs: &[Rev]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let partial = write(&path, revs);
    let ours = ours(&path, &partial);
    let ini = path.join("alembic.ini");
    let endless = ours.get("error").is_none() && ours.get("walk").is_none();
    let mut theirs = alembic.ask(&json!({"ini": ini, "partial": partial, "endless": endless}));
    let shown = || {
        let mut shown = format!("ours: {ours:#}\n");
        for file in fs::read_dir(path.join("m/versions")).unwrap().flatten() {
            let text = fs::read_to_string(file.path()).unwrap();
            let _ = write!(shown, "--- {}\n{text}", file.path().display());
        }
        shown
    };
    prop_assert_eq!(
        ours.get("error").is_some(),
        theirs.get("error").is_some(),
        "{}\n{}",
        theirs,
        shown()
    );
    if theirs.get("error").is_some() {
        return Ok(());
    }
    if endless {
        prop_assert_eq!(&theirs, &ours, "{}", shown());
        return Ok(());
    }
    // Alembic takes several dependencies in the order of a set, which is another in every run; then
    // only what comes before what is settled.
    let several = |rev: &Value| rev["own_dependencies"].as_array().is_some_and(|own| own.len() > 1);
    if theirs["revisions"].as_object().unwrap().values().any(several) {
        let ids = |value: &Value| -> BTreeSet<String> {
            value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
        };
        prop_assert_eq!(ids(&theirs["walk"]), ids(&ours["walk"]));
        theirs["walk"] = ours["walk"].clone();
    }
    for part in ["heads", "bases", "revisions", "resolved", "walk"] {
        prop_assert_eq!(&theirs[part], &ours[part], "{} {}", part, shown());
    }
    Ok(())
}

#[test]
fn the_graph_is_alembics_own() {
    let alembic = RefCell::new(Answers::start(ALEMBIC));
    let asked = std::env::var("MIGRATION_GATE_GRAPH_TREES").ok();
    let trees = asked.and_then(|trees| trees.parse().ok()).unwrap_or(TREES);
    let config =
        Config { failure_persistence: None, max_shrink_iters: 300, ..Config::with_cases(trees) };
    // The same trees in every run: some others take Alembic itself beyond any time.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (compared, refused) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&revs(), |revs| {
        compared.set(compared.get() + 1);
        refused.set(refused.get() + u32::from(revs.iter().any(|rev| rev.mistake.is_some())));
        compare(&mut alembic.borrow_mut(), &revs)
    });
    if let Err(err) = result {
        panic!("{err}");
    }
    assert!(compared.get() >= trees && refused.get() > 0);
}

#[test]
fn both_real_trees_are_read_as_alembic_reads_them() {
    let mut alembic = Answers::start(ALEMBIC);
    for ini in ["console/migrations/alembic.ini", "backend_v2/alembic.ini"] {
        let ini = python_env::root().join(ini);
        let folder = Utf8Path::from_path(ini.parent().unwrap()).unwrap().to_owned();
        let question = json!({"ini": ini, "partial": ["0001", "00", "0004"], "endless": false});
        let theirs = alembic.ask(&question);
        let ours = ours(folder.as_std_path(), &["0001".into(), "00".into(), "0004".into()]);
        assert_eq!(theirs, ours);
    }
}
