//! Whether a migration can be taken back, on real Postgres and real Alembic: planted defects are
//! found and named, sound migrations of awkward kinds raise no alarm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper may fail the test; clippy knows only the test functions themselves"
)]

#[allow(dead_code, reason = "the vocabulary of the gate's tests, of which this needs a part")]
#[path = "../gate/support/mod.rs"]
mod vocabulary;

mod defects;
mod impure;
mod rows;
mod sound;
mod support;
