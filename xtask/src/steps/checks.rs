//! Checks of a call of Alembic beside its version table: the revisions that ran, the databases that it
//! asked for, and whether the supplies are still there.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::context::{StepOutcome, TreeRun, list};
use super::errors::ForeignDatabase;
use super::revisions::ancestors_of;
use crate::postgres::session::Session;
use model::code;
use model::finding::{Finding, Place};
use model::transcript::{Direction, Refused, RevisionInFlight};

/// Hint for an env.py that asks for another server.
const HINT_FOR_URL: &str = "say how env.py gets its URL: --url-env NAME for one variable, \
    --set-env NAME=TEMPLATE for several or for parts of a URL, -x KEY=VALUE for `alembic -x`, \
    --name SECTION for a section of the ini";
/// Hint for an env.py that takes the URL apart and finds no host, because the URL leads to a
/// socket.
const HINT_FOR_HOST: &str = "the gate's URL leads to a socket; an env.py that takes it apart gets a host with \
    --set-env 'DATABASE_URL=postgresql://{user}:{password}@{host}:{port}/{database}'";
/// Hint for an env.py that asks the gate's server for another database.
const HINT_FOR_OWN_SERVER: &str = "no option opens another one, and the gate's is there already: where env.py \
    creates its database, let it connect to that first";

impl TreeRun<'_> {
    /// The outcome of a step, unless the step failed while the run was interrupted: then the
    /// failure says nothing about the migrations.
    pub(super) fn uninterrupted(&self, result: Result<StepOutcome>) -> Result<StepOutcome> {
        let failed = result.as_ref().map_or(true, |outcome| outcome.error().is_some());
        match self.context.interrupt.check() {
            Err(interrupted) if failed => Err(interrupted),
            _ => result,
        }
    }

    /// The revisions between two versions that were not heard to run, in a sentence.
    pub(super) fn not_run(
        &self,
        before: &[String],
        heard: &[RevisionInFlight],
        is_upgrade: bool,
    ) -> Option<String> {
        let graph = self.graph.as_ref().ok()?;
        let (was, is) = (ancestors_of(graph, before), ancestors_of(graph, &self.version));
        let (direction, way): (_, BTreeSet<&String>) = match is_upgrade {
            true => (Direction::Upgrade, is.difference(&was).collect()),
            false => (Direction::Downgrade, was.difference(&is).collect()),
        };
        let ran = |id: &&String| heard.iter().any(|r| r.id == **id && r.direction == direction);
        let missing: Vec<String> = way.into_iter().filter(|id| !ran(id)).cloned().collect();
        (!missing.is_empty()).then(|| list(&missing))
    }

    /// A finding where a revision asked for a database that is not the gate's; an error where env.py
    /// did: then no migration has run.
    pub(super) fn foreign_database(&self, refused: &Refused) -> Result<Finding> {
        let place = refused.frames.first().map(|frame| Place {
            file: self.context.relative(&frame.file),
            line: Some(frame.line),
            source: frame.source.clone(),
        });
        let own = self.context.server.endpoint().shown(&self.context.tree.database);
        let Some(by) = &refused.by else {
            let at = place.map_or("env.py".to_owned(), |place| match place.line {
                Some(line) => format!("{}:{line}", place.file),
                None => place.file.to_string(),
            });
            let is_own = self.context.server.endpoint().places().iter().any(|(host, port)| {
                Some(host) == refused.host.as_ref() && Some(port) == refused.port.as_ref()
            });
            let hint = match () {
                () if is_own => HINT_FOR_OWN_SERVER,
                () if refused.database.as_ref() == Some(&self.context.tree.database) => {
                    HINT_FOR_HOST
                }
                () => HINT_FOR_URL,
            };
            bail!(ForeignDatabase(format!(
                "{at} asks for a database that is not the gate's: {refused}\n\
                 The connection was refused before its first statement. The gate's own database is {own}.\n\
                 hint: {hint}"
            )));
        };
        let message = format!(
            "revision {} asks for a database that is not the gate's: {refused}. The connection was \
             refused before its first statement",
            by.id
        );
        let revision = Some(by.id.clone());
        Ok(Finding { revision, place, ..Finding::new(&code::FOREIGN_DATABASE, message) })
    }
}

impl TreeRun<'_> {
    /// A finding for each supply that is gone, of the first so many rows and all roles.
    pub(super) fn lost_supplies(
        &self,
        revision: &str,
        session: &mut Session<'_>,
        rows: usize,
    ) -> Result<Vec<Finding>> {
        let mut gone = Vec::new();
        for (_, row) in self.context.supplies.rows.iter().take(rows) {
            // Where its table is gone or has other columns, so is the row.
            let there = session.value(row.exists).ok().flatten();
            self.context.interrupt.check()?;
            if there.is_none() {
                // Nor is it where the connection is.
                session.value("SELECT 1")?;
                gone.push(row.name.to_owned());
            }
        }
        for role in &self.context.supplies.roles {
            if session.role(role.name)?.is_none() {
                gone.push(format!("role {}", role.name));
            }
        }
        let finding = |what: String| Finding {
            revision: Some(revision.to_owned()),
            ..Finding::new(
                &code::SUPPLY_LOST,
                format!("the {what} is gone after revision {revision}"),
            )
        };
        Ok(gone.into_iter().map(finding).collect())
    }
}
