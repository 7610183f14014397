//! Plain data, in the order in which a run makes it: a tree, the supplies of its recipe, its steps,
//! transcripts, findings, and the printed report.
//!
//! This crate does no I/O. Its types do not define the published formats: `render` does.

pub mod called;
pub mod checkup;
pub mod code;
pub mod event;
pub mod files;
pub mod finding;
pub mod graph;
pub mod incident;
pub mod mutant;
pub mod production;
pub mod quoting;
pub mod redact;
pub mod replay;
pub mod report;
pub mod rollback;
pub mod rows;
pub mod schema;
pub mod sensitive;
pub mod shown;
pub mod span;
pub mod stairs;
pub mod start;
pub mod step;
pub mod supply;
pub mod template;
pub mod transcript;
pub mod tree;
pub mod used;
pub mod watch;
