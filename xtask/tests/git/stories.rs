//! Two pull requests on one parent, both green, from the first merge to the repair: what the gate, the
//! lints, `collisions` and `renumber` say at each stage.

use std::fs;

use crate::repository::{Ids, Repository};

/// How the first pull request came to the base branch.
#[derive(Clone, Copy)]
enum How {
    Merge,
    Squash,
    Rebase,
}

/// A repository with the branches `alpha` and `beta`, each of which adds a revision to the second.
fn two_changes(ids: Ids, alpha: &str, beta: &str) -> Repository {
    let repository = Repository::with_origin(ids);
    let [_, parent] = ids.first();
    for (name, id, table) in [("alpha", alpha, "apples"), ("beta", beta, "bananas")] {
        repository.git(&["checkout", "--quiet", "-b", name, "main"]);
        let create = format!("op.execute('CREATE TABLE {table} (id int)')");
        repository.revision(name, id, &[parent], &create);
        repository.commit(&format!("Add {table}"));
        repository.git(&["push", "--quiet", "origin", name]);
    }
    repository.git(&["fetch", "--quiet", "origin"]);
    repository
}

/// Merges a branch into `main`, and brings that to the remote.
fn land(repository: &Repository, branch: &str, how: How) {
    repository.git(&["checkout", "--quiet", "main"]);
    match how {
        How::Merge => repository.git(&["merge", "--quiet", "--no-ff", "-m", "Merge", branch]),
        How::Squash => {
            repository.git(&["merge", "--quiet", "--squash", branch]);
            repository.git(&["commit", "--quiet", "-m", "Squashed (#1)"])
        }
        How::Rebase => repository.git(&["cherry-pick", "--allow-empty", branch]),
    };
    repository.git(&["push", "--quiet", "origin", "main"]);
    repository.git(&["fetch", "--quiet", "origin"]);
}

/// What the change that a dry run shows makes of the files, as they are afterwards.
#[track_caller]
fn shown(repository: &Repository) -> (Vec<String>, String) {
    let before = repository.files();
    let shown = repository.gate(&["renumber", "--dry-run"]);
    shown.says(0, &[]);
    assert_eq!(repository.files(), before, "a dry run changed something");
    fs::write(repository.folder("shown.patch"), &shown.out).unwrap();
    repository.git(&["apply", &repository.folder("shown.patch")]);
    let shown = (repository.files(), repository.git(&["diff"]));
    repository.git(&["checkout", "--quiet", "--", "."]);
    repository.git(&["clean", "--quiet", "-fd"]);
    shown
}

/// Demands that all is well after `renumber`, and for one way to merge, that it makes the change that it
/// shows: the trial of both orders takes seconds.
#[track_caller]
fn renumbers(repository: &Repository, how: How, files: &[&str]) {
    let shown = matches!(how, How::Merge).then(|| shown(repository));
    repository.gate(&["renumber"]).says(0, &["either order gives the same schema"]);
    assert_eq!(repository.files(), files);
    if let Some(shown) = shown {
        assert_eq!((repository.files(), repository.git(&["diff"])), shown);
    }
    repository.gate(&["lint"]).says(0, &["compared with origin/main"]);
}

/// The story of two pull requests of which both have the number 0003.
fn one_number_twice(how: How) {
    let repository = two_changes(Ids::Numbers, "0003", "0003");
    // Before the first merge, both are green.
    repository.gate(&["lint"]).says(0, &["origin/alpha"]);
    repository.gate(&["renumber"]).says(0, &["no revisions collide"]);
    let told =
        ["origin/alpha adds 0003 on 0002, too", "whoever merges second must renumber", "Ada"];
    repository.gate(&["collisions"]).says(1, &told);
    // After it, the branch that is not yet updated is red, though its own tree is sound.
    land(&repository, "alpha", how);
    repository.git(&["checkout", "--quiet", "beta"]);
    let taken = "0003 is taken on origin/main by tree/versions/0003_alpha.py";
    let moved = "origin/main has moved";
    repository.gate(&["lint"]).says(1, &["MG216", taken, moved]);
    let update_first = [taken, "merge origin/main or rebase on it first"];
    repository.gate(&["renumber"]).says(1, &update_first);
    repository.gate(&["collisions"]).says(1, &[taken, "rebase on origin/main, then", "--ini"]);
    // In the merge queue, and after 'Update branch', both are in the tree.
    repository.git(&["merge", "--quiet", "--no-edit", "origin/main"]);
    let both = ["MG003", "0003_alpha.py and tree/versions/0003_beta.py", "0003_beta.py came later"];
    repository.gate(&["lint"]).says(1, &both);
    let evidence =
        ["0003_alpha.py came to origin/main on", "by Ada: Add bananas, which origin/main lacks"];
    repository.gate(&["lint"]).says(1, &evidence);
    if matches!(how, How::Squash) {
        let heads = "They are 0003 (tree/versions/0003_alpha.py and tree/versions/0003_beta.py)";
        repository.gate(&["--no-cache"]).says(1, &["tree head count: 2", heads]);
    }
    renumbers(&repository, how, &["0001_one.py", "0002_two.py", "0003_alpha.py", "0004_beta.py"]);
    repository.commit("Renumber");
    repository.gate(&["collisions"]).says(0, &[]);
}

