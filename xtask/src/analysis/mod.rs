//! Pure: transcripts and text in, findings out. Nothing here can fail, touches the world, or needs
//! Postgres.

pub mod diagnosis;
pub mod graph;
pub mod ini;
pub mod lints;
pub mod python;
pub mod renumber;
pub mod script;
pub mod settings;
