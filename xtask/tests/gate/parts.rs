//! While one tree is worked on, the result of the other is known: it is shown as it was, and the
//! report is the same as when both are run. Where they may have to do with each other, both are.

use serde_json::Value;

use crate::known::Shop;
use crate::prefix::timeless;
use crate::support::root::{Root, Tree};
use crate::support::run::Ended;

/// Both trees, with a cache of their own in which a green run is known.
struct Both {
    root: Root,
    /// Its cache is theirs.
    shop: Shop,
}

impl Both {
    fn known() -> Both {
        let both = Both { root: Root::copy(), shop: Shop::new() };
        // The first run of all may make the Python environment, which then was touched meanwhile.
        both.run("--no-cache").assert_code(0);
        both.run("").assert_code(0);
        both
    }

    fn run(&self, options: &str) -> Ended {
        // What was written a moment ago was written while the run went on.
        std::thread::sleep(std::time::Duration::from_millis(120));
        let gate = self.root.gate().args("-v").args(options);
        gate.env("XDG_CACHE_HOME", self.shop.cache()).run()
    }

    /// That a run, of which this tree is known, says the same as one that knows nothing.
    #[track_caller]
    fn assert_known(&self, known: Option<&str>, code: i32) -> Ended {
        let quick = self.run("");
        assert_eq!(quick.report().0["known_since"], Value::Null, "{}", quick.stderr);
        for label in ["Console", "Raptor"] {
            let told = quick.stderr.contains(&format!("all of {label} is known since"));
            assert_eq!(told, known == Some(label), "{label}: {}", quick.stderr);
        }
        // Nothing is begun in vain.
        let in_vain = "what comes after it may change what all databases share";
        assert!(!quick.stderr.contains(in_vain), "{}", quick.stderr);
        let whole = self.run("--no-cache");
        quick.assert_code(code);
        whole.assert_code(code);
        assert_eq!(timeless(quick.report().0), timeless(whole.report().0));
        quick
    }

    fn touch(&self, tree: Tree) {
        let file = self.root.head_file(tree);
        self.root.write(&file, self.root.read(&file) + "\n# more\n");
    }
}

#[test]
fn the_tree_that_nobody_works_on_is_known() {
    let both = Both::known();
    both.touch(Tree::Console);
    both.assert_known(Some("Raptor"), 0);
    // What is known by halves is known whole, and by the other half.
    assert_ne!(both.run("").report().0["known_since"], Value::Null);
    both.touch(Tree::Raptor);
    both.assert_known(Some("Console"), 0);
    // A red tree leaves the other one known, again and again.
    let (wrong, right) = ("op.execute('SELECT 1 / 0')", "op.execute('SELECT 1')");
    let file = both.root.add_head(Tree::Console, wrong, right);
    for _ in 0..2 {
        let ended = both.assert_known(Some("Raptor"), 1);
        assert!(ended.stdout.contains("division by zero"), "{}", ended.stdout);
    }
    both.root.write(&file, both.root.read(&file).replace("1 / 0", "1"));
    both.assert_known(Some("Raptor"), 0);
    both.touch(Tree::Console);
    both.touch(Tree::Raptor);
    both.assert_known(None, 0);
}

#[test]
fn a_tree_that_may_have_to_do_with_another_one_is_run() {
    let both = Both::known();
    let role = ("op.execute('CREATE ROLE other')", "op.execute('DROP ROLE other')");
    let file = both.root.add_head(Tree::Console, role.0, role.1);
    both.assert_known(None, 0);
    // Neither is the other one known where it is the head that is there already.
    both.touch(Tree::Raptor);
    both.assert_known(None, 0);
    both.root.remove(&file);
    both.run("").assert_code(0);
    // Nor while one reads what lies among the other's revisions.
    let reads =
        format!("open({:?}).read()\n", both.root.path().join(both.root.head_file(Tree::Raptor)));
    let env = "console/migrations/env.py";
    both.root.write(env, both.root.read(env) + &reads);
    both.run("").assert_code(0);
    both.touch(Tree::Raptor);
    both.assert_known(None, 0);
}
