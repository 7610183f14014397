//! Calls of Alembic in a lane.

use std::time::Instant;

use anyhow::Result;

use super::{ELSEWHERE_ZONE, Lane, Place};
use crate::alembic::Limits;
use crate::postgres::session::{Session, identifier};
use crate::steps::context::Outcome;
use model::code;
use model::event::{Event, timed};
use model::finding::Finding;
use model::production::Look;
use model::transcript::{Direction, End, RevisionInFlight, Statement};

impl Lane<'_> {
    /// Runs `alembic upgrade` or `alembic downgrade` on a database; what failed.
    pub(in crate::steps) fn run(
        &mut self,
        call: (&str, &str),
        database: &str,
        place: Place,
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<(), Box<Finding>>> {
        self.run_looking(call, database, (place, None), seen)
    }

    /// The same, with a look around each statement.
    pub(in crate::steps) fn run_looking(
        &mut self,
        (command, target): (&str, &str),
        database: &str,
        (place, look): (Place, Option<&dyn Fn(Look)>),
        seen: &mut Vec<Statement>,
    ) -> Result<std::result::Result<(), Box<Finding>>> {
        let (tell, label) = (self.live.tell, &self.live.tree.label);
        let on_revision = |r: &RevisionInFlight| tell(Event::Revision { label, revision: r });
        let (server, interrupt) = (self.live.server, self.live.interrupt);
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
            Place::Here => &mut self.live.alembic,
            Place::Elsewhere => &mut self.elsewhere,
        };
        alembic.use_database(database);
        let zone = |change: &str| -> Result<()> {
            if place == Place::Here {
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
        (self.live.alembic.version_table, self.live.alembic.version_tables) = tables;
        zone("RESET timezone")?;
        if said.end == End::TimedOut {
            said.elapsed = self.live.timeout;
        }
        seen.extend(said.statements.iter().cloned());
        if let Some(refused) = &said.refused {
            return Ok(Err(Box::new(self.live.foreign_database(refused)?)));
        }
        if !said.ok() {
            let outcome = Outcome::failed(self.live.diagnose(said));
            // A server that died says nothing about the migrations.
            let failed = self.live.server_lives(outcome)?.findings.pop();
            return Ok(failed.map_or(Ok(()), |failed| Err(Box::new(failed))));
        }
        self.live.statements.extend(said.statements);
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
