//! Alembic, through one interpreter that has imported it.
//!
//! Starting Python and importing Alembic and SQLAlchemy costs about a second, more than all the
//! rest of a run. So [`start`] does it once, while Postgres is starting, and each call runs in a
//! fork, the first one in that which read the revisions: see `worker.py`, which speaks JSON lines on a
//! socket of its own for each tree.

mod ahead;
mod connection;
mod headers;
mod listener;
mod protocol;
mod script;
mod walk;

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::Utf8Path;
use command_fds::{CommandFdExt, FdMapping};

use self::ahead::{Ahead, Begun};
use self::connection::Heard;
use self::listener::Listener;
use self::protocol::{Call, Event, Hello};
use super::interrupt::Interrupt;
use super::postgres::endpoint::Endpoint;
use super::postgres::session::VersionTable;
use super::process::Group;
use super::scratch::Scratch;
use model::redact::{hide, redact};
use model::transcript::{RevisionInFlight, Transcript};
use model::tree::Tree;
use model::used::Used;

pub use self::connection::Connection;
pub use self::headers::Headers;
pub use self::protocol::{Description, Revision};

/// How long the imports may take; a cold disk needs several seconds.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the worker may take to say that it ended a call.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// The files of what is known of the trees' revision files are told apart by a number.
static KNOWN: AtomicUsize = AtomicUsize::new(0);
/// The longest line that the worker writes is far below this.
const LINE_MAX: usize = 16 * 1024 * 1024;

/// An interpreter that has imported Alembic, ended with this value.
pub struct Interpreter {
    process: Group,
}

impl Interpreter {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Whether it has ended, as it does when its connections are used up.
    pub fn has_ended(&mut self) -> bool {
        self.process.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // Its sockets are closed by now, and it ends what it runs by itself; `Group` makes sure.
        self.process.ended_within(Duration::from_secs(2));
    }
}

/// Starts an interpreter that serves as many trees as asked for. The connections must be dropped
/// before the interpreter is.
pub fn start(
    python: &Utf8Path,
    trees: usize,
    env: &[(String, std::ffi::OsString)],
    scratch: &Scratch,
) -> Result<(Interpreter, Vec<Connection>)> {
    // Several interpreters may write to it, each with little to say.
    let log = scratch.path().join("worker.log");
    let output = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("cannot write `{log}`"))?;
    let (mut ours, mut mappings, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for child_fd in (3..).step_by(2).take(trees) {
        let (stream, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
        let (tells, writes) = std::io::pipe().context("cannot make a pipe")?;
        ours.push((stream, tells));
        mappings.push(FdMapping { parent_fd: theirs.into(), child_fd });
        mappings.push(FdMapping { parent_fd: writes.into(), child_fd: child_fd + 1 });
        numbers.push(format!("{child_fd}:{}", child_fd + 1));
    }
    let mut command = Command::new(python);
    command
        .arg("-u")
        .args(script::lay(python, scratch)?)
        .args(numbers)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("cannot open the worker's log twice")?)
        .stderr(output)
        .process_group(0);
    command.fd_mappings(mappings).context("cannot hand sockets and pipes to Python")?;
    let child = command.spawn().with_context(|| format!("cannot start `{python}`"))?;
    // The command holds the child's ends of them: while it lives, they never close.
    drop(command);
    let interpreter = Interpreter { process: Group { child } };
    let connect = |(stream, tells)| {
        let known = format!("known-{}", KNOWN.fetch_add(1, Ordering::Relaxed));
        let places = (scratch.path().join("pycache"), scratch.path().join(known));
        Connection::new(stream, tells, &log, places)
    };
    let connections = ours.into_iter().map(connect).collect::<Result<_>>()?;
    Ok((interpreter, connections))
}

/// A tree's Alembic, ready for calls.
pub struct Alembic {
    connection: Connection,
    tree: Tree,
    endpoint: Endpoint,
    driver: String,
    url: String,
    /// The password in the URL, as it is typed.
    password: Option<String>,
    interrupt: Interrupt,
    /// What of the next call is done before it is due.
    begun: Option<Begun>,
    /// What the interpreter is: `Python 3.11.7, Alembic 1.20.1, SQLAlchemy 2.1.9`.
    pub versions: String,
    /// What the calls read.
    pub used: Used,
    /// Where Alembic keeps its version, as the last call's env.py configured it.
    pub version_table: VersionTable,
}

