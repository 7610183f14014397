//! Downgrades that do not undo the upgrade, and upgrades that cannot be repeated.

use super::kind::{Kind, When, added, first_in, replace, two_added};
use super::spot::{Spot, Supply};
use model::incident::Options;
use model::mutant::Mutant;

/// Every mutant of a spot.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let mut mutants = raising(spot);
    mutants.extend(type_left(spot));
    mutants.extend(empty(spot));
    mutants.extend(not_there(spot));
    mutants.extend(not_as_before(spot));
    mutants.extend(supply_lost(spot));
    mutants.extend(said(spot));
    mutants.extend(by_environment(spot));
    mutants
}

fn raising(spot: &Spot<'_>) -> Vec<Mutant> {
    let faults = [
        (
            Kind::seen("downgrade-raises", When::Downgrade, "MG106", "MG232"),
            "raise RuntimeError(\"mutant\")",
        ),
        (
            Kind::seen("irreversible", When::Downgrade, "MG117", "MG232"),
            "raise NotImplementedError",
        ),
    ];
    let faults = faults.iter().filter(|_| spot.is_head());
    faults
        .filter_map(|(kind, statement)| {
            Some(spot.mutant(kind, first_in(spot, "downgrade", statement)?))
        })
        .collect()
}

/// An enum type that the downgrade leaves behind.
fn type_left(spot: &Spot<'_>) -> Option<Mutant> {
    let drop = |line: &&str| line.ends_with(".drop(op.get_bind(), checkfirst=False)\n");
    let line = spot.file.text.split_inclusive('\n').find(drop).filter(|_| spot.is_head())?;
    let broken = replace(spot, line, "    pass\n".to_owned())?;
    Some(spot.mutant(&Kind::seen("type-left", When::Downgrade, "MG400", "MG233"), broken))
}

/// A downgrade that does nothing, where the upgrade creates a table.
fn empty(spot: &Spot<'_>) -> Option<Mutant> {
    spot.table().filter(|_| spot.is_head())?;
    let (_, body) = spot.file.text.split_once("def downgrade(")?;
    let (_, body) = body.split_once(":\n")?;
    let broken = replace(spot, body, "    pass\n".to_owned())?;
    let kind = Kind::seen("empty-downgrade", When::Downgrade, "MG400", "MG231");
    Some(spot.mutant(&kind.with(&["MG401", "MG402"]), broken))
}

fn not_there(spot: &Spot<'_>) -> Option<Mutant> {
    let (_, downgrade) = spot.file.text.split_once("def downgrade(").filter(|_| spot.is_head())?;
    let broken = replace(spot, &format!("def downgrade({downgrade}"), String::new())?;
    Some(spot.mutant(&Kind::seen("no-downgrade", When::Downgrade, "MG106", "MG230"), broken))
}

/// Each on top of a revision that creates a table.
fn not_as_before(spot: &Spot<'_>) -> Vec<Mutant> {
    let Some(table) = spot.table() else { return Vec::new() };
    let comment = |text: &str| format!("op.execute(\"COMMENT ON TABLE {table} IS {text}\")");
    let now = "op.execute(f\"CREATE VIEW mutant AS SELECT '{__import__('time').time_ns()}'\")";
    let drops_others =
        format!("op.drop_table(\"mutants\")\nop.execute(\"DROP TABLE {table} CASCADE\")");
    let dropped = spot.index().map(|(index, _)| {
        let drop = format!("op.execute(\"DROP INDEX {index}\")");
        let kind = Kind::run("index-lost", When::Downgrade, "MG401");
        spot.mutant(&kind, added(spot, &drop, "op.execute(\"SELECT 1\")"))
    });
    let makes = "op.create_table(\"mutants\", sa.Column(\"id\", sa.Integer()))";
    let index = format!("op.create_index(\"mutant\", \"{table}\", [sa.text(\"md5('mutant')\")])");
    let others = [
        spot.mutant(
            &Kind::seen("index-left", When::Downgrade, "MG400", "MG233"),
            added(spot, &index, "op.execute(\"SELECT 1\")"),
        ),
        spot.mutant(
            &Kind::run("comment-lost", When::Downgrade, "MG402"),
            added(spot, &comment("'mutant'"), "op.execute(\"SELECT 1\")"),
        ),
        spot.mutant(
            &Kind::run("another-each-time", When::Again, "MG403"),
            added(spot, now, "op.execute(\"DROP VIEW mutant\")"),
        ),
    ];
    let drops = Kind::seen("drops-others", When::Downgrade, "MG401", "MG234").with(&["MG402"]);
    // Where the table is an old one, the row that is supplied may lie in it.
    let drops = spot.is_head().then(|| spot.mutant(&drops, added(spot, makes, &drops_others)));
    dropped.into_iter().chain(others).chain(drops).collect()
}

fn supply_lost(spot: &Spot<'_>) -> Option<Mutant> {
    let gone = "op.execute(\"UPDATE admins SET email = 'gone@example.com'\")";
    let broken = added(spot, "op.execute(\"SELECT 1\")", gone);
    let mutant = spot.mutant(&Kind::run("row-lost", When::Downgrade, "MG404"), broken);
    matches!(spot.tree.supply, Supply::Row(_)).then_some(mutant)
}

/// Declarations of a revision: notes, in a green run.
fn said(spot: &Spot<'_>) -> [Mutant; 3] {
    let kept = "# migration-gate: keeps table mutants, a mutant\n\
                op.execute(\"CREATE TABLE IF NOT EXISTS mutants (id integer)\")";
    let never = "# migration-gate: irreversible, a mutant\n\
                 op.create_table(\"mutants\", sa.Column(\"id\", sa.Integer()))";
    let columns = "op.create_table(\"mutants\", sa.Column(\"a\", sa.Text()), \
                   sa.Column(\"b\", sa.Text()))";
    let at_end = two_added(
        spot,
        [columns, "op.drop_table(\"mutants\")"],
        [
            "op.drop_column(\"mutants\", \"a\")",
            "op.add_column(\"mutants\", sa.Column(\"a\", sa.Text()))",
        ],
    );
    [
        spot.mutant(
            &Kind::run("kept-as-said", When::Downgrade, "MG406"),
            added(spot, kept, "op.execute(\"SELECT 1\")"),
        ),
        spot.mutant(
            &Kind::run("irreversible-as-said", When::Downgrade, "MG408"),
            added(spot, never, "raise NotImplementedError"),
        ),
        spot.mutant(&Kind::run("column-at-end", When::Downgrade, "MG407"), at_end),
    ]
}

/// Upgrades that depend on the time zone. Only the stairway runs the chain in another one, and
/// short chains are enough.
fn by_environment(spot: &Spot<'_>) -> Option<Mutant> {
    let makes =
        "op.execute(f\"CREATE VIEW mutant AS SELECT '{__import__('time').strftime('%Z')}'\")";
    let broken = added(spot, makes, "op.execute(\"DROP VIEW mutant\")");
    let mut mutant = spot.mutant(&Kind::run("by-time-zone", When::Stairway, "MG409"), broken);
    mutant.incident.options = Options { stairway: true, ..Options::default() };
    spot.is_short().then_some(mutant)
}
