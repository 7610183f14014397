//! One file a subject; each audit is a function in the table above.

pub(super) mod caches;
pub(super) mod conditions;
pub(super) mod old_steps;
pub(super) mod options;
pub(super) mod paths;
pub(super) mod postgres;
pub(super) mod rights;
pub(super) mod runs;
pub(super) mod status;
