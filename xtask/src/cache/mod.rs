//! Cache of earlier runs: the result of a tree, and a snapshot of its server right before its new
//! revisions. [`inputs`] alone decides whether either is stale.

pub mod inputs;
pub mod result;
pub mod snapshot;
pub mod toolchain;
