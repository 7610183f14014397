//! The kinds of faults. Each gives a mutant of a spot, where the spot's file can have it.

use super::Spot;
use crate::model::incident::{Edit, State, TreeId};
use crate::model::mutant::Mutant;

pub(super) const PRE_SEED: &str = "alembic upgrade to 0015 (pre-seed)";
const UPGRADE: &str = "alembic upgrade head";
const HEADS: &str = "assert single head";
const DOWNGRADE: &str = "downgrade -1 (reversibility check)";
const ROUND_TRIP: &str = "alembic upgrade head (round trip)";

/// Every mutant of a spot.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let mut mutants = vec![
        dropped_supply(spot),
        after_head(spot, "new-role", "MG002", "GRANT SELECT ON alembic_version TO mutant_reader"),
    ];
    mutants.extend(second_head(spot));
    mutants.extend(repeated_id(spot));
    mutants.extend(broken_parent(spot));
    mutants.extend(now_in_predicate(spot));
    mutants.extend(table_twice(spot));
    mutants.extend(in_upgrade(spot));
    mutants.extend(refused(spot));
    mutants.extend(env_fails(spot));
    mutants.extend(role_can_login(spot));
    mutants.extend(in_downgrade(spot));
    mutants.extend(type_left(spot));
    mutants.extend(empty_downgrade(spot));
    mutants.extend(unreadable(spot));
    mutants
}

fn edits(edits: Vec<Edit>) -> State {
    State { edits, ..State::default() }
}

fn replace(spot: &Spot<'_>, old: &str, new: String) -> Option<State> {
    // An edit must fit exactly once.
    let once = spot.file.text.matches(old).count() == 1;
    let edit = Edit::Replace { file: spot.file.path.clone(), old: old.to_owned(), new };
    once.then(|| edits(vec![edit]))
}

/// The first line of a function, as the trees write it.
fn head_of<'a>(spot: &Spot<'a>, name: &str) -> Option<&'a str> {
    let start = format!("def {name}(");
    spot.file.text.split_inclusive('\n').find(|line| line.starts_with(&start))
}

/// A mutant that does something first in `upgrade()` or `downgrade()`.
fn first_in(
    spot: &Spot<'_>,
    function: &str,
    statement: &str,
    (kind, step, code): (&'static str, &str, &str),
) -> Option<Mutant> {
    let head = head_of(spot, function)?;
    let broken = replace(spot, head, format!("{head}    {statement}\n"))?;
    Some(spot.mutant(kind, step, code, broken))
}

/// A revision after the newest one, whose `upgrade()` runs a statement.
fn after_head(spot: &Spot<'_>, kind: &'static str, code: &str, sql: &str) -> Mutant {
    let text = revision("mutant", spot.at, &format!("op.execute(\"{sql}\")"));
    let file = spot.folder.join("mutant.py");
    spot.mutant(kind, UPGRADE, code, edits(vec![Edit::Add { file, text }]))
}

fn revision(id: &str, parent: &str, statement: &str) -> String {
    format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"{id}\"\n\
         down_revision = \"{parent}\"\nbranch_labels = None\ndepends_on = None\n\n\n\
         def upgrade() -> None:\n    {statement}\n\n\ndef downgrade() -> None:\n    pass\n"
    )
}

fn dropped_supply(spot: &Spot<'_>) -> Mutant {
    let (supply, code) = match spot.tree {
        TreeId::Console => ("kris@ admin row", "MG001"),
        TreeId::Raptor => ("raptor_app", "MG002"),
    };
    let broken = State { without: vec![supply.to_owned()], ..State::default() };
    spot.mutant("dropped-supply", UPGRADE, code, broken)
}

fn second_head(spot: &Spot<'_>) -> Option<Mutant> {
    let parent = spot.parent.filter(|_| spot.is_head())?;
    let file = spot.folder.join("mutant.py");
    let text = revision("mutant", parent, "pass");
    Some(spot.mutant("second-head", HEADS, "MG003", edits(vec![Edit::Add { file, text }])))
}

fn repeated_id(spot: &Spot<'_>) -> Option<Mutant> {
    spot.parent?;
    let file = spot.folder.join(format!("{}_mutant.py", spot.id));
    let broken = edits(vec![Edit::Add { file, text: spot.file.text.clone() }]);
    Some(spot.mutant("repeated-id", HEADS, "MG003", broken))
}

fn broken_parent(spot: &Spot<'_>) -> Option<Mutant> {
    let parent = spot.parent?;
    let line = spot.file.text.lines().find(|line| line.starts_with("down_revision"))?;
    let new = line.replace(&format!("\"{parent}\""), &format!("\"{parent}_gone\""));
    let broken = replace(spot, line, new)?;
    Some(spot.mutant("broken-parent", first_upgrade(spot), "MG005", broken))
}

