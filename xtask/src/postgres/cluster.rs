//! A private cluster: made, started, and gone at the end.
//!
//! It listens on a Unix socket in a folder that only its owner can enter, and, for an env.py that
//! cannot take a socket, on loopback with a password made for the run. It
//! trades durability for speed, and asserts that Postgres took each of those settings. Postgres
//! refuses to run as root, so root starts it as `postgres`, or as `nobody` where that user is
//! missing. Its environment holds nothing of the caller's, because a superuser's SQL can read it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;
use rustix::process::Signal;

use super::MAJOR;
use super::binaries::Binaries;
use super::data_dir::{self, DataDir, INITDB_OPTIONS, LOCALE};
use super::endpoint::Endpoint;
use super::session::{Session, literal};
pub use super::user::server_user;
use crate::os::interrupt::Interrupt;
use crate::os::orphans::{STOP_TIMEOUT, remove_shared_memory};
use crate::os::process::{self, Group, Limits, last_lines, quote};
use crate::os::run_dir::{DATA_DIR, FRESH_DIR, LOCK, NOT_ISOLATED, RunDir};
use crate::os::sandbox::Sandbox;
use crate::os::sandbox::network::PrivateNetwork;
use crate::os::store::Store;
use model::code::DISK_FULL;
use model::event::{Event, Tell, timed};
use model::report::Source;

/// Error where a server does not come up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(pub String);

/// `initdb` takes about a second; a slow disk may take a hundred times that.
const INITDB_TIMEOUT: Duration = Duration::from_secs(120);
/// A fresh cluster starts in a fraction of a second.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Access to a cluster that listens on loopback: by its socket for the user that can enter the
/// folder, by loopback with the password.
const ACCESS: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
/// Settings and the values that `SHOW` must report for them.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    // A crash of the server says nothing about a migration, so it must not pass for a lost connection.
    ("restart_after_crash", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_init_zero", "off"),
    // Each look begins with one.
    ("log_checkpoints", "off"),
    // In memory, room is dear.
    ("max_wal_size", "128MB"),
    // Nothing here lives long enough to be vacuumed, and workers only take time from the steps.
    ("autovacuum", "off"),
    ("max_logical_replication_workers", "0"),
    ("bgwriter_lru_maxpages", "0"),
    ("jit", "off"),
    ("max_connections", "20"),
    ("shared_buffers", "32MB"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    // Parallel queries then leave nothing in the machine's shared memory, however they end.
    ("dynamic_shared_memory_type", "mmap"),
];

/// Surroundings of a new cluster.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Whose server it is.
    pub binaries: &'a Binaries,
    /// The user that it runs as, where that is not the caller.
    pub user: Option<&'a User>,
    /// The folder of the run.
    pub scratch: &'a RunDir,
    /// How it is to be reached; `None`: on its socket alone.
    pub endpoint: Option<&'a Endpoint>,
    /// The network in which it listens; `None`: the machine's.
    pub network: Option<&'a PrivateNetwork>,
    /// Ends it early.
    pub interrupt: &'a Interrupt,
    /// Takes progress.
    pub tell: Tell<'a>,
}

/// A running private cluster, stopped with this value.
pub struct Cluster {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// Its version: `15.18`.
    pub version: String,
    binaries: Binaries,
    user: Option<User>,
    /// The data folder.
    pub data: Utf8PathBuf,
    log: Utf8PathBuf,
    server: Mutex<Group>,
}

impl Cluster {
    /// Makes a cluster in the folder of the run and starts it.
    #[cfg(test)]
    pub fn start(setup: &Setup<'_>, cache: Option<&Store>) -> Result<Cluster> {
        Cluster::start_on(setup, &prepare(setup, cache)?.0, None)
    }