#[test]
fn one_number_twice_by_merge() {
    one_number_twice(How::Merge);
}

#[test]
fn one_number_twice_by_squash() {
    one_number_twice(How::Squash);
}

#[test]
fn one_number_twice_by_rebase() {
    one_number_twice(How::Rebase);
}

/// The story of two pull requests whose revisions have ids of their own on one parent.
fn one_parent_twice(how: How, ids: Ids, alpha: &str, beta: &str, after: &[&str]) -> Repository {
    let repository = two_changes(ids, alpha, beta);
    let [_, parent] = ids.first();
    repository.gate(&["lint"]).says(0, &["origin/alpha"]);
    let told = format!("origin/alpha adds {alpha} on {parent}, too");
    if ids == Ids::Numbers {
        repository.gate(&["--no-cache"]).says(0, &[&told]);
    }
    repository.gate(&["collisions"]).says(1, &[&told]);
    land(&repository, "alpha", how);
    repository.git(&["checkout", "--quiet", "beta"]);
    let beside = format!("it descends from {parent}, not from {alpha}, the head of origin/main");
    let moved = format!("its head of tree is {alpha}, this change stands on {parent}");
    repository.gate(&["lint"]).says(1, &["MG206", &beside, &moved]);
    repository.git(&["merge", "--quiet", "--no-edit", "origin/main"]);
    let later = format!("{beta}_beta.py came later");
    repository.gate(&["lint"]).says(1, &["MG003", &later]);
    if ids == Ids::Numbers {
        repository.gate(&["--no-cache"]).says(1, &["tree head count: 2", &later]);
    }
    renumbers(&repository, how, after);
    repository
}

#[test]
fn one_parent_twice_by_numbers() {
    let after = ["0001_one.py", "0002_two.py", "0003_alpha.py", "0004_beta.py"];
    let repository = one_parent_twice(How::Squash, Ids::Numbers, "0003", "0004", &after);
    repository.gate(&["--no-cache"]).says(0, &["tree head count: 1"]);
}

#[test]
fn one_parent_twice_by_hashes() {
    let hashes = ["a1b2c3d4e5f6_one.py", "b2c3d4e5f6a7_two.py"];
    for how in [How::Merge, How::Squash, How::Rebase] {
        let after = [hashes[0], hashes[1], "c3d4e5f6a7b8_beta.py", "f6a7b8c9d0e1_alpha.py"];
        one_parent_twice(how, Ids::Hashes, "f6a7b8c9d0e1", "c3d4e5f6a7b8", &after);
    }
}

#[test]
fn merged_heads_are_never_moved_and_can_be_merged() {
    for (ids, alpha, beta, merge) in [
        (Ids::Numbers, "0003", "0004", "0005_merge_0003_and_0004.py"),
        (Ids::Hashes, "c3d4e5f6a7b8", "f6a7b8c9d0e1", "_merge_c3d4e5f6a7b8_and_f6a7b8c9d0e1.py"),
    ] {
        let repository = two_changes(ids, alpha, beta);
        land(&repository, "alpha", How::Merge);
        land(&repository, "beta", How::Merge);
        let before = repository.files();
        repository.gate(&["lint"]).says(1, &["MG003", "All are on origin/main already"]);
        let why = ["is on origin/main already, so it stays", "renumber --merge"];
        repository.gate(&["renumber"]).says(1, &why);
        assert_eq!(repository.files(), before);
        repository.gate(&["renumber", "--merge"]).says(
            0,
            &[
                "wrote tree/versions/",
                merge,
                "either order gives the same schema and rows: they were merged",
            ],
        );
        repository.gate(&["lint"]).says(0, &[]);
        repository.gate(&["--no-cache"]).says(0, &["tree head count: 1"]);
    }
}

#[test]
fn tagged_revision_is_not_moved() {
    let repository = two_changes(Ids::Numbers, "0003", "0004");
    land(&repository, "alpha", How::Merge);
    repository.git(&["tag", "released", "beta"]);
    repository.git(&["checkout", "--quiet", "beta"]);
    repository.git(&["merge", "--quiet", "--no-edit", "origin/main"]);
    repository.gate(&["renumber"]).says(1, &["0004_beta.py is on the tag released already"]);
    // Under another name, it is the same revision.
    repository.git(&["mv", "tree/versions/0004_beta.py", "tree/versions/later.py"]);
    let renamed = ["later.py is on the tag released as tree/versions/0004_beta.py already"];
    repository.gate(&["renumber"]).says(1, &renamed);
    // In another folder, too.
    repository.git(&["reset", "--quiet", "--hard"]);
    repository.git(&["mv", "tree", "moved"]);
    repository.git(&["commit", "--quiet", "-m", "Move the tree"]);
    repository.git(&["mv", "moved", "tree"]);
    repository.git(&["tag", "--force", "released"]);
    repository.gate(&["renumber"]).says(1, &["as moved/versions/0004_beta.py already"]);
}

