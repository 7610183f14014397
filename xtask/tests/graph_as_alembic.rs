//! The graph that the gate reads from the text of a tree is the one that Alembic makes by running
//! it: generated trees, both asked about each, and the smallest tree shown where they differ.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

// The gate is one binary and no library: what is compared is compiled in here as it is there.
#[allow(dead_code, unused_imports)]
#[path = "../src/analysis/mod.rs"]
mod analysis;
#[allow(dead_code, unused_imports)]
#[path = "../src/model/mod.rs"]
mod model;
#[path = "common/python_env.rs"]
mod python_env;
#[allow(dead_code, unused_imports)]
#[path = "../src/drivers/tree_files.rs"]
mod tree_files;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use analysis::script::Script;
use analysis::{graph, settings};
use model::graph::{Fault, Graph};
use python_env::Answers;

/// How many trees are compared, unless MIGRATION_GATE_GRAPH_TREES says more.
const TREES: u32 = 300;

/// What Alembic says of a tree: the graph, or that it cannot load it.
const ALEMBIC: &str = r#"
import json, sys, io, contextlib
from alembic.config import Config
from alembic.script import ScriptDirectory

def names(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)

def describe(ini, partial):
    script = ScriptDirectory.from_config(Config(ini))
    walk = list(script.walk_revisions())
    return {
        "heads": list(script.get_heads()),
        "bases": list(script.get_bases()),
        "walk": [r.revision for r in walk],
        "revisions": {r.revision: {
            "down_revision": names(r.down_revision),
            "depends_on": names(r.dependencies),
            "own_dependencies": sorted(r._normalized_resolved_dependencies),
            "children": sorted(r.nextrev),
            "on_branches": sorted(r.branch_labels),
        } for r in walk},
        "resolved": {p: resolve(script, p) for p in partial},
    }

def resolve(script, partial):
    try:
        return script.get_revision(partial).revision
    except Exception as err:
        return None

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = describe(question["ini"], question["partial"])
    except Exception as err:
        answer = {"error": f"{type(err).__name__}: {err}"}
    print(json.dumps(answer), flush=True)
"#;

/// One revision of a generated tree.
#[derive(Clone, Debug)]
struct Rev {
    id: String,
    /// Which of the revisions before it are its parents, as shares of their number.
    parents: Vec<prop::sample::Index>,
    needs: Vec<prop::sample::Index>,
    label: bool,
    /// How its file is written.
    spelling: u8,
    /// Whether its file is sorted before those of its parents.
    early: bool,
    /// A mistake, in few of them.
    mistake: Option<Mistake>,
}

#[derive(Clone, Copy, Debug)]
enum Mistake {
    NoSuchParent,
    NoSuchDependency,
    OwnParent,
    SameIdAgain,
    LabelTwice,
    ParentIsLater,
}

fn revs() -> impl Strategy<Value = Vec<Rev>> {
    let mistake = prop_oneof![
        Just(Mistake::NoSuchParent),
        Just(Mistake::NoSuchDependency),
        Just(Mistake::OwnParent),
        Just(Mistake::SameIdAgain),
        Just(Mistake::LabelTwice),
        Just(Mistake::ParentIsLater),
    ];
    let index = any::<prop::sample::Index>;
    let parents = prop_oneof![
        12 => prop::collection::vec(index(), 1),
        2 => prop::collection::vec(index(), 2..4),
        1 => Just(Vec::new()),
    ];
    let needs = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(index(), 1..3)];
    let rev = (
        "[0-9a-f]{2,8}",
        parents,
        needs,
        prop::bool::weighted(0.15),
        any::<u8>(),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.01, mistake),
    );
    let rev = rev.prop_map(|(id, parents, needs, label, spelling, early, mistake)| Rev {
        id,
        parents,
        needs,
        label,
        spelling,
        early,
        mistake,
    });
    prop::collection::vec(rev, 1..14)
}

