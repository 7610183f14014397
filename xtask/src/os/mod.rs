//! The operating system: processes, files, git and the terminal.
//!
//! Nothing here judges migrations. `Err` means that something which the gate needs is missing,
//! broken, or interrupted.

pub mod cache_dir;
pub mod called;
pub mod copy;
pub mod environment;
pub mod git;
pub mod interrupt;
pub mod manifest;
pub mod mirror;
pub mod orphans;
pub mod packages;
pub mod process;
pub mod run_dir;
pub mod sandbox;
pub mod store;
pub mod terminal;
pub mod tree_files;
pub mod watcher;
