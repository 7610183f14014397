//! A report as text. Each format is a function of `&Report` and, where that cannot be helped, of
//! where the reader finds the rest.

pub mod diagram;
pub mod doctor;
pub mod explained;
mod fields;
mod fitting;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod log_graph;
pub mod markdown;
mod markup;
pub mod mutants;
pub mod replay;
mod rollback;
pub mod runbook;
pub mod sarif;
pub mod timings;
mod trial;
pub mod watch;
mod words;

pub use words::fit;

#[cfg(test)]
mod canonical;
#[cfg(test)]
mod snapshots;
