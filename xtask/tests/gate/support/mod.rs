//! The vocabulary of these tests.

pub mod postgres;
pub mod python;
pub mod report;
pub mod root;
pub mod run;
pub mod sandbox;
pub mod server;
pub mod shop;
pub mod watched;
