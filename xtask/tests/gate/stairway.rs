//! The stairway comes by itself where a change has more than one new revision.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::keep::Removal;
use crate::support::report::Report;
use crate::support::root::{ADDED, Root, Tree};
use crate::support::shop::Shop;

const TREE: &str = "shop";
const STEPS: [&str; 4] = [
    "shop — alembic upgrade head",
    "shop — assert single head",
    "shop — downgrade -1 (reversibility check)",
    "shop — alembic upgrade head (round trip)",
];
const STAIRWAY: &str = "shop — stairway, 2 revisions (reversibility check)";

/// The steps of a run that never comes to them: they are in the report all the same.
#[track_caller]
fn planned(shop: &Shop, options: &str) -> Vec<String> {
    let ended = shop.gate().args("--postgres-bin /nowhere").args(options).run();
    ended.assert_code(2);
    let report = ended.report();
    assert!(report.steps(TREE).iter().all(|step| step["status"] == "skipped"));
    report.names(TREE).into_iter().map(str::to_owned).collect()
}

#[test]
fn several_new_revisions_have_a_stairway() {
    let shop = Shop::on_a_branch();
    shop.add_sound("c3", "b2");
    shop.commit();
    // Not in a commit yet, and new all the same.
    shop.add_sound("d4", "c3");
    assert_eq!(planned(&shop, ""), [&STEPS[..], &[STAIRWAY]].concat());
    assert_eq!(planned(&shop, "--since feature"), STEPS, "there only `d4` is new");
    let all = ["shop — stairway, 4 revisions (reversibility check)"];
    assert_eq!(planned(&shop, "--stairway"), [&STEPS[..], &all].concat());
    shop.git("branch --move main trunk");
    assert_eq!(planned(&shop, ""), STEPS, "without a base branch the head is what is new");
}

/// Its database is kept where that is asked for.
#[test]
fn fault_that_only_the_stairway_sees_is_found() {
    let shop = Shop::on_a_branch();
    shop.add_sql("c3", "b2", "CREATE TABLE c3 (a int)", "SELECT 1");
    shop.add_sound("d4", "c3");
    let file = shop.path().join("report.json");
    let report = format!("--report=json={}", file.display());
    let ended = shop.command("--no-cache --keep").arg(report).run();
    let _removal = Removal::told(&ended.stdout);
    ended.assert_code(1);
    let report = Report::parse(&fs::read_to_string(file).unwrap());
    let last = report.steps(TREE).last().unwrap();
    assert_eq!((&last["name"], &last["status"]), (&STAIRWAY.into(), &"failed".into()));
    let found: Vec<_> = report.findings().iter().filter(|f| f["code"] == "MG400").collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["revision"], &found[0]["step"]), (&"c3".into(), &STAIRWAY.into()));
    let kept = ended.stdout.split("kept where revision c3 went wrong").nth(1).unwrap();
    let psql = kept.split("as --keep asks: ").nth(1).unwrap().lines().next().unwrap();
    let ask = format!("{psql} -Atc \"SELECT to_regclass('c3'), to_regclass('d4')\"");
    let said = Command::new("sh").args(["-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "c3|", "{ask}\n{said:?}");
}

/// The row is still there, under another name: production's would be gone.
#[test]
fn a_supply_that_a_downgrade_takes_away_is_named() {
    let root = Root::copy();
    let away =
        "op.execute(\"UPDATE admins SET email = 'else@example.com' WHERE email ~ '^kris@'\")";
    root.add_head(Tree::Console, "pass", away);
    let ended = root.gate().arg("console").run();
    ended.assert_code(1);
    let report = ended.report();
    let finding = report.findings().iter().find(|f| f["code"] == "MG404").unwrap();
    assert_eq!(finding["step"], "Console — downgrade -1 (reversibility check)");
    assert_eq!(finding["revision"], ADDED);
    let expected = format!("the kris@ admin row is gone after revision {ADDED}");
    assert_eq!(finding["message"], expected.as_str());
}

/// Of two new revisions, so with a stairway.
#[test]
fn rollback_card_has_the_way_back_and_what_it_costs() {
    let shop = Shop::on_a_branch();
    let add = ("ALTER TABLE items ADD COLUMN memo text", "ALTER TABLE items DROP COLUMN memo");
    shop.add_sql("c3", "b2", add.0, add.1);
    shop.add_sql("d4", "c3", add.1, add.0);
    let markdown = shop.path().join("report.md");
    let ended = shop.gate().arg(format!("--report=markdown={}", markdown.display())).run();
    ended.assert_code(0);
    let report = ended.report();
    report.assert_green(TREE);
    assert_eq!(report.names(TREE), [&STEPS[..], &[STAIRWAY]].concat());
    let card = report.tree(TREE)["rollback"].clone();
    assert_eq!(card["command"], "alembic -c alembic.ini downgrade b2");
    assert_eq!(card["revisions"], json!(["d4", "c3"]));
    assert_eq!(card["rehearsed"], true, "{card:#}");
    let text = |value: &serde_json::Value| value.to_string();
    assert!(text(&card["waits"]).contains("reads and writes wait"), "{card:#}");
    assert!(text(&card["lost"]).contains("c3 items.memo"), "{card:#}");
    assert!(text(&card["no_return"]).contains("d4: its upgrade loses items.memo"), "{card:#}");
    let markdown = fs::read_to_string(markdown).unwrap();
    let line = "- command: `alembic -c alembic.ini downgrade b2`, in `.`";
    assert!(markdown.contains(line), "{markdown}");
}
