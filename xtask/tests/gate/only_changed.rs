//! `--only-changed` gates the trees that the change touches, and no others.

use crate::support::root::{Root, Tree};

/// The ids of the trees that a run gated.
fn gated(root: &Root) -> Vec<String> {
    let ended = root.gate().args("--only-changed").run();
    ended.assert_code(0);
    let report = ended.report();
    assert_eq!(report.verdict(), "pass");
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
    root.git("init --quiet --initial-branch main");
    root.git("add console backend_v2");
    root.git("commit --quiet --message base");
    assert_eq!(gated(&root), none, "nothing has changed");
    root.write("NOTES", "beside the trees");
    assert_eq!(gated(&root), none, "beside the trees");
    root.add_head(Tree::Raptor, "pass", "pass");
    assert_eq!(gated(&root), ["raptor"], "in no commit yet");
    root.git("checkout --quiet -b change");
    root.git("add backend_v2");
    root.git("commit --quiet --message change");
    assert_eq!(gated(&root), ["raptor"], "in a commit of the change");
    let env = root.read("console/migrations/env.py");
    root.write("console/migrations/env.py", format!("{env}\n# touched\n"));
    assert_eq!(gated(&root), ["console", "raptor"], "an env.py is of its tree");
}
