//! The gate end to end: real Postgres 15, real Alembic, real psycopg2, nothing in their place.
//!
//! Each test runs the built binary on a copy of the monorepo's two trees, or on a tree of its own,
//! with a temporary folder that no other run uses. So tests run side by side and in any order, and
//! each can say exactly what its run left behind. One binary for all of them: it is linked once.
//!
//! `support` is the vocabulary: [`support::root::Root`] is a monorepo to change,
//! [`support::run::Gate`] runs the gate, [`support::report::Report`] is what it said,
//! [`support::sandbox::Sandbox`] knows what is left, and [`support::server::Server`] is a running
//! Postgres to give to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod causes;
mod doctor;
mod fix_hints;
mod green;
mod inputs;
mod interrupt;
mod keep;
mod known;
mod new;
mod once;
mod only_changed;
mod outside;
mod plain;
mod provision;
mod rebuilt;
mod red;
mod red_code;
mod red_graph;
mod remedies;
mod secrets;
mod server;
mod server_tls;
mod snapshot;
mod stairway;
mod terminal;
mod watch;
