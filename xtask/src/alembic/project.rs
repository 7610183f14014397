//! Python of a project: the environment in which the project's own commands run.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::base::{Search, base, environment_of_python};
use crate::os::process::{self, Limits};
use model::tree::Tree;

/// How long a program may take to say where its environment is.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The variables that name an active environment.
const ACTIVE: [&str; 2] = ["VIRTUAL_ENV", "CONDA_PREFIX"];
/// The variable that names the environment of uv's projects.
const OF_UV: &str = "UV_PROJECT_ENVIRONMENT";

/// A program that makes an environment for each project.
struct Manager {
    /// Its lock file.
    lock: &'static str,
    /// The command that prints the interpreter of a project's environment, which need not lie in
    /// the project.
    ask: &'static [&'static str],
    /// The command that makes the environment.
    make: &'static str,
}

const MANAGERS: [Manager; 4] = [
    Manager { lock: "uv.lock", ask: &[], make: "uv sync" },
    Manager {
        lock: "poetry.lock",
        // A project may ask for plugins, which are installed and run.
        ask: &["poetry", "--no-plugins", "--no-interaction", "env", "info", "--executable"],
        make: "poetry install",
    },
    Manager { lock: "Pipfile.lock", ask: &["pipenv", "--py"], make: "pipenv sync" },
    Manager { lock: "pdm.lock", ask: &[], make: "pdm sync" },
];

/// The interpreter of a tree's project that has Alembic: that of the active environment, else of one
/// beside the ini or where Alembic runs or above them within the root, else of the one that the
/// project's manager names, else the one on PATH. `None` where there is none. Fails where a lock file says
/// that an environment is still to be made.
pub(super) fn interpreter(search: &Search<'_>, tree: &Tree) -> Result<Option<Utf8PathBuf>> {
    let root = search.root;
    let ini = tree.ini_path();
    let above = ini.parent().into_iter().flat_map(Utf8Path::ancestors);
    let above = above.filter(|folder| folder.starts_with(root)).chain([tree.cwd.as_path()]);
    let folders: Vec<&Utf8Path> =
        above.chain(tree.cwd.ancestors().filter(|folder| folder.starts_with(root))).collect();
    let active = ACTIVE.iter().filter_map(|name| std::env::var(name).ok()).map(Utf8PathBuf::from);
    let beside = folders.iter().flat_map(|folder| beside(folder));
    let locked = folders.iter().find_map(|folder| {
        let manager = MANAGERS.iter().find(|manager| folder.join(manager.lock).is_file())?;
        Some((*folder, manager))
    });
    let asked = || locked.and_then(|(folder, manager)| ask(search, folder, manager));
    let environment = active.chain(beside).find(|dir| has_alembic(dir)).or_else(asked);
    let python = environment.map(|dir| dir.join("bin/python")).or_else(|| on_path(search));
    search.interrupt.check()?;
    let label = &tree.label;
    if let Some(python) = python {
        let shown = python.strip_prefix(root).unwrap_or(&python);
        (search.notice)(&format!("{label} runs with {shown}; --python names another one"));
        return Ok(Some(python));
    }
    if let Some((folder, Manager { lock, make, .. })) = locked {
        bail!(
            "cannot find the Python of {label}: `{folder}` has a {lock}, and no environment with Alembic\n\
             hint: run `{make}` there, or name an interpreter that has Alembic with --python"
        );
    }
    (search.notice)(&format!(
        "{label} has no Python of its own with Alembic: it runs with the packages of the gate's own \
         trees; activate its environment, or name it with --python"
    ));
    Ok(None)
}

/// The environments that a folder may hold.
fn beside(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let of_uv = std::env::var(OF_UV).ok().filter(|_| folder.join("uv.lock").is_file());
    let names = of_uv.into_iter().chain([".venv".to_owned(), "venv".to_owned()]);
    names.map(|name| folder.join(name)).collect()
}

/// The environment that a manager names, where the manager is installed.
fn ask(search: &Search<'_>, folder: &Utf8Path, manager: &Manager) -> Option<Utf8PathBuf> {
    let (program, arguments) = manager.ask.split_first()?;
    let mut command = Command::new(which::which(program).ok()?);
    command.args(arguments).env_clear().envs(environment_of_python());
    let limits = Limits { cwd: folder, timeout: TIMEOUT, interrupt: search.interrupt };
    let said = process::run(command, limits).ok()?.stdout;
    let python = Utf8Path::new(said.lines().last()?.trim());
    python.parent()?.parent().map(Utf8Path::to_owned).filter(|dir| has_alembic(dir))
}

/// The interpreter on PATH, where it has Alembic.
fn on_path(search: &Search<'_>) -> Option<Utf8PathBuf> {
    let python = base(search).ok()?.path.clone();
    let mut command = Command::new(&python);
    let has = "import importlib.util, sys; sys.exit(importlib.util.find_spec('alembic') is None)";
    command.args(["-I", "-c", has]).env_clear().envs(environment_of_python());
    let limits = Limits { cwd: Utf8Path::new("/"), timeout: TIMEOUT, interrupt: search.interrupt };
    process::run(command, limits).ok().map(|_| python)
}

fn has_alembic(environment: &Utf8Path) -> bool {
    let versions = environment.join("lib").read_dir_utf8().into_iter().flatten().flatten();
    let mut packages = versions.map(|version| version.path().join("site-packages/alembic"));
    environment.join("bin/python").is_file() && packages.any(|package| package.is_dir())
}
