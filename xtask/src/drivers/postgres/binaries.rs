//! Finds Postgres 15's `initdb`, `pg_ctl` and `postgres`.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::MAJOR;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::process::{self, Limits};

/// A folder with the binaries of one Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub dir: Utf8PathBuf,
}

/// Where to look. Plain data, so that what is found is a function of it.
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

/// What `postgres --version` said of a folder.
enum Found {
    Fifteen,
    Other(String),
    Broken(String),
}

/// Finds the binaries, in the order of the places. Fails with one message that lists where it
/// looked, what it found there, and the command that installs what is missing.
pub fn find(places: &Places, interrupt: &Interrupt) -> Result<Binaries> {
    let candidates = match &places.named {
        Some(dir) => vec![dir.clone()],
        None => candidates(places, interrupt),
    };
    let mut looked = Vec::new();
    for dir in &candidates {
        if !["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file()) {
            looked.push(format!("  no initdb, pg_ctl and postgres in {dir}"));
            continue;
        }
        match version(dir, interrupt)? {
            Found::Fifteen => return Ok(Binaries { dir: dir.clone() }),
            Found::Other(v) => {
                looked.push(format!("  found Postgres {v} at {dir}, the gate needs {MAJOR}"));
            }
            Found::Broken(why) => looked.push(format!("  {why}")),
        }
    }
    if places.named.is_some() {
        bail!(
            "cannot use --postgres-bin:\n{}\nname the folder of Postgres {MAJOR}",
            looked.join("\n")
        );
    }
    if looked.is_empty() {
        looked.push("  nothing on PATH".into());
    }
    looked.extend(
        places
            .usual
            .iter()
            .filter(|p| !candidates.contains(p))
            .map(|p| format!("  nothing at {p}")),
    );
    bail!(
        "cannot find Postgres {MAJOR}. Looked on PATH, asked pg_config, and looked in the usual \
         places:\n{}\nhint: install it with `{}`, name a folder with --postgres-bin, or a running \
         server with --postgres-url",
        looked.join("\n"),
        install_command(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()),
    )
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
        command.arg("--bindir");
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

fn version(dir: &Utf8Path, interrupt: &Interrupt) -> Result<Found> {
    let mut command = Command::new(dir.join("postgres"));
    command.arg("--version");
    let said = match process::run(command, probe_limits(interrupt)) {
        Ok(said) => said.stdout,
        Err(err) => {
            interrupt.check()?;
            return Ok(Found::Broken(format!("{err:#}")));
        }
    };
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; `16beta1` has no point.
    let version = said.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Ok(match version[..digits].parse::<u32>() {
        Ok(MAJOR) => Found::Fifteen,
        Ok(_) => Found::Other(version),
        Err(_) => Found::Broken(format!("`{dir}/postgres --version` said: {}", said.trim())),
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

/// The command that installs Postgres 15 on a platform, from its `/etc/os-release`.
fn install_command(os_release: &str) -> &'static str {
    let field = |name: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    };
    let ids = format!("{} {}", field("ID"), field("ID_LIKE"));
    let is = |name: &str| ids.split_whitespace().any(|id| id == name);
    if cfg!(target_os = "macos") {
        "brew install postgresql@15"
    } else if is("debian") && field("ID") == "debian" && field("VERSION_ID") == "12" {
        "sudo apt-get install -y postgresql-15"
    } else if is("debian") || is("ubuntu") {
        // Other releases carry another major version; the project's own archive has every one.
        "sudo apt-get install -y postgresql-common && \
         sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && \
         sudo apt-get install -y postgresql-15"
    } else if is("rhel") || is("centos") {
        "sudo dnf module install -y postgresql:15/server"
    } else if is("fedora") {
        "sudo dnf install -y postgresql15-server"
    } else if is("alpine") {
        "sudo apk add postgresql15"
    } else if is("nixos") {
        "nix-shell -p postgresql_15"
    } else {
        "your package manager, as postgresql 15"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_command() {
        let debian = "ID=debian\nVERSION_ID=\"12\"\n";
        assert_eq!(install_command(debian), "sudo apt-get install -y postgresql-15");
        assert!(install_command("ID=ubuntu\nID_LIKE=debian\n").contains("pgdg"));
        assert!(
            install_command("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n")
                .contains("dnf module")
        );
        assert!(install_command("ID=fedora\n").contains("postgresql15-server"));
    }

    #[test]
    fn a_machine_without_postgres_is_told_everything_at_once() {
        let interrupt = Interrupt::install().unwrap();
        let empty = tempfile::tempdir().unwrap();
        let empty = Utf8Path::from_path(empty.path()).unwrap();
        let places = Places { named: None, path: None, usual: vec![empty.join("*/bin")] };
        let message = find(&places, &interrupt).unwrap_err().to_string();
        assert!(message.contains("cannot find Postgres 15"), "{message}");
        assert!(message.contains(&format!("nothing at {empty}/*/bin")), "{message}");
        assert!(message.contains("--postgres-url"), "{message}");
    }
}
