//! A copy of the monorepo's two trees, to be changed and gated.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::run::Gate;
use super::sandbox::{Sandbox, temporary};

/// The id of a revision that a test adds.
pub const ADDED: &str = "9001";

/// A monorepo and the temporary folder of the runs on it.
pub struct Root {
    _dir: TempDir,
    path: PathBuf,
    pub sandbox: Sandbox,
}

/// One of the two trees.
#[derive(Clone, Copy)]
pub enum Tree {
    Console,
    Raptor,
}

/// A revision that a test adds.
pub struct Revision<'a> {
    pub id: &'a str,
    pub parents: &'a [&'a str],
    /// The body of `upgrade()`, unindented.
    pub upgrade: &'a str,
    /// The body of `downgrade()`, unindented.
    pub downgrade: &'a str,
}

impl Tree {
    fn versions(self) -> &'static str {
        match self {
            Tree::Console => "console/migrations/versions",
            Tree::Raptor => "backend_v2/alembic/versions",
        }
    }
}

impl Root {
    /// A copy of the two trees.
    pub fn copy() -> Root {
        Root::copy_below("")
    }

    /// A copy of the two trees in a folder below the temporary one.
    pub fn copy_below(folder: &str) -> Root {
        let dir = temporary("mg-root-");
        let path = dir.path().canonicalize().unwrap().join(folder);
        for tree in ["console", "backend_v2"] {
            copy(&monorepo().join(tree), &path.join(tree));
        }
        Root { _dir: dir, path, sandbox: Sandbox::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A run of the gate on this root that reports as JSON, and leaves nothing for the next.
    pub fn gate(&self) -> Gate<'_> {
        self.gate_in(&self.sandbox)
    }

    /// As [`Root::gate`], with another temporary folder.
    pub fn gate_in<'a>(&self, sandbox: &'a Sandbox) -> Gate<'a> {
        Gate::new(sandbox).arg("--root").arg(&self.path).args("--no-cache --format json")
    }

    /// As [`Root::gate`], for a person.
    pub fn gate_for_a_person(&self) -> Gate<'_> {
        Gate::new(&self.sandbox).arg("--root").arg(&self.path).arg("--no-cache")
    }

    /// The last revision of a tree as it was copied. File names begin with ids of four digits.
    pub fn head(&self, tree: Tree) -> String {
        let file = self.head_file(tree);
        file.rsplit('/').next().unwrap()[..4].to_owned()
    }

    /// The file of the last revision as it was copied.
    pub fn head_file(&self, tree: Tree) -> String {
        let entries = fs::read_dir(monorepo().join(tree.versions())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.filter(|name| name.ends_with(".py")).max().unwrap();
        format!("{}/{name}", tree.versions())
    }

    /// The parent of the last revision as it was copied: the ids are consecutive.
    pub fn before_head(&self, tree: Tree) -> String {
        format!("{:04}", self.head(tree).parse::<u32>().unwrap() - 1)
    }

    /// Adds a revision, and returns its file.
    pub fn add(&self, tree: Tree, revision: &Revision<'_>) -> String {
        let Revision { id, parents, upgrade, downgrade } = revision;
        let file = format!("{}/{id}_added.py", tree.versions());
        self.write(&file, revision_text(id, parents, upgrade, downgrade));
        file
    }

    /// Adds the revision [`ADDED`] after the last one, and returns its file.
    pub fn add_head(&self, tree: Tree, upgrade: &str, downgrade: &str) -> String {
        let head = self.head(tree);
        self.add(tree, &Revision { id: ADDED, parents: &[&head], upgrade, downgrade })
    }

    /// Runs git in the root.
    #[track_caller]
    pub fn git(&self, words: &str) {
        git(self.path(), words);
    }

    /// Puts it into a repository, in which all of it is merged.
    pub fn merge(&self) {
        self.git("init --quiet --initial-branch main");
        self.git("add console backend_v2");
        self.git("commit --quiet --message base");
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path.join(file), text).unwrap();
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }

    /// Replaces a text that stands in a file once.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        edit(&self.path.join(file), from, to);
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path.join(file)).unwrap();
    }

    /// The number of the first line that holds a text.
    #[track_caller]
    pub fn line_of(&self, file: &str, text: &str) -> usize {
        let content = self.read(file);
        content.lines().position(|line| line.contains(text)).expect("the line is there") + 1
    }

    /// Every file below the root, for comparing what was there with what is.
    pub fn files(&self) -> Vec<PathBuf> {
        files_below(&self.path)
    }
}

/// The text of a revision, by the bodies of its functions.
pub fn revision_text(id: &str, parents: &[&str], upgrade: &str, downgrade: &str) -> String {
    let parents: String = parents.iter().map(|parent| format!("{parent:?}, ")).collect();
    let indent = |body: &str| body.trim().replace('\n', "\n    ");
    format!(
        "import os\nimport sys\nimport time\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n\
         revision = {id:?}\ndown_revision = ({parents})\n\n\n\
         def upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n",
        indent(upgrade),
        indent(downgrade)
    )
}

/// Runs git in a folder.
#[track_caller]
pub fn git(folder: &Path, words: &str) {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let mut git = Command::new("git");
    git.args(name).args(words.split(' ')).current_dir(folder);
    let said = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(said.status.success(), "git {words}: {}", String::from_utf8_lossy(&said.stderr));
}

/// Replaces a text that stands in a file once.
#[track_caller]
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` stands in {} once", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// The monorepo that these tests stand in.
pub fn monorepo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Copies a folder, without what Python or an editor left in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        if kind.is_dir() && name != "__pycache__" {
            copy(&entry.path(), &to.join(&name));
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        files.extend(if path.is_dir() { files_below(&path) } else { vec![path] });
    }
    files.sort();
    files
}
