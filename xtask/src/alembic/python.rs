//! Python environments: an interpreter with the packages of a tree, without the caller's variables.
//!
//! A virtual environment is made once for each lock file and interpreter, in the user's cache, and
//! named by the hash of both. It is made under a lock, and its manifest is written at the end, so that a
//! second gate waits for it, and one that was cut off or changed is made anew.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

pub use super::base::Search;
use super::base::{Base, base, base_interpreter, environment_of_python};
use super::interpreter::BYTECODE;
use super::project;
use crate::os::cache_dir;
use crate::os::environment;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::manifest;
use crate::os::process::{self, Limits};
use crate::os::run_dir::RunDir;
use model::tree::Tree;

/// How long the packages may take to come from the registry.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(600);
/// The variable that decides the order of Python's sets.
const HASH_SEED: &str = "PYTHONHASHSEED";

/// The packages of the monorepo's trees, for a tree whose project has no Python.
const CARRIED: &str = include_str!("../../../console/requirements.txt");

/// The interpreter for a tree: the named one as it is, else that of a virtual environment with the
/// packages of its lock file; without a lock file its project's own, else one with the packages of
/// the monorepo's trees. Fails where there is no Python, or the packages cannot be had.
pub fn interpreter(search: &Search<'_>, tree: &Tree) -> Result<Utf8PathBuf> {
    if let Some(python) = search.named {
        if python.is_file() {
            // Not canonical: a virtual environment is known by the path of its symbolic link.
            return Ok(camino::absolute_utf8(python)?);
        }
        let found = which::which(python).ok().and_then(|p| Utf8PathBuf::from_path_buf(p).ok());
        return found.with_context(|| format!("cannot find `{python}`, named by --python"));
    }
    let lock_file = tree.requirements.as_deref();
    if lock_file.is_none()
        && let Some(python) = project::interpreter(search, tree)?
    {
        return Ok(python);
    }
    let base = base(search)?;
    let dir = environment_of(search, base, lock_file)?;
    if base.whole.borrow().contains(&dir) {
        return Ok(dir.join("bin/python"));
    }
    let python = virtual_environment(search, &base.real, lock_file, &dir)?;
    base.whole.borrow_mut().insert(dir);
    Ok(python)
}

/// The folder of the environment for a lock file and an interpreter.
fn environment_of(
    search: &Search<'_>,
    base: &Base,
    lock_file: Option<&Utf8Path>,
) -> Result<Utf8PathBuf> {
    let read = |file: &Utf8Path| {
        let lock = fs::read(file);
        lock.with_context(|| format!("cannot read `{file}`, which names what the migrations need"))
    };
    let lock = lock_file.map_or(Ok(CARRIED.into()), read)?;
    let hash = Sha256::new().chain_update(&lock).chain_update(&base.identity).finalize();
    let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    // The cache may be a link to a folder that migrations do not see, while they see their own Python.
    let real = search.environments.canonicalize_utf8();
    Ok(real.unwrap_or(search.environments.to_owned()).join(name))
}

/// Interpreters and environments that were found to run migrations with.
pub struct PythonSearch {
    /// The interpreter.
    pub path: Utf8PathBuf,
    /// Its version: `3.11.7`.
    pub version: String,
    /// Whether it can make environments: `venv` with `ensurepip`, or uv.
    pub makes_environments: bool,
    /// The environment of each lock file, and whether it is made.
    pub environments: Vec<(Utf8PathBuf, bool)>,
}

/// Finds the interpreter that [`interpreter`] would use, and makes nothing.
pub fn look(search: &Search<'_>, lock_files: &[Utf8PathBuf]) -> Result<PythonSearch> {
    let base = base_interpreter(search)?;
    let mut environments = Vec::new();
    for lock_file in lock_files {
        let dir = environment_of(search, &base, Some(lock_file))?;
        let made = manifest::difference(&dir).is_none();
        if !environments.contains(&(dir.clone(), made)) {
            environments.push((dir, made));
        }
    }
    let mut command = Command::new(&base.path);
    command.args(["-I", "-c", "import ensurepip, venv"]).env_clear().envs(environment_of_python());
    let timeout = Duration::from_secs(30);
    let limits = Limits { cwd: Utf8Path::new("/"), timeout, interrupt: search.interrupt };
    let makes_environments = which::which("uv").is_ok() || process::run(command, limits).is_ok();
    let version = base.identity.lines().nth(2).and_then(|line| line.split(' ').next());
    let version = version.unwrap_or_default().to_owned();
    Ok(PythonSearch { path: base.path, version, makes_environments, environments })
}

