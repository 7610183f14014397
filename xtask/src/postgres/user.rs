//! The user that a server of the gate's own runs as.

use anyhow::{Context, Result, bail};
use nix::unistd::{User, geteuid};

/// The user that a server must run as, where that is not the caller. Fails as root where there is
/// neither `postgres` nor `nobody`, and for a caller without a name, as containers may have it:
/// `initdb` refuses both.
pub fn server_user() -> Result<Option<User>> {
    let own = geteuid();
    if !own.is_root() {
        if User::from_uid(own).is_ok_and(|user| user.is_none()) {
            bail!(
                "cannot make a Postgres cluster: initdb refuses a user without a name, and user ID \
                 {own} has none here\n\
                 hint: give it one where the image is built: `echo 'gate:x:{own}:{own}::/tmp:/bin/sh' \
                 >> /etc/passwd`; or run the gate as a user that has one, or with --postgres-url"
            );
        }
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
