//! The house rules as a test: `xtask/README.md` gives them in words.

use std::fs;
use std::path::{Path, PathBuf};

/// Files longer than this need a reason at their top.
const FILE_LINES: usize = 400;
/// Functions longer than this need a reason above them.
const FUNCTION_LINES: usize = 60;
/// What a long file or function says to be left alone: `Long because …`.
const EXCUSE: &str = "Long because";

/// Which modules a module may import from, beside its own.
const IMPORTS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("analysis", &["model"]),
    ("mutants", &["model"]),
    ("os", &["model"]),
    ("postgres", &["os", "model"]),
    ("alembic", &["postgres", "os", "model"]),
    ("cache", &["postgres", "os", "model"]),
    ("render", &["model"]),
    ("steps", &["analysis", "cache", "alembic", "postgres", "os", "model"]),
    ("recipes", &["steps", "mutants", "model"]),
    ("lint", &["recipes", "steps", "analysis", "os", "model"]),
    (
        "gate",
        &[
            "lint", "recipes", "steps", "analysis", "cache", "alembic", "postgres", "os", "model",
            "flags",
        ],
    ),
    (
        "commands",
        &[
            "gate", "lint", "recipes", "steps", "analysis", "mutants", "cache", "alembic",
            "postgres", "os", "model", "flags", "render",
        ],
    ),
    ("flags", &["recipes"]),
    ("progress", &[]),
    ("spans", &["model"]),
];

/// The modules that are crates of their own, beside `src`.
const CRATES: [&str; 3] = ["model", "analysis", "mutants"];

struct Source {
    /// Relative to `src`, or beside it.
    path: PathBuf,
    /// Without the tests at its end.
    text: String,
}

impl Source {
    fn module(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let src = root.join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    folders.extend(CRATES.iter().map(|name| root.join(name).join("src")));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && !["tidy.rs", "tests.rs"].iter().any(|name| path.ends_with(name))
            {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                let path = path.strip_prefix(&src).or(path.strip_prefix(root)).unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

#[track_caller]
fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module() != "main") {
        let module = source.module();
        let (_, allowed) = IMPORTS.iter().find(|(name, _)| *name == module).unwrap();
        let imported = source.text.split("crate::").skip(1);
        let imported = imported.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let crates = CRATES.iter().filter(|name| source.text.contains(&format!("use {name}::")));
        for name in imported.filter_map(|mut words| words.next()).chain(crates.copied()) {
            let own = CRATES.contains(&module.as_str());
            let known = !own && IMPORTS.iter().any(|(module, _)| *module == name);
            if known && name != module && !allowed.contains(&name) {
                wrong.push(format!("{} imports {name}", source.path.display()));
            }
        }
    }
    none("imports against the grain", &wrong);
}

#[test]
fn only_main_writes_to_stdout() {
    let writes = ["print!(", "println!(", "stdout()"];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| source.module() != "main")
        .filter(|source| {
            // stderr is free to all.
            let text = source.text.replace("eprintln!(", "").replace("eprint!(", "");
            writes.iter().any(|write| text.contains(write))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    none("writes to stdout outside main.rs", &wrong);
}

#[test]
fn each_module_says_what_it_is_for() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    none("no module doc", &wrong);
}

#[test]
fn public_items_have_doc_comments() {
    let mut wrong = Vec::new();
    for source in sources() {
        let mut before = "";
        for (number, line) in source.text.lines().enumerate() {
            let text = line.trim_start();
            let public = text.starts_with("pub ") && !text.starts_with("pub mod ");
            if public && !text.starts_with("pub use ") && !before.trim_start().starts_with("///") {
                wrong.push(format!("{}:{}", source.path.display(), number + 1));
            }
            // An attribute stands between the doc comment and its item.
            if !text.starts_with("#[") {
                before = line;
            }
        }
    }
    none("public items without a doc comment", &wrong);
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        let top = lines.iter().take_while(|line| line.starts_with("//!"));
        if lines.len() > FILE_LINES && !top.clone().any(|line| line.contains(EXCUSE)) {
            wrong.push(format!("{}: {} lines", source.path.display(), lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let text = line.trim_start();
            let words = text.split('(').next().unwrap_or_default();
            if !words.split(' ').any(|word| word == "fn") || text.starts_with("//") {
                continue;
            }
            let indent = &line[..line.len() - text.len()];
            let end = format!("{indent}}}");
            let length = lines[start..].iter().position(|line| **line == end).unwrap_or(0) + 1;
            let excused = lines[..start].iter().rev().take(10).any(|line| line.contains(EXCUSE));
            if length > FUNCTION_LINES && !excused {
                wrong.push(format!("{}:{}: {length} lines", source.path.display(), start + 1));
            }
        }
    }
    none("too long", &wrong);
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest = manifest.unwrap();
    let mut wrong = Vec::new();
    let mut in_dependencies = false;
    let mut reasoned = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if line.starts_with('#') {
            reasoned = true;
        } else if line.is_empty() {
            reasoned = false;
        } else if in_dependencies && !reasoned {
            wrong.push(line.to_owned());
        }
    }
    // Those of the crates beside it have theirs here too.
    for name in CRATES {
        let own =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join("Cargo.toml"));
        let own = own.unwrap();
        let (_, dependencies) = own.split_once("[dependencies]\n").unwrap();
        for line in dependencies.lines().filter(|line| line.contains(" = ")) {
            let dependency = line.split_once(' ').unwrap().0;
            let known = [format!("\n{dependency} = "), format!("`{dependency}`")];
            if !known.iter().any(|known| manifest.contains(known)) {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    none("dependencies without a reason", &wrong);
}
