//! `--ini` gates any other tree: nothing supplied, its own variable, driver and working folder.

use std::fs;

use crate::support::python;
use crate::support::shop::Shop;

const LABEL: &str = "Tiny Shop";

#[test]
fn ini_tree_has_steps_of_raptor_less_the_role() {
    let shop = Shop::named(LABEL);
    let ended = shop.gate().run();
    ended.assert_code(0);
    let report = ended.report();
    report.assert_green(LABEL);
    assert_eq!(
        report.names(LABEL),
        [
            "Tiny Shop — alembic upgrade head",
            "Tiny Shop — assert single head",
            "Tiny Shop — downgrade -1 (reversibility check)",
            "Tiny Shop — alembic upgrade head (round trip)",
        ]
    );
    let tree = report.tree(LABEL);
    assert_eq!((&tree["label"], &tree["database"]), (&LABEL.into(), &"tiny_shop_ci".into()));
    assert_eq!(tree["heads"], serde_json::json!(["b2"]));
    shop.sandbox.assert_empty(&ended.traces);
}

/// Its section, the variable with its URL, the driver in that, and the folder in which it runs.
#[test]
fn env_py_is_told_what_the_options_name() {
    let shop = Shop::named(LABEL);
    let folder = shop.path().join("work");
    fs::create_dir(&folder).unwrap();
    let both = "[alembic]\nscript_location = nowhere\n[shop]\nscript_location = %(here)s";
    shop.edit("alembic.ini", "[alembic]\nscript_location = %(here)s", both);
    let checks = format!(
        "import os\n\
         assert context.config.config_ini_section == 'shop'\n\
         assert os.getcwd() == {folder:?}, os.getcwd()\n\
         url = os.environ['SHOP_URL']\n\
         assert 'DATABASE_URL' not in os.environ\n\
         assert url.startswith('postgresql+psycopg2://'), url"
    );
    shop.edit("env.py", "url = context.config.get_main_option(\"sqlalchemy.url\")", &checks);
    let gate = || shop.gate().arg("--cwd").arg(&folder);
    let ended = gate().args("--name shop --url-env SHOP_URL --driver psycopg2").run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
    for (options, code, told) in [
        // Without the name there is no such variable.
        ("--name shop", 2, "--set-env SHOP_URL="),
        ("--name shop --url-env SHOP_URL --driver pg8000", 1, "postgresql+pg8000://"),
        // The gate asks Alembic, and knows nothing of the run in the other section.
        ("--name store", 1, "script_location"),
    ] {
        let ended = gate().args(options).run();
        ended.assert_code(code);
        assert!(ended.stdout.contains(told), "{options}: {}", ended.stdout);
    }
    let read = |verb: &str| shop.command(verb).args("--format json").run();
    let heads = |verb: &str| read(verb).report().tree(LABEL)["heads"].clone();
    assert_eq!(heads("graph --name shop"), serde_json::json!(["b2"]));
    assert_eq!(heads("graph"), serde_json::json!([]));
    let ended = read("lint --name store");
    ended.assert_code(1);
    let message = ended.report().findings()[0]["message"].clone();
    assert_eq!(message, "the ini has no section `[store]`, which would configure Alembic");
}

#[test]
fn driver_is_that_of_its_python_and_its_errors_are_told() {
    let shop = Shop::named(LABEL);
    let check = "assert url.startswith('postgresql+psycopg://'), url\nwith create_engine(";
    shop.edit("env.py", "with create_engine(", check);
    shop.edit(
        "versions/b2_prices.py",
        "op.add_column(",
        "op.execute('SELECT 1 / 0')\n    op.add_column(",
    );
    let ended = shop.gate().arg("--python").arg(python::with_psycopg_3()).run();
    ended.assert_code(1);
    let report = ended.report();
    let finding = report.finding();
    assert_eq!((&finding["sqlstate"], &finding["revision"]), (&"22012".into(), &"b2".into()));
    assert_eq!(finding["message"], "psycopg.errors.DivisionByZero: division by zero");
    assert_eq!(finding["statement"], "SELECT 1 / 0");
}

#[test]
fn a_tree_of_one_revision_steps_down_to_nothing() {
    let shop = Shop::named(LABEL);
    shop.remove("versions/b2_prices.py");
    let ended = shop.gate().run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
    // One of none is not green.
    shop.remove("versions/a1_items.py");
    shop.gate().run().assert_code(1);
}