    /// Copies a data directory and starts a server on the copy, with further lines in its
    /// `postgresql.conf`.
    pub fn start_on(setup: &Setup<'_>, from: &DataDir, conf: Option<&str>) -> Result<Cluster> {
        let data = setup.scratch.path().join(DATA_DIR);
        let copy = || from.copy_to(&data, setup.interrupt);
        timed(setup.tell, "Postgres", "copying a data directory", copy)?;
        if let Some(conf) = conf {
            let path = data.join("postgresql.conf");
            let file = File::options().append(true).open(&path);
            file.and_then(|mut file| file.write_all(format!("\n{conf}\n").as_bytes()))
                .with_context(|| format!("cannot write `{path}`"))?;
        }
        let Setup { binaries, user, scratch, interrupt, tell, .. } = *setup;
        let began = Instant::now();
        let log = scratch.path().join("server.log");
        let endpoint = setup.endpoint.cloned().unwrap_or_else(|| Endpoint::local(scratch.path()));
        let listens = endpoint.listens();
        if listens.is_some() {
            let hba = data.join("pg_hba.conf");
            fs::write(&hba, ACCESS).with_context(|| format!("cannot write `{hba}`"))?;
        }
        let sandbox = match (listens, setup.network) {
            (None, _) => Sandbox::new(user).without_network(),
            (Some(_), Some(network)) => Sandbox::new(user).in_network_of(network.holder()),
            (Some(_), None) => Sandbox::new(user),
        };
        let command = command(binaries, "postgres", sandbox, scratch.path());
        let server = spawn(command, (scratch.path(), &data, &log), listens);
        let server = server.with_context(|| {
            format!("cannot start `{}/postgres`{}", binaries.dir, as_user(user))
        })?;
        let mut cluster = Cluster {
            endpoint,
            version: String::new(),
            binaries: binaries.clone(),
            user: user.cloned(),
            data,
            log,
            server: Mutex::new(server),
        };
        cluster.version = cluster.wait_until_ready(interrupt)?;
        tell(Event::Spent { lane: "Postgres", what: "start", began });
        Ok(cluster)
    }

    /// Waits for the first connection, checks the settings and returns the version.
    fn wait_until_ready(&self, interrupt: &Interrupt) -> Result<String> {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut session = loop {
            if let Some(death) = self.death() {
                bail!(NotStarted(format!("cannot start Postgres: {death}")));
            }
            match Session::open(&self.endpoint, "postgres", interrupt) {
                Ok(session) => break session,
                Err(err) if Instant::now() > deadline => {
                    bail!(NotStarted(format!(
                        "Postgres does not answer after {} s: {err:#}; the end of its log:\n{}",
                        START_TIMEOUT.as_secs(),
                        self.log_end()
                    )));
                }
                Err(_) => interrupt.sleep(Duration::from_millis(5))?,
            }
        };
        let address = self.endpoint.listens().map_or("", |(address, _)| address);
        for (setting, value) in SETTINGS.iter().chain(&[("listen_addresses", address)]) {
            let shown = session.show(setting)?;
            if shown != *value {
                bail!(
                    "Postgres ignored a setting: `SHOW {setting}` says `{shown}` instead of `{value}`"
                );
            }
        }
        if self.endpoint.listens().is_some() {
            let password = literal(&self.endpoint.password().unwrap_or_default());
            session.execute(&format!("ALTER ROLE postgres PASSWORD {password}"))?;
        }
        let version = session.show("server_version")?;
        Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// How the server died, with the end of its log; `None` while it lives.
    pub fn death(&self) -> Option<String> {
        let mut server = self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let status = server.child.try_wait().ok()??;
        Some(format!("the server ended with {status}; the end of its log:\n{}", self.log_end()))
    }

    /// As [`Cluster::death`], after waiting for it for a while.
    pub fn death_within(&self, grace: Duration) -> Option<String> {
        let deadline = Instant::now() + grace;
        loop {
            match self.death() {
                None if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                death => return death,
            }
        }
    }

    /// Where its binaries came from.
    pub fn source(&self) -> Source {
        self.binaries.source
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner).child.id()
    }

    /// The command that stops the cluster and removes the folder of its run.
    pub fn removal(&self) -> String {
        let pg_ctl = self.binaries.dir.join("pg_ctl");
        let stop = format!(
            "{} stop -D {} -m immediate",
            quote(pg_ctl.as_str()),
            quote(self.data.as_str())
        );
        let stop = match &self.user {
            Some(user) => format!("su {} -s /bin/sh -c {}", user.name, quote(&stop)),
            None => stop,
        };
        let folder = self.data.parent().unwrap_or(&self.data);
        let (own, run) = (quote(folder.as_str()), folder.parent().unwrap_or(folder));
        let (lock, run) = (quote(run.join(LOCK).as_str()), quote(run.as_str()));
        // The last of several removes the common folder.
        format!("{stop}; rm -rf {own}; rm -f {lock}; rmdir {run} 2>/dev/null || true")
    }