fn first_upgrade(spot: &Spot<'_>) -> &'static str {
    match spot.tree {
        TreeId::Console => PRE_SEED,
        TreeId::Raptor => UPGRADE,
    }
}

fn now_in_predicate(spot: &Spot<'_>) -> Option<Mutant> {
    const WHERE: &str = "postgresql_where=sa.text(\"";
    let (upgrade, _) = spot.file.text.split_once("def downgrade(")?;
    let line = upgrade.lines().find(|line| line.contains(WHERE) && line.ends_with("\"),"))?;
    let new = line.replace(WHERE, &format!("{WHERE}now() IS NOT NULL AND "));
    let broken = replace(spot, line, new)?;
    Some(spot.mutant("now-in-predicate", spot.upgrade_step(), "MG004", broken))
}

fn table_twice(spot: &Spot<'_>) -> Option<Mutant> {
    let (upgrade, _) = spot.file.text.split_once("def downgrade(")?;
    let (_, rest) = upgrade.split_once("op.create_table(\n        \"")?;
    let (table, _) = rest.split_once('"')?;
    let statement = format!("op.create_table(\"{table}\", sa.Column(\"id\", sa.Integer()))");
    let text = revision("mutant", spot.at, &statement);
    let file = spot.folder.join("mutant.py");
    let broken = edits(vec![Edit::Add { file, text }]);
    Some(spot.mutant("table-twice", UPGRADE, "MG006", broken))
}

fn in_upgrade(spot: &Spot<'_>) -> Vec<Mutant> {
    let step = spot.upgrade_step();
    let undefined = "op.execute(\"SELECT no_such_function()\")";
    let (kind, code) = if spot.before_seed() {
        ("error-before-seed", "MG105")
    } else {
        ("undefined-function", "MG110")
    };
    let faults = [
        first_in(spot, "upgrade", undefined, (kind, step, code)),
        first_in(spot, "upgrade", "raise SystemExit(0)", ("exits-early", step, "MG104")),
        first_in(spot, "upgrade", "__import__(\"os\")._exit(0)", ("exits-at-once", step, "MG104")),
    ];
    faults.into_iter().flatten().collect()
}

/// What Postgres refuses, by how it says so, and what it is not even asked.
fn refused(spot: &Spot<'_>) -> Vec<Mutant> {
    if spot.before_seed() {
        return Vec::new();
    }
    let sql = [
        ("division-by-zero", "MG114", "SELECT 1 / 0"),
        ("constraint", "MG112", "INSERT INTO alembic_version VALUES (NULL)"),
        ("privilege", "MG113", "SET LOCAL ROLE pg_monitor; CREATE TABLE mutant (id integer)"),
        ("too-long", "MG115", "SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)"),
        ("connection-ended", "MG116", "SELECT pg_terminate_backend(pg_backend_pid())"),
        (
            "server-killed",
            "MG901",
            // The server's PATH has no commands but its own: this is all the shell's.
            "COPY (SELECT 1) TO PROGRAM 'read pid < postmaster.pid; kill -QUIT $pid'; \
             SELECT pg_sleep(60)",
        ),
    ];
    let refused = sql.into_iter().filter_map(|(kind, code, sql)| {
        let statement = format!("op.execute(\"{sql}\")");
        first_in(spot, "upgrade", &statement, (kind, UPGRADE, code))
    });
    let raises = ("raises", UPGRADE, "MG100");
    refused.chain(first_in(spot, "upgrade", "raise RuntimeError(\"mutant\")", raises)).collect()
}

fn env_fails(spot: &Spot<'_>) -> Option<Mutant> {
    let (old, new) = ("from alembic import context\n", "raise RuntimeError(\"mutant\")\n");
    let file = spot.folder.parent()?.join("env.py");
    let new = format!("{old}{new}");
    let broken = edits(vec![Edit::Replace { file, old: old.to_owned(), new }]);
    Some(spot.mutant("env-fails", first_upgrade(spot), "MG107", broken))
}

/// A role that is there already, and may do what it may not in production.
fn role_can_login(spot: &Spot<'_>) -> Option<Mutant> {
    let sql = Some("CREATE ROLE raptor_app LOGIN".to_owned());
    let step = "create raptor_app role (required by 0002+)";
    let mutant = spot.mutant("role-can-login", step, "MG101", State { sql, ..State::default() });
    (spot.tree == TreeId::Raptor).then_some(mutant)
}

fn in_downgrade(spot: &Spot<'_>) -> Vec<Mutant> {
    if !spot.is_head() {
        return Vec::new();
    }
    let faults = [
        first_in(
            spot,
            "downgrade",
            "raise RuntimeError(\"mutant\")",
            ("downgrade-raises", DOWNGRADE, "MG106"),
        ),
        first_in(
            spot,
            "downgrade",
            "raise NotImplementedError",
            ("irreversible", DOWNGRADE, "MG117"),
        ),
    ];
    faults.into_iter().flatten().collect()
}

/// An enum type that the downgrade leaves behind, and the second upgrade meets.
fn type_left(spot: &Spot<'_>) -> Option<Mutant> {
    let drop = |line: &&str| line.ends_with(".drop(op.get_bind(), checkfirst=False)\n");
    let line = spot.file.text.split_inclusive('\n').find(drop).filter(|_| spot.is_head())?;
    let broken = replace(spot, line, "    pass\n".to_owned())?;
    Some(spot.mutant("type-left", ROUND_TRIP, "MG111", broken))
}

/// A downgrade that does nothing, where the upgrade begins with a table.
fn empty_downgrade(spot: &Spot<'_>) -> Option<Mutant> {
    let head = head_of(spot, "upgrade").filter(|_| spot.is_head())?;
    let creates = spot.file.text.contains(&format!("{head}    op.create_table("));
    let mutant = first_in(spot, "downgrade", "return", ("empty-downgrade", ROUND_TRIP, "MG006"))?;
    creates.then_some(mutant)
}

fn unreadable(spot: &Spot<'_>) -> Vec<Mutant> {
    let head = head_of(spot, "upgrade").unwrap_or_default();
    let faults = [
        ("not-python", "MG109", format!("<<<<<<< HEAD\n{head}")),
        ("missing-package", "MG108", format!("import mutant_package\n\n\n{head}")),
    ];
    let step = first_upgrade(spot);
    faults
        .into_iter()
        .filter_map(|(kind, code, new)| {
            Some(spot.mutant(kind, step, code, replace(spot, head, new)?))
        })
        .collect()
}
