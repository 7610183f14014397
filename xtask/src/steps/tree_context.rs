//! Surroundings of a tree's steps: its files, its server and the bounds of a step.

use std::time::Duration;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use super::supplies::Supplies;
use crate::alembic::PausePoint;
use crate::os::interrupt::Interrupt;
use crate::postgres::schema::SchemaReader;
use crate::postgres::server::Server;
use crate::postgres::session::Session;
use model::event::Tell;
use model::transcript::Statement;
use model::tree::Tree;

/// Surroundings of a tree's steps, which no step changes.
#[derive(Clone, Copy)]
pub struct TreeContext<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The root that files are shown relative to.
    pub root: &'a Utf8Path,
    /// The server.
    pub server: &'a Server,
    /// The supplies of the recipe.
    pub supplies: &'a Supplies,
    /// The longest that one step may take.
    pub timeout: Duration,
    /// Ends the run early.
    pub interrupt: &'a Interrupt,
    /// Whether orphans of a call that was cut off are ended. With other runs beside this one they cannot
    /// be told apart, and stay.
    pub ends_strays: bool,
    /// The commands that run an Alembic call by hand.
    pub by_hand: &'a (dyn Fn(&str) -> Vec<String> + Sync),
    /// Takes progress.
    pub tell: Tell<'a>,
}

impl<'a> TreeContext<'a> {
    /// A session with a database of the server.
    pub(super) fn session(&self, database: &str) -> Result<Session<'a>> {
        Session::open(self.server.endpoint(), database, self.interrupt)
    }

    /// A session with the database that every server has.
    pub(super) fn server_session(&self) -> Result<Session<'a>> {
        self.session(self.server.endpoint().maintenance_database())
    }

    /// A reader of a database's schema.
    pub(super) fn reader(&self, database: &str) -> SchemaReader<'a> {
        SchemaReader::new(self.server.endpoint(), database, self.interrupt)
    }

    /// A file as it is shown.
    pub(super) fn relative(&self, file: &Utf8Path) -> Utf8PathBuf {
        file.strip_prefix(self.root).unwrap_or(file).to_owned()
    }
}

/// Pause of `upgrade head` before the first new revision.
#[derive(Clone, Copy)]
pub struct HeadPause<'a> {
    /// The revisions: the call pauses before the first of them that it reaches.
    pub before: &'a [String],
    /// Runs during the pause, on the statements that were run so far.
    pub during: &'a dyn Fn(&mut SchemaReader<'a>, &[Statement], PausePoint<'_>),
    /// Runs when the call has ended, with the number of its version tables.
    pub after: &'a dyn Fn(usize),
}
