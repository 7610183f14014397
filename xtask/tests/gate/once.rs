//! What a report says of many faults, of what was tried, and of what a tree's own settings supply.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use crate::support::run::Gate;
use crate::support::sandbox::Sandbox;

/// The rows of a screen.
const SCREEN_ROWS: usize = 50;
const HEAD: &str = "from alembic import op\nimport sqlalchemy as sa\n";
const ENV: &str = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n\n\
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:\n\
    \x20   context.configure(connection=connection)\n\
    \x20   with context.begin_transaction():\n        context.run_migrations()\n";

/// A chain of revisions `0001`, `0002`, …, in a folder of its own.
struct Chain {
    _dir: TempDir,
    path: PathBuf,
    sandbox: Sandbox,
}

impl Chain {
    /// Of pairs of what `upgrade()` and `downgrade()` do, a statement a line.
    fn new(revisions: &[(String, String)], section: &str) -> Chain {
        let dir = tempfile::Builder::new().prefix("mg-chain-").tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("chain");
        let versions = path.join("migrations/versions");
        fs::create_dir_all(&versions).unwrap();
        let ini =
            format!("[alembic]\nscript_location = migrations\n\n[migration-gate]\n{section}\n");
        fs::write(path.join("alembic.ini"), ini).unwrap();
        fs::write(path.join("migrations/env.py"), ENV).unwrap();
        let body = |text: &str| format!("    {}\n", text.replace('\n', "\n    "));
        for (index, (up, down)) in revisions.iter().enumerate() {
            let parent = if index == 0 { "None".into() } else { format!("'{index:04}'") };
            let (up, down, id) = (body(up), body(down), format!("{:04}", index + 1));
            let text = format!(
                "{HEAD}revision = '{id}'\ndown_revision = {parent}\n\n\n\
                 def upgrade():\n{up}\n\ndef downgrade():\n{down}"
            );
            fs::write(versions.join(format!("{id}_r.py")), text).unwrap();
        }
        Chain { _dir: dir, path, sandbox: Sandbox::new() }
    }

    fn of(revisions: &[(&str, &str)], section: &str) -> Chain {
        let owned = |(up, down): &(&str, &str)| ((*up).to_owned(), (*down).to_owned());
        Chain::new(&revisions.iter().map(owned).collect::<Vec<_>>(), section)
    }

    fn gate(&self) -> Gate<'_> {
        Gate::new(&self.sandbox).arg("--ini").arg(self.path.join("alembic.ini"))
    }
}

/// Three times ten faults of five kinds, in five revisions.
fn thirty_faults() -> Vec<(String, String)> {
    let id = "sa.Column('id', sa.Integer(), primary_key=True)";
    let mut revisions = Vec::new();
    for n in 1..=3 {
        let t = format!("t{n}");
        let mut add = |up: String, down: String| revisions.push((up, down));
        add(
            format!(
                "op.create_table('{t}', {id}, sa.Column('a', sa.Text()), sa.Column('b', sa.Text()))\n\
                 op.create_table('{t}_more', {id}, sa.Column('x', sa.Enum('p', name='e{n}')), \
                 sa.Column('y', sa.Enum('q', name='f{n}')))"
            ),
            format!("op.drop_table('{t}_more')\nop.drop_table('{t}')"),
        );
        add(
            format!(
                "op.create_index('ix_{t}', '{t}', ['a'])\nop.add_column('{t}', sa.Column('z', sa.Text()))\n\
                 op.create_check_constraint('ck_{t}', '{t}', 'id > 0')"
            ),
            "pass".into(),
        );
        add(
            format!(
                "op.rename_table('{t}_more', '{t}_less')\n\
                 op.alter_column('{t}', 'z', new_column_name='y')"
            ),
            "pass".into(),
        );
        add(
            format!("op.add_column('{t}', sa.Column('m', sa.Text()))"),
            "raise NotImplementedError('no way back')".into(),
        );
        add(
            format!(
                "op.create_unique_constraint('uq_{t}', '{t}', ['a'])\n\
                 op.create_unique_constraint('ub_{t}', '{t}', ['b'])"
            ),
            format!("op.drop_constraint('ub_{t}', '{t}')\nop.drop_constraint('uq_{t}', '{t}')"),
        );
    }
    revisions
}

#[test]
fn thirty_faults_are_at_most_thirty_findings_on_a_screen() {
    let chain = Chain::new(&thirty_faults(), "");
    let json = chain.path.join("report.json");
    let report = format!("json={}", json.display());
    let ended = chain.gate().args("--stairway --report").arg(report).run();
    ended.assert_code(1);
    let said: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let findings = said["findings"].as_array().unwrap();
    let errors: Vec<_> = findings.iter().filter(|f| f["severity"] == "error").collect();
    // Those that only raise have one reason.
    assert_eq!(errors.len(), 13, "{errors:#?}");
    let of = |code: &str| errors.iter().filter(|f| f["code"] == code).count();
    assert_eq!([of("MG400"), of("MG401"), of("MG117"), of("MG411")], [6, 3, 1, 3]);
    let stairway = json!({"revisions": 15, "tried": 15, "untried": []});
    assert_eq!(said["trees"][0]["stairway"], stairway);
    assert!(findings.iter().all(|f| f["owner"].is_null() && f["sev2"] == false));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let screen = lines[lines.len() - SCREEN_ROWS + 1..].join("\n");
    let named = format!("error[{}] 0001_r.py", errors[0]["code"].as_str().unwrap());
    assert!(screen.contains("\nFAIL  ") && screen.contains(&named), "{screen}");
    assert!(!ended.stdout.contains("owner") && !ended.stdout.contains("SRE"));
}