/// What a call may do and how long it may take.
pub struct Limits<'a> {
    /// How long.
    pub timeout: Duration,
    /// Is told which revision begins.
    pub on_revision: &'a dyn Fn(&RevisionInFlight),
    /// Is asked at the deadline, while the call still runs, what it waits for.
    pub on_deadline: &'a dyn Fn() -> Option<String>,
    /// Where to pause on the way, and what happens there.
    pub pause: Option<Pause<'a>>,
}

/// A moment in an upgrade at which the gate looks at the database.
#[derive(Clone, Copy)]
pub struct Pause<'a> {
    /// Before the upgrade to which revision.
    pub before: &'a str,
    /// What happens meanwhile; it is told where Alembic keeps its version.
    pub then: &'a dyn Fn(&VersionTable),
}

impl Alembic {
    /// Waits until the interpreter is ready. Fails where Alembic cannot be imported, or where the
    /// interpreter has no driver for Postgres.
    pub fn new(
        mut connection: Connection,
        tree: &Tree,
        endpoint: &Endpoint,
        interrupt: &Interrupt,
    ) -> Result<Alembic> {
        let deadline = Instant::now() + IMPORT_TIMEOUT;
        let hello: Hello = match connection.next(interrupt, deadline)? {
            Heard::Event(Event::Ready(hello)) => hello,
            Heard::Event(Event::Unusable { python, message }) => bail!(
                "cannot use `{python}`: {message}\n\
                 hint: name an interpreter that has Alembic and SQLAlchemy with --python, or leave \
                 it out and the gate makes one from the tree's requirements.txt"
            ),
            _ => bail!("cannot start Alembic's interpreter:\n{}", connection.log_end()),
        };
        let driver = match &tree.driver {
            Some(driver) => driver.clone(),
            None => hello.drivers.first().cloned().context(
                "cannot connect to Postgres from Python: it has none of psycopg2, psycopg, \
                 asyncpg, pg8000\nhint: install one, or name another with --driver",
            )?,
        };
        Ok(Alembic {
            connection,
            tree: tree.clone(),
            url: endpoint.sqlalchemy_url(&driver, &tree.database),
            endpoint: endpoint.clone(),
            driver,
            password: endpoint.password(),
            interrupt: interrupt.clone(),
            begun: None,
            versions: format!(
                "Python {}, Alembic {}, SQLAlchemy {}",
                hello.python, hello.alembic, hello.sqlalchemy
            ),
            used: Used::default(),
            version_table: VersionTable::default(),
        })
    }

    /// The database URL, password included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same tree and database through another interpreter's connection.
    pub fn through(&self, connection: Connection) -> Result<Alembic> {
        let mut other = Alembic::new(connection, &self.tree, &self.endpoint, &self.interrupt)?;
        other.url.clone_from(&self.url);
        Ok(other)
    }

    /// The same, ended by something else.
    pub fn ended_by(self, interrupt: &Interrupt) -> Alembic {
        Alembic { interrupt: interrupt.clone(), ..self }
    }

    /// Turns to another database of the same server, for the calls that follow.
    pub fn use_database(&mut self, database: &str) {
        self.url = self.endpoint.sqlalchemy_url(&self.driver, database);
    }

    /// Reads the revision graph as Alembic does; nothing is run but the top level of the revision
    /// files.
    pub fn describe(&mut self, limits: &Limits<'_>) -> Result<(Transcript, Option<Description>)> {
        self.call("describe", None, limits)
    }

    /// Calls, and takes the password out of what was said: a migration may print its environment.
    fn call(
        &mut self,
        op: &str,
        revision: Option<&str>,
        limits: &Limits<'_>,
    ) -> Result<(Transcript, Option<Description>)> {
        let (said, description) = self.call_raw(op, revision, limits)?;
        let password = self.password.as_deref();
        Ok((said.map_texts(|text| redact(&hide(text, password)).into_owned()), description))
    }

    /// `alembic upgrade REVISION`.
    pub fn upgrade(&mut self, revision: &str, limits: &Limits<'_>) -> Result<Transcript> {
        Ok(self.call("upgrade", Some(revision), limits)?.0)
    }

