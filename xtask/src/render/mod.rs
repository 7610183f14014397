//! A report as text. Each format is a function of `&Report` and nothing else.

pub mod diagram;
pub mod human;
pub mod json;
pub mod log_graph;
pub mod mutants;
pub mod replay;
pub mod runbook;
