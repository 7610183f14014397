//! A small tree to be changed and gated, for what does not ask for the monorepo's two.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::python::made;
use super::root::{copy, edit, git, revision_text};
use super::run::Gate;
use super::sandbox::{Sandbox, temporary};

/// A tree in a folder of its own, and the temporary folder of the runs on it.
pub struct Shop {
    dir: TempDir,
    name: &'static str,
    pub sandbox: Sandbox,
}

impl Shop {
    /// The revisions `a1` and `b2` of `test_data/plain_tree`, in no repository.
    pub fn new() -> Shop {
        Shop::named("shop")
    }

    /// The same in a folder of this name.
    pub fn named(name: &'static str) -> Shop {
        let shop = Shop { dir: temporary("mg-shop-"), name, sandbox: Sandbox::new() };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree"), &shop.path());
        shop
    }

    /// In a repository, where `main` has it and a branch is checked out.
    pub fn on_a_branch() -> Shop {
        let shop = Shop::new();
        shop.merge();
        shop.git("checkout --quiet -b feature");
        shop
    }

    /// Puts it into a repository, in which all of it is merged: a run is quicker then.
    pub fn merge(&self) {
        self.git("init --quiet --initial-branch=main");
        self.commit();
    }

    /// Another chain in its place: `0001`, `0002`, …, by what their functions do.
    pub fn chain<T: AsRef<str>>(revisions: &[(T, T)]) -> Shop {
        let shop = Shop::new();
        for file in ["versions/a1_items.py", "versions/b2_prices.py"] {
            shop.remove(file);
        }
        for (number, (upgrade, downgrade)) in revisions.iter().enumerate() {
            let (id, parent) = (format!("{:04}", number + 1), format!("{number:04}"));
            let parents: &[&str] = if number == 0 { &[] } else { &[&parent] };
            let text = revision_text(&id, parents, upgrade.as_ref(), downgrade.as_ref());
            shop.write(&format!("versions/{id}_r.py"), text);
        }
        shop
    }

    /// The folder above the tree.
    pub fn above(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    /// The folder of the tree.
    pub fn path(&self) -> PathBuf {
        self.above().join(self.name)
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(file), text).unwrap();
    }

    /// Replaces a text that stands in a file once.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        edit(&self.path().join(file), from, to);
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).unwrap();
    }

    /// Adds a revision by the bodies of its functions, and returns its file.
    pub fn add(&self, id: &str, parent: &str, upgrade: &str, downgrade: &str) -> String {
        let file = format!("versions/{id}_added.py");
        self.write(&file, revision_text(id, &[parent], upgrade, downgrade));
        file
    }

    /// Adds a revision by its statements.
    pub fn add_sql(&self, id: &str, parent: &str, upgrade: &str, downgrade: &str) -> String {
        let execute = |sql: &str| format!("op.execute({sql:?})");
        self.add(id, parent, &execute(upgrade), &execute(downgrade))
    }

    /// Adds a revision that makes a table of its name.
    pub fn add_sound(&self, id: &str, parent: &str) {
        self.add_sql(
            id,
            parent,
            &format!("CREATE TABLE {id} (a int)"),
            &format!("DROP TABLE {id}"),
        );
    }

    #[track_caller]
    pub fn git(&self, words: &str) {
        git(&self.path(), words);
    }

    pub fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet --message more");
    }

    /// A command of the gate on this tree.
    pub fn command(&self, verb: &str) -> Gate<'_> {
        Gate::new(&self.sandbox).args(verb).arg("--ini").arg(self.path().join("alembic.ini"))
    }

    /// A run of the gate that reports as JSON, and leaves nothing for the next.
    pub fn gate(&self) -> Gate<'_> {
        let gate = self.command("--no-cache --format json").with_postgres();
        gate.env("MIGRATION_GATE_PYTHON", made())
    }
}
