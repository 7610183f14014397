//! Pure: transcripts and text in, findings out. Nothing here can fail, touches the world, or needs
//! Postgres.

#[allow(dead_code, reason = "the lints that read it come next")]
pub mod body;
pub mod diagnosis;
#[allow(dead_code, reason = "the lints that read it come next")]
pub mod effect;
#[allow(dead_code, reason = "the lints that read it come next")]
pub mod history;
#[allow(dead_code, reason = "the lints that read it come next")]
pub mod python;
#[allow(dead_code, reason = "the lints that read it come next")]
pub mod sql;
