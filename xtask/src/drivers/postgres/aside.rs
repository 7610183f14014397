//! Puts the roles that the migrations made out of the way, so that they can be made once more in
//! another database of the same cluster.
//!
//! Roles belong to the cluster. A renamed role keeps what it owns and may do, and its name is free.

use anyhow::Result;

use super::endpoint::Endpoint;
use super::given::created_by;
use super::rows;
use super::session::{Session, identifier};
use super::snapshot::Watch;
use crate::drivers::interrupt::Interrupt;
use model::schema::Schema;

/// What is added to the name of a database.
const STAIRS: &str = "_stairs";
/// What is added to the name of a role.
const SUFFIX: &str = " (migration-gate)";

/// The name of a database beside that of a tree.
pub fn database(of: &str) -> String {
    let name: String = of.chars().take(56).collect();
    format!("{name}{STAIRS}")
}

/// Whether Postgres's words name such a database.
pub fn is_named_in(detail: &str) -> bool {
    detail.split_whitespace().any(|word| word.ends_with(STAIRS))
}

/// A copy of a tree's database as it is right before the head, made before anybody needs it.
pub struct Copied {
    /// Looks at it.
    pub watch: Watch<'static>,
    /// Ends what works on it, alone or with the run.
    pub interrupt: Interrupt,
}

impl Copied {
    /// That of the database of this name.
    pub fn of(database: &str, endpoint: &Endpoint, interrupt: &Interrupt) -> Result<Copied> {
        let interrupt = interrupt.child()?;
        let watch = Watch::waiting(endpoint, &self::database(database), &interrupt);
        Ok(Copied { watch: watch.starting_with(rows::SETUP), interrupt })
    }
}

/// What belongs to all databases of a cluster, other connections among it, is changed by commands
/// with one of these words, and by hardly any without.
const SHARED: &[&str] = &[
    "role",
    "user",
    "group",
    "grant",
    "revoke",
    "owned",
    "database",
    "tablespace",
    "subscription",
    "system",
    "pg_terminate_backend",
    "pg_cancel_backend",
];

/// Whether a text may change what all databases of a cluster share. It may say so wrongly.
pub fn may_reach_others(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| SHARED.contains(&word))
}

/// Whether a text makes, changes or drops roles.
pub fn changes_roles(text: &str) -> bool {
    has_role_command(text, &["create", "alter", "drop"])
}

/// Whether a text has one of these commands for a role.
pub(super) fn has_role_command(text: &str, verbs: &[&str]) -> bool {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let is_one =
        |pair: &[&str]| verbs.contains(&pair[0]) && ["role", "user", "group"].contains(&pair[1]);
    words.windows(2).any(is_one)
}

/// The roles that one of the statements creates, without those in `kept`.
fn made(session: &mut Session<'_>, statements: &[String], kept: &[&str]) -> Result<Vec<String>> {
    let roles = session.column(
        "SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolname <> current_user \
         AND rolname <> session_user",
    )?;
    let mine = |role: &String| {
        !role.ends_with(SUFFIX) && !kept.contains(&role.as_str()) && created_by(role, statements)
    };
    Ok(roles.into_iter().filter(mine).collect())
}

/// Takes what was put out of the way out of a schema: it is there only meanwhile.
pub fn leave_out(schema: &mut Schema) {
    schema.retain(|object| !object.identity.contains(SUFFIX));
}

/// Renames them, and returns their names.
pub fn put(session: &mut Session<'_>, statements: &[String], kept: &[&str]) -> Result<Vec<String>> {
    let roles = made(session, statements, kept)?;
    for role in &roles {
        rename(session, role, &format!("{role}{SUFFIX}"))?;
    }
    Ok(roles)
}

/// Drops the roles that were made meanwhile, and gives the others their names back.
pub fn put_back(session: &mut Session<'_>, roles: &[String]) -> Result<()> {
    for role in roles {
        let sql = format!("DROP ROLE IF EXISTS {}", identifier(role));
        // One that owns something in yet another database stays; then so does the other's name.
        if session.execute(&sql).is_ok() {
            rename(session, &format!("{role}{SUFFIX}"), role)?;
        }
    }
    Ok(())
}

/// Drops the roles that the statements created and whose databases are gone.
pub fn drop_made(session: &mut Session<'_>, statements: &[String], kept: &[&str]) -> Result<()> {
    for role in made(session, statements, kept)? {
        // Where it is still needed, it stays.
        let _ = session.execute(&format!("DROP ROLE {}", identifier(&role)));
    }
    Ok(())
}

fn rename(session: &mut Session<'_>, from: &str, to: &str) -> Result<()> {
    session.execute(&format!("ALTER ROLE {} RENAME TO {}", identifier(from), identifier(to)))
}
