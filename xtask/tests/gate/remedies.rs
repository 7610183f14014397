//! Remedies of the failure modes, followed as a reader does: what is printed is applied, and the gate is
//! green. A supply becomes a patch of the recipe, which compiles. A replay verifies those of each mode.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::root::{Revision, Root, Tree, copy, monorepo};
use crate::support::run::Gate;

/// What the recipes use of the gate.
const LIB: &str = "\
pub mod steps {
    pub mod runner {
        pub struct StepRunner<'a>(pub &'a str);
        impl StepRunner<'_> {
            pub fn upgrade(&mut self, _: &str, _: &str) -> anyhow::Result<()> { Ok(()) }
            pub fn seed(&mut self, _: &model::supply::Row) -> anyhow::Result<()> { Ok(()) }
            pub fn create_role(&mut self, _: &model::supply::Role) -> anyhow::Result<()> { Ok(()) }
            pub fn round_trip(&mut self) -> anyhow::Result<()> { Ok(()) }
        }
    }
}
pub mod console;
pub mod raptor;
pub mod spec;
";

/// Checks the recipes below a root as Rust, with the gate's own model.
fn check(root: &Root) {
    let package = root.path().join("recipes-check");
    let from = root.path().join("xtask/src/recipes");
    fs::create_dir_all(package.join("src")).unwrap();
    for name in ["console.rs", "raptor.rs", "spec.rs"] {
        fs::copy(from.join(name), package.join("src").join(name)).unwrap();
    }
    fs::write(package.join("src/lib.rs"), LIB).unwrap();
    let xtask = monorepo().join("xtask");
    let (model, mutants) = (xtask.join("model"), xtask.join("mutants"));
    let manifest = format!(
        "[package]\nname = \"recipes-check\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nanyhow = \"1\"\ncamino = \"1\"\nmodel = {{ path = {model:?} }}\n\
         mutants = {{ path = {mutants:?} }}\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions that are there already.
    fs::copy(monorepo().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--quiet", "--offline", "--target-dir"]).current_dir(&package);
    let said = cargo.arg(monorepo().join("target/recipes-check")).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

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
    let end = |line: &&str| line.starts_with("     verify: ") || line.starts_with("         or: ");
    let copied = parts.map(|part| {
        let lines = part.lines().take_while(|line| !end(line));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    });
    copied.collect()
}

/// As in 1551 and 1550, one patch a tree; then the gate is green, and the lints are silent.
#[test]
fn remedies_of_modes_c_and_d_are_followed_to_the_end() {
    let root = Root::copy();
    root.merge();
    root.add_head(
        Tree::Console,
        "op.execute('CREATE INDEX ix_open ON admin_sessions (admin_id) WHERE expires_at > now()')",
        "op.execute('DROP INDEX ix_open')",
    );
    let (head, parent) = (root.head(Tree::Raptor), root.before_head(Tree::Raptor));
    let (upgrade, downgrade) =
        ("op.execute('CREATE TABLE mine (id int)')", "op.execute('DROP TABLE mine')");
    let id = format!("{:04}", head.parse::<u32>().unwrap() + 1);
    root.add(Tree::Raptor, &Revision { id: &id, parents: &[&parent], upgrade, downgrade });
    let red = root.gate_for_a_person().run();
    red.assert_code(1);
    for code in ["MG004", "MG003"] {
        assert!(red.stdout.contains(&format!("error[{code}]")), "{code}: {}", red.stdout);
    }
    let printed = patches(&red.stdout);
    assert_eq!(printed.len(), 2, "{}", red.stdout);
    printed.iter().for_each(|patch| apply(root.path(), patch));
    root.gate_for_a_person().run().assert_code(0);
    let lint = Gate::new(&root.sandbox).arg("lint").arg("--root").arg(root.path()).run();
    lint.assert_code(0);
    assert!(!lint.stdout.contains("error["), "{}", lint.stdout);
}

#[test]
fn a_role_and_a_row_become_patches_of_the_recipes() {
    let root = Root::copy();
    let recipes = root.path().join("xtask/src/recipes");
    fs::create_dir_all(&recipes).unwrap();
    copy(&monorepo().join("xtask/src/recipes"), &recipes);
    root.add_head(
        Tree::Raptor,
        "op.execute('GRANT SELECT ON orders TO reporting')",
        "op.execute('REVOKE SELECT ON orders FROM reporting')",
    );
    let lookup = "row = op.get_bind().exec_driver_sql(\n    \
                  \"SELECT id FROM rbac_groups WHERE slug = 'billing'\").scalar_one()";
    root.add_head(Tree::Console, lookup, "pass");
    let file = root.path().join("report.json");
    let red = root.gate_for_a_person().arg(format!("--report=json={}", file.display())).run();
    red.assert_code(1);
    let report: serde_json::Value = serde_json::from_str(&root.read("report.json")).unwrap();
    let printed = patches(&red.stdout);
    for (code, what, line) in [
        (
            "MG002",
            "have the recipe create the role reporting",
            "+    steps.create_role(&REPORTING)?;",
        ),
        (
            "MG001",
            "have the recipe insert the row of rbac_groups",
            "+    steps.seed(&RBAC_GROUPS_BILLING)?;",
        ),
    ] {
        let mut findings = report["findings"].as_array().unwrap().iter();
        let finding = findings.find(|f| f["code"] == code && f["verified"] == true);
        let finding = finding.unwrap_or_else(|| panic!("{code}: {report:#}"));
        assert!(finding["remedy"].to_string().contains(what), "{finding:#}");
        let patch = finding["patch"].as_str().unwrap();
        assert!(patch.lines().any(|added| added == line), "{patch}");
        let printed = printed.iter().find(|printed| printed.contains(line)).expect("it is printed");
        apply(root.path(), printed);
    }
    check(&root);
}
