//! Finds Postgres 15's `initdb`, `pg_ctl` and `postgres`.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use super::MAJOR;
use crate::os::environment;
use crate::os::interrupt::Interrupt;
use crate::os::process::{self, Limits};
use model::report::Source;

/// A folder with the binaries of one Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub dir: Utf8PathBuf,
    /// Where they came from.
    pub source: Source,
}

/// Places to look at. Plain data, so that the result depends on nothing else.
#[derive(Clone, Debug)]
pub struct Places {
    /// `--postgres-bin`: the only place, where it is given.
    pub named: Option<Utf8PathBuf>,
    /// The value of PATH.
    pub path: Option<std::ffi::OsString>,
    /// The usual places of distributions, as folders whose last but one part may be a pattern.
    pub usual: Vec<Utf8PathBuf>,
}

impl Places {
    /// The places of this machine.
    pub fn of_this_machine(named: Option<&Utf8Path>) -> Places {
        Places {
            named: named.map(Into::into),
            path: std::env::var_os("PATH"),
            usual: usual_places(),
        }
    }
}

/// A folder where Postgres may lie, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchedFolder {
    /// The folder.
    pub dir: Utf8PathBuf,
    /// What is there.
    pub found: PostgresFolder,
}

/// Content of a folder where Postgres may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresFolder {
    /// Postgres 15 with all programs, in this version.
    Fifteen(String),
    /// Another version.
    Other(String),
    /// Not all of the programs, or no such folder.
    Missing,
    /// A program that does not work, and why.
    Broken(String),
}

impl fmt::Display for SearchedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = &self.dir;
        match &self.found {
            PostgresFolder::Fifteen(version) => write!(f, "found Postgres {version} at {dir}"),
            PostgresFolder::Other(version) => {
                write!(f, "found Postgres {version} at {dir}, the gate needs {MAJOR}")
            }
            PostgresFolder::Missing if dir.is_dir() => {
                write!(f, "no initdb, pg_ctl and postgres in {dir}")
            }
            PostgresFolder::Missing => write!(f, "nothing at {dir}"),
            PostgresFolder::Broken(why) => f.write_str(why),
        }
    }
}

/// Looks at the places in order, and stops at the first with a usable Postgres unless `all` are
/// wanted. Fails only where it is interrupted.
pub fn look(places: &Places, all: bool, interrupt: &Interrupt) -> Result<Vec<SearchedFolder>> {
    let candidates = match &places.named {
        Some(dir) => vec![dir.clone()],
        None => candidates(places, interrupt),
    };
    let mut looked = Vec::new();
    for dir in candidates {
        let found = look_at(&dir, interrupt)?;
        let done = !all && matches!(found, PostgresFolder::Fifteen(_));
        looked.push(SearchedFolder { dir, found });
        if done {
            return Ok(looked);
        }
    }
    if places.named.is_none() {
        let absent = places.usual.iter().filter(|place| expand(place).is_empty());
        looked.extend(
            absent.map(|dir| SearchedFolder { dir: dir.clone(), found: PostgresFolder::Missing }),
        );
    }
    Ok(looked)
}

/// The Postgres in one folder.
pub fn look_at(dir: &Utf8Path, interrupt: &Interrupt) -> Result<PostgresFolder> {
    if ["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file()) {
        version(dir, interrupt)
    } else {
        Ok(PostgresFolder::Missing)
    }
}

/// The folders that exist, in order, each once.
fn candidates(places: &Places, interrupt: &Interrupt) -> Vec<Utf8PathBuf> {
    let mut dirs: Vec<Utf8PathBuf> = Vec::new();
    let mut push = |dir: Utf8PathBuf| {
        // Debian has a wrapper of each client on PATH, and the same folder is often named twice.
        let dir = dir.canonicalize_utf8().unwrap_or(dir);
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    };
    let on_path = |name: &str| -> Vec<Utf8PathBuf> {
        which::which_in_all(name, places.path.as_ref(), "/")
            .map(|found| found.filter_map(|p| Utf8PathBuf::from_path_buf(p).ok()).collect())
            .unwrap_or_default()
    };
    for binary in on_path("postgres") {
        let real = binary.canonicalize_utf8().unwrap_or(binary);
        push(real.parent().unwrap_or(Utf8Path::new("/")).to_owned());
    }
    for pg_config in on_path("pg_config") {
        let mut command = Command::new(&pg_config);
        command.arg("--bindir").env_clear().envs(environment::local());
        let limits = probe_limits(interrupt);
        if let Ok(said) = process::run(command, limits) {
            push(said.stdout.trim().into());
        }
    }
    for place in &places.usual {
        for dir in expand(place) {
            push(dir);
        }
    }
    dirs
}

fn version(dir: &Utf8Path, interrupt: &Interrupt) -> Result<PostgresFolder> {
    let mut command = Command::new(dir.join("postgres"));
    command.arg("--version").env_clear().envs(environment::local());
    let said = match process::run(command, probe_limits(interrupt)) {
        Ok(said) => said.stdout,
        Err(err) => {
            interrupt.check()?;
            return Ok(PostgresFolder::Broken(format!("{err:#}")));
        }
    };
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; `16beta1` has no point.
    let version = said.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Ok(match version[..digits].parse::<u32>() {
        Ok(MAJOR) => PostgresFolder::Fifteen(version),
        Ok(_) => PostgresFolder::Other(version),
        Err(_) => {
            PostgresFolder::Broken(format!("`{dir}/postgres --version` said: {}", said.trim()))
        }
    })
}

fn probe_limits(interrupt: &Interrupt) -> Limits<'_> {
    Limits { cwd: Utf8Path::new("/"), timeout: Duration::from_secs(10), interrupt }
}

/// Debian, Red Hat, from source, Homebrew on both architectures and on Linux, Postgres.app, Nix.
fn usual_places() -> Vec<Utf8PathBuf> {
    let mut places: Vec<Utf8PathBuf> = [
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/usr/local/pgsql/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
        "/run/current-system/sw/bin",
        "/nix/var/nix/profiles/default/bin",
    ]
    .map(Utf8PathBuf::from)
    .into();
    if let Ok(home) = std::env::var("HOME") {
        places.push(Utf8Path::new(&home).join(".nix-profile/bin"));
    }
    places
}

/// The folders that a place with one `*` in its last but one part stands for.
fn expand(place: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Some((before, after)) = place.as_str().split_once('*') else {
        return if place.is_dir() { vec![place.to_owned()] } else { Vec::new() };
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = Utf8Path::new(parent).read_dir_utf8() else { return Vec::new() };
    let mut dirs: Vec<Utf8PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().starts_with(prefix))
        .map(|entry| Utf8PathBuf::from(format!("{}{after}", entry.path())))
        .filter(|dir| dir.is_dir())
        .collect();
    dirs.sort();
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_reported_with_their_places() {
        let interrupt = Interrupt::never().unwrap();
        let empty = tempfile::tempdir().unwrap();
        let empty = Utf8Path::from_path(empty.path()).unwrap();
        let places = Places { named: None, path: None, usual: vec![empty.join("*/bin")] };
        let looked = look(&places, false, &interrupt).unwrap();
        let told: Vec<String> = looked.iter().map(SearchedFolder::to_string).collect();
        assert_eq!(told, [format!("nothing at {empty}/*/bin")]);
        let places = Places { named: Some(empty.to_owned()), ..places };
        let looked = look(&places, false, &interrupt).unwrap();
        assert_eq!(looked[0].to_string(), format!("no initdb, pg_ctl and postgres in {empty}"));
    }
}
