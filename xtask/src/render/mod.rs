//! A report as text. Each format is a function of `&Report` and nothing else.

pub mod human;
pub mod json;
pub mod mutants;
pub mod replay;
pub mod runbook;