#[test]
fn fork_whose_upstream_has_another_default_is_not_moved() {
    let repository = Repository::alone(Ids::Numbers, "develop");
    for remote in ["origin", "upstream"] {
        let to = repository.folder(&format!("{remote}.git"));
        repository.git(&["clone", "--quiet", "--bare", ".", &to]);
        repository.git(&["remote", "add", remote, &to]);
    }
    repository.git(&["fetch", "--quiet", "--all"]);
    repository.git(&["remote", "set-head", "origin", "develop"]);
    repository.revision("theirs", "0004", &["0002"], "pass");
    repository.commit("theirs");
    repository.git(&["push", "--quiet", "upstream", "develop"]);
    repository.git(&["checkout", "--quiet", "-b", "change", "origin/develop"]);
    repository.revision("mine", "0003", &["0002"], "pass");
    repository.commit("mine");
    let moved = "upstream/develop has moved: its head of tree is 0004";
    repository.gate(&["lint"]).says(1, &["compared with upstream/develop", moved]);
    repository.git(&["merge", "--quiet", "--no-edit", "upstream/develop"]);
    // Nothing says which branch of upstream is its default.
    repository.git(&["update-ref", "refs/remotes/upstream/trunk", "upstream/develop"]);
    repository.git(&["update-ref", "-d", "refs/remotes/upstream/develop"]);
    let way_out = "git remote set-head upstream --auto";
    repository.gate(&["lint"]).says(1, &["compared with origin/develop", way_out]);
    repository.gate(&["renumber"]).says(1, &["nothing was changed", way_out]);
    repository.git(&["update-ref", "refs/remotes/upstream/develop", "upstream/trunk"]);
    let mine = "tree/versions/0003_mine.py to tree/versions/0005_mine.py";
    repository.gate(&["renumber"]).says(0, &["renamed", mine]);
}

#[test]
fn merged_under_another_remote_or_name_is_not_moved() {
    let repository = two_changes(Ids::Numbers, "0003", "0004");
    land(&repository, "alpha", How::Merge);
    land(&repository, "beta", How::Merge);
    // Renamed here, the revision of the base is still the base's.
    repository.git(&["checkout", "--quiet", "-b", "change", "main"]);
    repository.git(&["mv", "tree/versions/0004_beta.py", "tree/versions/0004_b.py"]);
    repository.gate(&["renumber"]).says(1, &["0004_b.py is on origin/main already"]);
    repository.git(&["reset", "--quiet", "--hard"]);
    // Here the local branch is the base, and the remote has another name.
    repository.git(&["branch", "--force", "main", "main~1"]);
    repository.git(&["remote", "rename", "origin", "elsewhere"]);
    let stays = ["0004_beta.py is on elsewhere/main already"];
    repository.gate(&["renumber"]).says(1, &stays);
}

#[test]
fn without_a_base_nothing_is_moved() {
    let repository = Repository::alone(Ids::Numbers, "develop");
    for (name, id) in [("alpha", "0003"), ("beta", "0004")] {
        repository.revision(name, id, &["0002"], "pass");
    }
    let before = repository.files();
    repository.gate(&["renumber"]).says(1, &["without a base", "name a base with --since"]);
    assert_eq!(repository.files(), before);
    repository.gate(&["renumber", "--since", "HEAD"]).says(0, &[]);
}

#[test]
fn renumber_heads_that_depend_on_each_other_is_refused() {
    let repository = two_changes(Ids::Numbers, "0003", "0004");
    repository.edit("0004_beta.py", "CREATE TABLE bananas (id int)", "DROP TABLE IF EXISTS apples");
    repository.commit("Drop apples");
    land(&repository, "alpha", How::Merge);
    land(&repository, "beta", How::Merge);
    let fails = ["a person must decide", "only there: table apples"];
    repository.gate(&["renumber", "--merge"]).says(1, &fails);
    assert_eq!(repository.files().len(), 4);
}

#[test]
fn heads_whose_orders_leave_other_rows_are_for_a_person() {
    let repository = Repository::with_origin(Ids::Numbers);
    let filled = "op.execute('CREATE TABLE t (n int)')\n    op.execute('INSERT INTO t VALUES (1)')";
    repository.edit("0002_two.py", "pass\n\n\ndef", &format!("{filled}\n\n\ndef"));
    repository.commit("fill");
    for (name, id, sum) in [("alpha", "0003", "n + 1"), ("beta", "0004", "n * 2")] {
        repository.git(&["checkout", "--quiet", "-b", name, "main"]);
        repository.revision(name, id, &["0002"], &format!("op.execute('UPDATE t SET n = {sum}')"));
        repository.commit(name);
    }
    land(&repository, "alpha", How::Merge);
    land(&repository, "beta", How::Merge);
    let differ = ["a person must decide", "rows of t (n), by the later first"];
    repository.gate(&["renumber", "--merge"]).says(1, &differ);
}
