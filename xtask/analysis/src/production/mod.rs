//! Production: effects of a change on a database in use: blocked statements, the length of their
//! waits, and statements of the running version that break.
//!
//! `uses.rs` makes the statements of the running version, `facts.rs` summarises the observations of
//! a way up or down, `breaks.rs` finds the statements that fail after it, `judge.rs` weighs both
//! with the sizes of production.

mod breaks;
mod exceptions;
mod facts;
mod fold;
mod instead;
mod judge;
mod place;
mod probes;
mod seen;
mod setting;
mod sizes;
mod statements;
mod uses;
mod view;
mod waits;
mod weight;
mod wording;

pub use self::breaks::{Break, Kind, breaks, prepared};
pub use self::facts::Facts;
pub(crate) use self::fold::once_a_remedy;
pub(crate) use self::instead::{instead, instead_of};
pub use self::judge::judge;
pub use self::probes::{Probe, probes};
pub use self::setting::{Judged, Setting, Text, sizes_of};
pub(crate) use self::sizes::Extent;
pub use self::sizes::{Sizes, Work, days};
pub use self::statements::Ran;
pub use self::uses::{Samples, uses};
pub(crate) use self::weight::weigh;
pub(crate) use self::wording::{CHOSEN, blocked, fails, lasting, locked, lost, there};
