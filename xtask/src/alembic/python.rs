//! Python: found, given what the migrations need, and kept from what is the caller's.
//!
//! A virtual environment is made once for each lock file and interpreter, in the user's cache, and
//! named by the hash of both. It is made under a lock, and its manifest is written at the end, so that a
//! second gate waits for it, and one that was cut off or changed is made anew.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use super::interpreter::BYTECODE;
use crate::os::cache_dir;
use crate::os::environment;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::manifest;
use crate::os::process::{self, Limits};
use crate::os::run_dir::RunDir;
use crate::os::store::{Key, Store, stamp};
use model::tree::Tree;

/// The oldest Python that the pinned SQLAlchemy runs on.
const OLDEST: (u32, u32) = (3, 11);
/// How long the packages may take to come from the registry.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(600);
/// What Python takes the order of its sets from.
const HASH_SEED: &str = "PYTHONHASHSEED";
/// The kind of entry that an interpreter's answer is.
const KIND: &str = "python";

/// Where to find an interpreter and where to keep environments.
pub struct Search<'a> {
    /// `--python`: an interpreter that has what it needs.
    pub named: Option<&'a Utf8Path>,
    /// The folder below which environments are kept.
    pub environments: &'a Utf8Path,
    /// What ends it early.
    pub interrupt: &'a Interrupt,
    /// Is told when something takes long.
    pub notice: &'a (dyn Fn(&str) + Sync),
    /// What stands on PATH, asked once: a version manager's `python3` is a script that takes longer
    /// than Postgres takes to start.
    pub base: OnceCell<Base>,
    /// Where its answer is kept for the next run.
    pub kept: Option<&'a Store>,
}

/// The interpreter of a project that has Alembic: that of the virtual environment that is active,
/// else that of a `.venv` beside the ini, where Alembic runs, or above them within the root.
pub fn of_project(ini: &Utf8Path, cwd: &Utf8Path, root: &Utf8Path) -> Option<Utf8PathBuf> {
    let active = std::env::var("VIRTUAL_ENV").ok().map(Utf8PathBuf::from);
    let above = [ini, cwd].into_iter().flat_map(Utf8Path::ancestors);
    let above = above.filter(|folder| folder.starts_with(root)).map(|folder| folder.join(".venv"));
    active.into_iter().chain(above).find(|dir| has_alembic(dir)).map(|dir| dir.join("bin/python"))
}

fn has_alembic(environment: &Utf8Path) -> bool {
    let versions = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut packages = versions.map(|version| version.path().join("site-packages/alembic"));
    environment.join("bin/python").is_file() && packages.any(|package| package.is_dir())
}

/// The interpreter for a tree: the named one as it is, else its project's own, else that of a virtual
/// environment with what its lock file names. Fails where there is no Python, or the packages cannot be
/// had.
pub fn interpreter(search: &Search<'_>, tree: &Tree) -> Result<Utf8PathBuf> {
    if let Some(python) = search.named {
        if python.is_file() {
            // Not canonical: a virtual environment is known by the path of its symbolic link.
            return Ok(camino::absolute_utf8(python)?);
        }
        let found = which::which(python).ok().and_then(|p| Utf8PathBuf::from_path_buf(p).ok());
        return found.with_context(|| format!("cannot find `{python}`, named by --python"));
    }
    if let Some(python) = &tree.python {
        (search.notice)(&format!("{} runs with {python}; --python names another one", tree.label));
        return Ok(python.clone());
    }
    let base = match search.base.get() {
        Some(base) => base,
        None => {
            let base = base_interpreter(search)?;
            search.base.get_or_init(|| base)
        }
    };
    let lock_file = &tree.requirements;
    let dir = environment_of(search, base, lock_file)?;
    virtual_environment(search, &base.path, lock_file, &dir)
}

