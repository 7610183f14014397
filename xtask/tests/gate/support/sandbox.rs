//! A temporary folder for the runs of one test, and what they left behind.
//!
//! Whatever the gate starts has the folder in its environment, its command line or its working
//! folder: that is how a process is known to be of this test, however far it ran from the gate.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::statvfs;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The longest path of a temporary folder that leaves room for a socket's name.
const BASE_MAX: usize = 40;
/// The memory that all tests together may need at a time, in bytes.
const MEMORY_MIN: u64 = 2 << 30;

/// The temporary folder of the runs of one test.
pub struct Sandbox {
    dir: TempDir,
}

/// A process that a run of this test started.
#[derive(Debug)]
pub struct Process {
    pub pid: u32,
    /// Its command line; read only in the message of a failed assertion.
    #[allow(dead_code)]
    pub command: String,
}

/// What a server of a run holds outside the folder of its run.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// System V segments, as the process that made each and its id.
    segments: BTreeSet<(String, String)>,
    /// Files in the machine's shared memory.
    files: BTreeSet<PathBuf>,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        Sandbox { dir: temporary("mg-") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The names of what lies in the folder.
    pub fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The folders in the folders of runs: each of a server, or of what runs migrations.
    pub fn runs(&self) -> Vec<PathBuf> {
        let runs = self.entries().into_iter().filter(|name| name.starts_with("migration-gate-"));
        let folders = runs.filter_map(|name| fs::read_dir(self.path().join(name)).ok()).flatten();
        folders.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    /// Whether a migration of a run made this file in its temporary folder.
    pub fn has_made(&self, file: &str) -> bool {
        self.runs().iter().any(|run| run.join("tmp").join(file).exists())
    }

    /// The processes that runs of this test started and that live.
    pub fn processes(&self) -> Vec<Process> {
        processes_with(self.path().to_str().unwrap())
    }

    /// The servers of runs that are starting or running, as the folder of the run and the process.
    pub fn postmasters(&self) -> Vec<(PathBuf, u32)> {
        let pid = |run: &PathBuf| postmaster_lines(run)?.first()?.parse().ok();
        self.runs().into_iter().filter_map(|run| pid(&run).map(|pid| (run, pid))).collect()
    }

    /// What the servers of runs hold at this moment.
    pub fn traces(&self) -> Traces {
        let mut traces = Traces::default();
        for run in self.runs() {
            let Some(lines) = postmaster_lines(&run) else { continue };
            let pid = lines.first().cloned().unwrap_or_default();
            // The seventh line holds the key and the id of its segment.
            if let Some(id) = lines.get(6).and_then(|line| line.split_whitespace().nth(1)) {
                traces.segments.insert((pid.clone(), id.to_owned()));
            }
            let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
            let shared =
                maps.lines().filter_map(|line| line.find("/dev/shm/").map(|at| &line[at..]));
            traces.files.extend(shared.map(PathBuf::from));
        }
        traces
    }

    /// Fails unless runs left nothing: no folder, no process, no shared memory.
    #[track_caller]
    pub fn assert_empty(&self, traces: &Traces) {
        let none: [String; 0] = [];
        assert_eq!(self.entries(), none, "left in the temporary folder");
        let processes = self.processes();
        assert!(processes.is_empty(), "left running: {processes:?}");
        traces.assert_gone();
    }
}

impl Drop for Sandbox {
    /// A test that failed leaves nothing running either.
    fn drop(&mut self) {
        for signal in [Signal::QUIT, Signal::KILL] {
            let processes = self.processes();
            for process in &processes {
                let _ = kill_process(pid(process.pid), signal);
            }
            if !processes.is_empty() {
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    }
}

impl Traces {
    pub fn add(&mut self, more: Traces) {
        self.segments.extend(more.segments);
        self.files.extend(more.files);
    }

    #[track_caller]
    fn assert_gone(&self) {
        let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        let there: Vec<&str> = table
            .lines()
            .filter(|line| {
                // Its columns: key, shmid, perms, size, cpid, …
                let fields: Vec<&str> = line.split_whitespace().collect();
                fields.len() > 4
                    && self.segments.contains(&(fields[4].to_owned(), fields[1].to_owned()))
            })
            .collect();
        assert!(there.is_empty(), "shared memory that a server left: {there:?}");
        let files: Vec<&PathBuf> = self.files.iter().filter(|file| file.exists()).collect();
        assert!(files.is_empty(), "shared memory that a server left: {files:?}");
    }
}

/// A temporary folder, in memory where the machine has room for that: a cluster is a thousand files, and
/// a disk takes several times as long to make and remove them as a whole run takes otherwise.
pub fn temporary(prefix: &str) -> TempDir {
    let memory = Path::new("/dev/shm");
    let has_room = statvfs(memory).is_ok_and(|at| at.f_bavail * at.f_frsize > MEMORY_MIN);
    let base = if has_room { memory.to_owned() } else { std::env::temp_dir() };
    let base = if base.as_os_str().len() > BASE_MAX { PathBuf::from("/tmp") } else { base };
    // Where the gate runs as root, its server runs as another user, who must get through.
    let open = Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix(prefix).permissions(open).tempdir_in(base).unwrap()
}

/// A process id as `rustix` wants it.
pub fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

fn postmaster_lines(run: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(run.join("data/postmaster.pid")).ok()?;
    Some(text.lines().map(|line| line.trim().to_owned()).collect())
}

#[cfg(target_os = "linux")]
fn processes_with(path: &str) -> Vec<Process> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found = Vec::new();
    for pid in pids.filter(|pid| *pid != own) {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
        let command = text(read("cmdline"));
        // A process that was killed gives back its memory, and with it its command, before its folder.
        if command.is_empty() {
            continue;
        }
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        if command.contains(path) || text(read("environ")).contains(path) || cwd.starts_with(path) {
            found.push(Process { pid, command });
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn processes_with(path: &str) -> Vec<Process> {
    let said = std::process::Command::new("ps").args(["-axwwE", "-o", "pid=,command="]).output();
    let text = String::from_utf8_lossy(&said.unwrap().stdout).into_owned();
    let lines = text.lines().filter(|line| line.contains(path));
    lines
        .filter_map(|line| {
            let (pid, command) = line.trim().split_once(' ')?;
            Some(Process { pid: pid.parse().ok()?, command: command.to_owned() })
        })
        .collect()
}
