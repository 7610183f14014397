//! Pure: from transcripts and text to findings. No function here fails, has outside effects, or
//! needs Postgres.

pub mod body;
pub mod collisions;
pub mod diagnosis;
pub mod directive;
mod distance;
pub mod edit;
pub mod effect;
pub mod elsewhere;
pub mod fix;
#[cfg(test)]
mod fuzz;
pub mod graph;
pub mod history;
pub mod ini;
pub mod later;
pub mod lints;
pub mod log;
pub mod new_revision;
pub mod once;
pub mod options;
pub mod predicted;
pub mod production;
pub mod python;
pub mod renumber;
pub mod replay;
pub mod rows;
pub mod schema_diff;
pub mod script;
pub mod settings;
pub mod sql;
pub mod whole;
pub mod words;
pub mod workflow;
