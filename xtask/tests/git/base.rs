//! The base is right, or said to be missing, wherever the gate runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::repository::{Ended, Ids, Repository};

/// The base in the JSON report of `lint`, and the exit status.
fn base_of(command: &mut Command) -> (Value, i32) {
    let ended = Ended::of(command.args(["--format", "json"]));
    let report: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}", ended.err));
    (report["base"].clone(), ended.code)
}

/// Demands that the base is this one, at the commit that this names.
#[track_caller]
fn is_base(repository: &Repository, rev: &str, commit: &str) {
    let commit = repository.git(&["rev-parse", commit]);
    let (base, code) = base_of(&mut repository.command(&["lint"]));
    assert_eq!(base["rev"], rev, "{base}");
    assert_eq!(base["commit"], commit.as_str(), "{base}");
    assert_eq!((&base["reason"], code), (&Value::Null, 0), "{base}");
}

/// Demands that there is no base for a reason that holds these words, in both formats, and that
/// `--since` is refused with words of git.
#[track_caller]
fn is_no_base(command: impl Fn(&[&str]) -> Command, words: &[&str], of_since: &[&str]) {
    let (base, _) = base_of(&mut command(&["lint"]));
    assert_eq!((&base["rev"], &base["commit"]), (&Value::Null, &Value::Null), "{base}");
    let reason = base["reason"].as_str().unwrap();
    words.iter().for_each(|words| assert!(reason.contains(words), "{reason}"));
    let told = Ended::of(&mut command(&["lint"]));
    told.says(told.code, &["compared with no base: ", "MG206, MG207, MG216"]);
    let ended = Ended::of(&mut command(&["lint", "--since", "nowhere"]));
    ended.says(2, &["`nowhere`, named by --since"]).says(2, of_since);
}

fn on_a_branch(repository: &Repository) {
    repository.git(&["checkout", "--quiet", "-b", "change"]);
    repository.revision("three", "0003", &["0002"], "pass");
    repository.commit("a change");
}

#[test]
fn the_branch_that_the_remote_calls_its_own_is_the_base() {
    for branch in ["main", "master", "develop"] {
        let repository = Repository::alone(Ids::Numbers, branch);
        let clone = repository.at("clone");
        repository.git(&["clone", "--quiet", ".", clone.path.to_str().unwrap()]);
        on_a_branch(&clone);
        is_base(&clone, &format!("origin/{branch}"), &format!("origin/{branch}"));
        clone.git(&["checkout", "--quiet", "--detach"]);
        is_base(&clone, &format!("origin/{branch}"), "HEAD~1");
        // Without the remote's word for it, the usual names are tried.
        clone.git(&["remote", "set-head", "origin", "--delete"]);
        if branch != "develop" {
            is_base(&clone, &format!("origin/{branch}"), "HEAD~1");
        }
    }
}

#[test]
fn base_without_remote_is_own_main_branch_or_none() {
    for branch in ["main", "master"] {
        let repository = Repository::alone(Ids::Numbers, branch);
        on_a_branch(&repository);
        is_base(&repository, branch, "HEAD~1");
    }
    let repository = Repository::alone(Ids::Numbers, "develop");
    on_a_branch(&repository);
    let words = ["neither an origin/HEAD nor an origin/main", "git remote set-head origin --auto"];
    is_no_base(|arguments| repository.command(arguments), &words, &["Needed a single revision"]);
}

#[test]
fn the_upstream_of_a_stale_fork_is_the_base() {
    let fork = Repository::with_origin(Ids::Numbers);
    let upstream = fork.folder("upstream.git");
    fork.git(&["clone", "--quiet", "--bare", ".", &upstream]);
    fork.git(&["remote", "add", "upstream", &upstream]);
    fork.revision("theirs", "0003", &["0002"], "pass");
    fork.commit("went on");
    fork.git(&["push", "--quiet", "upstream", "main"]);
    fork.git(&["checkout", "--quiet", "-b", "change"]);
    fork.revision("four", "0004", &["0003"], "pass");
    fork.commit("a change");
    is_base(&fork, "upstream/main", "HEAD~1");
}

#[test]
fn a_shallow_clone_says_what_it_lacks() {
    let repository = Repository::with_origin(Ids::Numbers);
    on_a_branch(&repository);
    repository.git(&["push", "--quiet", "origin", "change"]);
    let (clone, from) = (repository.at("clone"), repository.folder("origin.git"));
    let to = clone.path.to_str().unwrap();
    let from = format!("file://{from}");
    repository.git(&["clone", "--quiet", "--depth", "1", "--branch", "change", &from, to]);
    let way_out = ["this clone is shallow", "git fetch --unshallow", "fetch-depth: 0"];
    is_no_base(
        |arguments| clone.command(arguments),
        &way_out,
        &["Needed a single revision", "fetch-depth: 0"],
    );
    // The base alone is no help: where the change left it is cut off.
    clone.git(&["fetch", "--quiet", "--depth", "1", "origin", "main:refs/remotes/origin/main"]);
    is_no_base(|arguments| clone.command(arguments), &way_out, &["Needed a single revision"]);
}

