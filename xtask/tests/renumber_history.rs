//! `renumber` repairs the collisions of the past byte for byte as they were repaired by hand: the
//! real tree is taken back to each of them, in a repository of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

#[allow(dead_code)]
#[path = "common/python_env.rs"]
mod python_env;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Repository of a replay; its first commit holds the tree before it broke.
struct ReplayRepo {
    folder: tempfile::TempDir,
}

type Files = BTreeMap<String, String>;

impl ReplayRepo {
    /// The real revisions up to this number.
    fn up_to(last: &str) -> (ReplayRepo, Files) {
        let past = ReplayRepo { folder: tempfile::tempdir().unwrap() };
        let real = python_env::root().join("console/migrations");
        fs::create_dir_all(past.versions()).unwrap();
        for file in ["alembic.ini", "env.py", "../requirements.txt"] {
            fs::copy(real.join(file), past.root().join("console/migrations").join(file)).unwrap();
        }
        let mut files = Files::new();
        for entry in fs::read_dir(real.join("versions")).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if name.ends_with(".py") && &name[..4] <= last {
                files.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
        past.git(&["init", "--quiet", "--initial-branch=main"]);
        (past, files)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn versions(&self) -> PathBuf {
        self.root().join("console/migrations/versions")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let said = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(self.root())
            .output()
            .unwrap();
        assert!(said.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    }

    fn commit(&self, files: &Files, which: impl Fn(&str) -> bool) {
        for (name, text) in files.iter().filter(|(name, _)| which(name)) {
            fs::write(self.versions().join(name), text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "more"]);
    }

    fn gate(&self, arguments: &[&str]) -> (i32, String, String) {
        let said =
            python_env::gate().args(arguments).arg("--root").arg(self.root()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (said.status.code().unwrap(), text(&said.stdout), text(&said.stderr))
    }

    fn files(&self) -> Files {
        let read = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        };
        let entries = fs::read_dir(self.versions()).unwrap().flatten();
        entries.filter(|entry| entry.path().is_file()).map(read).collect()
    }
}

/// A file as it was before its id and its parent were changed to what they are.
fn taken_back(text: &str, ids: (&str, &str), parents: (&str, &str)) -> String {
    text.replace(&format!("Revision ID: {}\n", ids.1), &format!("Revision ID: {}\n", ids.0))
        .replace(&format!("Revises: {}\n", parents.1), &format!("Revises: {}\n", parents.0))
        .replace(
            &format!("\nrevision: str = \"{}\"", ids.1),
            &format!("\nrevision: str = \"{}\"", ids.0),
        )
        .replace(
            &format!("down_revision: Union[str, None] = \"{}\"", parents.1),
            &format!("down_revision: Union[str, None] = \"{}\"", parents.0),
        )
}

/// The revision that forked in issue 1548.
const NOTIFICATIONS: &str = "0023_notifications.py";

/// The tree of issue 1548, in no commit yet: two branches cut from 0021.
fn forked() -> (ReplayRepo, Files) {
    let (past, mut files) = ReplayRepo::up_to("0023");
    let text = taken_back(&files[NOTIFICATIONS], ("0023", "0023"), ("0021", "0022"));
    files.insert(NOTIFICATIONS.to_owned(), text);
    (past, files)
}

/// Takes one file of the tree back to what it was, commits it last, and has it repaired.
#[track_caller]
fn repairs(last: &str, file: &str, was: &str, ids: (&str, &str), parents: (&str, &str)) {
    let (past, real) = ReplayRepo::up_to(last);
    let mut broken = real.clone();
    let text = broken.remove(file).unwrap();
    broken.insert(was.to_owned(), taken_back(&text, ids, parents));
    past.commit(&broken, |name| name != was);
    past.git(&["checkout", "--quiet", "-b", "change"]);
    past.commit(&broken, |name| name == was);
    let compiled = past.versions().join("__pycache__");
    fs::create_dir(&compiled).unwrap();
    let stale = compiled.join(Path::new(was).with_extension("cpython-311.pyc"));
    fs::write(&stale, "").unwrap();
    let (code, out, _) = past.gate(&["lint", "console"]);
    assert!(code == 1 && out.contains("MG003"), "{out}");
    let versions = "console/migrations/versions";
    assert!(out.contains(&format!("--> {versions}/{was}:")), "{out}");
    assert!(joined(&out).contains(&format!("So {versions}/{was} came later.")), "{out}");

    let (code, patch, said) = past.gate(&["renumber", "console", "--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(past.files(), broken, "a dry run changed something");
    fs::write(past.root().join("p.patch"), &patch).unwrap();
    past.git(&["apply", "p.patch"]);
    assert_eq!(past.files(), real, "the patch\n{patch}");
    past.git(&["checkout", "--quiet", "--", "."]);
    past.git(&["clean", "--quiet", "-fd", "console/migrations/versions"]);
    fs::create_dir_all(&compiled).unwrap();
    fs::write(&stale, "").unwrap();

    let (code, out, said) = past.gate(&["renumber", "console"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(past.files(), real, "{out}{said}");
    assert!(was == file || !stale.exists(), "the stale {} is still there", stale.display());
    let (code, out, _) = past.gate(&["lint", "console", "--since", "HEAD"]);
    assert_eq!(code, 0, "{out}");
}

/// What a person reads, without the breaks of its lines.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn git_tells_who_brought_which_of_two_branches_and_when() {
    let (past, broken) = forked();
    let file = NOTIFICATIONS;
    past.commit(&broken, |name| name < "0022");
    past.commit(&broken, |name| name == file);
    past.commit(&broken, |name| name != file);
    let (_, out, _) = past.gate(&["lint", "console"]);
    let said = joined(&out);
    let (day, first) = (past.git(&["log", "-1", "--format=%cs"]), "0022_incident_log.py");
    assert!(said.contains(&format!("{file} came to main on {} with ", day.trim())), "{out}");
    assert!(said.contains(" by t: more"), "{out}");
    // The greater number came first, so it stays.
    assert!(said.contains(&format!("So console/migrations/versions/{first} came later.")), "{out}");
    assert!(out.contains(&format!("--> console/migrations/versions/{first}:")), "{out}");

    // In a history that was cut off everything seems to have come at once.
    let cut = tempfile::tempdir().unwrap();
    let from = format!("file://{}", past.root().display());
    past.git(&["clone", "--quiet", "--depth", "1", &from, cut.path().to_str().unwrap()]);
    let cut = ReplayRepo { folder: cut };
    let (code, out, _) = cut.gate(&["lint", "console"]);
    assert!(code == 1 && !out.contains("came to") && !out.contains("came later"), "{out}");
}

#[test]
fn a_repository_without_a_commit_tells_nothing() {
    let (past, broken) = forked();
    for (name, text) in &broken {
        fs::write(past.versions().join(name), text).unwrap();
    }
    let (code, out, said) = past.gate(&["lint", "console"]);
    assert!(code == 1 && out.contains("MG003") && !out.contains("came"), "{out}{said}");
}

/// The table that the later one refers to is made by the earlier one, so they do not commute.
#[test]
fn issue_1548_two_branches_cut_from_0021() {
    let (past, broken) = forked();
    past.commit(&broken, |name| name != NOTIFICATIONS);
    past.git(&["checkout", "--quiet", "-b", "change"]);
    past.commit(&broken, |name| name == NOTIFICATIONS);
    let (code, out, said) = past.gate(&["renumber", "console"]);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    let why = "the later first fails: Console — alembic upgrade head: \
               psycopg2.errors.UndefinedTable: relation \"incident_log\" does not exist";
    assert!(said.contains("a person must decide") && said.contains(why), "{said}");
    assert_eq!(past.files(), broken);
}

#[test]
fn issue_1550_two_branches_cut_from_0022() {
    let file = "0024_admin_login_attempts.py";
    repairs("0024", file, file, ("0024", "0024"), ("0022", "0023"));
}

#[test]
fn pull_request_1781_a_second_0037() {
    repairs(
        "0038",
        "0038_promote_trace_mode_transitions.py",
        "0037_promote_trace_mode_transitions.py",
        ("0037", "0038"),
        ("0036", "0037"),
    );
}

#[test]
fn pull_request_1778_a_second_0038() {
    repairs(
        "0040",
        "0040_promote_demo_paper_fill.py",
        "0038_promote_demo_paper_fill.py",
        ("0038", "0040"),
        ("0037", "0039"),
    );
}

#[test]
fn a_file_with_changes_that_are_in_no_commit_is_left_alone() {
    let (past, real) = ReplayRepo::up_to("0024");
    let mut broken = real;
    let file = "0024_admin_login_attempts.py";
    let text = taken_back(&broken[file], ("0024", "0024"), ("0022", "0023"));
    broken.insert(file.to_owned(), text.clone());
    past.commit(&broken, |name| name != file);
    past.git(&["checkout", "--quiet", "-b", "change"]);
    past.commit(&broken, |name| name == file);
    fs::write(past.versions().join(file), format!("{text}# mine\n")).unwrap();
    fs::write(past.versions().join("0023_notifications.py"), &broken["0023_notifications.py"])
        .unwrap();
    let before = past.files();
    let (code, _, said) = past.gate(&["renumber", "console"]);
    assert!(code == 1 && said.contains("commit or stash"), "{said}");
    assert_eq!(past.files(), before);
}

/// Side by side the two are sound; one after the other, each order looks for what is not there.
#[test]
fn revisions_that_pass_in_no_order_are_left_alone() {
    let (past, mut broken) = forked();
    let file = NOTIFICATIONS;
    let with = |text: &str, operation: &str| {
        let start = "def upgrade() -> None:\n";
        assert!(text.contains(start));
        text.replacen(start, &format!("{start}    {operation}\n"), 1)
    };
    broken.insert(
        file.to_owned(),
        with(&broken[file], "op.alter_column(\"api_keys\", \"id\", comment=\"x\")"),
    );
    let other = broken.keys().find(|name| name.starts_with("0022")).unwrap().clone();
    broken.insert(other.clone(), with(&broken[&other], "op.drop_table(\"api_keys\")"));
    past.commit(&broken, |name| name != file);
    past.git(&["checkout", "--quiet", "-b", "change"]);
    past.commit(&broken, |name| name == file);
    let before = past.files();
    let (code, out, said) = past.gate(&["renumber", "console"]);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    let why = "nothing was changed: cannot try whether the order matters: no order passes";
    assert!(said.contains(why) && said.contains("api_keys"), "{said}");
    assert_eq!(past.files(), before);
    assert_eq!(past.git(&["status", "--porcelain"]), "");
}
