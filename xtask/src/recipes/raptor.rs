//! Raptor: every revision from `0002` on grants to a role that production has.

use anyhow::Result;

use super::spec::TreeSpec;
use crate::steps::runner::StepRunner;
use model::supply::Role;
use mutants::{Facts, Supply};

/// The tree.
pub const TREE: TreeSpec = TreeSpec {
    id: "raptor",
    label: "Raptor",
    folder: "backend_v2",
    ini: "alembic.ini",
    migrations: "backend_v2/alembic",
    recipe: raptor,
    supplied: &[("raptor_app role", RAPTOR_APP.name)],
    mutants: &MUTANTS,
};

/// The role of the running application (runbook, 'What is supplied'). It cannot log in and has
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
pub fn raptor(steps: &mut StepRunner<'_>) -> Result<()> {
    steps.create_role(&RAPTOR_APP)?;
    steps.round_trip()
}

/// Facts that its mutants are made of.
const MUTANTS: Facts = Facts {
    id: "raptor",
    label: "Raptor",
    ini: "backend_v2/alembic.ini",
    location: "script_location = %(here)s/alembic\n",
    first: "0002",
    short: "0006",
    first_part: None,
    table: "accounts",
    supply: Supply::Role {
        name: RAPTOR_APP.name,
        step: "create raptor_app role (required by 0002+)",
    },
};
