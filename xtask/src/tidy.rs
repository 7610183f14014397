//! House rules as tests: `xtask/README.md` gives them in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines; a longer one gives a reason at its top.
const FILE_LINES: usize = 400;
/// The longest function, in lines; a longer one gives a reason above it.
const FUNCTION_LINES: usize = 60;
/// The most fields of a struct that is not plain data.
const FIELDS: usize = 9;
/// Structs that are to be divided yet.
const LARGE: &[&str] = &[
    "TreeRun<'a>",
    "Lane<'a>",
    "StepRunner<'a>",
    "Alembic",
    "TreeOutcome",
    "LaneContext<'e>",
    "Reader",
    "Subject<'a>",
    "Chain<'a>",
];
/// The longest name of a test, in characters.
const TEST_NAME: usize = 60;
/// How a reason begins.
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
    ("production", &["analysis", "postgres", "os", "model"]),
    ("steps", &["production", "analysis", "cache", "alembic", "postgres", "os", "model"]),
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
        "remedies",
        &["gate", "lint", "recipes", "steps", "analysis", "postgres", "os", "model", "flags"],
    ),
    (
        "commands",
        &[
            "remedies",
            "gate",
            "lint",
            "recipes",
            "steps",
            "production",
            "analysis",
            "mutants",
            "cache",
            "alembic",
            "postgres",
            "os",
            "model",
            "flags",
            "render",
        ],
    ),
    ("flags", &["recipes"]),
    ("edge", &["render", "os", "model"]),
    ("progress", &[]),
    ("screen", &["commands", "flags", "progress", "render", "spans", "os", "model"]),
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
    /// The folder or file of `src`, or the crate, that it belongs to.
    fn module(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned()
    }

    /// Its path as a module: `["gate", "context"]`; that of a crate begins with the crate's name.
    fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let parts = path.iter().map(|part| part.to_str().unwrap());
        let is_folder = |part: &&str| !["src", "mod", "lib", "main"].contains(part);
        parts.filter(is_folder).map(str::to_owned).collect()
    }

    /// The code, without comments and restrictions of visibility.
    fn code(&self) -> String {
        let lines = self.text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let code = lines.collect::<Vec<_>>().join("\n");
        code.replace("pub(in crate::", "pub(in ").replace("pub(in super::", "pub(in ")
    }
}

/// The Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let src = root.join("src");
    let mut files = rust_files(&src);
    files.extend(CRATES.iter().flat_map(|name| rust_files(&root.join(name).join("src"))));
    let is_test = |path: &PathBuf| ["tidy.rs", "tests.rs"].iter().any(|name| path.ends_with(name));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let path = path.strip_prefix(&src).or(path.strip_prefix(root)).unwrap().to_owned();
        Source { path, text }
    };
    let found: Vec<Source> = files.into_iter().filter(|path| !is_test(path)).map(read).collect();
    assert!(found.len() > 20, "the sources were not found");
    found
}

#[track_caller]
fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

/// The paths that a path or a tree of `use` stands for, up to what follows it.
fn paths(text: &str) -> Vec<Vec<String>> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if !word.is_empty() {
        let Some(rest) = text[word.len()..].strip_prefix("::") else { return vec![vec![word]] };
        let below = paths(rest);
        let mut found =
            below.into_iter().map(|path| [vec![word.clone()], path].concat()).peekable();
        return if found.peek().is_some() { found.collect() } else { vec![vec![word]] };
    }
    let Some(group) = text.strip_prefix('{') else { return Vec::new() };
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(paths(group[from..at].trim_start()));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// The files that each file imports, by their paths as modules.
fn imports(sources: &[Source]) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(Source::modules).collect();
    let mut graph = BTreeMap::new();
    for source in sources {
        let (own, code) = (source.modules(), source.code());
        let children = modules.iter().filter(|m| m.len() == own.len() + 1 && m.starts_with(&own));
        let mut roots: Vec<(String, Vec<String>)> =
            children.map(|child| (format!("{}::", child[own.len()]), child.clone())).collect();
        let top = CRATES.iter().filter(|name| own.first().is_some_and(|first| first == *name));
        let above = own[..own.len().saturating_sub(1)].to_vec();
        let two_above = own[..own.len().saturating_sub(2)].to_vec();
        roots.extend([
            ("crate::".into(), top.map(ToString::to_string).collect()),
            ("self::".into(), own.clone()),
            ("super::".into(), above),
            ("super::super::".into(), two_above),
        ]);
        let mut imported = BTreeSet::new();
        for (word, root) in &roots {
            for (at, _) in code.match_indices(word.as_str()) {
                let before = code[..at].chars().next_back().unwrap_or(' ');
                if before.is_alphanumeric() || before == '_' || before == ':' {
                    continue;
                }
                let rest = &code[at + word.len()..];
                let all = rest.starts_with('*').then(Vec::new);
                for path in paths(rest).into_iter().chain(all) {
                    let path = [root.clone(), path].concat();
                    let file = (1..=path.len()).rev().find(|n| modules.contains(&path[..*n]));
                    imported.extend(file.map(|n| path[..n].to_vec()).filter(|file| *file != own));
                }
            }
        }
        graph.insert(own, imported);
    }
    graph
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module() != "main") {
        let module = source.module();
        let (_, allowed) = IMPORTS.iter().find(|(name, _)| *name == module).unwrap();
        let code = source.code();
        let imported = code.split("crate::").skip(1);
        let imported = imported.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let crates = CRATES.iter().filter(|name| code.contains(&format!("use {name}::")));
        for name in imported.filter_map(|mut words| words.next()).chain(crates.copied()) {
            let own = CRATES.contains(&module.as_str());
            let known = !own && IMPORTS.iter().any(|(module, _)| *module == name);
            if known && name != module && !allowed.contains(&name) {
                wrong.push(format!("{} imports {name}", source.path.display()));
            }
        }
    }
    none("upward imports", &wrong);
}

