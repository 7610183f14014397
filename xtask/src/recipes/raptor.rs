//! Raptor: every revision from `0002` on grants to a role that production has.

use anyhow::Result;

use crate::steps::runner::Steps;
use model::supply::Role;

/// The role of the running application (runbook, 'Seed requirements', 2). It cannot log in and has
/// no rights of its own: the migrations grant them.
pub const RAPTOR_APP: Role = Role {
    name: "raptor_app",
    required_by: "0002+",
    create: "\
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'raptor_app') THEN
        CREATE ROLE raptor_app NOLOGIN;
    END IF;
END $$;",
};

/// The role, then the round trip.
pub fn raptor(steps: &mut Steps<'_>) -> Result<()> {
    steps.create_role(&RAPTOR_APP)?;
    steps.round_trip()
}
