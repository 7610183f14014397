//! Plain Alembic: `upgrade head`, `downgrade -1`, `upgrade head`, a fresh process each.

use std::fs;
use std::process::{Command, Stdio};

use super::tree::{Case, Edit, StepOutcome};
use super::{Differences, World};

const COMMANDS: [(&str, &str, StepOutcome); 3] = [
    ("upgrade", "head", StepOutcome::Upgrade),
    ("downgrade", "-1", StepOutcome::Downgrade),
    ("upgrade", "head", StepOutcome::Again),
];

/// The tree as it is written, and after each edit.
pub fn check(world: &World, case: &Case, differences: &Differences) {
    differences.expect(&case.name, "plain", &outcome(world, case, None), StepOutcome::Pass);
    for edit in &case.edits {
        let is = outcome(world, case, Some(edit));
        differences.expect(&edit.name, "plain", &is, edit.plain);
    }
}

/// How the commands end on a database of their own, in an environment like that of the gate, and why.
fn outcome(world: &World, case: &Case, edit: Option<&Edit>) -> (String, String) {
    let name = edit.map_or(&case.name, |edit| &edit.name);
    let tree = world.copy(case, &format!("plain_{name}"));
    if let Some(edit) = edit {
        edit.make(&tree);
    }
    let (home, tmp) = (tree.with_file_name("home"), tree.with_file_name("tmp"));
    for folder in [&home, &tmp] {
        fs::create_dir(folder).unwrap();
    }
    // As a name for Postgres, at most 63 bytes.
    world.server.execute("postgres", &[&format!("CREATE DATABASE {name}")]);
    let url = world.server.url().replace("/postgres?", &format!("/{name}"));
    for (command, revision, outcome) in COMMANDS {
        let said = Command::new(&world.python)
            .args(["-m", "alembic", command, revision])
            .current_dir(&tree)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TMPDIR", &tmp)
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("DATABASE_URL", url.replace("postgresql:", "postgresql+psycopg2:"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if !said.status.success() {
            let why = [said.stdout, said.stderr].concat();
            return (format!("{outcome:?}"), String::from_utf8_lossy(&why).into_owned());
        }
    }
    (format!("{:?}", StepOutcome::Pass), String::new())
}
