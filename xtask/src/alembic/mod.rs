//! Alembic, run in forks of an interpreter that has imported it.
//!
//! Starting Python and importing Alembic and SQLAlchemy takes longer than most migrations. So
//! [`start`] does it once, while Postgres is starting, and each call runs in a fork of that process:
//! see `worker.py`, which speaks JSON lines on a socket of its own for each connection.

mod base;
mod call_target;
mod connection;
mod interpreter;
mod listener;
mod own_wait;
mod project;
mod protocol;
pub mod python;
mod session;

pub use self::connection::Connection;
pub use self::interpreter::{Interpreter, start};
pub use self::protocol::{Description, DuplicateRevision, Revision};
pub use self::session::{Alembic, InterpreterInfo, Limits, Pause, PausePoint};
