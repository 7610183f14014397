//! Console: `0016` enrols the operator, whom production has and an empty database lacks.

use anyhow::Result;

use super::spec::TreeSpec;
use crate::steps::runner::StepRunner;
use model::supply::Row;
use mutants::{Facts, Supply};

/// The tree.
pub const TREE: TreeSpec = TreeSpec {
    id: "console",
    label: "Console",
    folder: "console",
    ini: "migrations/alembic.ini",
    migrations: "console/migrations",
    recipe: console,
    supplied: &[(KRIS_ADMIN_ROW.name, "kris@moosequest.net")],
    mutants: &MUTANTS,
};

/// The operator's row in `admins` (runbook, 'What is supplied'). `0016` looks it up and raises
/// without it. Its `downgrade()` leaves the row alone, so the second upgrade finds it again.
pub const KRIS_ADMIN_ROW: Row = Row {
    name: "kris@ admin row",
    required_by: "0016",
    insert: "\
INSERT INTO admins (id, email, display_name, created_at, updated_at, disabled_at)
VALUES (
    '00000000-0000-0000-0000-000000000001',
    'kris@moosequest.net',
    'CI Seed — do not use in prod',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00',
    NULL
)
ON CONFLICT (email) DO NOTHING;",
    exists: "SELECT 1 FROM admins WHERE email = 'kris@moosequest.net'",
};

/// The two-phase upgrade around the seed row, then the round trip.
pub fn console(steps: &mut StepRunner<'_>) -> Result<()> {
    steps.upgrade("0015", "pre-seed")?;
    steps.seed(&KRIS_ADMIN_ROW)?;
    steps.round_trip()
}

/// Facts that its mutants are made of.
const MUTANTS: Facts = Facts {
    id: "console",
    label: "Console",
    ini: "console/migrations/alembic.ini",
    location: "script_location = %(here)s\n",
    first: "0016",
    short: "0019",
    first_part: Some(("alembic upgrade to 0015 (pre-seed)", "0015")),
    table: "admins",
    supply: Supply::Row(KRIS_ADMIN_ROW.name),
};
