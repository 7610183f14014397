//! A change up and down on one database, with the state before, between and after.

use anyhow::Result;

use super::{RehearsalContext, catalog, observe};
use crate::os::interrupt::Interrupt;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::session::Session;
use analysis::production::uses;
use model::production::{Catalog, Look, Rehearsal, State, Use, Way};

/// Where a change is made.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// The database.
    pub database: &'a str,
    /// Ends the run early.
    pub interrupt: &'a Interrupt,
    /// Alembic's own tables.
    pub version_tables: &'a [String],
}

impl Place<'_> {
    /// Makes a change one way after the other with `go`, which returns whether it succeeded. A way
    /// that failed is not in the rehearsal; `None`: the way up failed.
    pub fn rehearse(
        &self,
        goes_down: bool,
        mut go: impl FnMut(bool, &dyn Fn(Look)) -> Result<bool>,
    ) -> Result<Option<Rehearsal>> {
        let (first, uses, before) = self.begin()?;
        let Some((up, between)) = self.way(&before.catalog, &uses, |look| go(true, look))? else {
            return Ok(None);
        };
        let up = Way { before, trace: up, after: between.clone() };
        let mut rehearsal = Rehearsal { first, uses, up, down: None };
        if goes_down {
            let uses = &rehearsal.uses;
            let gone = self.way(&between.catalog, uses, |look| go(false, look))?;
            rehearsal.down = gone.map(|(trace, after)| Way { before: between, trace, after });
        }
        Ok(Some(rehearsal))
    }

    /// The statements of the running version, and their results now.
    fn begin(&self) -> Result<(Catalog, Vec<Use>, State)> {
        let mut session = Session::open(self.endpoint, self.database, self.interrupt)?;
        let first = catalog::catalog(&mut session, self.version_tables)?;
        let uses = uses(&first, &catalog::samples(&mut session, &first)?);
        let before = catalog::state(&mut session, self.version_tables, &uses)?;
        Ok((first, uses, before))
    }

    fn way(
        &self,
        catalog: &Catalog,
        uses: &[Use],
        go: impl FnOnce(&dyn Fn(Look)) -> Result<bool>,
    ) -> Result<Option<(model::production::Trace, State)>> {
        let Place { endpoint, database, interrupt, version_tables } = *self;
        let scene = RehearsalContext { endpoint, database, interrupt, catalog, uses };
        let (went, trace) = observe(scene, go)?;
        if !went {
            return Ok(None);
        }
        // The change may have set parameters of new sessions.
        let mut session = Session::open(endpoint, database, interrupt)?;
        Ok(Some((trace, catalog::state(&mut session, version_tables, uses)?)))
    }
}
