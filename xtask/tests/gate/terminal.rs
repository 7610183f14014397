//! What somebody at a terminal asks for: fewer words, colours, completions.

use crate::support::root::{Root, Tree};
use crate::support::run::Gate;

#[test]
fn quiet_lint_shows_errors_and_the_verdict_alone() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "op.execute('GRANT SELECT ON orders TO nobody_knows')", "pass");
    root.add_head(
        Tree::Console,
        "op.execute('SELECT 1')  # migration-gate: allow MG208 no reason",
        "pass",
    );
    let lint = |args: &str| {
        let gate = Gate::new(&root.sandbox).args("lint --root").arg(root.path()).args(args);
        let ended = gate.run();
        ended.assert_code(1);
        ended.stdout
    };
    let (all, quiet) = (lint(""), lint("--quiet"));
    assert!(all.contains("note: ") || all.contains("warning["), "{all}");
    assert!(quiet.starts_with("error[MG002]") && !quiet.contains("note: "), "{quiet}");
    assert!(quiet.contains("\nFAIL  76 revisions read, 1 error, 1 warning in "), "{quiet}");
    // A test may run below cargo or not.
    let next = format!(" lint raptor --root {}\n", root.path().display());
    for told in [&all, &quiet] {
        assert!(told.ends_with(&next) && told.contains("\n      once that is fixed: "), "{told}");
    }
    let again = next.replace('\n', " --all\n");
    assert!(lint("--all").ends_with(&again), "the same is judged again");
    assert!(!quiet.contains('\x1b') && lint("-q --color always").contains("\x1b[1m"));
    assert!(!lint("--color never").contains('\x1b'));
}

#[test]
fn completions_and_version_need_no_repository() {
    let empty = tempfile::tempdir().unwrap();
    let root = Root::copy();
    let run = |args: &str| {
        let ended = Gate::new(&root.sandbox).args(args).cwd(empty.path()).run();
        ended.assert_code(0);
        ended.stdout
    };
    assert!(run("completions bash").contains("--only-changed"));
    assert_eq!(run("--version"), concat!("migration-gate ", env!("CARGO_PKG_VERSION"), "\n"));
}
