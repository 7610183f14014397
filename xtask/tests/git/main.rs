//! What the gate makes of real git repositories: the base, collisions, and their remedies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends there")]

mod ask;
mod base;
mod collisions;
mod fix;
mod merged;
mod orders;

mod repository;
#[allow(dead_code, reason = "the folder alone is needed")]
#[path = "../gate/support/sandbox.rs"]
mod sandbox;
mod stories;
