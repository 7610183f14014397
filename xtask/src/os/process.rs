//! Child processes: how the gate starts, watches and ends them.
//!
//! Folder, environment and deadline are explicit. Each child leads a process group of its own, so
//! that a terminal's Ctrl-C reaches the gate alone, and so that the processes of a child end with
//! it. A process that leaves its group (a daemon that a migration started) becomes a child of the
//! gate, which is its subreaper, and [`end_strays`] ends it; on systems without subreapers such a
//! daemon lives on.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};

use super::interrupt::Interrupt;

/// How much of a command's output is kept, in bytes: the end of it.
const OUTPUT_KEPT: usize = 64 * 1024;
/// How much is kept of an answer that is wanted whole.
const ANSWER_KEPT: usize = 256 << 20;

/// Where a command runs and how long it may take.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Its working folder.
    pub cwd: &'a Utf8Path,
    /// How long it may take.
    pub timeout: Duration,
    /// Ends it early.
    pub interrupt: &'a Interrupt,
}

/// Output of a command.
pub struct CommandOutput {
    /// How it ended.
    pub status: ExitStatus,
    /// The end of its stdout.
    pub stdout: String,
    /// The end of its stderr.
    pub stderr: String,
}

/// A command that failed, with the end of its output.
#[derive(Debug)]
pub struct CommandFailed {
    command: String,
    how: String,
    /// The end of its output.
    pub output: String,
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.command, self.how)?;
        if !self.output.is_empty() {
            write!(f, ", after printing:\n{}", indent(&self.output))?;
        }
        Ok(())
    }
}

impl std::error::Error for CommandFailed {}

/// Runs a command to its end and returns its output. Fails where it cannot be started, does not
/// exit with status 0, is still running at its deadline, or the run is interrupted.
pub fn run(command: Command, limits: Limits<'_>) -> Result<CommandOutput> {
    let shown = show(&command);
    let said = run_unchecked(command, limits)?;
    if !said.status.success() {
        let output = format!("{}{}", said.stdout, said.stderr);
        bail!(CommandFailed {
            command: shown,
            how: format!("ended with {}", said.status),
            output: last_lines(&output, 20)
        });
    }
    Ok(said)
}

/// As [`run`], but returns all that it printed on stdout, byte for byte.
pub fn output(command: Command, limits: Limits<'_>) -> Result<Vec<u8>> {
    answer(command, Stdio::null(), limits)
}

/// As [`output`], for a command that reads.
pub fn answer(command: Command, input: Stdio, limits: Limits<'_>) -> Result<Vec<u8>> {
    let shown = show(&command);
    let (status, out, err) = run_keeping(command, input, limits, ANSWER_KEPT)?;
    if !status.success() {
        bail!(CommandFailed {
            command: shown,
            how: format!("ended with {status}"),
            output: last_lines(&err.text(), 20)
        });
    }
    Ok(out.bytes.into())
}

/// As [`run`], but any exit status will do.
pub fn run_unchecked(command: Command, limits: Limits<'_>) -> Result<CommandOutput> {
    let (status, out, err) = run_keeping(command, Stdio::null(), limits, OUTPUT_KEPT)?;
    Ok(CommandOutput { status, stdout: out.text(), stderr: err.text() })
}