/// Writes the tree, and returns beginnings of its ids.
fn write(folder: &Path, revs: &[Rev]) -> Vec<String> {
    let versions = folder.join("m/versions");
    fs::create_dir_all(&versions).unwrap();
    let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
    fs::write(folder.join("alembic.ini"), ini).unwrap();
    fs::write(versions.join("__init__.py"), "raise Exception\n").unwrap();
    fs::write(versions.join("README.md"), "no revision\n").unwrap();
    // Ids are made different, but for those that are the same by mistake.
    let mut ids: Vec<String> = Vec::new();
    for rev in revs {
        let again = ids.last().filter(|_| matches!(rev.mistake, Some(Mistake::SameIdAgain)));
        let mut id = again.cloned().unwrap_or_else(|| rev.id.clone());
        while ids.contains(&id) && again.is_none() {
            id.push('x');
        }
        ids.push(id);
    }
    let mut beginnings = Vec::new();
    for (at, rev) in revs.iter().enumerate() {
        let pick = |indexes: &[prop::sample::Index]| -> Vec<String> {
            let mut picked: Vec<String> = Vec::new();
            for index in indexes.iter().filter(|_| at > 0) {
                let id = ids[index.index(at)].clone();
                if !picked.contains(&id) && id != ids[at] {
                    picked.push(id);
                }
            }
            picked
        };
        let (mut parents, mut needs) = (pick(&rev.parents), pick(&rev.needs));
        let mut labels = if rev.label { vec![format!("label{at}")] } else { Vec::new() };
        match rev.mistake {
            Some(Mistake::NoSuchParent) => parents.push("nowhere".into()),
            Some(Mistake::NoSuchDependency) => needs.push("nowhere".into()),
            Some(Mistake::OwnParent) => parents.push(ids[at].clone()),
            Some(Mistake::LabelTwice) => labels = vec!["label".into(), ids[0].clone()],
            Some(Mistake::ParentIsLater) => parents.push(ids[ids.len() - 1].clone()),
            Some(Mistake::SameIdAgain) | None => {}
        }
        // A dependency may be named by its branch label.
        for need in &mut needs {
            let of = ids.iter().position(|id| id == need).filter(|of| revs[*of].label);
            if let Some(of) = of.filter(|_| rev.spelling & 64 != 0 && revs[at].mistake.is_none()) {
                *need = format!("label{of}");
            }
        }
        let order = if rev.early { 'a' } else { 'b' };
        let name = format!("{order}{:02}_{}.py", if rev.early { 50 - at } else { at }, ids[at]);
        let text = spell(&ids[at], &parents, &labels, &needs, rev.spelling);
        fs::write(versions.join(name), text).unwrap();
        beginnings.extend([2, 4, 5].map(|n| ids[at].chars().take(n).collect::<String>()));
    }
    beginnings.sort();
    beginnings.dedup();
    beginnings
}

/// The file of a revision, in one of the ways in which people write it.
fn spell(id: &str, parents: &[String], labels: &[String], needs: &[String], how: u8) -> String {
    let mut text = String::new();
    let quote = |text: &str| match how % 5 {
        0 => format!("'{text}'"),
        1 => format!("\"{text}\""),
        2 => format!("r'''{text}'''"),
        3 => format!("('{}' \"{}\")", &text[..text.len() / 2], &text[text.len() / 2..]),
        _ => format!("f\"{{p}}{text}\""),
    };
    let list = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
        match (quoted.as_slice(), how % 3) {
            ([], 0) => "None".to_owned(),
            ([], 1) => "()".to_owned(),
            ([], _) => "[None]".to_owned(),
            ([one], 0) => one.clone(),
            ([one], 1) => format!("{one},"),
            (several, 2) => format!("[\n    {},  # why\n]", several.join(",\n    ")),
            (several, _) => format!("({},)", several.join(", ")),
        }
    };
    let mark = |kind: &str| if how & 8 != 0 { format!(": {kind}") } else { String::new() };
    let end = if how & 16 != 0 { "\r\n" } else { "\n" };
    let _ = write!(
        text,
        "\"\"\"title of {id}\n\nRevision ID: {id}\n\"\"\"\nimport typing as t\np = ''\n"
    );
    if how & 32 != 0 {
        let _ = writeln!(text, "mine = {}\nrevision{} = mine", quote(id), mark("str"));
    } else {
        let _ = writeln!(text, "revision{} = {}", mark("str"), quote(id));
    }
    let _ = writeln!(text, "down_revision{} = {}", mark("t.Any"), list(parents));
    if !labels.is_empty() || how & 1 != 0 {
        let _ = writeln!(text, "branch_labels = {}", list(labels).replace("[None]", "None"));
    }
    if !needs.is_empty() || how & 2 != 0 {
        let _ = writeln!(text, "depends_on{} = {}", mark("t.Any"), list(needs));
    }
    text.push_str("\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    revision = 'local'\n");
    text.replace('\n', end)
}

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
    stumbles || graph.faults.iter().any(|fault| !matches!(fault, Fault::IdTwice { .. }))
}

fn compare(alembic: &mut Answers, revs: &[Rev]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let partial = write(&path, revs);
    let ours = ours(&path, &partial);
    let mut theirs = alembic.ask(&json!({"ini": path.join("alembic.ini"), "partial": partial}));
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
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::with_cases(trees)
    });
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
        let theirs = alembic.ask(&json!({"ini": ini, "partial": ["0001", "00", "0004"]}));
        let ours = ours(folder.as_std_path(), &["0001".into(), "00".into(), "0004".into()]);
        assert_eq!(theirs, ours);
    }
}
