//! Statements that Postgres refuses and a lint reads, on top of a revision that creates a table.

use super::kind::{Kind, When, added};
use super::spot::Spot;
use model::mutant::Mutant;

/// The kind, the code of the failure, that of the lint, the upgrade and the downgrade; `THE_TABLE` is
/// the table.
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    (
        "policy-for-new-role",
        "MG002",
        "MG002",
        "CREATE POLICY mutant ON THE_TABLE TO mutant_role USING (true)",
        "DROP POLICY mutant ON THE_TABLE",
    ),
    (
        "default-privileges-for-new-role",
        "MG002",
        "MG002",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO mutant_role",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM mutant_role",
    ),
    (
        "revoke-from-new-role",
        "MG002",
        "MG002",
        "REVOKE SELECT ON THE_TABLE FROM mutant_role",
        "SELECT 1",
    ),
    (
        "now-in-generated",
        "MG004",
        "MG004",
        "ALTER TABLE THE_TABLE ADD COLUMN mutant date GENERATED ALWAYS AS (now()::date) STORED",
        "ALTER TABLE THE_TABLE DROP COLUMN mutant",
    ),
    (
        "type-twice",
        "MG111",
        "MG220",
        "CREATE TYPE mutant AS ENUM ('a');CREATE TYPE mutant AS ENUM ('b')",
        "DROP TYPE mutant",
    ),
    (
        "view-twice",
        "MG111",
        "MG220",
        "CREATE VIEW mutant AS SELECT 1 AS a;CREATE VIEW mutant AS SELECT 2 AS a",
        "DROP VIEW mutant",
    ),
    (
        "sequence-twice",
        "MG111",
        "MG220",
        "CREATE SEQUENCE mutant;CREATE SEQUENCE mutant",
        "DROP SEQUENCE mutant",
    ),
    (
        "constraint-twice",
        "MG111",
        "MG220",
        "ALTER TABLE THE_TABLE ADD CONSTRAINT mutant CHECK (true);ALTER TABLE THE_TABLE ADD CONSTRAINT mutant CHECK (true)",
        "ALTER TABLE THE_TABLE DROP CONSTRAINT mutant",
    ),
    (
        "column-dropped-twice",
        "MG110",
        "MG221",
        "ALTER TABLE THE_TABLE ADD COLUMN mutant int;ALTER TABLE THE_TABLE DROP COLUMN mutant;ALTER TABLE THE_TABLE DROP COLUMN mutant",
        "SELECT 1",
    ),
    (
        "drops-concurrently",
        "MG114",
        "MG240",
        "CREATE INDEX mutant ON THE_TABLE ((1));DROP INDEX CONCURRENTLY mutant",
        "SELECT 1",
    ),
];

/// Every mutant of a spot.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let Some(table) = spot.table() else { return Vec::new() };
    let run = |statements: &str| {
        let statements = statements
            .split(';')
            .map(|sql| format!("op.execute(\"{}\")", sql.replace("THE_TABLE", table)));
        statements.collect::<Vec<_>>().join("\n")
    };
    let mutant = |(name, code, lint, up, down): &Fault| {
        let kind = Kind::seen(name, When::Upgrade, code, lint);
        spot.mutant(&kind, added(spot, &run(up), &run(down)))
    };
    FAULTS.iter().map(mutant).collect()
}