    /// `alembic downgrade REVISION`.
    pub fn downgrade(&mut self, revision: &str, limits: &Limits<'_>) -> Result<Transcript> {
        Ok(self.call("downgrade", Some(revision), limits)?.0)
    }

    /// The words after `alembic`.
    fn argv(&self, op: &str, revision: Option<&str>) -> Vec<String> {
        let shown = if ["describe", "get_ready"].contains(&op) { "heads" } else { op };
        let mut argv = self.tree.alembic_options();
        argv.push(shown.to_owned());
        argv.extend(revision.map(str::to_owned));
        argv
    }

    /// The call as one would type it.
    fn typed(&self, op: &str, revision: Option<&str>) -> String {
        let words: Vec<String> =
            self.argv(op, revision).iter().map(|word| super::process::quote(word)).collect();
        format!("alembic {}", words.join(" "))
    }

    /// The line that asks the worker for a call.
    fn line_of(
        &self,
        op: &str,
        revision: Option<&str>,
        pause_before: Option<&str>,
        ahead: Ahead<'_>,
    ) -> Result<String> {
        let call = Call {
            op,
            revision,
            ini: &self.tree.ini,
            cwd: &self.tree.cwd,
            argv: &self.argv(op, revision),
            env: BTreeMap::from([(self.tree.url_env.as_str(), self.url.as_str())]),
            config_url: self.tree.sets_config_url.then_some(self.url.as_str()),
            pause_before,
            pycache: &self.connection.pycache,
            known: &self.connection.known,
            ahead,
            within: [self.tree.cwd.as_path(), self.tree.ini_folder()],
        };
        serde_json::to_string(&call).context("cannot write a call")
    }

    fn call_raw(
        &mut self,
        op: &str,
        revision: Option<&str>,
        limits: &Limits<'_>,
    ) -> Result<(Transcript, Option<Description>)> {
        let mut heard = Listener::new(self.typed(op, revision));
        self.used.calls += 1;
        let pause = limits.pause.filter(|_| op == "upgrade").map(|pause| pause.before);
        let line = self.line_of(op, revision, pause, Ahead::default())?;
        if !self.send_call(line.clone())? {
            return Ok((heard.lost(), None));
        }
        let mut deadline = Instant::now() + limits.timeout;
        loop {
            match self.connection.next(&self.interrupt, deadline)? {
                Heard::Event(Event::Ended(ended)) => return Ok(heard.end(ended)),
                Heard::Event(Event::Used { files, folders, doubts }) => {
                    self.used.add(files, folders, doubts);
                }
                Heard::Event(Event::VersionTable { name, schema }) => {
                    self.version_table = VersionTable { schema, name };
                }
                Heard::Event(Event::Stale) => drop(self.call_anew(&line)?),
                Heard::Event(Event::Described { value }) => {
                    self.begun = Some(Begun::Reading);
                    return Ok(heard.described(value));
                }
                Heard::Event(Event::Paused) => {
                    if let Some(pause) = limits.pause {
                        let paused = Instant::now();
                        (pause.then)(&self.version_table);
                        // What the gate does meanwhile is no time of the call's.
                        deadline += paused.elapsed();
                    }
                    self.connection.send(r#"{"go": true}"#);
                }
                Heard::Event(event) => heard.take(event, limits.on_revision),
                Heard::Closed => return Ok((heard.lost(), None)),
                Heard::Deadline if heard.timed_out.is_some() => return Ok((heard.lost(), None)),
                Heard::Deadline => {
                    heard.timed_out = Some(limits.timeout);
                    heard.said.waits_for = (limits.on_deadline)();
                    break;
                }
            }
        }
        self.connection.send(r#"{"kill": true}"#);
        let deadline = Instant::now() + KILL_TIMEOUT;
        loop {
            match self.connection.next(&self.interrupt, deadline)? {
                Heard::Event(Event::Ended(ended)) => return Ok(heard.end(ended)),
                // What it said between its deadline and its end changes nothing.
                Heard::Event(_) => {}
                Heard::Closed | Heard::Deadline => return Ok((heard.lost(), None)),
            }
        }
    }
}