#[test]
fn stairs_are_tried_where_the_round_trip_of_the_head_fails() {
    let table = |name: &str| {
        (format!("op.create_table('{name}', sa.Column('id', sa.Integer()))"), "pass".to_owned())
    };
    let drop = |name: &str| format!("op.drop_table('{name}')");
    let revisions = [
        (table("a").0, drop("a")),
        table("b"),
        (table("c").0, drop("nothing")),
        (table("d").0, drop("d")),
        ("op.execute('INSERT INTO nothing VALUES (1)')".into(), "pass".into()),
        (table("f").0, drop("f")),
    ];
    // The head goes up and not down again.
    let chain = Chain::new(&revisions[..3], "");
    let ended = chain.gate().args("--stairway --format json").run();
    ended.assert_code(1);
    let report = ended.report();
    assert_eq!(report.statuses("chain"), "passed passed failed skipped failed");
    let told: Vec<_> = report
        .findings()
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["revision"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("MG106", "0003"), ("MG400", "0002")]);
    let also = report.findings()[0]["also"].to_string();
    assert!(also.contains("the same in the step 'chain — stairway, 3 revisions"), "{also}");
    // A revision that cannot be applied keeps those above it from being tried, and says so.
    let chain = Chain::new(&revisions, "");
    let ended = chain.gate().args("--stairway --format json").run();
    ended.assert_code(1);
    let report = ended.report();
    let stairway = &report.tree("chain")["stairway"];
    let reason = "revision 0005, below it, cannot be applied";
    let untried = json!([{"revision": "0006", "reason": reason}]);
    assert_eq!((&stairway["tried"], &stairway["untried"]), (&json!(5), &untried));
    let failed = report.findings().iter().filter(|f| f["revision"] == "0005").count();
    assert_eq!(failed, 1, "{:#?}", report.findings());
}

#[test]
fn time_that_runs_out_is_told_at_the_revision_where_it_did() {
    let slow = "op.execute(\"SELECT pg_sleep(CASE WHEN current_database() LIKE '%stair%' THEN 120 ELSE 0 END)\")";
    let chain = Chain::of(
        &[
            ("op.execute('CREATE TABLE t (a int)')", "op.drop_table('t')"),
            (slow, "pass"),
            ("pass", "pass"),
        ],
        "",
    );
    let ended = chain.gate().args("--stairway --timeout 30 --format json").run();
    ended.assert_code(1);
    let report = ended.report();
    let late: Vec<_> = report.findings().iter().filter(|f| f["code"] == "MG103").collect();
    assert_eq!(late.len(), 1, "{:#?}", report.findings());
    assert_eq!(late[0]["revision"], "0002");
    let untried = report.tree("chain")["stairway"]["untried"].to_string();
    assert!(untried.contains("time ran out (--timeout)"), "{untried}");
}

#[test]
fn a_trees_own_settings_supply_what_production_has() {
    let revisions = [
        ("op.add_column('users', sa.Column('b', sa.Integer()))", "op.drop_column('users', 'b')"),
        (
            "op.execute('GRANT SELECT ON users TO chain_app')",
            "op.execute('REVOKE SELECT ON users FROM chain_app')",
        ),
        (
            "op.get_bind().execute(sa.text(\"SELECT id FROM users WHERE name = 'root'\")).scalar_one()\n\
             op.create_table('z', sa.Column('id', sa.Integer()))",
            "op.drop_table('z')",
        ),
    ];
    let bare = Chain::of(&revisions, "");
    let ended = bare.gate().args("--stairway --format json").run();
    ended.assert_code(1);
    let report = ended.report();
    let first = &report.findings()[0];
    assert_eq!((&first["code"], &first["revision"]), (&json!("MG225"), &json!("0001")));
    assert!(first["remedy"].to_string().contains("before = base.sql"), "{first:#}");
    let supplied = Chain::of(&revisions, "before = base.sql\nbefore.0003 = rows.sql");
    let base = "CREATE TABLE IF NOT EXISTS users (id serial PRIMARY KEY, name text UNIQUE);\n\
        DO $$ BEGIN CREATE ROLE chain_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n";
    fs::write(supplied.path.join("base.sql"), base).unwrap();
    let rows = supplied.path.join("rows.sql");
    fs::write(&rows, "INSERT INTO users (name) VALUES ('root') ON CONFLICT DO NOTHING;\n").unwrap();
    let ended = supplied.gate().args("--stairway --format json").run();
    ended.assert_code(0);
    let report = ended.report();
    report.assert_green("chain");
    let names = report.names("chain");
    let before = [
        "chain — supply base.sql (required by the first revision)",
        "chain — alembic upgrade to the parents of 0003 (pre-supply)",
        "chain — supply rows.sql (required by 0003)",
        "chain — alembic upgrade head",
    ];
    assert_eq!(names[..4], before);
    assert_eq!(report.tree("chain")["stairway"]["tried"], 3);
    // A file that cannot be run fails its step, and nothing is said of the revisions.
    fs::write(&rows, "INSERT INTO nobody VALUES (1);\n").unwrap();
    let ended = supplied.gate().args("--stairway --format json").run();
    ended.assert_code(1);
    let found = ended.report().finding().clone();
    assert_eq!((&found["code"], &found["file"]), (&json!("MG102"), &json!("rows.sql")));
    fs::remove_file(&rows).unwrap();
    supplied.gate().run().assert_code(2);
}
