//! Sources of the crates, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that are crates of their own, beside `src`.
pub(super) const CRATES: [&str; 3] = ["model", "analysis", "mutants"];

/// A file of Rust.
pub(super) struct Source {
    /// Relative to `src`, or to the folder of the crate.
    pub(super) path: PathBuf,
    /// The whole text.
    pub(super) text: String,
    /// The text without the tests at its end; empty for a file of tests.
    pub(super) product: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Source {
        let outside = ["tests", "benches", "tidy"].iter().any(|folder| path.starts_with(folder));
        let is_test = outside || path.ends_with("tests.rs") || path.contains("/tests/");
        let product = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let product = if is_test { String::new() } else { product.to_owned() };
        Source { path: path.into(), text: text.to_owned(), product }
    }

    /// The folder or file of `src`, or the crate, that it belongs to.
    pub(super) fn module(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned()
    }

    /// Its path as a module: `["gate", "context"]`; that of a crate begins with the crate's name.
    pub(super) fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let parts = path.iter().map(|part| part.to_str().unwrap());
        let is_folder = |part: &&str| !["src", "mod", "lib", "main"].contains(part);
        parts.filter(is_folder).map(str::to_owned).collect()
    }

    /// The code, without comments and restrictions of visibility.
    pub(super) fn code(&self) -> String {
        let lines = self.product.lines().map(|line| line.split("//").next().unwrap_or_default());
        let code = lines.collect::<Vec<_>>().join("\n");
        code.replace("pub(in crate::", "pub(in ").replace("pub(in super::", "pub(in ")
    }
}

/// All files of the crates.
pub(super) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let src = root.join("src");
    let folders = CRATES.map(|name| format!("{name}/src"));
    let folders = folders.iter().map(String::as_str).chain(["src", "tests", "benches"]);
    let files = folders.flat_map(|folder| rust_files(&root.join(folder)));
    let read = |path: PathBuf| {
        let shown = path.strip_prefix(&src).or(path.strip_prefix(root)).unwrap();
        Source::new(shown.to_str().unwrap(), &fs::read_to_string(&path).unwrap())
    };
    let found: Vec<Source> = files.map(read).collect();
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
