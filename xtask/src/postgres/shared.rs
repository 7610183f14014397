//! State that all databases of a server share: roles, memberships, settings of roles, tablespaces.

use std::collections::BTreeSet;

use anyhow::Result;

use super::session::{Session, identifier};

/// All of it as one text, then the roles by name.
const STATE: &str = "\
SELECT concat_ws(E'\\n',
  (SELECT string_agg(r::text || coalesce(shobj_description(oid, 'pg_authid'), ''), E'\\n' ORDER BY oid)
     FROM pg_roles r),
  (SELECT string_agg(m::text, E'\\n' ORDER BY m::text) FROM pg_auth_members m),
  (SELECT string_agg(s::text, E'\\n' ORDER BY s::text) FROM pg_db_role_setting s WHERE setdatabase = 0),
  (SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM pg_tablespace t),
  (SELECT string_agg(p::text, E'\\n' ORDER BY p::text) FROM pg_parameter_acl p))
UNION ALL SELECT rolname FROM pg_roles";

/// That at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedState {
    text: String,
    roles: BTreeSet<String>,
}

impl SharedState {
    /// As it is now.
    pub fn of(session: &mut Session<'_>) -> Result<SharedState> {
        let mut rows = session.column(STATE)?.into_iter();
        Ok(SharedState { text: rows.next().unwrap_or_default(), roles: rows.collect() })
    }

    /// Drops the roles that came since and may be dropped, and says whether all is as it was. The
    /// databases that needed them must be gone.
    pub fn restore(
        &self,
        session: &mut Session<'_>,
        may_drop: &dyn Fn(&str) -> bool,
    ) -> Result<bool> {
        let now = SharedState::of(session)?;
        if now == *self {
            return Ok(true);
        }
        let new = now.roles.difference(&self.roles);
        let mut left: Vec<&String> = new.filter(|role| may_drop(role)).collect();
        // One role may own another's grant, so a role that cannot be dropped at first may be
        // droppable later.
        while !left.is_empty() {
            let before = left.len();
            left.retain(|role| {
                session.execute(&format!("DROP ROLE {}", identifier(role))).is_err()
            });
            if left.len() == before {
                return Ok(false);
            }
        }
        Ok(SharedState::of(session)? == *self)
    }
}