    /// Leaves the server running.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    /// The end of the server's log.
    pub fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let end = last_lines(&log, 20);
        // A long statement may stand between it and the end.
        match log.lines().find(|line| line.contains(DISK_FULL)) {
            Some(full) if !end.contains(DISK_FULL) => format!("{full}\n{end}"),
            _ => end,
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let server = self.server.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SIGQUIT is an immediate shutdown. `Group` kills the rest of its group.
        server.signal(Signal::QUIT);
        if !server.ended_within(STOP_TIMEOUT) || self.data.join("postmaster.pid").exists() {
            let _ = server.child.kill();
            server.ended_within(STOP_TIMEOUT);
            remove_shared_memory(&self.data);
        }
    }
}

/// A command of Postgres's in a sandbox, with an environment of its own: a superuser's SQL can read
/// and run no more than the sandbox allows.
fn command(binaries: &Binaries, name: &str, sandbox: Sandbox, cwd: &Utf8Path) -> Command {
    let installed = binaries.dir.canonicalize_utf8().unwrap_or_else(|_| binaries.dir.clone());
    let installed = [&binaries.dir, &installed].map(|dir| dir.parent().unwrap_or(dir).to_owned());
    let sandbox =
        sandbox.showing(installed).writing([cwd.to_owned()]).noting(cwd.join(NOT_ISOLATED));
    let mut command = sandbox.command(binaries.dir.join(name));
    command.env("PATH", binaries.dir.as_str()).env("LC_ALL", LOCALE).env("TZ", "UTC");
    // Programs that name their libraries by their own place find that through /proc, which is empty.
    command.env("LD_LIBRARY_PATH", binaries.dir.with_file_name("lib").as_str());
    command
}

/// A data directory that is never started: each copy of it is as fresh as one from `initdb`, and
/// costs a fraction of the time. Taken from the cache where it has one; the second value says so.
pub fn prepare(setup: &Setup<'_>, cache: Option<&Store>) -> Result<(DataDir, bool)> {
    let Setup { binaries, user, scratch, interrupt, tell, .. } = *setup;
    if let Some(fresh) = cache.and_then(|cache| data_dir::fresh(cache, binaries)) {
        return Ok((fresh, true));
    }
    let fresh = DataDir::at(scratch.path().join(FRESH_DIR));
    timed(tell, "Postgres", "initdb", || {
        initdb(binaries, user, scratch.path(), fresh.path(), interrupt)
    })?;
    if let Some(cache) = cache {
        let keep = || data_dir::keep_fresh(cache, binaries, &fresh, interrupt);
        if let Err(err) = timed(tell, "Postgres", "keeping the data directory", keep) {
            interrupt.check()?;
            tell(Event::Reuse(&format!("the data directory is not kept: {err:#}")));
        }
    }
    Ok((fresh, false))
}

fn initdb(
    binaries: &Binaries,
    user: Option<&User>,
    cwd: &Utf8Path,
    data: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<()> {
    // Its processes and its shared memory end with it, however it ends.
    let sandbox = Sandbox::new(user).with_own_processes().without_network();
    let mut command = command(binaries, "initdb", sandbox, cwd);
    command.args(INITDB_OPTIONS).arg(format!("--locale={LOCALE}")).args(["-D", data.as_str()]);
    process::run(command, Limits { cwd, timeout: INITDB_TIMEOUT, interrupt })
        .with_context(|| format!("cannot make a Postgres {MAJOR} cluster{}", as_user(user)))?;
    Ok(())
}

fn spawn(
    mut command: Command,
    (cwd, data, log): (&Utf8Path, &Utf8Path, &Utf8Path),
    listens: Option<(&str, u16)>,
) -> Result<Group> {
    let file = File::create(log).with_context(|| format!("cannot write `{log}`"))?;
    let copy = file.try_clone().context("cannot open the server's log twice")?;
    command.args(["-D", data.as_str(), "-c"]);
    // A list of folders: quoted, so that a comma or a space in the path is part of it.
    command.arg(format!("unix_socket_directories=\"{}\"", cwd.as_str().replace('"', "\"\"")));
    command.args(["-c", "unix_socket_permissions=0700"]);
    let (address, port) = listens.unwrap_or_default();
    command.arg("-c").arg(format!("listen_addresses={address}"));
    if listens.is_some() {
        command.arg("-c").arg(format!("port={port}"));
    }
    for (setting, value) in SETTINGS {
        command.arg("-c").arg(format!("{setting}={value}"));
    }
    command.current_dir(cwd).stdin(Stdio::null()).stdout(file).stderr(copy).process_group(0);
    Ok(Group::spawn(&mut command)?)
}

fn as_user(user: Option<&User>) -> String {
    user.map(|user| format!(" as user {}", user.name)).unwrap_or_default()
}