fn run_keeping(
    mut command: Command,
    input: Stdio,
    limits: Limits<'_>,
    kept: usize,
) -> Result<(ExitStatus, Tail, Tail)> {
    limits.interrupt.check()?;
    let shown = show(&command);
    command
        .current_dir(limits.cwd)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let child = Group::spawn(&mut command);
    let mut child = child.with_context(|| format!("cannot start `{shown}`"))?;
    let deadline = Instant::now() + limits.timeout;
    let mut stdout = child.child.stdout.take().context("a pipe is missing")?;
    let mut stderr = child.child.stderr.take().context("a pipe is missing")?;
    let (mut out, mut err) = (Tail::new(kept), Tail::new(OUTPUT_KEPT));
    while !(out.ended && err.ended) {
        let fds = [stdout.as_fd(), stderr.as_fd()];
        // A descriptor at its end stays readable for ever: ask only for those that are not.
        let open: Vec<usize> = (0..2).filter(|i| ![out.ended, err.ended][*i]).collect();
        let asked: Vec<_> = open.iter().map(|i| fds[*i]).collect();
        let Some(ready) = limits.interrupt.wait(&asked, deadline)? else {
            return Err(too_long(shown, limits.timeout, &out, &err));
        };
        for (i, ready) in open.into_iter().zip(ready) {
            match i {
                0 if ready => out.read(&mut stdout)?,
                1 if ready => err.read(&mut stderr)?,
                _ => {}
            }
        }
    }
    // Its output has ended, so it is about to exit, or it closed both and works on.
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(status) = child.child.try_wait().context("cannot wait for a child process")? {
            return Ok((status, out, err));
        }
        if Instant::now() > deadline {
            return Err(too_long(shown, limits.timeout, &out, &err));
        }
        limits.interrupt.sleep(pause)?;
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

fn too_long(command: String, timeout: Duration, out: &Tail, err: &Tail) -> anyhow::Error {
    let how = format!("was still running after {} s", timeout.as_secs());
    let output = last_lines(&format!("{}{}", out.text(), err.text()), 20);
    CommandFailed { command, how, output }.into()
}

/// A child that leads a process group, which ends with this value.
pub struct Group {
    /// The leader.
    pub child: Child,
}

/// The children that this process started itself, as opposed to orphans that came to it.
static OWN: RwLock<BTreeSet<u32>> = RwLock::new(BTreeSet::new());

impl Group {
    /// Starts a command. No child is taken for an orphan, however early.
    pub fn spawn(command: &mut Command) -> std::io::Result<Group> {
        let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        own.insert(child.id());
        Ok(Group { child })
    }

    /// Sends a signal to the leader alone.
    pub fn signal(&self, signal: Signal) {
        // This fails only if the process is gone, as it should be.
        let _ = rustix::process::kill_process(pid_of(&self.child), signal);
    }

    /// Waits for the leader's end, at most `limit`, and returns whether it came. An interrupt does
    /// not end this wait: the clean-up uses it.
    pub fn ended_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(None) => return false,
                // An error means that there is no such child any more.
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = kill_process_group(pid_of(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
        OWN.write().unwrap_or_else(PoisonError::into_inner).remove(&self.child.id());
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Makes this process the one that orphans below it are handed to, where the kernel knows that.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Without it a daemon that a migration starts outlives the gate; nothing else changes.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends every child that this process did not start itself, with their descendants; returns whether
/// there was one.
#[cfg(target_os = "linux")]
pub fn end_strays() -> bool {
    // Nothing is started meanwhile.
    let keep = OWN.read().unwrap_or_else(PoisonError::into_inner);
    // Each round ends one generation; the next one is handed over by then.
    for generation in 0..100 {
        let strays = strays(&keep);
        if strays.is_empty() {
            return generation > 0;
        }
        for pid in strays {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
        }
    }
    true
}

/// Ends nothing: orphans come to this process on Linux alone.
#[cfg(not(target_os = "linux"))]
pub fn end_strays() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn strays(keep: &BTreeSet<u32>) -> Vec<Pid> {
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let parent_of = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name stands in parentheses and may hold anything; the parent is the second
        // field after it.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| !keep.contains(pid) && parent_of(*pid) == Some(own))
        .filter_map(|pid| Pid::from_raw(pid.try_into().ok()?))
        .collect()
}

/// The end of a stream, bounded.
struct Tail {
    bytes: VecDeque<u8>,
    kept: usize,
    ended: bool,
}

impl Tail {
    fn new(kept: usize) -> Tail {
        Tail { bytes: VecDeque::new(), kept, ended: false }
    }

    fn read(&mut self, from: &mut impl Read) -> Result<()> {
        let mut chunk = [0; 8192];
        match from.read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.bytes.extend(&chunk[..n]);
                let extra = self.bytes.len().saturating_sub(self.kept);
                self.bytes.drain(..extra);
            }
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => return Err(err).context("cannot read what a child process prints"),
        }
        Ok(())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.iter().copied().collect::<Vec<_>>()).into_owned()
    }
}

/// A command as one would type it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    quote_all(words.map(|word| word.to_string_lossy()))
}

/// Words as a POSIX shell needs them, in one line.
pub fn quote_all(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    words.map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell needs it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The last `count` lines of a text.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{last_lines, quote};

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quote("a/b-c.txt"), "a/b-c.txt");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn tail_holds_the_last_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
    }
}
