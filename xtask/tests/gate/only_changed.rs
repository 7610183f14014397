//! `--only-changed` gates the trees that the change touches, and no others.

use crate::support::root::{Root, Tree};

/// The ids of the trees that a run gates; without a Postgres it says as much.
fn gated(root: &Root, options: &str) -> Vec<String> {
    let ended = root.gate().args("--only-changed").args(options).run();
    let report = ended.report();
    let is_done = options.is_empty() || report.0["trees"] == serde_json::json!([]);
    ended.assert_code(if is_done { 0 } else { 2 });
    assert_eq!(report.verdict(), if is_done { "pass" } else { "error" });
    let trees = report.0["trees"].as_array().unwrap();
    if trees.len() < 2 {
        let said = "nothing of";
        assert!(ended.stderr.contains(said), "{said} is missing in {}", ended.stderr);
    }
    trees.iter().map(|tree| tree["tree"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_the_trees_that_the_change_touches_are_gated() {
    let root = Root::copy();
    let none: [&str; 0] = [];
    let without = "--postgres-bin /nowhere";
    root.merge();
    assert_eq!(gated(&root, without), none, "nothing has changed");
    root.write("NOTES", "beside the trees");
    assert_eq!(gated(&root, without), none, "beside the trees");
    root.add_head(Tree::Raptor, "pass", "pass");
    assert_eq!(gated(&root, without), ["raptor"], "in no commit yet");
    root.git("checkout --quiet -b change");
    root.git("add backend_v2");
    root.git("commit --quiet --message change");
    assert_eq!(gated(&root, ""), ["raptor"], "in a commit of the change");
    let env = root.read("console/migrations/env.py");
    root.write("console/migrations/env.py", format!("{env}\n# touched\n"));
    assert_eq!(gated(&root, without), ["console", "raptor"], "an env.py is of its tree");
}