#[test]
fn no_files_import_each_other() {
    let graph = imports(&sources());
    let mut wrong = Vec::new();
    for file in graph.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![file]);
        while let Some(imported) = next.pop().and_then(|file| graph.get(file)) {
            next.extend(imported.iter().filter(|file| seen.insert(*file)));
            if seen.contains(file) {
                wrong.push(file.join("::"));
                break;
            }
        }
    }
    none("circles of files through", &wrong);
}

/// A verb stands alone: what two share lies below both.
#[test]
fn no_command_imports_another_one() {
    let of = |file: &[String]| file.get(1).filter(|_| file[0] == "commands").cloned();
    let mut wrong = Vec::new();
    for (file, imported) in imports(&sources()) {
        let verb = of(&file);
        let others = imported.iter().filter(|other| of(other).is_some() && of(other) != verb);
        wrong.extend(
            others
                .filter(|_| verb.is_some())
                .map(|other| format!("{} imports {}", file.join("::"), other.join("::"))),
        );
    }
    none("a command imports another one", &wrong);
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
fn modules_have_docs_that_begin_with_a_noun() {
    // A pronoun, a preposition, or a verb: `Reads the incidents`.
    let openers = ["What", "Where", "Who", "How", "Why", "When", "Which", "Whether", "It", "This"];
    let more = ["There", "As", "In", "On", "For", "If"];
    let objects = ["the", "a", "an", "what", "how", "each", "every", "all"];
    let is_noun = |doc: &str| {
        let mut words = doc.split_whitespace();
        let first = words.next().unwrap_or_default();
        let verb = first.ends_with('s') && words.next().is_some_and(|next| objects.contains(&next));
        !first.is_empty()
            && !openers.contains(&first.trim_end_matches(','))
            && !more.contains(&first)
            && !verb
    };
    let doc = |source: &Source| {
        let first = source.text.lines().next().unwrap_or_default();
        first.strip_prefix("//! ").unwrap_or_default().to_owned()
    };
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| !is_noun(&doc(source)))
        .map(|source| format!("{}: {}", source.path.display(), doc(source)))
        .collect();
    none("no module doc that begins with a noun", &wrong);
}

#[test]
fn public_items_have_doc_comments() {
    let mut wrong = Vec::new();
    for source in sources() {
        let (mut before, mut in_attribute) = ("", false);
        for (number, line) in source.text.lines().enumerate() {
            let text = line.trim_start();
            in_attribute |= text.starts_with("#[");
            let public = text.starts_with("pub ") && !text.starts_with("pub mod ");
            if public && !text.starts_with("pub use ") && !before.trim_start().starts_with("///") {
                wrong.push(format!("{}:{}", source.path.display(), number + 1));
            }
            // An attribute stands between the doc comment and its item.
            if !in_attribute {
                before = line;
            }
            in_attribute &= !text.ends_with(']');
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
fn structs_have_few_fields() {
    let is_data = |before: &str| {
        let attribute = before.rsplit("\n\n").next().unwrap_or_default();
        let derives = ["Serialize", "Deserialize", "Args", "Parser"];
        derives.iter().any(|derive| attribute.contains(derive)) || attribute.contains("Plain data")
    };
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module() != "model") {
        for (at, _) in source.text.match_indices("struct ") {
            let Some((head, body)) = source.text[at..].split_once(" {\n") else { continue };
            let body = body.split("\n}").next().unwrap_or_default();
            let fields = body.lines().filter(|line| {
                let name = line.trim_start_matches(' ').split(": ").next().unwrap_or_default();
                let name = name.rsplit(' ').next().unwrap_or_default();
                line.contains(": ")
                    && line.starts_with("    ")
                    && !line.starts_with("     ")
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !line.trim_start().starts_with("//")
            });
            let fields = fields.count();
            let is_large = LARGE.iter().any(|name| head == format!("struct {name}"));
            if !is_large
                && !head.contains([';', '(', '\n'])
                && fields > FIELDS
                && !is_data(&source.text[..at])
            {
                wrong.push(format!("{}: {head}: {fields} fields", source.path.display()));
            }
        }
    }
    none("too many fields", &wrong);
}

#[test]
fn names_of_tests_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches", "model/src", "analysis/src", "mutants/src"] {
        for path in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(str::trim_start);
            while let Some(line) = lines.next() {
                if line != "#[test]" {
                    continue;
                }
                let head = lines.by_ref().find(|line| line.starts_with("fn ")).unwrap_or_default();
                let name = head["fn ".len()..].split('(').next().unwrap_or_default();
                if name.len() > TEST_NAME {
                    wrong.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    none("names of tests that are too long", &wrong);
}

/// The table of trees names them; nothing else decides by a tree's name.
#[test]
fn only_the_table_names_a_tree() {
    let mut wrong = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        if path.starts_with("recipes/") || path.ends_with("canonical.rs") {
            continue;
        }
        let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, number) in code.lines().zip(1..) {
            let text = line.trim_start();
            let names = crate::recipes::TREES.iter().flat_map(|tree| [tree.id, tree.label]);
            let named = names.into_iter().any(|name| text.contains(&format!("\"{name}\"")));
            if named && !text.starts_with("//") {
                wrong.push(format!("{path}:{number}: {text}"));
            }
        }
    }
    none("names a tree beside the table", &wrong);
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
