//! Pure: transcripts in, findings out. Nothing here can fail, touches the world, or needs Postgres.

pub mod diagnosis;
pub mod schema_diff;
