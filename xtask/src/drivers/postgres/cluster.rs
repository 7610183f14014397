//! A private cluster: made, started, and gone at the end.
//!
//! It listens on a Unix socket in a folder that only its owner can enter, and on nothing else. It
//! trades durability for speed, and asserts that Postgres took each of those settings. Postgres
//! refuses to run as root, so root starts it as `postgres`, or as `nobody` where that user is
//! missing. Its environment holds nothing of the caller's, because a superuser's SQL can read it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};
use rustix::process::{Pid, Signal};

use super::binaries::Binaries;
use super::endpoint::Endpoint;
use super::session::Session;
use super::{MAJOR, NotStarted};
use crate::drivers::copy;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::process::{self, Group, Limits, last_lines, quote};
use crate::drivers::scratch::Scratch;
use crate::model::report::Source;

/// The data folder's name in the folder of the run.
pub const DATA_DIR: &str = "data";
/// `initdb` takes about a second; a slow disk may take a hundred times that.
const INITDB_TIMEOUT: Duration = Duration::from_secs(120);
/// A fresh cluster starts in a fraction of a second.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// An immediate shutdown kills what has not ended after five seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// `C.UTF-8` sorts by code point and is the same everywhere; macOS has no such locale, and its `C`
/// does the same.
const LOCALE: &str = if cfg!(target_os = "macos") { "C" } else { "C.UTF-8" };
/// Settings and the values that `SHOW` must report for them.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "20"),
    ("shared_buffers", "32MB"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    // Parallel queries then leave nothing in the machine's shared memory, however they end.
    ("dynamic_shared_memory_type", "mmap"),
];

/// A running private cluster, stopped with this value.
pub struct Cluster {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// Its version: `15.18`.
    pub version: String,
    binaries: Binaries,
    user: Option<User>,
    data: Utf8PathBuf,
    log: Utf8PathBuf,
    server: Mutex<Group>,
}

/// The user that a server must run as, where that is not the caller. Fails as root where there is
/// neither `postgres` nor `nobody`.
pub fn server_user() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) =
            User::from_name(name).with_context(|| format!("cannot look up user {name}"))?
        {
            return Ok(Some(user));
        }
    }
    bail!(
        "cannot start Postgres: it refuses to run as root, and there is no user postgres or nobody\n\
         hint: run `useradd --system postgres`, or the gate as another user"
    )
}

