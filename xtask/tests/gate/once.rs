//! What a report says of many faults, of what was tried, and of what a tree's own settings supply.

use std::fs;

use serde_json::json;

use crate::support::report::Report;
use crate::support::shop::Shop;
use crate::support::watched::first_verdict;

/// The rows of a screen.
const SCREEN_ROWS: usize = 50;

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
    let chain = Shop::chain(&thirty_faults());
    let gate = chain.command("--no-cache --stairway");
    let (Report(said), ended) = first_verdict(gate, &chain.sandbox);
    assert_eq!(said["verdict"], "fail");
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
    let chain = Shop::chain(&revisions[..3]);
    let gate = chain.command("--no-cache --stairway");
    let (report, _) = first_verdict(gate, &chain.sandbox);
    assert_eq!(report.verdict(), "fail");
    assert_eq!(report.statuses("shop"), "passed passed failed skipped failed");
    let told: Vec<_> = report
        .findings()
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["revision"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("MG106", "0003"), ("MG400", "0002")]);
    let also = report.findings()[0]["also"].to_string();
    assert!(also.contains("the same in the step 'shop — stairway, 3 revisions"), "{also}");
    // A revision that cannot be applied keeps those above it from being tried, and says so.
    let chain = Shop::chain(&revisions);
    let gate = chain.command("--no-cache --stairway");
    let (report, _) = first_verdict(gate, &chain.sandbox);
    assert_eq!(report.verdict(), "fail");
    let stairway = &report.tree("shop")["stairway"];
    let reason = "revision 0005, below it, cannot be applied";
    let untried = json!([{"revision": "0006", "reason": reason}]);
    assert_eq!((&stairway["tried"], &stairway["untried"]), (&json!(5), &untried));
    let failed = report.findings().iter().filter(|f| f["revision"] == "0005").count();
    assert_eq!(failed, 1, "{:#?}", report.findings());
}

#[test]
fn time_that_runs_out_is_told_at_the_revision_where_it_did() {
    let slow = "SELECT pg_sleep(CASE WHEN current_database() LIKE '%stair%' THEN 60 ELSE 0 END)";
    let slow = format!("op.execute({slow:?})");
    let table = ("op.execute('CREATE TABLE t (a int)')", "op.drop_table('t')");
    let chain = Shop::chain(&[table, (&slow, "pass"), ("pass", "pass")]);
    let ended = chain.gate().args("--stairway --timeout 8").run();
    ended.assert_code(1);
    let report = ended.report();
    let late: Vec<_> = report.findings().iter().filter(|f| f["code"] == "MG103").collect();
    assert_eq!(late.len(), 1, "{:#?}", report.findings());
    let stairway = "shop — stairway, 3 revisions (reversibility check)";
    assert_eq!((&late[0]["revision"], &late[0]["step"]), (&"0002".into(), &stairway.into()));
    assert!(late[0]["statement"].as_str().unwrap().contains("pg_sleep"), "{:#}", late[0]);
    assert!(late[0]["message"].as_str().unwrap().contains("still running after 8 s"));
    let untried = report.tree("shop")["stairway"]["untried"].to_string();
    assert!(untried.contains("time ran out (--timeout)"), "{untried}");
    chain.sandbox.assert_empty(&ended.traces);
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
    let bare = Shop::chain(&revisions);
    let ended = bare.gate().args("--stairway").run();
    ended.assert_code(1);
    let report = ended.report();
    let first = &report.findings()[0];
    assert_eq!((&first["code"], &first["revision"]), (&json!("MG225"), &json!("0001")));
    assert!(first["remedy"].to_string().contains("before = base.sql"), "{first:#}");
    let supplied = Shop::chain(&revisions);
    let ini = supplied.read("alembic.ini");
    let section = "[migration-gate]\nbefore = base.sql\nbefore.0003 = rows.sql";
    supplied.write("alembic.ini", format!("{ini}\n{section}\n"));
    let base = "CREATE TABLE IF NOT EXISTS users (id serial PRIMARY KEY, name text UNIQUE);\n\
        DO $$ BEGIN CREATE ROLE chain_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n";
    supplied.write("base.sql", base);
    let rows = supplied.path().join("rows.sql");
    fs::write(&rows, "INSERT INTO users (name) VALUES ('root') ON CONFLICT DO NOTHING;\n").unwrap();
    let ended = supplied.gate().args("--stairway").run();
    ended.assert_code(0);
    let report = ended.report();
    report.assert_green("shop");
    let names = report.names("shop");
    let before = [
        "shop — supply base.sql (required by the first revision)",
        "shop — alembic upgrade to the parents of 0003 (pre-supply)",
        "shop — supply rows.sql (required by 0003)",
        "shop — alembic upgrade head",
    ];
    assert_eq!(names[..4], before);
    assert_eq!(report.tree("shop")["stairway"]["tried"], 3);
    // A file that cannot be run fails its step, and nothing is said of the revisions.
    fs::write(&rows, "INSERT INTO nobody VALUES (1);\n").unwrap();
    let ended = supplied.gate().args("--stairway").run();
    ended.assert_code(1);
    let found = ended.report().finding().clone();
    assert_eq!((&found["code"], &found["file"]), (&json!("MG102"), &json!("rows.sql")));
    fs::remove_file(&rows).unwrap();
    supplied.command("").run().assert_code(2);
}
