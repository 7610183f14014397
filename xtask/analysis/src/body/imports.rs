//! Imports of a revision file, and the effects of its top level on import.

use std::borrow::Cow;
use std::collections::HashMap;

use tree_sitter::Node;

use crate::python::{Module, field, line};

/// A module that a file imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its full name; with a leading dot where it is relative.
    pub module: String,
    /// The line of the import.
    pub line: u32,
}

/// Outside effect of a file's top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The touched name: `os.environ`.
    pub what: String,
    /// Whom it touches: `the environment`.
    pub whom: Cow<'static, str>,
    /// The line.
    pub line: u32,
}

/// By full name, or its beginning up to a dot: the function, and the outside resource that it
/// touches.
const TOUCHES: &[(&str, &str)] = &[
    ("open", "the file system"),
    ("io.open", "the file system"),
    ("os.environ", "the environment"),
    ("os.putenv", "the environment"),
    ("os.listdir", "the file system"),
    ("os.scandir", "the file system"),
    ("os.walk", "the file system"),
    ("os.stat", "the file system"),
    ("os.mkdir", "the file system"),
    ("os.makedirs", "the file system"),
    ("os.remove", "the file system"),
    ("os.unlink", "the file system"),
    ("os.rename", "the file system"),
    ("os.open", "the file system"),
    ("os.chdir", "the file system"),
    ("os.system", "other processes"),
    ("os.popen", "other processes"),
    ("os.path.exists", "the file system"),
    ("os.path.isfile", "the file system"),
    ("os.path.isdir", "the file system"),
    ("os.path.getmtime", "the file system"),
    ("glob", "the file system"),
    ("shutil", "the file system"),
    ("tempfile", "the file system"),
    ("subprocess", "other processes"),
    ("socket", "the network"),
    ("urllib.request", "the network"),
    ("http.client", "the network"),
    ("ftplib", "the network"),
    ("smtplib", "the network"),
    ("requests", "the network"),
    ("httpx", "the network"),
    ("aiohttp", "the network"),
    ("boto3", "the network"),
    ("redis", "the network"),
    ("psycopg2.connect", "the network"),
    ("psycopg.connect", "the network"),
    ("sqlalchemy.create_engine", "the network"),
    ("dotenv", "the environment"),
    ("decouple", "the environment"),
];

/// Methods of a path that touch the file system, whatever the path is called.
const PATH_METHODS: &[&str] =
    &["read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob", "mkdir"];

/// The modules that a file imports anywhere, and the full name of each name that an import binds.
pub fn read(module: &Module) -> (Vec<Imported>, HashMap<String, String>) {
    let mut imported = Vec::new();
    let mut names = HashMap::new();
    let mut pending = vec![module.root()];
    while let Some(node) = pending.pop() {
        let from = match node.kind() {
            "import_statement" => None,
            "import_from_statement" => {
                let from = node.child_by_field_id(field::MODULE_NAME).map(|n| module.text(n));
                Some(from.unwrap_or_default().replace(' ', ""))
            }
            _ => {
                // Most statements of a file contain no import, and need no look inside.
                let mut cursor = node.walk();
                let below = node.named_children(&mut cursor);
                let below = below.filter(|node| module.text(*node).contains("import"));
                let at = pending.len();
                pending.extend(below);
                pending[at..].reverse();
                continue;
            }
        };
        if let Some(from) = &from {
            imported.push(Imported { module: from.clone(), line: line(node) });
        }
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            let (full, alias) = match name.child_by_field_id(field::ALIAS) {
                Some(alias) => (name.child_by_field_id(field::NAME), Some(module.text(alias))),
                None => (Some(name), None),
            };
            let Some(full) = full.map(|node| module.text(node).to_owned()) else { continue };
            match &from {
                Some(from) => {
                    let bound = alias.unwrap_or(&full).to_owned();
                    names.insert(bound, format!("{from}.{full}"));
                }
                None => {
                    imported.push(Imported { module: full.clone(), line: line(node) });
                    // `import a.b` binds `a`; `import a.b as c` binds `c` to `a.b`.
                    let first = full.split('.').next().unwrap_or_default().to_owned();
                    match alias {
                        Some(alias) => names.insert(alias.to_owned(), full),
                        None => names.insert(first.clone(), first),
                    };
                }
            }
        }
    }
    (imported, names)
}

/// The outside effects of a file's top level.
pub fn touches(module: &Module, names: &HashMap<String, String>) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    let mut pending = vec![module.root()];
    while let Some(node) = pending.pop() {
        if is_run_elsewhere(module, node) || may_do_without(module, node, names) {
            continue;
        }
        let touch = match node.kind() {
            "call" => node.child_by_field_id(field::FUNCTION).and_then(|f| touch(module, f, names)),
            "attribute" => touch(module, node, names).filter(|touch| touch.what == "os.environ"),
            _ => None,
        };
        let new = touch.filter(|new| !touches.iter().any(|old| old.line == new.line));
        touches.extend(new);
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        pending.extend(children.into_iter().rev());
    }
    touches
}

/// Functions run when they are called; `if __name__ == "__main__"` does not run here.
fn is_run_elsewhere(module: &Module, node: Node<'_>) -> bool {
    match node.kind() {
        "function_definition" | "lambda" | "import_statement" | "import_from_statement" => true,
        "if_statement" => node
            .child_by_field_id(field::CONDITION)
            .is_some_and(|condition| module.text(condition).contains("__name__")),
        _ => false,
    }
}

/// Whether a variable is read that may be missing: `os.environ.get("BATCH", 100)`.
fn may_do_without(module: &Module, node: Node<'_>, names: &HashMap<String, String>) -> bool {
    let function = node.child_by_field_id(field::FUNCTION).filter(|_| node.kind() == "call");
    function.is_some_and(|function| {
        let written = module.text(function);
        let (first, rest) = written.split_once('.').unwrap_or((written, ""));
        let full = names.get(first).map_or(first, String::as_str);
        format!("{full}.{rest}") == "os.environ.get"
    })
}

fn touch(module: &Module, node: Node<'_>, names: &HashMap<String, String>) -> Option<Touch> {
    let written = module.text(node);
    let (first, rest) = written.split_once('.').map_or((written, None), |(f, r)| (f, Some(r)));
    let line = line(node);
    if let Some(full) =
        names.get(first).map(String::as_str).or((written == "open").then_some("open"))
    {
        let full = rest.map_or(full.to_owned(), |rest| format!("{full}.{rest}"));
        let found = TOUCHES.iter().find(|(prefix, _)| {
            full.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if let Some((prefix, whom)) = found {
            let what = if *prefix == "os.environ" { (*prefix).to_owned() } else { full };
            return Some(Touch { what, whom: (*whom).into(), line });
        }
    }
    let method = written.rsplit('.').next().unwrap_or_default();
    let is_path = written.contains('.') && PATH_METHODS.contains(&method);
    let whom = "the file system".into();
    is_path.then(|| Touch { what: format!("{method}()"), whom, line })
}
