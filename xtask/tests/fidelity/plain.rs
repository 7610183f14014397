//! Plain Alembic: `upgrade head`, `downgrade -1`, `upgrade head`, a fresh process each.

use std::fs;
use std::process::{Command, Stdio};

use super::World;
use super::tree::{Case, StepOutcome};

const COMMANDS: [(&str, &str, StepOutcome); 3] = [
    ("upgrade", "head", StepOutcome::Upgrade),
    ("downgrade", "-1", StepOutcome::Downgrade),
    ("upgrade", "head", StepOutcome::Again),
];

/// How the commands end on a database of their own, in an environment like that of the gate.
pub fn outcome(world: &World, case: &Case, edited: bool) -> String {
    let name = if edited { "plain_edited" } else { "plain" };
    let tree = world.copy(case, name);
    if edited {
        case.edit(&tree, false);
    }
    let (home, tmp) = (tree.with_file_name("home"), tree.with_file_name("tmp"));
    for folder in [&home, &tmp] {
        fs::create_dir(folder).unwrap();
    }
    // As a name for Postgres, at most 63 bytes.
    let database = format!("{}_{}", if edited { "e" } else { "p" }, case.name);
    world.server.execute("postgres", &[&format!("CREATE DATABASE {database}")]);
    let url = world.server.url().replace("/postgres?", &format!("/{database}"));
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
            if std::env::var_os("FIDELITY").is_some() {
                let text = String::from_utf8_lossy(&said.stderr);
                eprintln!("{}: {command} {revision}:\n{text}", case.name);
            }
            return format!("{outcome:?}");
        }
    }
    format!("{:?}", StepOutcome::Pass)
}