fn virtual_environment(
    search: &Search<'_>,
    base: &Utf8Path,
    lock_file: Option<&Utf8Path>,
    dir: &Utf8Path,
) -> Result<Utf8PathBuf> {
    let python = dir.join("bin/python");
    if manifest::difference(dir).is_none() {
        return Ok(python);
    }
    cache_dir::make(search.environments)?;
    let waiting = "waiting for another gate to make the Python environment";
    let lock = dir.with_extension("lock");
    let _lock = cache_dir::lock(&lock, waiting, search.interrupt, search.notice)?;
    let Some(difference) = manifest::difference(dir) else { return Ok(python) };
    if dir.exists() {
        (search.notice)(&format!("the Python environment is not what the gate made: {difference}"));
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove the damaged `{dir}`"))?;
    }
    let carried = dir.with_extension("txt");
    if lock_file.is_none() {
        fs::write(&carried, CARRIED).with_context(|| format!("cannot write `{carried}`"))?;
    }
    let lock_file = lock_file.unwrap_or(&carried);
    (search.notice)(&format!("making a Python environment from {lock_file} (once)"));
    let sh = Shell::new().context("cannot read the working folder")?;
    let install = ["--require-hashes", "--only-binary", ":all:", "-r", lock_file.as_str()];
    let commands: [Command; 2] = if which::which("uv").is_ok() {
        [
            cmd!(sh, "uv venv --quiet --python {base} {dir}").into(),
            // Compiled now, because runs cannot write there.
            cmd!(sh, "uv pip install --quiet --compile-bytecode --python {python} {install...}")
                .into(),
        ]
    } else {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
        [cmd!(sh, "{base} -m venv {dir}").into(), cmd!(sh, "{python} {pip...} {install...}").into()]
    };
    for mut command in commands {
        command.env_clear().envs(environment_of_python());
        let limits = Limits {
            cwd: search.environments,
            timeout: INSTALL_TIMEOUT,
            interrupt: search.interrupt,
        };
        let run = process::run(command, limits);
        run.map_err(|err| match err.is::<Interrupted>() {
            true => err,
            // The command's output says why; a hint before it would be read as the cause.
            false => anyhow::anyhow!(
                "cannot make a Python environment from {lock_file}: {err:#}\n\
                 hint: or name an interpreter that has Alembic with --python"
            ),
        })?;
    }
    compile(search, dir, &python)?;
    manifest::write(dir)?;
    Ok(python)
}

/// Compiles the packages of an environment once more, to the folder where the worker looks for
/// compiled files.
fn compile(search: &Search<'_>, dir: &Utf8Path, python: &Utf8Path) -> Result<()> {
    let mut command = Command::new(python);
    command.arg("-X").arg(format!("pycache_prefix={}", dir.join(BYTECODE)));
    command.args(["-m", "compileall", "-q", "-j", "0"]).arg(dir.join("lib"));
    command.env_clear().envs(environment_of_python());
    let interrupt = search.interrupt;
    let limits = Limits { cwd: search.environments, timeout: INSTALL_TIMEOUT, interrupt };
    // A file that is no Python, a template, is no loss.
    process::run_unchecked(command, limits).map(|_| ())
}

/// The environment of a worker, built from nothing: a migration is code from a pull request, and
/// sees no secret of the caller. The URL is set for each tree by the worker.
pub fn environment(scratch: &RunDir, pass: &[String]) -> Vec<(String, OsString)> {
    let mut env: Vec<(String, OsString)> = vec![
        ("PATH".into(), std::env::var_os("PATH").unwrap_or_default()),
        ("HOME".into(), scratch.home().into_string().into()),
        ("TMPDIR".into(), scratch.tmp().into_string().into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("TZ".into(), "UTC".into()),
        // Each interpreter has its own, which can be named to reproduce a run.
        (HASH_SEED.into(), hash_seed().into()),
    ];
    for name in pass {
        if let Some(value) = std::env::var_os(name) {
            set(&mut env, name, value);
        }
    }
    env
}

/// The hash seed that the caller's own `PYTHONHASHSEED` names.
pub fn named_hash_seed() -> Option<String> {
    std::env::var(HASH_SEED).ok().filter(|seed| seed.parse::<u32>().is_ok())
}

/// The named seed, or a random one.
fn hash_seed() -> String {
    named_hash_seed().unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        // The standard library's own hashes begin with random numbers.
        (RandomState::new().hash_one(0) % u64::from(u32::MAX)).to_string()
    })
}

/// Another environment than [`environment`], for a second run that must give the same: another time
/// zone, in which it is another day now, another locale as far as this machine has one, another home
/// and another hash seed.
pub fn environment_elsewhere(
    scratch: &RunDir,
    pass: &[String],
    interrupt: &Interrupt,
) -> Vec<(String, OsString)> {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let is_late = since_1970.as_secs() / 3600 % 24 >= 12;
    let zone = if is_late { "Pacific/Kiritimati" } else { "Etc/GMT+12" };
    let locale = another_locale(interrupt);
    let mut env = environment(scratch, pass);
    for (name, value) in [("TZ", zone), ("LANG", &locale), ("HOME", scratch.tmp().as_str())] {
        set(&mut env, name, value.into());
    }
    env
}

fn set(env: &mut Vec<(String, OsString)>, name: &str, value: OsString) {
    env.retain(|(known, _)| known != name);
    env.push((name.to_owned(), value));
}

/// A locale of this machine in which days have other names; one that is not there could not be set.
fn another_locale(interrupt: &Interrupt) -> String {
    let limits = Limits { cwd: Utf8Path::new("/"), timeout: Duration::from_secs(10), interrupt };
    let mut command = Command::new("locale");
    command.arg("-a").env_clear().envs(environment::local());
    let said = process::run_unchecked(command, limits).map(|said| said.stdout).unwrap_or_default();
    let is_other = |name: &&str| {
        let plain = ["C", "POSIX", "en"].iter().any(|known| {
            name.strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || !rest.starts_with(char::is_alphanumeric))
        });
        !plain && name.to_lowercase().replace('-', "").ends_with(".utf8")
    };
    said.lines().find(is_other).unwrap_or("POSIX").to_owned()
}
