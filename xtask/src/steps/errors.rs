//! Errors of the steps by which a caller decides.

use crate::postgres::cluster::NotStarted;
use crate::postgres::endpoint::Unreachable;
use model::code::{self, Code};

/// env.py asked for a database that the gate did not make.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ForeignDatabase(pub String);

/// The server died under the steps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServerDied(pub String);

/// A failure that may come from the cached snapshot; the run is repeated without it.
#[derive(Debug, thiserror::Error)]
#[error("the failure may come from the cached snapshot: {0}")]
pub struct SnapshotInvalid(pub String);

/// The shared state of the lane's server could not be restored: the lane must begin anew.
#[derive(Debug, thiserror::Error)]
#[error("the server's roles cannot be put back")]
pub(super) struct NotRestored;

/// Code of an error that is not a migration's.
pub fn code_of(err: &anyhow::Error) -> &'static Code {
    match err {
        // In the log of a server that died of it, too.
        _ if format!("{err:#}").contains(code::DISK_FULL) => &code::OUT_OF_RESOURCES,
        _ if err.is::<ServerDied>() => &code::SERVER_DIED,
        _ if err.is::<ForeignDatabase>() => &code::ENV_FOREIGN_DATABASE,
        _ if err.is::<NotStarted>() => &code::SERVER_NOT_STARTED,
        _ if err.is::<Unreachable>() => &code::CONNECTION_FAILED,
        _ => &code::CANNOT_WORK,
    }
}
