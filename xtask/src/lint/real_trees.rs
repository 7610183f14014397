//! Lints on the real trees, with the supplies of their recipes: no finding as they are, and exactly
//! the right one after a faulty change.

use camino::{Utf8Path, Utf8PathBuf};

use crate::recipes::{self, TreeSpec, console, raptor};
use crate::steps::runner::StepRunner;
use analysis::graph;
use analysis::lints::{Subject, lint};
use analysis::script::Script;

/// A change of one file: its number, the old text, and the new one.
type Change<'a> = (&'a str, &'a str, &'a str);

/// The findings of a real tree with some changes: code, number of the file and line of text.
fn say(spec: &TreeSpec, with_recipe: bool, changes: &[Change<'_>]) -> Vec<String> {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join(spec.migrations).join("versions");
    let mut tree = spec.at(&root);
    tree.recipe = tree.recipe.filter(|_| with_recipe);
    let recipe = tree.recipe_file();
    let mut files: Vec<Utf8PathBuf> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| Utf8PathBuf::from_path_buf(entry.unwrap().path()).unwrap())
        .filter(|path| path.extension() == Some("py"))
        .collect();
    files.sort();
    assert!(files.len() > 25, "the real trees were not found");
    let mut scripts = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap();
        let mut text = std::fs::read_to_string(file).unwrap();
        for (of, from, to) in changes.iter().filter(|(of, ..)| name.starts_with(of)) {
            assert!(text.contains(from), "{of} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        scripts.extend(Script::read(Utf8Path::new(name), text.as_bytes()).0);
    }
    let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
    let mut dry_run = StepRunner::dry_run("");
    recipes::run(&tree, &mut dry_run).unwrap();
    let mut subject = Subject::of(&scripts, &graph);
    (subject.tree.given, subject.tree.recipe) = (dry_run.finish().given, recipe);
    let findings = lint(&subject);
    findings
        .into_iter()
        .filter(|finding| finding.allowed.is_none())
        .map(|finding| {
            let place = finding.place.unwrap();
            let number = &place.file.as_str()[..4];
            format!("{} {number} {}", finding.code.id, place.source.unwrap_or_default())
        })
        .collect()
}

#[track_caller]
fn console(changes: &[Change<'_>], expected: &[&str]) {
    assert_eq!(say(&console::TREE, true, changes), expected);
}

#[track_caller]
fn raptor(changes: &[Change<'_>], expected: &[&str]) {
    assert_eq!(say(&raptor::TREE, true, changes), expected);
}

#[test]
fn no_lint_fires_on_the_real_trees() {
    console(&[], &[]);
    raptor(&[], &[]);
}

#[test]
fn without_their_recipes_they_lack_what_those_supply() {
    for (tree, code, lacks) in [
        (&console::TREE, "MG001", "0016 sa.text(\"SELECT id FROM admins WHERE email = :email\"),"),
        (
            &raptor::TREE,
            "MG002",
            "0002 op.execute(\"GRANT SELECT, INSERT, UPDATE, DELETE ON paper_orders TO raptor_app;\")",
        ),
    ] {
        // A recipe may supply more, and then more is lacking without it.
        let said = say(tree, false, &[]);
        assert_eq!(said[0], format!("{code} {lacks}"), "{said:?}");
        assert!(said.iter().all(|line| line.starts_with(code)), "{said:?}");
    }
}

#[test]
fn mode_a_another_row_than_the_recipe_supplies() {
    let lookup = "MG001 0016 sa.text(\"SELECT id FROM admins WHERE email = :email\"),";
    console(&[("0016", "kris@moosequest.net\"", "ops@moosequest.net\"")], &[lookup]);
    // A lookup of another revision, before the row is there.
    let early = "def upgrade():\n    op.get_bind().execute(sa.text('SELECT id FROM admins')).scalar_one()\n";
    console(
        &[("0004", "def upgrade():\n", early)],
        &["MG001 0004 op.get_bind().execute(sa.text('SELECT id FROM admins')).scalar_one()"],
    );
    // And after it.
    let late = early.replace("upgrade()", "upgrade() -> None");
    console(&[("0044", "def upgrade() -> None:\n", &late)], &[]);
}

#[test]
fn mode_b_another_role() {
    raptor(
        &[("0018", "ON settlements TO raptor_app", "ON settlements TO raptor_settle")],
        &[
            "MG002 0018 op.execute(\"GRANT SELECT, INSERT, UPDATE, DELETE ON settlements TO raptor_settle;\")",
        ],
    );
    raptor(
        &[("0028", "GRANT USAGE ON SEQUENCES TO raptor_app", "GRANT USAGE ON SEQUENCES TO batch")],
        &["MG002 0028 \"ALTER DEFAULT PRIVILEGES IN SCHEMA public\""],
    );
    console(
        &[("0026", "FOR SELECT TO PUBLIC", "FOR SELECT TO reporting")],
        &["MG002 0026 CREATE POLICY support_notes_read ON support_notes"],
    );
    let owner = "    op.execute('ALTER TABLE webhook_subscriptions OWNER TO hooks')\n";
    console(
        &[("0033", "    # Typed by hand", &format!("{owner}    # Typed by hand"))],
        &["MG002 0033 op.execute('ALTER TABLE webhook_subscriptions OWNER TO hooks')"],
    );
}

#[test]
fn mode_d_as_it_was() {
    console(
        &[("0025", "sa.text(\"revoked_at IS NULL\")", "sa.text(\"expires_at > now()\")")],
        &["MG004 0025 op.create_index("],
    );
    console(
        &[("0027", "split_part(action, '.', 1)", "to_char(occurred_at, 'YYYY')")],
        &["MG004 0027 op.add_column("],
    );
    console(
        &[("0043", "sa.text(\"lower(email)\")", "sa.text(\"(created_at::date)\")")],
        &["MG004 0043 op.create_index("],
    );
    raptor(&[("0012", "coalesce(strategy_id, 0)", "coalesce(strategy_id, 1)")], &[]);
}

#[test]
fn mode_f_as_it_was() {
    let drop = "    op.drop_table(\"paper_orders\")\n";
    let index = "    op.drop_index(\"ix_paper_orders_account_id\", table_name=\"paper_orders\")\n";
    raptor(&[("0022", index, ""), ("0022", drop, "")], &["MG006 0022 op.create_table("]);
    let again = "def upgrade() -> None:\n    op.create_table('webhook_endpoints', sa.Column('id', sa.Text()))\n";
    console(
        &[("0044", "def upgrade() -> None:\n", again)],
        &["MG006 0044 op.create_table('webhook_endpoints', sa.Column('id', sa.Text()))"],
    );
    let type_ =
        "def upgrade() -> None:\n    op.execute(\"CREATE TYPE invoice_status AS ENUM ('a')\")\n";
    console(
        &[("0044", "def upgrade() -> None:\n", type_)],
        &["MG220 0044 op.execute(\"CREATE TYPE invoice_status AS ENUM ('a')\")"],
    );
}

#[test]
fn downgrades_that_leave_something() {
    raptor(
        &[("0005", "    op.execute(\"DROP TYPE strategy_status\")\n", "")],
        &[
            "MG233 0005 \"CREATE TYPE strategy_status AS ENUM ('draft', 'active', 'paused', 'retired')\"",
        ],
    );
    raptor(
        &[("0007", "    backtest_state.drop(op.get_bind(), checkfirst=False)\n", "")],
        &["MG233 0007 backtest_state.create(op.get_bind(), checkfirst=False)"],
    );
    console(
        &[("0007", "    op.execute(\"DROP FUNCTION console_touch_updated_at()\")\n", "")],
        &["MG233 0007 CREATE FUNCTION console_touch_updated_at() RETURNS trigger"],
    );
    console(
        &[("0040", "    op.drop_column(\"strategy_promotions\", \"demo_fills_required\")\n", "")],
        &["MG233 0040 op.add_column("],
    );
    console(
        &[(
            "0025",
            "    op.drop_index(\"ix_admin_sessions_expires_at_active\", table_name=\"admin_sessions\")\n",
            "    op.execute('SELECT 1')\n",
        )],
        &["MG233 0025 op.create_index("],
    );
    console(
        &[("0041", "DROP VIEW strategy_promotion_overview", "SELECT 1")],
        &["MG233 0041 CREATE VIEW strategy_promotion_overview AS"],
    );
}

#[test]
fn downgrades_that_do_nothing_or_raise_or_are_not_there() {
    let view = "    op.execute(\"DROP VIEW strategy_promotion_overview\")\n";
    console(&[("0041", view, "    pass\n")], &["MG231 0041 def downgrade() -> None:"]);
    console(
        &[("0041", view, "    raise NotImplementedError\n")],
        &["MG232 0041 raise NotImplementedError"],
    );
    console(
        &[("0041", &format!("def downgrade() -> None:\n{view}"), "")],
        &["MG230 0041 def upgrade() -> None:"],
    );
    console(
        &[("0041", view, &format!("{view}    op.drop_table(\"admins\")\n"))],
        &["MG234 0041 op.drop_table(\"admins\")"],
    );
}

#[test]
fn transactions() {
    let block = "    with op.get_context().autocommit_block():\n        op.create_index(\n            \"ix_admins_email_lower\"";
    console(
        &[(
            "0043",
            block,
            "    if True:\n        op.create_index(\n            \"ix_admins_email_lower\"",
        )],
        &["MG240 0043 op.create_index("],
    );
    let added = "    op.execute(\"ALTER TYPE invoice_status ADD VALUE 'uncollectible'\")\n";
    let used = "    op.execute(\"UPDATE billing_invoices SET status = 'uncollectible'\")\n";
    console(
        &[("0032", added, &format!("{added}{used}"))],
        &["MG241 0032 op.execute(\"UPDATE billing_invoices SET status = 'uncollectible'\")"],
    );
    console(
        &[(
            "0029",
            "def upgrade() -> None:\n",
            "def upgrade() -> None:\n    op.execute('COMMIT')\n",
        )],
        &["MG242 0029 op.execute('COMMIT')"],
    );
}

#[test]
fn names_that_do_not_exist() {
    raptor(
        &[(
            "0030",
            "op.drop_column(\"orders\", \"idempotency_key\")",
            "op.drop_column(\"order\", \"idempotency_key\")",
        )],
        &["MG233 0030 op.add_column("],
    );
    console(
        &[("0037", "\"feature_flag_schedules\",\n", "\"feature_flag_schedule\",\n")],
        &[
            "MG233 0037 op.create_table(",
            "MG223 0037 op.create_index(",
            "MG221 0037 op.drop_table(\"feature_flag_schedules\")",
        ],
    );
    raptor(
        &[(
            "0029",
            "op.rename_table(\"signals\", \"strategy_signals\")",
            "op.rename_table(\"signal\", \"strategy_signals\")",
        )],
        &["MG223 0029 op.rename_table(\"signal\", \"strategy_signals\")"],
    );
}
