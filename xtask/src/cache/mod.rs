//! Cache of what one run leaves for the next: the result of a tree, and a snapshot of its server right
//! before its new revisions. [`inputs`] alone says what makes either stale.

pub mod inputs;
pub mod result;
pub mod snapshot;
pub mod toolchain;