#[test]
fn a_clone_without_blobs_has_its_base_and_fetches_nothing() {
    let repository = Repository::with_origin(Ids::Numbers);
    let (clone, from) = (repository.at("clone"), repository.folder("origin.git"));
    let bare = repository.at("origin.git");
    bare.git(&["config", "uploadpack.allowFilter", "true"]);
    let to = clone.path.to_str().unwrap();
    let from = format!("file://{from}");
    repository.git(&["clone", "--quiet", "--filter=blob:none", &from, to]);
    on_a_branch(&clone);
    is_base(&clone, "origin/main", "origin/main");
    // The base went on meanwhile: its files are not here, and the remote is out of reach.
    repository.revision("theirs", "0003", &["0002"], "op.execute('SELECT 1')");
    repository.commit("went on");
    repository.git(&["push", "--quiet", "origin", "main"]);
    clone.git(&["fetch", "--quiet"]);
    fs::rename(&bare.path, repository.folder("gone.git")).unwrap();
    let (base, _) = base_of(&mut clone.command(&["lint"]));
    assert_eq!(base["rev"], "origin/main");
    let reason = base["reason"].as_str().unwrap();
    assert!(reason.contains("files of it that are not here, and were left out: 1"), "{reason}");
}

#[test]
fn partial_clone_says_what_it_lacks() {
    let repository = Repository::with_origin(Ids::Numbers);
    let (bare, from) = (repository.at("origin.git"), repository.folder("origin.git"));
    bare.git(&["config", "uploadpack.allowFilter", "true"]);
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.revision("theirs", "0003", &["0002"], "op.execute('SELECT 1')");
    repository.commit("other");
    repository.git(&["checkout", "--quiet", "main"]);
    on_a_branch(&repository);
    repository.git(&["push", "--quiet", "origin", "change", "other"]);
    for (filter, told) in [
        ("blob:none", "revisions of other branches that are not here, and were left out: 1"),
        ("tree:0", "compared with no base: git cannot read origin/main: "),
    ] {
        let (clone, filtered) = (repository.at(&filter[..4]), format!("--filter={filter}"));
        let (from, to) = (format!("file://{from}"), clone.path.to_str().unwrap());
        let branch = ["--branch", "change"];
        repository.git(&[&["clone", "--quiet", &filtered, &from, to][..], &branch].concat());
        let way_out = "git fetch --refetch --no-filter";
        clone.gate(&["lint"]).says(0, &[told, way_out]);
        let since = clone.gate(&["lint", "--since", "origin/main"]);
        since.says(if filter == "tree:0" { 2 } else { 0 }, &[way_out]);
    }
}

#[test]
fn a_hook_of_a_linked_worktree_asks_about_the_worktree() {
    let repository = Repository::with_origin(Ids::Numbers);
    let linked = repository.at("linked");
    let to = linked.path.to_str().unwrap();
    repository.git(&["worktree", "add", "--quiet", "-b", "change", to]);
    linked.revision("three", "0003", &["0002"], "pass");
    let hook = repository.path.join(".git/hooks/pre-commit");
    let (gate, said) = (env!("CARGO_BIN_EXE_xtask"), repository.folder("said"));
    let text = format!(
        "#!/bin/sh\ntest -n \"$GIT_DIR\" || exit 9\n\
         {gate} migration-gate lint --ini tree/alembic.ini --format json > {said}\n"
    );
    fs::write(&hook, text).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    linked.commit("a change");
    let report: Value = serde_json::from_str(&fs::read_to_string(said).unwrap()).unwrap();
    assert_eq!(report["base"]["rev"], "origin/main", "{report}");
    let main = linked.git(&["rev-parse", "main"]);
    assert_eq!(report["base"]["commit"], main.as_str());
}

#[test]
fn a_submodule_has_the_base_of_its_own_repository() {
    let inner = Repository::with_origin(Ids::Numbers);
    let outer = inner.at("outer");
    fs::create_dir(&outer.path).unwrap();
    outer.git(&["init", "--quiet", "--initial-branch", "main"]);
    outer.git(&["submodule", "--quiet", "add", &inner.folder("origin.git"), "inner"]);
    outer.commit("with a submodule");
    let checkout = outer.at("outer/inner");
    checkout.git(&["checkout", "--quiet", "--detach"]);
    checkout.revision("three", "0003", &["0002"], "pass");
    is_base(&checkout, "origin/main", "HEAD");
}

#[test]
fn no_git_or_no_repository_is_said() {
    let repository = Repository::alone(Ids::Numbers, "main");
    fs::remove_dir_all(repository.path.join(".git")).unwrap();
    let words = ["not a git repository"];
    is_no_base(|arguments| repository.command(arguments), &words, &words);
    let without_git = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        command.env("PATH", "/nowhere");
        command
    };
    is_no_base(without_git, &["no `git`"], &["no `git`"]);
}

#[test]
fn a_repository_of_another_owner_is_said_with_the_way_out() {
    let repository = Repository::with_origin(Ids::Numbers);
    // Git itself takes the owner for another where it is told to.
    let git = which::which("git").unwrap();
    let folder = repository.folder("bin");
    fs::create_dir(&folder).unwrap();
    let wrapper =
        format!("#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {} \"$@\"\n", git.display());
    fs::write(format!("{folder}/git"), wrapper).unwrap();
    fs::set_permissions(format!("{folder}/git"), fs::Permissions::from_mode(0o755)).unwrap();
    let of_another = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{folder}:{path}"));
        command
    };
    let words = ["dubious ownership", "safe.directory"];
    is_no_base(of_another, &words, &words);
}

#[test]
fn no_filter_of_the_checkout_runs() {
    let repository = Repository::with_origin(Ids::Numbers);
    let trace = repository.folder("trace");
    repository.git(&["config", "filter.spy.clean", &format!("touch {trace}; cat")]);
    repository.git(&["config", "core.fsmonitor", &format!("touch {trace}; false")]);
    fs::write(repository.path.join(".gitattributes"), "*.py filter=spy\n").unwrap();
    let file = repository.file("0002_two.py");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}# touched\n")).unwrap();
    is_base(&repository, "origin/main", "HEAD");
    assert!(!fs::exists(trace).unwrap());
}
