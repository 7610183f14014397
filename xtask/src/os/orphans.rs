//! Remains of a server that was killed outright, or whose gate was.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal};

use super::environment;
use super::sandbox::ENTER;

/// How long a server may take to stop before it is killed.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Ends the server of a run that was killed before it could, if it still runs.
pub fn end_server(data: &Utf8Path) {
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
    // A server that `initdb` runs writes its id with a sign.
    Pid::from_raw(text.lines().next()?.trim().trim_start_matches('-').parse().ok()?)
}

/// Ends every process that the gate started for a run that is dead, by the folder of the run, and
/// waits for its end. Workers have their home or temporary folder in the folder of the run, and the
/// programs of Postgres their data directory.
#[cfg(target_os = "linux")]
pub fn end_processes_of(folder: &Utf8Path) {
    let deadline = Instant::now() + STOP_TIMEOUT;
    loop {
        let processes = processes_of(folder);
        if processes.is_empty() || Instant::now() > deadline {
            return;
        }
        for pid in processes {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
fn processes_of(folder: &Utf8Path) -> Vec<Pid> {
    let own = std::process::id();
    let below = format!("{folder}/");
    let words = |pid: u32, file: &str| -> Vec<String> {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into()).collect()
    };
    let is_ours = |pid: u32| {
        let command = words(pid, "cmdline");
        let is_there = |word: &String| word.starts_with(&below);
        let serves = command.windows(2).any(|pair| pair[0] == "-D" && is_there(&pair[1]));
        let enters = command.iter().any(|word| word == ENTER)
            && command.iter().any(|word| word.contains(&below));
        let lives = |word: &String| {
            let place = word.strip_prefix("HOME=").or(word.strip_prefix("TMPDIR="));
            place.is_some_and(|place| place.starts_with(&below))
        };
        serves || enters || words(pid, "environ").iter().any(lives)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own && is_ours(*pid))
        .filter_map(|pid| Pid::from_raw(pid.try_into().ok()?))
        .collect()
}

/// Ends nothing: on other systems a worker ends by itself with its gate.
#[cfg(not(target_os = "linux"))]
pub fn end_processes_of(_: &Utf8Path) {}

/// Whether a process is the server of a data folder: a server's working folder is its data folder.
fn serves(pid: Pid, data: &Utf8Path) -> bool {
    let pid = pid.as_raw_nonzero();
    if cfg!(target_os = "linux") {
        return fs::read_link(format!("/proc/{pid}/cwd"))
            .is_ok_and(|cwd| cwd == data.as_std_path());
    }
    let mut ps = Command::new("ps");
    ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
    let said = ps.env_clear().envs(environment::local()).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(data.as_str()))
}

/// Removes the System V segment that a server leaves when it is killed outright. Its id may have
/// been given to another since, so the segment must also have been made by that very process.
pub fn remove_shared_memory(data: &Utf8Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let mut lines = text.lines();
    let Some(pid) = lines.next().map(|pid| pid.trim().trim_start_matches('-')) else { return };
    // The seventh line of postmaster.pid holds the segment's key and id.
    let Some(id) = lines.nth(5).and_then(|line| line.split_whitespace().nth(1)) else { return };
    // Its columns: key, shmid, perms, size, cpid, …
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let ours = segments.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&id) && fields.get(4) == Some(&pid)
    });
    if ours {
        let mut ipcrm = Command::new("ipcrm");
        let _ = ipcrm.args(["-m", id]).env_clear().envs(environment::local()).output();
    }
}
