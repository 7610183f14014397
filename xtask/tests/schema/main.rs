//! Whether a migration can be taken back, on real Postgres and real Alembic: planted defects are
//! found and named, sound migrations of awkward kinds raise no alarm.

mod defects;
mod sound;
mod support;
