//! What touches the world: processes, files, Postgres, Python, Alembic.
//!
//! A driver returns what was said and never judges it. `Err` from here means that the gate is sick:
//! something that it needs is missing, broken, or interrupted.

pub mod alembic;
pub mod cache;
pub mod copy;
pub mod git;
pub mod incidents;
pub mod interrupt;
pub mod kept;
pub mod mirror;
pub mod packages;
pub mod past;
pub mod postgres;
pub mod process;
pub mod python;
pub mod scratch;
pub mod terminal;
pub mod tree_files;
pub mod watcher;
