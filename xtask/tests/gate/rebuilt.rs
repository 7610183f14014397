//! The gate built anew from a changed copy of the monorepo, as it is after a remedy that changes a recipe.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::root::{Root, monorepo};

/// A target folder with what cargo built from a root.
pub struct Target(TempDir);

/// A copy of every file of the monorepo that git does not ignore.
pub fn whole() -> Root {
    let root = Root::copy();
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]);
    let listed = git.arg("--exclude-standard").current_dir(monorepo()).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    for file in listed.split_terminator('\0').filter(|file| monorepo().join(file).is_file()) {
        copy(&monorepo().join(file), &root.path().join(file));
    }
    root
}

/// Copies a file with its time, by which cargo knows whether what it built of the file is stale.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
    let modified = fs::metadata(from).unwrap().modified().unwrap();
    File::open(to).unwrap().set_modified(modified).unwrap();
}

impl Target {
    /// A target folder with the libraries that these tests were built with, so that cargo builds only
    /// what differs. Where cargo lays them out in another way, it builds all.
    pub fn new() -> Target {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let target = Target(dir);
        let built = std::env::current_exe().unwrap();
        let built = built.ancestors().nth(2).unwrap();
        for folder in ["deps", "build", ".fingerprint"] {
            take(&built.join(folder), &target.profile().join(folder));
        }
        target
    }

    fn profile(&self) -> PathBuf {
        self.0.path().join("debug")
    }

    /// The gate, once it was built.
    pub fn gate(&self) -> PathBuf {
        self.profile().join("xtask")
    }

    /// Builds the gate and the fast part of its tests, or runs these tests.
    #[track_caller]
    pub fn test(&self, root: &Root, arguments: &[&str]) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--locked", "--offline", "--package", "xtask", "--bin", "xtask"]);
        // A test of the program has cargo build the program.
        cargo.args(["--test", "explain"]).args(arguments).current_dir(root.path());
        cargo.env("CARGO_TARGET_DIR", self.0.path()).env_remove("CARGO_BUILD_TARGET");
        let said = cargo.output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{out}\n{err}");
    }
}

/// Takes what cargo built: the libraries as links, the rest as copies, since cargo writes into them. The
/// programs among the libraries are tests.
fn take(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        let extension = from.extension().and_then(|extension| extension.to_str());
        if from.is_dir() {
            take(&from, &to);
        } else if matches!(extension, Some("rlib" | "rmeta" | "so" | "dylib")) {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::hard_link(&from, &to).unwrap();
        } else if extension == Some("d") || !from.parent().unwrap().ends_with("deps") {
            copy(&from, &to);
        }
    }
}