impl Cluster {
    /// Makes a cluster in the folder of the run and starts it.
    pub fn start(
        binaries: Binaries,
        user: Option<User>,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Cluster> {
        initdb(
            &binaries,
            user.as_ref(),
            scratch.path(),
            &scratch.path().join(DATA_DIR),
            interrupt,
        )?;
        Cluster::start_in(binaries, user, scratch, interrupt)
    }

    /// Copies a data folder that [`prepare`] made into the folder of the run and starts it, with
    /// further lines in its `postgresql.conf`.
    pub fn start_on_copy(
        template: &Utf8Path,
        conf: Option<&str>,
        binaries: Binaries,
        user: Option<User>,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Cluster> {
        let data = scratch.path().join(DATA_DIR);
        copy::folder(template, &data, &|_| true, interrupt)?;
        if let Some(conf) = conf {
            let path = data.join("postgresql.conf");
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
            fs::write(&path, format!("{text}\n{conf}\n"))
                .with_context(|| format!("cannot write `{path}`"))?;
        }
        Cluster::start_in(binaries, user, scratch, interrupt)
    }

    /// Starts the cluster whose data folder lies in the folder of the run.
    fn start_in(
        binaries: Binaries,
        user: Option<User>,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Cluster> {
        let data = scratch.path().join(DATA_DIR);
        let log = scratch.path().join("server.log");
        let server = spawn(&binaries, user.as_ref(), scratch.path(), &data, &log)?;
        let endpoint = Endpoint::local(scratch.path());
        let mut cluster = Cluster {
            endpoint,
            version: String::new(),
            binaries,
            user,
            data,
            log,
            server: Mutex::new(server),
        };
        cluster.version = cluster.wait_until_ready(interrupt)?;
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
        for (setting, value) in SETTINGS {
            let shown = session.show(setting)?;
            if shown != *value {
                bail!(
                    "Postgres ignored a setting: `SHOW {setting}` says `{shown}` instead of `{value}`"
                );
            }
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
        format!("{stop}; rm -rf {}", quote(folder.as_str()))
    }

    /// Leaves the server running.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), 20)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let server = self.server.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SIGQUIT is an immediate shutdown. `Group` kills what is left of it.
        server.signal(Signal::QUIT);
        if !server.ended_within(STOP_TIMEOUT) || self.data.join("postmaster.pid").exists() {
            let _ = server.child.kill();
            server.ended_within(STOP_TIMEOUT);
            remove_shared_memory(&self.data);
        }
    }
}

/// A command of Postgres's, as the right user and with an environment of its own.
fn command(binaries: &Binaries, name: &str, user: Option<&User>) -> Command {
    let mut command = Command::new(binaries.dir.join(name));
    command.env_clear().env("PATH", binaries.dir.as_str()).env("LC_ALL", LOCALE).env("TZ", "UTC");
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// Makes a data folder that is never started: each copy of it is as fresh as one from `initdb`, and
/// costs a fraction of the time.
pub fn prepare(
    binaries: &Binaries,
    user: Option<&User>,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Utf8PathBuf> {
    let template = scratch.path().join("template");
    initdb(binaries, user, scratch.path(), &template, interrupt)?;
    Ok(template)
}

fn initdb(
    binaries: &Binaries,
    user: Option<&User>,
    cwd: &Utf8Path,
    data: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<()> {
    let mut command = command(binaries, "initdb", user);
    command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]).args([
        &format!("--locale={LOCALE}"),
        "--no-instructions",
        "-D",
        data.as_str(),
    ]);
    process::run(command, Limits { cwd, timeout: INITDB_TIMEOUT, interrupt })
        .with_context(|| format!("cannot make a Postgres {MAJOR} cluster{}", as_user(user)))?;
    Ok(())
}

fn spawn(
    binaries: &Binaries,
    user: Option<&User>,
    cwd: &Utf8Path,
    data: &Utf8Path,
    log: &Utf8Path,
) -> Result<Group> {
    let file = File::create(log).with_context(|| format!("cannot write `{log}`"))?;
    let copy = file.try_clone().context("cannot open the server's log twice")?;
    let mut command = command(binaries, "postgres", user);
    command.args(["-D", data.as_str(), "-c"]);
    // A list of folders: quoted, so that a comma or a space in the path is part of it.
    command.arg(format!("unix_socket_directories=\"{}\"", cwd.as_str().replace('"', "\"\"")));
    command.args(["-c", "unix_socket_permissions=0700"]);
    for (setting, value) in SETTINGS {
        command.arg("-c").arg(format!("{setting}={value}"));
    }
    let child = command
        .current_dir(cwd)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}/postgres`{}", binaries.dir, as_user(user)))?;
    Ok(Group { child })
}

fn as_user(user: Option<&User>) -> String {
    user.map(|user| format!(" as user {}", user.name)).unwrap_or_default()
}

/// Ends the server of a run that was killed before it could, if it still runs.
pub fn end_leftover(data: &Utf8Path) {
    let Some(pid) = postmaster_pid(data) else { return };
    if !serves(pid, data) {
        remove_shared_memory(data);
        return;
    }
    let _ = rustix::process::kill_process(pid, Signal::QUIT);
    let deadline = Instant::now() + STOP_TIMEOUT;
    while serves(pid, data) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    if serves(pid, data) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        std::thread::sleep(Duration::from_millis(50));
        remove_shared_memory(data);
    }
}

fn postmaster_pid(data: &Utf8Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Whether a process is the server of a data folder: a server's working folder is its data folder.
fn serves(pid: Pid, data: &Utf8Path) -> bool {
    let pid = pid.as_raw_nonzero();
    if cfg!(target_os = "linux") {
        return fs::read_link(format!("/proc/{pid}/cwd"))
            .is_ok_and(|cwd| cwd == data.as_std_path());
    }
    let said = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(data.as_str()))
}

/// Removes the System V segment that a server leaves when it is killed outright. Its id may have
/// been given to another since, so the segment must also have been made by that very process.
fn remove_shared_memory(data: &Utf8Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let mut lines = text.lines();
    let Some(pid) = lines.next().map(str::trim) else { return };
    // The seventh line of postmaster.pid holds the segment's key and id.
    let Some(id) = lines.nth(5).and_then(|line| line.split_whitespace().nth(1)) else { return };
    // Its columns: key, shmid, perms, size, cpid, …
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let ours = segments.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&id) && fields.get(4) == Some(&pid)
    });
    if ours {
        let _ = Command::new("ipcrm").args(["-m", id]).output();
    }
}
