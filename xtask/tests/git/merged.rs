//! What is wrong with merged revisions is told in one line, and does not decide.

use std::fs;

use serde_json::Value;

use crate::repository::{Ids, Repository};

/// A tree whose second revision, merged long ago, creates a table and does not drop it again.
fn with_an_old_fault() -> Repository {
    let repository = Repository::alone(Ids::Numbers, "main");
    repository.revision("two", "0002", &["0001"], "op.execute('CREATE TABLE a (id int)')");
    repository.edit("0002_two.py", "op.execute('DROP TABLE a')", "pass");
    repository.commit("went on");
    repository.git(&["checkout", "--quiet", "-b", "change"]);
    repository
}

#[test]
fn an_old_fault_does_not_decide_unless_all_are_asked_for() {
    let repository = with_an_old_fault();
    repository.revision("three", "0003", &["0002"], "op.execute('SELECT 1')");
    let ended = repository.gate(&["lint"]);
    ended.says(0, &["about merged revisions, which do not decide", "MG231 in 0002"]);
    assert!(!ended.out.contains("--> "), "{}", ended.out);
    let report = repository.gate(&["lint", "--format", "json"]).out;
    let report: Value = serde_json::from_str(&report).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["merged"], &finding["severity"]), (&true.into(), &"note".into()));
    repository.gate(&["lint", "--all"]).says(1, &["MG231", "--> tree/versions/0002_two.py"]);
    // Of a revision that this change edits, everything counts.
    repository.edit("0002_two.py", "a (id", "b (id");
    repository.gate(&["lint"]).says(1, &["MG207", "MG231"]);
}

#[test]
fn where_no_base_is_known_everything_counts() {
    let repository = with_an_old_fault();
    fs::remove_dir_all(repository.path.join(".git")).unwrap();
    repository.gate(&["lint"]).says(1, &["MG231", "everything counts"]);
}

#[test]
fn gate_passes_with_a_fault_of_the_base() {
    let repository = with_an_old_fault();
    // Postgres cuts names to 63 bytes, which lint and the run know.
    let (long, cut) = ("x".repeat(70), "x".repeat(63));
    let both =
        format!("op.execute('CREATE TABLE {long} (id int)')\n    op.execute('DROP TABLE {cut}')");
    repository.revision("three", "0003", &["0002"], &both);
    repository.gate(&[]).says(0, &["MG231 in 0002"]);
    // What is reused was compared, too.
    repository.gate(&[]).says(0, &["MG231 in 0002", "a known result", "compared with main"]);
}
