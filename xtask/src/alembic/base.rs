//! Interpreter that environments are made from: the one on PATH.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::os::environment;
use crate::os::interrupt::Interrupt;
use crate::os::process::{self, Limits};
use crate::os::store::{Key, Store, stamp};

/// The oldest Python that the pinned SQLAlchemy runs on.
const OLDEST: (u32, u32) = (3, 11);
/// The kind of entry that an interpreter's answer is.
const KIND: &str = "python";

/// Where to find an interpreter and where to keep environments.
pub struct Search<'a> {
    /// The folder above which no project has its environment.
    pub root: &'a Utf8Path,
    /// `--python`: an interpreter that has all packages.
    pub named: Option<&'a Utf8Path>,
    /// The folder below which environments are kept.
    pub environments: &'a Utf8Path,
    /// Ends it early.
    pub interrupt: &'a Interrupt,
    /// Takes a message when something takes long.
    pub notice: &'a (dyn Fn(&str) + Sync),
    /// The interpreter on PATH, asked once: a version manager's `python3` is a script that takes
    /// longer than a start of Postgres.
    pub base: OnceCell<Base>,
    /// Where its answer is kept for the next run.
    pub kept: Option<&'a Store>,
}

/// The interpreter that environments are made from.
pub struct Base {
    /// It as PATH names it, perhaps in an active environment.
    pub(super) path: Utf8PathBuf,
    /// Its file.
    pub(super) real: Utf8PathBuf,
    /// Changes when another interpreter stands behind the same name.
    pub(super) identity: String,
    /// The environments that were found whole, each looked at once.
    pub(super) whole: RefCell<BTreeSet<Utf8PathBuf>>,
}

/// The interpreter on PATH, asked once.
pub(super) fn base<'s>(search: &'s Search<'_>) -> Result<&'s Base> {
    if let Some(base) = search.base.get() {
        return Ok(base);
    }
    let base = base_interpreter(search)?;
    Ok(search.base.get_or_init(|| base))
}

/// The real interpreter behind `python3` (else `python`) on PATH.
pub(super) fn base_interpreter(search: &Search<'_>) -> Result<Base> {
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
                // An answer that cannot be kept is asked for again.
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
    // A link may be gone when the environment that is made from it is used again.
    let real = path.canonicalize_utf8().unwrap_or_else(|_| path.clone());
    let identity = said.replacen(path.as_str(), real.as_str(), 1);
    Ok(Base { path, real, identity, whole: RefCell::default() })
}

/// Asks an interpreter for its real path and version.
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

/// An answer with the metadata of the interpreter that gave it.
fn answer_with_stamp(said: &str) -> String {
    let stamp = said.lines().nth(1).and_then(|python| stamp(Utf8Path::new(python)));
    format!("{}\n{said}", stamp.unwrap_or_default())
}

/// The answer of an earlier run, if its interpreter is unchanged.
fn remembered_answer(kept: &Store, key: &str) -> Option<String> {
    let kept = String::from_utf8(kept.read(KIND, key)?).ok()?;
    let (_, said) = kept.split_once('\n')?;
    (answer_with_stamp(said) == kept && !kept.starts_with('\n')).then(|| said.to_owned())
}

/// The files by which a program on PATH chooses its interpreter: none if it is the interpreter
/// itself, those of pyenv if it is pyenv's script; `None` for any other script.
fn behind(found: &Utf8Path) -> Option<Vec<Utf8PathBuf>> {
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

/// The part of the caller's environment that Python, pip and uv get while an interpreter is looked
/// for or given its packages: the way to the network, their own settings, and those of version
/// managers.
pub(super) fn environment_of_python() -> Vec<(OsString, OsString)> {
    let own =
        ["pip_", "uv_", "poetry_", "pipenv_", "workon_home", "pyenv_", "asdf_", "mise_", "xdg_"];
    environment::of_registry_client(|name| own.iter().any(|prefix| name.starts_with(prefix)))
}
