//! A running server that the user named: used with care, and left as it was found.
//!
//! The gate marks everything that it creates there with a comment on the database or the role, and
//! touches nothing without that mark. An advisory lock makes two gates on one server take turns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use postgres::Client;

use super::MAJOR;
use super::endpoint::Endpoint;
use super::session::{Session, identifier, literal};
use crate::os::interrupt::Interrupt;
use model::supply::Role;
use model::transcript::Transcript;

/// The comment on each database and role that the gate created.
const MARK: &str = "created by migration-gate, which may drop it at any time";
/// The key of the advisory lock: the ASCII codes of `miggate`.
const LOCK_KEY: i64 = 0x6d_6967_6761_7465;
/// How long to wait for another gate on the same server.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A running server that the user named. Databases and roles that the gate created there are
/// dropped with this value.
pub struct ExternalServer {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// Its version: `15.18`.
    pub version: String,
    /// Holds the advisory lock for as long as it is open.
    _lock: Mutex<Client>,
    /// The roles that were there before, without leftovers of other gates.
    roles_before: Vec<String>,
    created: Mutex<Vec<String>>,
    done: AtomicBool,
}

impl ExternalServer {
    /// Connects, checks that the gate can use the server, and waits for its turn. `notice` takes a
    /// message when another gate holds the server, and one about databases without the mark.
    pub fn open(
        endpoint: Endpoint,
        allow_remote: bool,
        interrupt: &Interrupt,
        notice: impl Fn(&str),
    ) -> Result<ExternalServer> {
        let database = endpoint.maintenance_database().to_owned();
        let place = endpoint.shown(&database);
        if !allow_remote && !endpoint.is_loopback() {
            bail!(
                "refused to connect to {place}: it is neither a socket nor loopback\n\
                 hint: the gate creates and drops databases and roles there; --allow-remote says \
                 that you mean it"
            );
        }
        let mut session = Session::open(&endpoint, &database, interrupt)?;
        let version = session.show("server_version")?;
        let version = version.split_whitespace().next().unwrap_or_default().to_owned();
        if version.split('.').next().and_then(|major| major.parse().ok()) != Some(MAJOR) {
            bail!("found Postgres {version} at {place}, the gate needs {MAJOR}");
        }
        let allowed = session.value(
            "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles \
             WHERE rolname = current_user",
        )?;
        if allowed.as_deref() != Some("t") {
            let user = session.value("SELECT current_user")?.unwrap_or_default();
            bail!(
                "cannot use {place}: role {user} may not create databases and roles\n\
                 hint: run `ALTER ROLE {} CREATEDB CREATEROLE` there as a superuser",
                identifier(&user)
            );
        }
        drop(session);
        let lock = take_turn(&endpoint, interrupt, &notice)?;
        // A marked role is a leftover of an earlier gate, and is dropped with the roles of this
        // one.
        let mut session = Session::open(&endpoint, &database, interrupt)?;
        let marked = marked_roles(&mut session)?;
        let roles_before =
            roles(&mut session)?.into_iter().filter(|r| !marked.contains(r)).collect();
        warn_of_others(&mut session, &place, &notice)?;
        Ok(ExternalServer {
            endpoint,
            version,
            _lock: Mutex::new(lock),
            roles_before,
            created: Mutex::default(),
            done: AtomicBool::new(false),
        })
    }

    /// Creates a database for a tree, empty or as a copy of another. A database with the mark is a
    /// leftover and is replaced; one without the mark belongs to the user, and the gate refuses.
    pub fn create_database(
        &self,
        name: &str,
        copied: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut session =
            Session::open(&self.endpoint, self.endpoint.maintenance_database(), interrupt)?;
        // Made under another name and marked before it gets its own, so that a gate that is killed
        // in between leaves no unmarked database in its own way.
        let unnamed = format!("migration_gate_new_{name}");
        for old in [name, &unnamed] {
            drop_marked(&mut session, old)?;
        }
        session.create_database(&unnamed, copied, None)?;
        let mark = literal(MARK);
        session.execute(&format!("COMMENT ON DATABASE {} IS {mark}", identifier(&unnamed)))?;
        session.execute(&format!(
            "ALTER DATABASE {} RENAME TO {}",
            identifier(&unnamed),
            identifier(name)
        ))?;
        self.created
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(name.to_owned());
        Ok(())
    }

    /// Leaves the created databases and roles.
    pub fn keep(&self) {
        self.done.store(true, Ordering::SeqCst);
    }

    /// Drops a database that this gate created.
    pub fn drop_database(&self, name: &str, interrupt: &Interrupt) -> Result<()> {
        let database = self.endpoint.maintenance_database();
        drop_marked(&mut Session::open(&self.endpoint, database, interrupt)?, name)
    }

    /// Drops everything with the mark: created databases, and roles that a recipe supplied. Returns
    /// those that could not be dropped, and the roles that were created during the run.
    pub fn clean_up(&self) -> Vec<String> {
        if self.done.swap(true, Ordering::SeqCst) {
            return Vec::new();
        }
        let mut left = Vec::new();
        if let Err(err) = self.try_clean_up(&mut left) {
            left.push(format!("{err:#}"));
        }
        left
    }

