//! The binaries of Postgres 15, and the user that a server runs as.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};

/// The folder with the binaries of Postgres 15: `initdb`, `postgres`, `pg_dump`.
pub fn bin() -> PathBuf {
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
    fitting
        .next()
        .expect("these tests need Postgres 15: name its folder in MIGRATION_GATE_POSTGRES_BIN")
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
