//! Failure modes of the runbook, and other faults of a revision when it is applied.

use super::kind::{Kind, When, added, edits, file, first_in, replace, revision};
use super::spot::{Spot, Supply};
use model::incident::{Edit, Options, State};
use model::mutant::Mutant;

/// How long a step may take that never ends, in seconds.
const SOON: u64 = 6;

/// Every mutant of a spot.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let mut mutants = vec![
        dropped_supply(spot),
        spot.mutant(
            &Kind::seen("new-role", When::Upgrade, "MG002", "MG002"),
            added(spot, "op.execute(\"GRANT SELECT ON alembic_version TO mutant_reader\")", "pass"),
        ),
    ];
    mutants.extend(looks_up(spot));
    mutants.extend(new_owner(spot));
    mutants.extend(second_head(spot));
    mutants.extend(repeated_id(spot));
    mutants.extend(broken_parent(spot));
    mutants.extend(now_in_predicate(spot));
    mutants.extend(now_in_index(spot));
    mutants.extend(table_twice(spot));
    mutants.extend(in_upgrade(spot));
    mutants.extend(refused(spot));
    mutants.extend(never_ends(spot));
    mutants.extend(env_fails(spot));
    mutants.extend(role_can_login(spot));
    mutants
}

fn dropped_supply(spot: &Spot<'_>) -> Mutant {
    let (supply, code) = match spot.tree.supply {
        Supply::Row(name) => (name, "MG001"),
        Supply::Role { name, .. } => (name, "MG002"),
    };
    let broken = State { without: vec![supply.to_owned()], ..State::default() };
    spot.mutant(&Kind::seen("dropped-supply", When::Upgrade, code, code), broken)
}

/// A row that the recipe does not supply.
fn looks_up(spot: &Spot<'_>) -> Option<Mutant> {
    let lookup = "op.get_bind().execute(sa.text(\"SELECT id FROM admins \
                  WHERE email = 'mutant@example.com'\")).scalar_one()";
    let kind = Kind::seen("looks-up-a-row", When::Upgrade, "MG001", "MG001");
    matches!(spot.tree.supply, Supply::Row(_))
        .then(|| spot.mutant(&kind, added(spot, lookup, "op.execute(\"SELECT 1\")")))
}

/// A role that the recipe does not supply, and not in a GRANT.
fn new_owner(spot: &Spot<'_>) -> Option<Mutant> {
    let owner = format!("op.execute(\"ALTER TABLE {} OWNER TO mutant_owner\")", spot.table()?);
    let kind = Kind::seen("new-owner", When::Upgrade, "MG002", "MG002");
    Some(spot.mutant(&kind, added(spot, &owner, "op.execute(\"SELECT 1\")")))
}

fn second_head(spot: &Spot<'_>) -> Option<Mutant> {
    let parent = spot.parent.filter(|_| spot.is_head())?;
    let text = revision("mutant", parent, "pass", "pass");
    let broken = edits(vec![file(spot, "mutant.py", &text)]);
    Some(spot.mutant(&Kind::seen("second-head", When::Heads, "MG003", "MG003"), broken))
}

fn repeated_id(spot: &Spot<'_>) -> Option<Mutant> {
    spot.parent?;
    let broken = edits(vec![file(spot, &format!("{}_mutant.py", spot.id), &spot.file.text)]);
    Some(spot.mutant(&Kind::seen("repeated-id", When::Heads, "MG003", "MG003"), broken))
}

fn broken_parent(spot: &Spot<'_>) -> Option<Mutant> {
    let parent = spot.parent?;
    let line = spot.file.text.lines().find(|line| line.starts_with("down_revision"))?;
    let new = line.replace(&format!("\"{parent}\""), &format!("\"{parent}_gone\""));
    let broken = replace(spot, line, new)?;
    Some(spot.mutant(&Kind::seen("broken-parent", When::Loading, "MG005", "MG005"), broken))
}

fn now_in_predicate(spot: &Spot<'_>) -> Option<Mutant> {
    const WHERE: &str = "postgresql_where=sa.text(\"";
    let mut lines = spot.upgrade().lines();
    let line = lines.find(|line| line.contains(WHERE) && line.ends_with("\"),"))?;
    let new = line.replace(WHERE, &format!("{WHERE}now() IS NOT NULL AND "));
    let broken = replace(spot, line, new)?;
    Some(spot.mutant(&Kind::seen("now-in-predicate", When::Applying, "MG004", "MG004"), broken))
}

fn now_in_index(spot: &Spot<'_>) -> Option<Mutant> {
    let table = spot.table()?;
    let make =
        format!("op.create_index(\"mutant\", \"{table}\", [sa.text(\"to_char(now(), 'YYYY')\")])");
    let drop = format!("op.drop_index(\"mutant\", table_name=\"{table}\")");
    let kind = Kind::seen("now-in-index", When::Upgrade, "MG004", "MG004");
    Some(spot.mutant(&kind, added(spot, &make, &drop)))
}

