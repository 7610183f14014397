//! The binaries of Postgres 15, and the user that a server runs as.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use nix::unistd::{User, geteuid};

use super::root::monorepo;
use super::run::{Gate, caches};
use super::sandbox::Sandbox;

/// The folder with the binaries of Postgres 15: `initdb`, `postgres`, and where it is a
/// whole one, `pg_dump`.
pub fn bin() -> &'static Path {
    static BIN: LazyLock<PathBuf> = LazyLock::new(find);
    &BIN
}

fn find() -> PathBuf {
    let named = std::env::var_os("MIGRATION_GATE_POSTGRES_BIN").map(PathBuf::from);
    let asked = Command::new("pg_config").arg("--bindir").output().ok();
    let asked = asked.map(|said| PathBuf::from(String::from_utf8(said.stdout).unwrap().trim()));
    let usual = [
        "/usr/lib/postgresql/15/bin",
        "/usr/pgsql-15/bin",
        "/opt/homebrew/opt/postgresql@15/bin",
        "/usr/local/opt/postgresql@15/bin",
    ];
    let places = named.into_iter().chain(asked).chain(usual.map(PathBuf::from));
    let mut fitting = places.filter(|dir| is_fifteen(dir));
    fitting.next().unwrap_or_else(provisioned)
}

/// What the gate installs where there is nothing else.
fn provisioned() -> PathBuf {
    let installed = || {
        let folder = fs::read_dir(caches().join("migration-gate/postgres")).ok()?;
        let mut bins = folder.flatten().map(|entry| entry.path().join("bin"));
        bins.find(|bin| bin.with_file_name("migration-gate-files").exists() && is_fifteen(bin))
    };
    installed().unwrap_or_else(|| {
        let sandbox = Sandbox::new();
        let ended = Gate::new(&sandbox).arg("raptor").arg("--root").arg(monorepo()).run();
        installed().unwrap_or_else(|| panic!("these tests need Postgres 15:\n{}", ended.stdout))
    })
}

/// Whether a program that goes with Postgres is there; where it is not, says loudly what goes without it.
/// The binaries that the gate installs have none.
pub fn has(client: &str, what_goes_without: &str) -> bool {
    let beside = Command::new(bin().join(client)).arg("--version").output();
    let said = beside.or_else(|_| Command::new(client).arg("--version").output());
    let has = said.is_ok_and(|said| said.status.success());
    if !has {
        eprintln!("NEEDS {client}: {what_goes_without}");
    }
    has
}

fn is_fifteen(dir: &Path) -> bool {
    let said = Command::new(dir.join("postgres")).arg("--version").output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(" 15."))
}

/// The user that a server runs as: Postgres refuses to run as root.
pub fn server_user() -> Option<User> {
    let find = |name| User::from_name(name).unwrap();
    geteuid().is_root().then(|| find("postgres").or_else(|| find("nobody")).unwrap())
}

/// A command that runs as the server's user.
pub fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = server_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
