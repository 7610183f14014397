//! What other branches add is held against this one, from what was fetched alone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::repository::{Ids, Repository};

/// A repository on the branch `change`, which adds 0004, while `origin/other` adds a revision.
fn beside(id: &str, parents: &[&str], name: &str, upgrade: &str) -> Repository {
    let repository = Repository::with_origin(Ids::Numbers);
    repository.revision("three", "0003", &["0002"], "pass");
    repository.commit("three");
    repository.git(&["push", "--quiet", "origin", "main"]);
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.revision(name, id, parents, upgrade);
    repository.commit("other");
    repository.git(&["push", "--quiet", "origin", "other"]);
    repository.git(&["checkout", "--quiet", "-b", "change", "main"]);
    repository.revision("mine", "0004", &["0003"], "op.execute('CREATE TABLE mine (id int)')");
    repository.commit("mine");
    repository.git(&["fetch", "--quiet", "origin"]);
    repository
}

#[test]
fn each_kind_of_collision_is_told_with_who_and_what_to_do() {
    let sql = "op.execute('CREATE TABLE theirs (id int)')";
    for (id, parents, name, upgrade, told) in [
        ("0004", &["0003"][..], "theirs", sql, "origin/other adds 0004 on 0003, too (Ada, "),
        ("0009", &["0003"], "theirs", sql, "origin/other adds 0009 on 0003, too"),
        ("0004", &["0002"], "mine", sql, "origin/other adds 0004 on 0002, too"),
        (
            "0009",
            &["0002"],
            "theirs",
            "op.execute('CREATE TABLE mine (id int)')",
            "origin/other (0009) and this branch (0004) both change table `mine`",
        ),
    ] {
        let repository = beside(id, parents, name, upgrade);
        repository.gate(&["collisions"]).says(1, &[told]);
        repository.gate(&["lint"]).says(0, &["cargo gate collisions --ini ", "says what to do"]);
    }
}

#[test]
fn each_reason_of_a_collision_is_told_of_each_revision() {
    let sql = "op.execute('CREATE TABLE mine (id int)')";
    let repository = beside("0009", &["0003"], "theirs", sql);
    repository.revision("more", "0005", &["0004"], "op.execute('CREATE TABLE more (id int)')");
    let text =
        "op.execute('CREATE TABLE mine (id int)')\n    op.execute('CREATE TABLE more (id int)')";
    repository.git(&["checkout", "--quiet", "other"]);
    repository.edit("0009_theirs.py", sql, text);
    repository.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    repository.git(&["push", "--quiet", "--force", "origin", "other"]);
    repository.git(&["checkout", "--quiet", "change"]);
    let told = [
        "origin/other adds 0009 on 0003, too",
        "(0009) and this branch (0004) both change table `mine`",
        "(0009) and this branch (0005) both change table `more`",
    ];
    repository.gate(&["collisions"]).says(1, &told);
}

#[test]
fn branches_that_are_not_here_are_said_to_be_unknown() {
    let repository = beside("0004", &["0003"], "theirs", "pass");
    repository.git(&["push", "--quiet", "origin", "change"]);
    repository.at("origin.git").git(&["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", repository.folder("origin.git"));
    let unknown = "cannot say whether another branch collides";
    for (name, option, told) in [
        ("single", "--single-branch", "git remote set-branches origin '*' && git fetch origin"),
        ("blobless", "--filter=blob:none", "were left out: 1"),
        ("lonely", "--no-tags", "no remote whose branches are fetched"),
    ] {
        let clone = repository.at(name);
        let to = clone.path.to_str().unwrap();
        repository.git(&["clone", "--quiet", option, "--branch", "change", &from, to]);
        if name == "lonely" {
            clone.git(&["branch", "--quiet", "main", "origin/main"]);
            clone.git(&["remote", "remove", "origin"]);
        } else {
            clone.git(&["fetch", "--quiet", "origin", "main:refs/remotes/origin/main"]);
        }
        let ended = clone.gate(&["collisions"]);
        ended.says(2, &[unknown, told]);
        assert!(!ended.out.contains("no revision of another branch"), "{}", ended.out);
        clone.gate(&["lint"]).says(0, &["compared with"]);
    }
}

#[test]
fn a_revision_that_this_branch_stands_on_is_merged_first() {
    let repository = beside("0005", &["0003"], "theirs", "pass");
    repository.edit("0004_mine.py", "\"0003\"", "\"0005\"");
    let told = ["0004 stands on 0005, which origin/other adds", "merge origin/other first"];
    repository.gate(&["collisions"]).says(1, &told);
}

#[test]
fn merged_branches_collide_with_nothing() {
    let repository = beside("0004", &["0003"], "theirs", "pass");
    // A copy of this branch as it was pushed, and one that this branch stands on.
    repository.git(&["push", "--quiet", "origin", "change"]);
    repository.git(&["push", "--quiet", "origin", ":other"]);
    repository.git(&["update-ref", "refs/pull/7/head", "origin/change"]);
    repository.edit("0004_mine.py", "CREATE TABLE mine", "CREATE TABLE ours");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    repository.gate(&["collisions"]).says(0, &["no revision of another branch collides"]);
    // One that was cut before the base gave a file another name.
    repository.git(&["push", "--quiet", "origin", "main:old"]);
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["mv", "tree/versions/0003_three.py", "tree/versions/0003_renamed.py"]);
    repository.commit("renamed");
    repository.git(&["push", "--quiet", "origin", "main"]);
    repository.git(&["fetch", "--quiet", "--prune", "origin"]);
    repository.gate(&["collisions"]).says(0, &[]);
}

#[test]
fn branch_that_collides_with_base_is_a_note() {
    let repository = beside("0003", &["0002"], "late", "pass");
    repository.git(&["checkout", "--quiet", "main"]);
    let told = ["origin/other adds 0003, and origin/main has it as tree/versions/0003_three.py"];
    repository.gate(&["collisions"]).says(0, &told);
}

#[test]
fn five_hundred_branches_are_looked_at() {
    let repository = beside("0004", &["0003"], "theirs", "pass");
    let mut stream = String::new();
    for number in 0..500 {
        let text = format!("revision = 'r{number}'\ndown_revision = '0003'\n");
        let _ = write!(
            stream,
            "commit refs/remotes/origin/b{number}\ncommitter Bob <b@example.org> 1700000000 +0000\n\
             data 1\nb\nfrom refs/heads/main\n\
             M 100644 inline tree/versions/r{number}.py\ndata {}\n{text}\n",
            text.len()
        );
    }
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet"]).current_dir(&repository.path).stdin(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    let ended = repository.gate(&["collisions"]);
    ended.says(1, &["origin/b499 adds r499 on 0003, too (Bob, 2023-11-14)"]);
    assert_eq!(ended.out.matches(", too").count(), 501);
    repository.gate(&["lint"]).says(0, &["and 500 more"]);
}
