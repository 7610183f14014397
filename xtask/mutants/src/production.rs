//! Revisions that stand in the way of a database in use.

use super::kind::{Kind, When, added};
use super::spot::Spot;
use model::incident::{Edit, Options};
use model::mutant::Mutant;

/// Sizes that are years old.
const OLD: &str = "table,kind,rows,bytes,index_bytes,reads_per_s,writes_per_s,on\n\
                   admins,r,1,8192,16384,0,0,2020-01-01\n";

/// Every mutant of a spot, each on top of a revision that creates a table.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let Some(table) = spot.table() else { return Vec::new() };
    let alter = |table: &str, what: &str| format!("op.execute(\"ALTER TABLE {table} {what}\")");
    let (adds, drops) = ("ADD COLUMN mutant integer", "DROP COLUMN mutant");
    let (add, back) = (alter(table, adds), alter(table, drops));
    let other = spot.tree.table;
    let index = format!("op.execute(\"CREATE INDEX mutant ON {table} ((1))\")");
    let fill = format!(
        "{add}\nwith op.get_context().autocommit_block():\n    op.execute(\"UPDATE {table} SET mutant = 1\")"
    );
    let renamed = alter(table, "RENAME TO mutants");
    let mut sizes = added(spot, &add, &back);
    let folder = spot.folder.parent().unwrap_or(spot.folder);
    let csv = folder.join("production.csv");
    sizes.edits.push(Edit::Add { file: csv, text: OLD.to_owned() });
    let two = format!("{add}\n{}", alter(other, adds));
    let two_back = format!("{back}\n{}", alter(other, drops));
    let mut all = vec![
        ("blocks-writers", "MG500", added(spot, &index, "op.drop_index(\"mutant\")")),
        (
            "renames-a-table",
            "MG501",
            added(spot, &renamed, &alter("mutants", &format!("RENAME TO {table}"))),
        ),
        ("fills-a-table", "MG503", added(spot, &fill, &back)),
        ("waits-without-limit", "MG504", added(spot, &add, &back)),
        ("old-sizes", "MG505", sizes),
    ];
    if other != table {
        all.push(("blocks-two-tables", "MG502", added(spot, &two, &two_back)));
    }
    let mutant = |(name, code, broken)| {
        let mut mutant = spot.mutant(&Kind::run(name, When::Never, code), broken);
        mutant.incident.options = Options { rehearse: true, ..Options::default() };
        mutant
    };
    all.into_iter().map(mutant).collect()
}
