//! The stairway comes by itself where a change has more than one new revision.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::keep::Removal;
use crate::support::report::Report;
use crate::support::root::{ADDED, Root, Tree, copy};
use crate::support::run::Gate;
use crate::support::sandbox::{Sandbox, temporary};

const TREE: &str = "shop";
const STEPS: [&str; 4] = [
    "shop — alembic upgrade head",
    "shop — assert single head",
    "shop — downgrade -1 (reversibility check)",
    "shop — alembic upgrade head (round trip)",
];
const STAIRWAY: &str = "shop — stairway, 2 revisions (reversibility check)";

/// A tree of two revisions, `a1` and `b2`, and room for more.
struct Shop {
    _dir: TempDir,
    path: PathBuf,
    sandbox: Sandbox,
}

impl Shop {
    /// In no repository.
    fn alone() -> Shop {
        let dir = temporary("mg-shop-");
        let path = dir.path().canonicalize().unwrap().join(TREE);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree"), &path);
        Shop { _dir: dir, path, sandbox: Sandbox::new() }
    }

    /// In a repository, where `main` has it and a branch is checked out.
    fn on_a_branch() -> Shop {
        let shop = Shop::alone();
        shop.git("init --quiet --initial-branch=main");
        shop.commit();
        shop.git("checkout --quiet -b feature");
        shop
    }

    fn git(&self, arguments: &str) {
        let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
        let status = Command::new("git")
            .args(who)
            .args(arguments.split(' '))
            .current_dir(&self.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status()
            .unwrap();
        assert!(status.success(), "git {arguments}");
    }

    fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet --message more");
    }

    fn add(&self, id: &str, parent: &str, downgrade: &str) {
        let text = format!(
            "from alembic import op\n\nrevision = '{id}'\ndown_revision = '{parent}'\n\n\n\
             def upgrade():\n    op.execute('CREATE TABLE {id} (a int)')\n\n\n\
             def downgrade():\n    op.execute('{downgrade}')\n"
        );
        fs::write(self.path.join(format!("versions/{id}.py")), text).unwrap();
    }

    fn add_sound(&self, id: &str, parent: &str) {
        self.add(id, parent, &format!("DROP TABLE {id}"));
    }

    fn gate(&self) -> Gate<'_> {
        Gate::new(&self.sandbox)
            .arg("--ini")
            .arg(self.path.join("alembic.ini"))
            .args("--no-cache --format json")
    }

    /// The steps of a green run.
    #[track_caller]
    fn green_steps(&self, options: &str) -> Vec<String> {
        let gate = self.gate();
        let ended = if options.is_empty() { gate } else { gate.args(options) }.run();
        ended.assert_code(0);
        let report = ended.report();
        report.assert_green(TREE);
        report.names(TREE).into_iter().map(str::to_owned).collect()
    }
}

#[test]
fn several_new_revisions_have_a_stairway() {
    let shop = Shop::on_a_branch();
    shop.add_sound("c3", "b2");
    shop.commit();
    // Not in a commit yet, and new all the same.
    shop.add_sound("d4", "c3");
    let with_stairway = [&STEPS[..], &[STAIRWAY]].concat();
    assert_eq!(shop.green_steps(""), with_stairway);
    assert_eq!(shop.green_steps("--since feature"), STEPS, "there only `d4` is new");
    shop.git("branch --move main trunk");
    assert_eq!(shop.green_steps(""), STEPS, "without a base branch the head is what is new");
}

/// Its database is kept where that is asked for.
#[test]
fn fault_that_only_the_stairway_sees_is_found() {
    let shop = Shop::on_a_branch();
    shop.add("c3", "b2", "SELECT 1");
    shop.add_sound("d4", "c3");
    let file = shop.path.join("report.json");
    let ended = Gate::new(&shop.sandbox)
        .args("--no-cache --keep --ini")
        .arg(shop.path.join("alembic.ini"))
        .arg(format!("--report=json={}", file.display()))
        .run();
    let removal = ended.stdout.split("to remove it all:\n").nth(1).unwrap().lines().next().unwrap();
    let _removal = Removal(removal.trim().to_owned());
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

#[test]
fn a_stairway_that_never_came_to_its_turn_is_in_the_report() {
    let shop = Shop::on_a_branch();
    shop.add_sound("c3", "b2");
    shop.add_sound("d4", "c3");
    let ended = shop.gate().arg("--postgres-bin").arg(shop.path.join("versions")).run();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.names(TREE), [&STEPS[..], &[STAIRWAY]].concat());
    assert!(report.steps(TREE).iter().all(|step| step["status"] == "skipped"));
}

#[test]
fn all_revisions_are_stepped_where_that_is_asked_for() {
    let shop = Shop::alone();
    shop.add_sound("c3", "b2");
    let all = ["shop — stairway, 3 revisions (reversibility check)"];
    assert_eq!(shop.green_steps("--stairway"), [&STEPS[..], &all].concat());
}

#[test]
fn stairway_timeout_names_revision_and_statement() {
    let shop = Shop::on_a_branch();
    // The second time alone: the steps before pass.
    shop.add("c3", "b2", "SELECT pg_sleep(CASE current_database() WHEN $$shop_ci$$ THEN 0 ELSE 60 END); DROP TABLE c3");
    shop.add_sound("d4", "c3");
    let ended = shop.gate().args("--timeout 7").run();
    ended.assert_code(1);
    let report = ended.report();
    let finding = report.findings().iter().find(|f| f["code"] == "MG103").unwrap();
    assert_eq!((&finding["revision"], &finding["step"]), (&"c3".into(), &STAIRWAY.into()));
    assert!(finding["statement"].as_str().unwrap().contains("pg_sleep"), "{finding:#}");
    assert!(
        finding["message"].as_str().unwrap().contains("still running after 7 s"),
        "{finding:#}"
    );
    shop.sandbox.assert_empty(&ended.traces);
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

#[test]
fn rollback_card_has_the_way_back_and_what_it_costs() {
    let shop = Shop::on_a_branch();
    let write = |id: &str, parent: &str, (up, down): (&str, &str)| {
        let text = format!(
            "from alembic import op\n\nrevision = '{id}'\ndown_revision = '{parent}'\n\n\n\
             def upgrade():\n    op.execute('{up}')\n\n\n\
             def downgrade():\n    op.execute('{down}')\n"
        );
        fs::write(shop.path.join(format!("versions/{id}.py")), text).unwrap();
    };
    let add = ("ALTER TABLE items ADD COLUMN memo text", "ALTER TABLE items DROP COLUMN memo");
    write("c3", "b2", add);
    write("d4", "c3", (add.1, add.0));
    let markdown = shop.path.join("report.md");
    let report = format!("markdown={}", markdown.display());
    let ended = shop.gate().arg("--report").arg(report).run();
    ended.assert_code(0);
    let card = ended.report().tree(TREE)["rollback"].clone();
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
