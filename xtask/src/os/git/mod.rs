//! Git: the base of a change, the files of the base, and the revisions of other branches.
//!
//! Git is asked in an environment of its own: neither the variables of a hook (`GIT_DIR` and its
//! kin) nor the filters and hooks of the checkout decide its output, and it never uses the network.

mod arrivals;
mod base;
mod branches;
mod merged;
mod objects;
mod repository;

pub use self::base::FoundBase;
pub use self::branches::Branch;
pub use self::merged::MergedFile;
pub use self::repository::{Git, PARTIAL, refusal};
