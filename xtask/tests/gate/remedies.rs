//! Remedies of the failure modes A to F, followed as a reader does: what is printed is applied, the gate is
//! built anew where its recipes changed, and its tests and the gate are green.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rebuilt::{self, Target};
use crate::support::root::{ADDED, Revision, Root, Tree};
use crate::support::run::{Ended, Gate};

fn apply(root: &Path, patch: &str) {
    let mut git = Command::new("git");
    let mut child =
        git.args(["apply", "-"]).current_dir(root).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{patch}");
}

/// The patches in what the gate prints for a person, as they are copied from there.
fn patches(printed: &str) -> Vec<String> {
    let parts = printed.split(" apply this change (`git apply`, or --fix):\n").skip(1);
    let after = ["     verify: ", "         or: ", "       then: "];
    let end = |line: &&str| after.iter().any(|label| line.starts_with(label));
    let copied = parts.map(|part| {
        let lines = part.lines().take_while(|line| !end(line));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    });
    copied.collect()
}

/// Follows what a red run prints, one patch a tree.
#[track_caller]
fn follow(root: &Root, codes: [&str; 2]) -> Ended {
    let red = root.gate_for_a_person().run();
    red.assert_code(1);
    for code in codes {
        assert!(red.stdout.contains(&format!("error[{code}]")), "{code}: {}", red.stdout);
    }
    let printed = patches(&red.stdout);
    assert_eq!(printed.len(), 2, "{}", red.stdout);
    printed.iter().for_each(|patch| apply(root.path(), patch));
    red
}

/// The gate is green, merged revisions judged as new ones, and the lints are silent.
#[track_caller]
fn is_green(root: &Root, gate: &Path) {
    let run = |verb: &str| {
        let gate = Gate::of(gate, &root.sandbox).args(verb);
        gate.arg("--root").arg(root.path()).run()
    };
    run("--no-cache --all").assert_code(0);
    let lint = run("lint --all");
    lint.assert_code(0);
    assert!(!lint.stdout.contains("error["), "{}", lint.stdout);
}

fn merge(root: &Root) {
    root.git("add --all");
    root.git("commit --quiet --message merged");
}

/// Mode D as in 1551, mode C as in 1550. Returns the name of Raptor's last revision.
fn break_index_and_heads(root: &Root) -> String {
    root.add_head(
        Tree::Console,
        "op.execute('CREATE INDEX ix_open ON admin_sessions (admin_id) WHERE expires_at > now()')",
        "op.execute('DROP INDEX ix_open')",
    );
    let (head, parent) = (root.head(Tree::Raptor), root.before_head(Tree::Raptor));
    let id = format!("{:04}", head.parse::<u32>().unwrap() + 1);
    let (upgrade, downgrade) =
        ("op.execute('CREATE TABLE mine (id int)')", "op.execute('DROP TABLE mine')");
    root.add(Tree::Raptor, &Revision { id: &id, parents: &[&parent], upgrade, downgrade });
    format!("{id}_added")
}

/// Mode F as on 2026-05-31, and mode E: the name of a file for its id.
fn break_table_and_pointer(root: &Root, last: &str) {
    let upgrade = "import sqlalchemy as sa\n\
                   op.create_table('feature_flag_schedules', sa.Column('a', sa.Text))";
    let downgrade = "op.drop_table('feature_flag_schedules')";
    root.add(Tree::Console, &Revision { id: "9002", parents: &[ADDED], upgrade, downgrade });
    let (upgrade, downgrade) =
        ("op.execute('CREATE TABLE more (id int)')", "op.execute('DROP TABLE more')");
    root.add(Tree::Raptor, &Revision { id: ADDED, parents: &[last], upgrade, downgrade });
}

/// Modes B and A: a role and a row that no recipe supplies.
fn ask_for_role_and_row(root: &Root) {
    let upgrade = "op.execute('GRANT SELECT ON orders TO reporting')";
    let downgrade = "op.execute('REVOKE SELECT ON orders FROM reporting')";
    root.add(Tree::Raptor, &Revision { id: "9002", parents: &[ADDED], upgrade, downgrade });
    let upgrade = "row = op.get_bind().exec_driver_sql(\n    \
                   \"SELECT id FROM rbac_groups WHERE slug = 'billing'\").scalar_one()";
    root.add(
        Tree::Console,
        &Revision { id: "9003", parents: &["9002"], upgrade, downgrade: "pass" },
    );
}

#[test]
fn remedies_of_all_modes_are_followed_to_the_end() {
    let root = rebuilt::whole();
    root.git("init --quiet --initial-branch main");
    merge(&root);
    let last = break_index_and_heads(&root);
    follow(&root, ["MG004", "MG003"]);
    merge(&root);
    break_table_and_pointer(&root, &last);
    follow(&root, ["MG006", "MG005"]);
    merge(&root);
    ask_for_role_and_row(&root);
    let red = follow(&root, ["MG002", "MG001"]);
    for said in [
        "have the recipe create the role reporting",
        "+    steps.create_role(&REPORTING)?;",
        "have the recipe insert the row of rbac_groups",
        "+    steps.seed(&RBAC_GROUPS_BILLING)?;",
        "`cargo gate runbook`",
    ] {
        assert!(red.stdout.contains(said), "{said}: {}", red.stdout);
    }
    let target = Target::new();
    target.test(&root, &["--no-run"]);
    Gate::of(target.gate(), &root.sandbox).arg("runbook").cwd(root.path()).run().assert_code(0);
    // Less what compares with other programs for minutes, or reads each log again in other forms.
    let slow = ["postgres::schema", "production::corpus", "for_a_person", "clothes", "the_end_of"];
    let skip = slow.iter().flat_map(|name| ["--skip", name]);
    target.test(&root, &std::iter::once("--").chain(skip).collect::<Vec<_>>());
    is_green(&root, &target.gate());
}
