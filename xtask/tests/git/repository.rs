//! Repositories with a tree of revisions, and the gate on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::temporary;

/// A clone with a tree in the folder `tree`, and the folder that it and its origin lie in.
pub struct Repository {
    dir: tempfile::TempDir,
    /// The top of the clone.
    pub path: PathBuf,
}

/// How the revisions of a tree are called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    Numbers,
    Hashes,
}

/// What a run said.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ids {
    /// The first two revisions.
    pub fn first(self) -> [&'static str; 2] {
        match self {
            Ids::Numbers => ["0001", "0002"],
            Ids::Hashes => ["a1b2c3d4e5f6", "b2c3d4e5f6a7"],
        }
    }
}

impl Repository {
    /// A repository with two revisions on this branch, and no remote.
    pub fn alone(ids: Ids, branch: &str) -> Repository {
        let dir = temporary("mg-git-");
        let path = dir.path().canonicalize().unwrap().join("work");
        let repository = Repository { dir, path };
        fs::create_dir_all(repository.path.join("tree/versions")).unwrap();
        let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree");
        for file in ["alembic.ini", "env.py"] {
            fs::copy(plain.join(file), repository.path.join("tree").join(file)).unwrap();
        }
        let [one, two] = ids.first();
        repository.revision("one", one, &[], "pass");
        repository.revision("two", two, &[one], "pass");
        repository.git(&["init", "--quiet", "--initial-branch", branch]);
        repository.commit("the tree");
        repository
    }

    /// A repository whose branch `main` is that of its remote, too.
    pub fn with_origin(ids: Ids) -> Repository {
        let repository = Repository::alone(ids, "main");
        let origin = repository.folder("origin.git");
        repository.git(&["clone", "--quiet", "--bare", ".", &origin]);
        repository.git(&["remote", "add", "origin", &origin]);
        repository.git(&["fetch", "--quiet", "origin"]);
        repository.git(&["remote", "set-head", "origin", "main"]);
        repository
    }

    /// A folder beside the repository.
    pub fn folder(&self, name: &str) -> String {
        self.path.parent().unwrap().join(name).into_os_string().into_string().unwrap()
    }

    /// Another repository in the same temporary folder.
    pub fn at(&self, name: &str) -> Repository {
        let path = PathBuf::from(self.folder(name));
        Repository { dir: tempfile::tempdir_in(self.dir.path()).unwrap(), path }
    }

    /// Writes a revision; its file is called after its id and `name`.
    pub fn revision(&self, name: &str, id: &str, parents: &[&str], upgrade: &str) {
        let parents = match parents {
            [] => "None".to_owned(),
            [one] => format!("{one:?}"),
            several => format!("{several:?}").replace('[', "(").replace(']', ")"),
        };
        let downgrade = match upgrade.split_once("CREATE TABLE ") {
            Some((_, rest)) if !rest.contains("DROP") => {
                let table = rest.split(' ').next().unwrap();
                format!("op.execute('DROP TABLE {table}')")
            }
            _ if upgrade == "pass" => "pass".to_owned(),
            _ => "op.execute('SELECT 1')".to_owned(),
        };
        let text = format!(
            "from alembic import op\n\nrevision = {id:?}\ndown_revision = {parents}\n\n\n\
             def upgrade():\n    {upgrade}\n\n\ndef downgrade():\n    {downgrade}\n"
        );
        fs::write(self.file(&format!("{id}_{name}.py")), text).unwrap();
    }

    /// Replaces a text in a revision file.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(file)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(self.file(file), text.replace(from, to)).unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join("tree/versions").join(name)
    }

    /// The names of the revision files.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path.join("tree/versions")).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".py")).collect();
        names.sort();
        names
    }

    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
        git.args(["-c", "protocol.file.allow=always"]).args(arguments).current_dir(&self.path);
        let said = git.output().unwrap();
        assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// The gate on the tree, to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("migration-gate").args(arguments);
        command.arg("--ini").arg(self.path.join("tree/alembic.ini"));
        // The gate itself runs in the Python that the monorepo asks for.
        if arguments.first().is_some_and(|verb| !verb.starts_with('-')) {
            command.arg("--root").arg(&self.path);
        }
        for name in ["CI", "GITHUB_ACTIONS", "GITHUB_HEAD_REF", "MIGRATION_GATE_POSTGRES_URL"] {
            command.env_remove(name);
        }
        command.env("TMPDIR", self.dir.path());
        command
    }

    pub fn gate(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }
}

impl Ended {
    pub fn of(command: &mut Command) -> Ended {
        let said = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: said.status.code().unwrap(),
            out: text(&said.stdout),
            err: text(&said.stderr),
        }
    }

    /// Both of what it said, without the breaks of lines.
    pub fn said(&self) -> String {
        let both = format!("{} {}", self.out, self.err);
        both.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Demands an exit status, and what must be told.
    #[track_caller]
    pub fn says(&self, code: i32, told: &[&str]) -> &Ended {
        let said = self.said();
        assert_eq!(self.code, code, "{said}");
        for words in told {
            assert!(said.contains(words), "`{words}` is missing in: {said}");
        }
        self
    }
}
