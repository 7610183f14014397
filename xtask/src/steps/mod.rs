//! Steps of a tree: calls of Alembic, checks of the state that each call left, and the stairs of
//! new revisions.

mod around;
mod blame;
mod checks;
mod colliding;
pub mod context;
mod done_before;
mod each_head;
pub mod errors;
mod fixtures;
mod gone;
mod heads;
pub mod known;
pub mod lane;
mod minimize;
mod models;
mod named_values;
mod past;
mod rehearsal;
pub mod revisions;
pub mod round_trip;
pub mod runner;
mod scripts;
mod stair;
pub mod stairway;
pub mod supplies;
pub mod tree_context;
mod versions;
