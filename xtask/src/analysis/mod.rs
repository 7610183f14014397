//! Pure: transcripts in, findings out. Nothing here can fail, touches the world, or needs Postgres.

pub mod diagnosis;
pub mod log;
pub mod mutants;
pub mod replay;
