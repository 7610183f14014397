//! Calls of Alembic in a lane.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{ELSEWHERE_ZONE, Lane, StairEnvironment};
use crate::alembic::Limits;
use crate::postgres::session::{Session, identifier};
use crate::steps::context::StepOutcome;
use model::code;
use model::event::{Event, timed};
use model::finding::Finding;
use model::production::Look;
use model::transcript::{Direction, End, RevisionInFlight, Statement};

/// The time before the first revision from which on it is worth a word.
const SLOW_START: Duration = Duration::from_secs(2);

impl Lane<'_> {
    /// Runs `alembic upgrade` or `alembic downgrade` on a database; returns the failure.
    pub(in crate::steps) fn run(
        &mut self,
        call: (&str, &str),
        database: &str,
        place: StairEnvironment,
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<(), Box<Finding>>> {
        self.run_looking(call, database, (place, None), seen)
    }

    /// The same, with a look around each statement.
    pub(in crate::steps) fn run_looking(
        &mut self,
        (command, target): (&str, &str),
        database: &str,
        (place, look): (StairEnvironment, Option<&dyn Fn(Look)>),
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<(), Box<Finding>>> {
        let (tell, label) = (self.context().tell, &self.context().tree.label);
        let on_revision = |r: &RevisionInFlight| tell(Event::Revision { label, revision: r });
        let (server, interrupt) = (self.context().server, self.context().interrupt);
        let on_deadline = || {
            let session = Session::open(server.endpoint(), database, interrupt);
            session.ok()?.lock_holder().ok()?
        };
        let limits = Limits {
            timeout: self.deadline.saturating_duration_since(Instant::now()),
            on_revision: &on_revision,
            on_deadline: &on_deadline,
            pause: None,
            look,
        };
        let alembic = match place {
            StairEnvironment::Here => &mut self.tree_run.alembic,
            StairEnvironment::Elsewhere => &mut self.elsewhere.alembic,
        };
        alembic.use_database(database);
        let zone = |change: &str| -> Result<()> {
            if place == StairEnvironment::Here {
                return Ok(());
            }
            // Only the role's setting in this database: one that a migration made stays.
            let endpoint = server.endpoint();
            let mut session = Session::open(endpoint, endpoint.maintenance_database(), interrupt)?;
            let database = identifier(database);
            session.execute(&format!("ALTER ROLE CURRENT_USER IN DATABASE {database} {change}"))
        };
        zone(ELSEWHERE_ZONE)?;
        let what = format!("  alembic {command} {target} ({database})");
        let called = timed(tell, label, &what, || match command {
            "upgrade" => alembic.upgrade(target, false, &limits).map(|(said, _)| said),
            _ => alembic.downgrade(target, &limits),
        });
        let tables = (alembic.version_table.clone(), alembic.version_tables.clone());
        let mut said = called?;
        (self.tree_run.alembic.version_table, self.tree_run.alembic.version_tables) = tables;
        zone("RESET timezone")?;
        let (limit, own) = (self.context().timeout, said.elapsed);
        let is_late = said.end == End::TimedOut;
        if is_late {
            said.elapsed = limit;
        }
        seen.extend(said.statements.iter().cloned());
        if let Some(refused) = &said.refused {
            return Ok(Err(Box::new(self.tree_run.foreign_database(refused)?)));
        }
        if !said.ok() {
            let outcome = StepOutcome::failed(self.tree_run.diagnose(said));
            // A server that died says nothing about the migrations.
            let mut failed = self.tree_run.server_lives(outcome)?.findings.pop();
            // The revisions before it took most of the time.
            if let Some(failed) = failed.as_mut().filter(|_| is_late && own * 2 < limit) {
                failed.message = out_of_time(limit, own, self.tree_run.alembic.slowest_start);
            }
            return Ok(failed.map_or(Ok(()), |failed| Err(Box::new(failed))));
        }
        self.tree_run.statements.extend(said.statements);
        let direction =
            if command == "upgrade" { Direction::Upgrade } else { Direction::Downgrade };
        let ran = said.revisions.iter().any(|revision| revision.direction == direction);
        // At the base there is none to run.
        match ran || target == "base" {
            true => Ok(Ok(())),
            false => {
                let message = format!("`{}` exited 0 and ran no revision", said.command);
                Ok(Err(Box::new(Finding::new(&code::NOT_AS_ASKED, message))))
            }
        }
    }
}

/// The time of a step ran out at a revision that did not take it.
fn out_of_time(limit: Duration, own: Duration, start: Duration) -> String {
    let (limit, own) = (limit.as_secs(), own.as_secs());
    let told = format!(
        "the {limit} s of the stairway, which runs beside the other steps, were over when this revision had run for {own} s"
    );
    match start >= SLOW_START {
        true => format!(
            "{told}; of each call {} s pass in env.py, and what it imports, before the first revision",
            start.as_secs()
        ),
        false => told,
    }
}
