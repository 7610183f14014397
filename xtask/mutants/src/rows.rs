//! Revisions that fail, or lose something, only where tables have rows.

use super::kind::{Kind, When, added, two_added};
use super::spot::Spot;
use model::mutant::Mutant;

/// Every mutant of a spot, each on top of a revision that creates a table.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let Some(table) = spot.table() else { return Vec::new() };
    let mut mutants = on_its_table(spot, table);
    mutants.extend(on_a_new_table(spot));
    mutants
}

fn kind(name: &'static str, code: &'static str) -> Kind {
    Kind::run(name, When::Again, code)
}

fn on_its_table(spot: &Spot<'_>, table: &str) -> Vec<Mutant> {
    let alter = |what: &str| format!("op.execute(\"ALTER TABLE {table} {what}\")");
    let gone = alter("DROP COLUMN mutant");
    let without_null = alter("ADD COLUMN mutant text NOT NULL");
    let one = alter("ADD COLUMN mutant integer NOT NULL DEFAULT 1");
    let unique = alter("ADD CONSTRAINT uq_mutant UNIQUE (mutant)");
    let points = alter("ADD CONSTRAINT fk_mutant FOREIGN KEY (mutant) REFERENCES mutants (id)");
    let number = format!(
        "{}\n{}\n{}",
        alter("ADD COLUMN mutant text DEFAULT 'none'"),
        alter("ALTER COLUMN mutant DROP DEFAULT"),
        alter("ALTER COLUMN mutant TYPE integer USING mutant::integer")
    );
    let mutants = "op.create_table(\"mutants\", sa.Column(\"id\", sa.Integer(), primary_key=True))";
    let raises = format!(
        "op.execute(\"DO $$ BEGIN IF EXISTS (SELECT FROM {table}) THEN RAISE 'mutant'; END IF; END $$\")"
    );
    let back = format!("{gone}\nop.drop_table(\"mutants\")");
    // A unique constraint of a partitioned table must include the partition key, with or without
    // rows.
    let divided = spot.upgrade().contains("partition");
    [
        (kind("null-in-rows", "MG410"), added(spot, &without_null, &gone)),
        (kind("same-in-rows", "MG411"), added(spot, &format!("{one}\n{unique}"), &gone)),
        (
            kind("orphan-in-rows", "MG412"),
            added(spot, &format!("{mutants}\n{one}\n{points}"), &back),
        ),
        (kind("no-number-in-rows", "MG413"), added(spot, &number, &gone)),
        (kind("raises-on-rows", "MG414"), added(spot, &raises, "op.execute(\"SELECT 1\")")),
    ]
    .into_iter()
    .filter(|(kind, _)| !(divided && kind.code == "MG411"))
    .map(|(kind, broken)| spot.mutant(&kind, broken))
    .collect()
}

/// Mutants on a table that the head's parent creates for them alone.
fn on_a_new_table(spot: &Spot<'_>) -> [Mutant; 4] {
    let create = |columns: &str| format!("op.execute(\"CREATE TABLE mutants ({columns})\")");
    let drop = "op.drop_table(\"mutants\")";
    let alter = |what: &str| format!("op.execute(\"ALTER TABLE mutants {what}\")");
    let on = |kind, columns: &str, up: &str, down: &str| {
        spot.mutant(&kind, two_added(spot, [&create(columns), drop], [up, down]))
    };
    let said = format!(
        "# migration-gate: rows mutants, a mutant\n{}",
        alter("ADD COLUMN b integer NOT NULL")
    );
    [
        on(
            kind("large-in-rows", "MG415"),
            "a integer",
            &alter("ALTER COLUMN a TYPE smallint"),
            &alter("ALTER COLUMN a TYPE integer"),
        ),
        on(
            kind("values-lost", "MG416"),
            "id integer PRIMARY KEY, a text",
            "op.execute(\"UPDATE mutants SET a = 'mutant'\")",
            "op.execute(\"SELECT 1\")",
        ),
        on(
            kind("no-rows", "MG417"),
            "a text NOT NULL CHECK (md5(a) = 'mutant')",
            &alter("ADD COLUMN b integer"),
            &alter("DROP COLUMN b"),
        ),
        on(kind("rows-as-said", "MG418"), "a integer", &said, &alter("DROP COLUMN b")),
    ]
}