fn table_twice(spot: &Spot<'_>) -> Option<Mutant> {
    let again = format!("op.create_table(\"{}\", sa.Column(\"id\", sa.Integer()))", spot.table()?);
    let broken = added(spot, &again, &format!("op.drop_table(\"{}\")", spot.table()?));
    Some(spot.mutant(&Kind::seen("table-twice", When::Upgrade, "MG006", "MG006"), broken))
}

fn in_upgrade(spot: &Spot<'_>) -> Vec<Mutant> {
    let undefined = if spot.before_seed() {
        Kind::run("error-before-seed", When::Applying, "MG105")
    } else {
        Kind::run("undefined-function", When::Applying, "MG110")
    };
    let faults = [
        (undefined, "op.execute(\"SELECT no_such_function()\")"),
        (
            Kind::run("exits-early", When::Applying, "MG104"),
            // Under a condition: the lints ignore code that can never run.
            "if op.get_bind(): raise SystemExit(0)",
        ),
        (Kind::run("exits-at-once", When::Applying, "MG104"), "__import__(\"os\")._exit(0)"),
    ];
    let faults = faults.iter();
    faults
        .filter_map(|(kind, statement)| {
            Some(spot.mutant(kind, first_in(spot, "upgrade", statement)?))
        })
        .collect()
}

/// Statements that Postgres refuses, by SQLSTATE, and code that fails before Postgres is asked.
fn refused(spot: &Spot<'_>) -> Vec<Mutant> {
    if spot.before_seed() {
        return Vec::new();
    }
    let sql = [
        (Kind::run("division-by-zero", When::Upgrade, "MG114"), "SELECT 1 / 0"),
        (
            Kind::run("constraint", When::Upgrade, "MG112"),
            "INSERT INTO alembic_version VALUES (NULL)",
        ),
        (
            Kind::run("privilege", When::Upgrade, "MG113"),
            "SET LOCAL ROLE pg_monitor; SELECT rolpassword FROM pg_authid",
        ),
        (
            Kind::run("too-long", When::Upgrade, "MG115"),
            "SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)",
        ),
        (
            Kind::run("connection-ended", When::Upgrade, "MG116"),
            "SELECT pg_terminate_backend(pg_backend_pid())",
        ),
        // The device that is always full: the server gets the same error from it as from a disk.
        (Kind::run("disk-full", When::Upgrade, "MG902"), "COPY (SELECT 1) TO '/dev/full'"),
        (
            // That the server died is nothing that befell a step.
            Kind::run("server-killed", When::Never, "MG901"),
            // The server's PATH has no commands but its own: this is all the shell's.
            "COPY (SELECT 1) TO PROGRAM 'read pid < postmaster.pid; kill -QUIT $pid'; \
             SELECT pg_sleep(60)",
        ),
    ];
    let refused = sql.into_iter().filter_map(|(kind, sql)| {
        let broken = first_in(spot, "upgrade", &format!("op.execute(\"{sql}\")"))?;
        Some(spot.mutant(&kind, broken))
    });
    let raises = first_in(spot, "upgrade", "if op.get_bind(): raise RuntimeError(\"mutant\")");
    let raises = raises.map(|b| spot.mutant(&Kind::run("raises", When::Upgrade, "MG100"), b));
    refused.chain(raises).collect()
}

/// A second connection that waits for a lock of the first. Short chains alone: the time that a step
/// may take is short, too.
fn never_ends(spot: &Spot<'_>) -> Option<Mutant> {
    let table = spot.tree.table;
    let waits = format!(
        "op.execute(\"LOCK TABLE {table}\")\n\
         op.get_bind().engine.connect().execute(sa.text(\"SELECT count(*) FROM {table}\"))"
    );
    let broken = added(spot, &waits, "pass");
    let mut mutant = spot.mutant(&Kind::run("waits-for-itself", When::Upgrade, "MG103"), broken);
    mutant.incident.options = Options { timeout: Some(SOON), ..Options::default() };
    mutant.incident.expect.message = "whose last statement was `LOCK TABLE".to_owned();
    spot.is_short().then_some(mutant)
}

fn env_fails(spot: &Spot<'_>) -> Option<Mutant> {
    let (old, new) = ("from alembic import context\n", "raise RuntimeError(\"mutant\")\n");
    let file = spot.folder.parent()?.join("env.py");
    let new = format!("{old}{new}");
    let broken = edits(vec![Edit::Replace { file, old: old.to_owned(), new }]);
    Some(spot.mutant(&Kind::run("env-fails", When::Loading, "MG107"), broken))
}

/// A role that is there already, with rights that it lacks in production.
fn role_can_login(spot: &Spot<'_>) -> Option<Mutant> {
    let Supply::Role { name, .. } = spot.tree.supply else { return None };
    let broken = State { sql: Some(format!("CREATE ROLE {name} LOGIN")), ..State::default() };
    Some(spot.mutant(&Kind::run("role-can-login", When::Role, "MG101"), broken))
}
