//! Interpreter that has imported Alembic and serves calls.

use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use camino::Utf8Path;
use command_fds::{CommandFdExt, FdMapping};

use super::connection::Connection;
use crate::os::process::Group;
use crate::os::run_dir::RunDir;
use crate::os::sandbox::Sandbox;

const WORKER: &str = include_str!("worker.py");
/// The folder of an environment of the gate's own in which its packages lie compiled.
pub(super) const BYTECODE: &str = "bytecode";

/// An interpreter that has imported Alembic, ended with this value.
pub struct Interpreter {
    process: Group,
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // Its sockets are closed by now, so it ends its calls by itself; `Group` makes sure.
        self.process.ended_within(Duration::from_secs(2));
    }
}

/// Starts an interpreter with so many connections, each of which serves one call at a time. The
/// connections must be dropped before the interpreter is.
pub fn start(
    python: &Utf8Path,
    count: usize,
    env: &[(String, std::ffi::OsString)],
    (scratch, sandbox): (&RunDir, &Sandbox),
) -> Result<(Interpreter, Vec<Connection>)> {
    // Several interpreters may write to it, each with little to say.
    let log = scratch.path().join("worker.log");
    let output = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("cannot write `{log}`"))?;
    let script = scratch.path().join("migration_gate_worker.py");
    // The interpreter that was started before may be reading it.
    if !script.exists() {
        std::fs::write(&script, WORKER).with_context(|| format!("cannot write `{script}`"))?;
    }
    let (mut ours, mut mappings, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for child_fd in (3..).take(count) {
        let (stream, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
        ours.push(stream);
        mappings.push(FdMapping { parent_fd: theirs.into(), child_fd });
        numbers.push(child_fd.to_string());
    }
    let environment = python.parent().and_then(Utf8Path::parent);
    let bytecode = environment.map(|dir| dir.join(BYTECODE)).filter(|dir| dir.is_dir());
    let mut command = sandbox.command(python);
    command
        .arg(script)
        .arg(bytecode.as_deref().unwrap_or(Utf8Path::new("")))
        .args(numbers)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("cannot open the worker's log twice")?)
        .stderr(output)
        .process_group(0);
    command.fd_mappings(mappings).context("cannot hand sockets to Python")?;
    let process = Group::spawn(&mut command);
    let process = process.with_context(|| format!("cannot start `{python}`"))?;
    // The command holds the child's ends: while it lives, they never close.
    drop(command);
    let interpreter = Interpreter { process };
    let pycache = scratch.pycache();
    let connect = |stream| Connection::new(stream, &log, pycache.clone());
    let connections = ours.into_iter().map(connect).collect::<Result<_>>()?;
    Ok((interpreter, connections))
}
