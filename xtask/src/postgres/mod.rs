//! Postgres 15: found, started or given, and talked to.

pub mod binaries;
mod cancel;
pub mod cluster;
pub mod data_dir;
pub mod endpoint;
pub mod external;
pub mod hosted;
pub mod provision;
pub mod rows;
pub mod schema;
pub mod server;
pub mod session;
pub mod shared;
pub mod tls;
mod user;

/// The major version that production runs and the gate needs.
pub const MAJOR: u32 = 15;