    fn try_clean_up(&self, left: &mut Vec<String>) -> Result<()> {
        let never = Interrupt::never()?;
        let database = self.endpoint.maintenance_database();
        let mut session = Session::open(&self.endpoint, database, &never)?;
        let created = self.created.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for name in created.iter() {
            if let Err(err) = drop_marked(&mut session, name) {
                left.push(format!("{err:#}"));
            }
        }
        let marked = marked_roles(&mut session)?;
        for role in roles(&mut session)?.into_iter().filter(|r| !self.roles_before.contains(r)) {
            if !marked.contains(&role) {
                left.push(format!("role {role} came into being during the run and was left"));
            } else if let Err(err) = session.execute(&format!("DROP ROLE {}", identifier(&role))) {
                left.push(format!("{err:#}"));
            }
        }
        Ok(())
    }
}

impl Drop for ExternalServer {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// Creates a role that a recipe supplies and marks it, unless a role without the mark is there.
pub fn supply_role(
    session: &mut Session<'_>,
    role: &Role,
    timeout: Duration,
) -> Result<Transcript> {
    let marked = session.value(&format!(
        "SELECT 1 FROM pg_roles WHERE rolname = {} AND shobj_description(oid, 'pg_authid') = {}",
        literal(role.name),
        literal(MARK)
    ))?;
    if marked.is_some() {
        // A killed gate's. Where a kept database still needs it, it stays and serves again.
        let _ = session.execute(&format!("DROP ROLE {}", identifier(role.name)));
    }
    if session.role(role.name)?.is_some() {
        return session.transcribe(role.create, timeout);
    }
    // Statements sent together are one transaction: the role is never there without its mark.
    let mark = format!("COMMENT ON ROLE {} IS {};", identifier(role.name), literal(MARK));
    session.transcribe(&format!("{}\n{mark}", role.create), timeout)
}

/// Warns of databases without the mark, which migrations could reach.
fn warn_of_others(session: &mut Session<'_>, place: &str, notice: impl Fn(&str)) -> Result<()> {
    let others = session.column(&format!(
        "SELECT datname FROM pg_database WHERE NOT datistemplate \
         AND datname NOT IN ('postgres', current_database()) \
         AND coalesce(shobj_description(oid, 'pg_database'), '') <> {} ORDER BY 1",
        literal(MARK)
    ))?;
    if !others.is_empty() {
        notice(&format!(
            "warning: {place} holds databases that are not the gate's: {}; migrations run there as \
             the role of the URL and can reach all that it can. Name a server that holds nothing else",
            others.join(", ")
        ));
    }
    Ok(())
}

/// Waits until no other gate uses the server. The lock is taken in the database `postgres`, so that
/// gates meet whose URLs name different databases; without that database, in the named one.
fn take_turn(endpoint: &Endpoint, interrupt: &Interrupt, waiting: impl Fn(&str)) -> Result<Client> {
    let mut client = endpoint
        .connect("postgres")
        .or_else(|_| endpoint.connect(endpoint.maintenance_database()))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    let mut told = false;
    loop {
        let row = client
            .query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK_KEY])
            .context("cannot take the advisory lock")?;
        if row.get(0) {
            return Ok(client);
        }
        if Instant::now() > deadline {
            bail!("another gate has held the server for {} minutes", LOCK_TIMEOUT.as_secs() / 60);
        }
        if !told {
            waiting("waiting for another gate on this server to end");
            told = true;
        }
        interrupt.sleep(Duration::from_millis(100))?;
    }
}

fn roles(session: &mut Session<'_>) -> Result<Vec<String>> {
    session.column("SELECT rolname FROM pg_roles")
}

fn marked_roles(session: &mut Session<'_>) -> Result<Vec<String>> {
    session.column(&format!(
        "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = {}",
        literal(MARK)
    ))
}

fn drop_marked(session: &mut Session<'_>, name: &str) -> Result<()> {
    let comment = session.value(&format!(
        "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database \
         WHERE datname = {}",
        literal(name)
    ))?;
    match comment.as_deref() {
        None => Ok(()),
        Some(MARK) => session.execute(&format!("DROP DATABASE {} WITH (FORCE)", identifier(name))),
        Some(_) => bail!(
            "refused to touch the database {name}: it exists already and the gate did not create it\n\
             hint: name another server with --postgres-url, or, if nobody needs it, run \
             `DROP DATABASE {}` there",
            identifier(name)
        ),
    }
}

/// Whether a statement creates this role, by its whole name.
pub(super) fn creates(role: &str, sql: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let words: Vec<String> =
        sql.split(|c| !is_part(c)).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let is_command = |pair: &[String]| {
        pair[0] == "create" && ["role", "user", "group"].contains(&pair[1].as_str())
    };
    let name: Vec<String> =
        role.split(|c| !is_part(c)).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    words.windows(2).any(is_command) && words.windows(name.len().max(1)).any(|some| some == name)
}

#[cfg(test)]
mod tests {
    use super::creates;

    #[test]
    fn a_role_is_the_migrations_only_when_a_statement_creates_it() {
        let sql = "DO $$ BEGIN CREATE ROLE App_Reader; END $$";
        assert!(creates("app_reader", sql));
        assert!(!creates("app", sql), "names are compared whole");
        assert!(!creates("reader", "GRANT SELECT ON t TO reader"));
    }
}
