//! Run of the built binary, and what it said.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process_group};

use super::postgres::bin;
use super::report::Report;
use super::root::monorepo;
use super::sandbox::{Sandbox, Traces, pid};

/// No run takes this long; a test that hangs says so instead of hanging for ever.
const HANGS_AFTER: Duration = Duration::from_secs(300);
/// What a shell or a CI job may have set that would change a run.
const NOT_INHERITED: [&str; 8] = [
    "VIRTUAL_ENV",
    "MIGRATION_GATE_POSTGRES_URL",
    "MIGRATION_GATE_POSTGRES_BIN",
    "MIGRATION_GATE_PYTHON",
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "DATABASE_URL",
];

/// A run of the gate to be.
pub struct Gate<'a> {
    command: Command,
    sandbox: &'a Sandbox,
}

/// A run of the gate.
pub struct Running<'a> {
    child: Child,
    sandbox: &'a Sandbox,
    /// What it has printed so far.
    said: Arc<Mutex<Vec<u8>>>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    traces: Traces,
    looked: Option<Instant>,
}

/// A run that ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// What its server held outside its folder.
    pub traces: Traces,
}

impl<'a> Gate<'a> {
    /// `xtask migration-gate` with its temporary folder in the sandbox.
    pub fn new(sandbox: &'a Sandbox) -> Gate<'a> {
        Gate::of(env!("CARGO_BIN_EXE_xtask"), sandbox)
    }

    /// The same of another program, a copy of it say.
    pub fn of(program: impl AsRef<OsStr>, sandbox: &'a Sandbox) -> Gate<'a> {
        let mut command = Command::new(program);
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command.arg("migration-gate").env("TMPDIR", sandbox.path());
        // Neither the user's own, nor of any bearing on what the user does next.
        command.env("XDG_CACHE_HOME", caches());
        Gate { command, sandbox }
    }

    /// On a machine that has no Postgres. `None`, said loudly, where this one cannot look so.
    pub fn without_postgres(self) -> Option<Self> {
        let hide = monorepo().join(".ci/without-postgres");
        let said = Command::new(&hide).arg("true").output().unwrap();
        if !said.status.success() {
            let why = String::from_utf8_lossy(&said.stderr);
            eprintln!("LEFT OUT: Postgres cannot be hidden here: {why}");
            return None;
        }
        Some(self.below(hide.to_str().unwrap(), &[]))
    }

    /// With the Postgres of these tests: a run spends some of its time on the search.
    pub fn with_postgres(self) -> Self {
        self.env("MIGRATION_GATE_POSTGRES_BIN", bin())
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Words as they are typed, between spaces.
    pub fn args(mut self, args: &str) -> Self {
        self.command.args(args.split_whitespace());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn cwd(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// As the child of another program, whose arguments come before it.
    pub fn below(self, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Gate { command, ..self }
    }

    /// As another user.
    #[allow(dead_code, reason = "other test binaries use it")]
    pub fn of_user(mut self, user: &nix::unistd::User) -> Self {
        self.command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        self
    }

    /// Starts it as a shell would: as the leader of a process group.
    pub fn spawn(mut self) -> Running<'a> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.process_group(0).spawn().unwrap();
        let said = Arc::default();
        let stdout = Some(reader(child.stdout.take().unwrap(), Arc::clone(&said)));
        let stderr = Some(reader(child.stderr.take().unwrap(), Arc::default()));
        let (sandbox, traces) = (self.sandbox, Traces::default());
        Running { child, sandbox, said, stdout, stderr, traces, looked: None }
    }

    pub fn run(self) -> Ended {
        self.spawn().wait()
    }
}

/// Where the caches of these tests lie.
pub fn caches() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

fn reader(mut from: impl Read + Send + 'static, said: Arc<Mutex<Vec<u8>>>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            match from.read(&mut bytes).unwrap() {
                0 => return said.lock().unwrap().clone(),
                count => said.lock().unwrap().extend(&bytes[..count]),
            }
        }
    })
}

impl Running<'_> {
    /// Waits until something is so. Fails where the run ends before.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + HANGS_AFTER;
        while !is_so() {
            assert!(self.child.try_wait().unwrap().is_none(), "the run ended before {what}");
            assert!(Instant::now() < deadline, "hangs before {what}");
            self.look();
        }
        self.look();
    }

    /// Waits until it has printed something.
    #[allow(dead_code, reason = "other test binaries do not use it")]
    #[track_caller]
    pub fn until_said(&mut self, text: &str) {
        let said = Arc::clone(&self.said);
        self.until(text, || String::from_utf8_lossy(&said.lock().unwrap()).contains(text));
    }

    /// As a terminal does with Ctrl-C: the whole group gets the signal.
    pub fn signal(&mut self, signal: Signal) {
        self.traces.add(self.sandbox.traces());
        kill_process_group(pid(self.child.id()), signal).unwrap();
    }

    /// As [`Running::signal`], for a run that may have ended.
    #[allow(dead_code, reason = "other test binaries use it")]
    pub fn signal_if_running(&mut self, signal: Signal) {
        self.traces.add(self.sandbox.traces());
        let _ = kill_process_group(pid(self.child.id()), signal);
    }

    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + HANGS_AFTER;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the run hangs");
            self.look();
        };
        let text = |reader: Option<JoinHandle<Vec<u8>>>| {
            String::from_utf8(reader.unwrap().join().unwrap()).expect("what it prints is UTF-8")
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ended { status, stdout, stderr, traces: std::mem::take(&mut self.traces) }
    }

    /// Looks now and then at what the server holds, which cannot be asked when it is gone.
    fn look(&mut self) {
        std::thread::sleep(Duration::from_millis(10));
        if self.looked.is_none_or(|looked| looked.elapsed() > Duration::from_millis(100)) {
            self.traces.add(self.sandbox.traces());
            self.looked = Some(Instant::now());
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A test that failed midway leaves its run; what that started, the sandbox ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The exit status as a shell has it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap())
    }

    /// The report that `--format json` wrote to stdout, which holds nothing else.
    #[track_caller]
    pub fn report(&self) -> Report {
        Report::parse(&self.stdout)
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code(), code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
    }
}