/// The folder of the environment for a lock file and an interpreter.
fn environment_of(search: &Search<'_>, base: &Base, lock_file: &Utf8Path) -> Result<Utf8PathBuf> {
    let lock = fs::read(lock_file).with_context(|| {
        format!("cannot read `{lock_file}`, which names what the migrations need")
    })?;
    let hash = Sha256::new().chain_update(&lock).chain_update(&base.identity).finalize();
    let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(search.environments.join(name))
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

/// Looks for what [`interpreter`] would use, and makes nothing.
pub fn look(search: &Search<'_>, lock_files: &[Utf8PathBuf]) -> Result<PythonSearch> {
    let base = base_interpreter(search)?;
    let mut environments = Vec::new();
    for lock_file in lock_files {
        let dir = environment_of(search, &base, lock_file)?;
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

/// The interpreter that environments are made from.
pub struct Base {
    path: Utf8PathBuf,
    /// Changes when another interpreter stands behind the same name.
    identity: String,
}

/// The `python3` (else `python`) on PATH, asked what it really is.
fn base_interpreter(search: &Search<'_>) -> Result<Base> {
    let found = which::which("python3").or_else(|_| which::which("python")).map_err(|_| {
        anyhow::anyhow!(
            "cannot find Python: neither python3 nor python is on PATH\n\
             hint: install Python {}.{} or newer, or name one that has Alembic with --python",
            OLDEST.0,
            OLDEST.1
        )
    })?;
    let remembered = search.kept.zip(Utf8Path::from_path(&found).and_then(key_of_answer));
    let said = match remembered.as_ref().and_then(|(kept, key)| remembered_answer(kept, key)) {
        Some(said) => said,
        None => {
            let said = ask(&found, search)?;
            if let Some((kept, key)) = remembered {
                // What cannot be kept is asked again.
                let _ = kept.write(KIND, &key, answer_with_stamp(&said).as_bytes());
            }
            said
        }
    };
    let mut lines = said.lines();
    let version: Vec<u32> =
        lines.next().unwrap_or_default().split(' ').filter_map(|n| n.parse().ok()).collect();
    let path: Utf8PathBuf = lines.next().unwrap_or_default().into();
    if (version.first(), version.get(1)) < (Some(&OLDEST.0), Some(&OLDEST.1)) {
        let version: Vec<String> = version.iter().map(u32::to_string).collect();
        bail!(
            "found Python {} at {path}, the lock files need {}.{} or newer\n\
             hint: put a newer python3 first on PATH, or name one that has Alembic with --python",
            version.join("."),
            OLDEST.0,
            OLDEST.1
        );
    }
    Ok(Base { path, identity: said })
}

/// Asks an interpreter what it really is.
fn ask(found: &std::path::Path, search: &Search<'_>) -> Result<String> {
    let mut command = Command::new(found);
    let ask = "import sys; print(*sys.version_info[:2]); print(sys.executable); print(sys.version)";
    command.args(["-I", "-S", "-c", ask]).env_clear().envs(environment_of_python());
    let limits = Limits {
        cwd: Utf8Path::new("/"),
        timeout: Duration::from_secs(30),
        interrupt: search.interrupt,
    };
    Ok(process::run(command, limits)?.stdout)
}

/// The name under which an answer is kept: that of all that it depends on.
fn key_of_answer(found: &Utf8Path) -> Option<String> {
    let mut key = Key::new(KIND).with_stamp(found);
    for file in behind(found)? {
        key = key.with(file.as_str(), fs::read(&file).unwrap_or_default());
    }
    let mut chosen: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with("PYENV_")))
        .collect();
    chosen.sort();
    for (name, value) in chosen {
        key = key.with(&name.to_string_lossy(), value.as_encoded_bytes());
    }
    Some(key.finish())
}

/// An answer, and what the file system knows of the interpreter that gave it.
fn answer_with_stamp(said: &str) -> String {
    let stamp = said.lines().nth(1).and_then(|python| stamp(Utf8Path::new(python)));
    format!("{}\n{said}", stamp.unwrap_or_default())
}

/// The answer of an earlier run, where its interpreter is what it was.
fn remembered_answer(kept: &Store, key: &str) -> Option<String> {
    let kept = String::from_utf8(kept.read(KIND, key)?).ok()?;
    let (_, said) = kept.split_once('\n')?;
    (answer_with_stamp(said) == kept && !kept.starts_with('\n')).then(|| said.to_owned())
}

/// The files by which a program on PATH chooses what it really runs: none where it is the
/// interpreter itself, those of pyenv where it is pyenv's; `None` of another script, of which nobody
/// knows.
pub fn behind(found: &Utf8Path) -> Option<Vec<Utf8PathBuf>> {
    let bytes = fs::read(found).ok()?;
    if !bytes.starts_with(b"#!") {
        return Some(Vec::new());
    }
    let text = String::from_utf8_lossy(&bytes);
    let pyenv = found.parent().filter(|dir| dir.ends_with("shims"))?.parent()?;
    // The gate asks from the root folder, so no other `.python-version` is met.
    let files = || vec![pyenv.join("version"), "/.python-version".into()];
    text.contains("libexec/pyenv\" exec").then(files)
}

fn virtual_environment(
    search: &Search<'_>,
    base: &Utf8Path,
    lock_file: &Utf8Path,
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
    (search.notice)(&format!("making a Python environment from {lock_file} (once)"));
    let sh = Shell::new().context("cannot read the working folder")?;
    let install = ["--require-hashes", "--only-binary", ":all:", "-r", lock_file.as_str()];
    let commands: [Command; 2] = if which::which("uv").is_ok() {
        [
            cmd!(sh, "uv venv --quiet --python {base} {dir}").into(),
            // What is compiled now need not be compiled for each run, which may not write it there.
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
            // What the command printed says why; a hint before it would be read as the cause.
            false => anyhow::anyhow!(
                "cannot make a Python environment from {lock_file}: {err:#}\n\
                 hint: --python names an interpreter that has Alembic; where `venv` is missing, Debian and \
                 Ubuntu need `apt-get install python3-venv`"
            ),
        })?;
    }
    compile(search, dir, &python)?;
    manifest::write(dir)?;
    Ok(python)
}

/// Compiles the packages of an environment once more, to where the worker looks for what it compiled.
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

/// What Python, pip and uv get of the caller's environment when an interpreter is looked for or given its
/// packages: the way to the network, their own settings, and what a version manager chooses by.
fn environment_of_python() -> Vec<(OsString, OsString)> {
    let own = ["pip_", "uv_", "pyenv_", "asdf_", "mise_", "xdg_"];
    environment::of_registry_client(|name| own.iter().any(|prefix| name.starts_with(prefix)))
}

/// The environment of what runs migrations, built from nothing: a migration is code from a pull
/// request, and sees no secret of the caller. The URL is set for each tree by the worker.
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
