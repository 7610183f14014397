//! `new` writes what the tree's own Alembic would write, and `alembic` is that Alembic.

use std::fs;

use crate::support::python;
use crate::support::root::{Revision, Root, Tree};
use crate::support::run::Gate;

#[test]
fn new_writes_what_alembic_writes_and_needs_none() {
    let root = Root::copy();
    let python = python::made();
    let message = "what it \"does\" to orders, in words that are too many for the name of a file";
    for (id, tree) in [("console", Tree::Console), ("raptor", Tree::Raptor)] {
        let gate = |verb: &str| {
            let gate = Gate::new(&root.sandbox).arg(verb).arg("--root").arg(root.path());
            gate.env("MIGRATION_GATE_PYTHON", python)
        };
        let new = || gate("new").arg(id).arg(message).env("PATH", "/nowhere").run();
        let written = new();
        written.assert_code(0);
        let file = written.stdout.trim_end().to_owned();
        let ours = root.read(&file);
        root.remove(&file);
        let next = format!("{:04}", root.head(tree).parse::<u32>().unwrap() + 1);
        let theirs =
            gate("alembic").arg(id).args("revision --rev-id").arg(&next).arg("-m").arg(message);
        theirs.run().assert_code(0);
        let undated = |text: &str| {
            text.lines()
                .filter(|line| !line.starts_with("Create Date: 20"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(undated(&ours), undated(&root.read(&file)), "{file}");
        // The next one goes on top of it; of two heads neither is chosen.
        new().assert_code(0);
        let head = root.head(tree);
        root.add(
            tree,
            &Revision { id: "9001", parents: &[&head], upgrade: "pass", downgrade: "pass" },
        );
        let refused = new();
        refused.assert_code(2);
        assert!(refused.stderr.contains("has 2 heads ("), "{}", refused.stderr);
        assert!(
            refused.stderr.contains(&format!("`cargo gate renumber {id} --root ")),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn alembic_gets_its_arguments_and_gives_its_exit_status() {
    let root = Root::copy();
    let python = python::made();
    let alembic = |words: &str| {
        let gate = Gate::new(&root.sandbox).arg("alembic").arg("--root").arg(root.path());
        gate.arg("--python").arg(python).args(words).run()
    };
    let help = alembic("console -h");
    help.assert_code(0);
    assert!(help.stdout.starts_with("usage: alembic [-h]"), "{}", help.stdout);
    let heads = alembic("raptor heads");
    heads.assert_code(0);
    assert!(
        heads.stdout.contains(&format!("{} (head)", root.head(Tree::Raptor))),
        "{}",
        heads.stdout
    );
    let unknown = alembic("raptor show nowhere");
    unknown.assert_code(255);
    let said = format!("{}{}", unknown.stdout, unknown.stderr);
    assert!(said.contains("Can't locate revision"), "{said}");
    let no_tree = alembic("shop heads");
    no_tree.assert_code(2);
    assert!(no_tree.stderr.contains("name one of console, raptor"), "{}", no_tree.stderr);
    assert!(fs::read_dir(root.path()).unwrap().count() == 2, "it runs in the folder of the tree");
}
