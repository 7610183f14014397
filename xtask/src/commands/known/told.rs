//! What belongs to a kept data folder: what each tree's steps came to on the way there. Its structs
//! are its own, so that what is kept changes only on purpose.

use std::collections::BTreeSet;
use std::time::SystemTime;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::saved;
use crate::drivers::alembic::Revision;
use crate::drivers::postgres::session::VersionTable;
use crate::recipes::prefix::Prefix;

/// What belongs to a data folder.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) trees: Vec<Tree>,
    /// What the migrations read.
    pub(super) files: BTreeSet<Utf8PathBuf>,
    pub(super) folders: BTreeSet<Utf8PathBuf>,
    /// Whether the trees were apart from each other.
    pub(super) apart: bool,
}

/// A tree's [`Prefix`].
#[derive(Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) id: String,
    at: Vec<String>,
    table: (Option<String>, String),
    /// Each as its id, its parents, what it depends on besides, and its file.
    revisions: Vec<(String, Vec<String>, Vec<String>, Utf8PathBuf)>,
    steps: Vec<saved::Step>,
    statements: Vec<saved::Statement>,
}

impl Tree {
    /// `None` where a step of it was not green.
    pub(super) fn of(id: &str, prefix: &Prefix) -> Option<Tree> {
        let Prefix { at, table, revisions, steps, schema: _, statements, since: _ } = prefix;
        let revisions = revisions.iter().cloned().map(|revision| {
            let Revision { revision, down_revision, requires, file } = revision;
            (revision, down_revision, requires, file)
        });
        Some(Tree {
            id: id.to_owned(),
            at: at.clone(),
            table: (table.schema.clone(), table.name.clone()),
            revisions: revisions.collect(),
            steps: steps.iter().map(saved::Step::of).collect::<Option<_>>()?,
            statements: statements.iter().map(saved::Statement::of).collect(),
        })
    }

    /// As it was, `since` that time.
    pub(super) fn restore(self, since: SystemTime) -> Prefix {
        let (schema, name) = self.table;
        let revisions = self.revisions.into_iter();
        Prefix {
            at: self.at,
            table: VersionTable { schema, name },
            revisions: revisions
                .map(|(revision, down_revision, requires, file)| Revision {
                    revision,
                    down_revision,
                    requires,
                    file,
                })
                .collect(),
            steps: self.steps.into_iter().map(saved::Step::restore).collect(),
            statements: self.statements.into_iter().map(saved::Statement::restore).collect(),
            schema: None,
            since,
        }
    }
}
