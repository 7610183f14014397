//! `--ini` gates any other tree: nothing supplied, its own variable, driver and working folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::python;
use crate::support::root::copy;
use crate::support::run::Gate;
use crate::support::sandbox::Sandbox;

const LABEL: &str = "Tiny Shop";

/// A tree of two revisions in a folder of its own, and the temporary folder of the runs on it.
struct Shop {
    _dir: TempDir,
    path: PathBuf,
    sandbox: Sandbox,
}

impl Shop {
    fn new() -> Shop {
        let dir = tempfile::Builder::new().prefix("mg-shop-").tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join(LABEL);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree"), &path);
        Shop { _dir: dir, path, sandbox: Sandbox::new() }
    }

    fn gate(&self) -> Gate<'_> {
        let ini = self.path.join("alembic.ini");
        Gate::new(&self.sandbox).arg("--ini").arg(ini).args("--format json")
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path.join(file)).unwrap();
        assert!(text.contains(from));
        fs::write(self.path.join(file), text.replace(from, to)).unwrap();
    }
}

#[test]
fn ini_tree_has_steps_of_raptor_less_the_role() {
    let shop = Shop::new();
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

#[test]
fn its_env_py_takes_the_url_from_the_variable_that_is_named() {
    let shop = Shop::new();
    let named = "import os\nurl = os.environ['SHOP_URL']\nassert 'DATABASE_URL' not in os.environ";
    shop.edit("env.py", "url = context.config.get_main_option(\"sqlalchemy.url\")", named);
    let ended = shop.gate().args("--url-env SHOP_URL").run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
    // Without the name there is no such variable.
    let ended = shop.gate().run();
    ended.assert_code(2);
    let message = ended.report().finding()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("--set-env SHOP_URL="), "{message}");
}

#[test]
fn the_section_that_is_named_configures_it() {
    let shop = Shop::new();
    let both = "[alembic]\nscript_location = nowhere\n[shop]\nscript_location = %(here)s";
    shop.edit("alembic.ini", "[alembic]\nscript_location = %(here)s", both);
    let from = "from alembic import context";
    let asked = "assert context.config.config_ini_section == 'shop'\nfrom os import environ";
    shop.edit("env.py", from, &format!("{from}\n{asked}"));
    let ended = shop.gate().args("--name shop").run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
    let read = |verb: &str| {
        let ini = shop.path.join("alembic.ini");
        Gate::new(&shop.sandbox).args(verb).arg("--ini").arg(ini).args("--format json").run()
    };
    let heads = |verb: &str| read(verb).report().tree(LABEL)["heads"].clone();
    assert_eq!(heads("graph --name shop"), serde_json::json!(["b2"]));
    assert_eq!(heads("graph"), serde_json::json!([]));
    let ended = read("lint --name store");
    ended.assert_code(1);
    let message = ended.report().findings()[0]["message"].clone();
    assert_eq!(message, "the ini has no section `[store]`, which would configure Alembic");
    // The gate asks Alembic, and knows nothing of the run in the other section.
    shop.gate().args("--name store").run().assert_code(1);
}

#[test]
fn it_runs_in_the_folder_that_is_named_else_in_that_of_its_ini() {
    let shop = Shop::new();
    let folder = shop.path.join("work");
    fs::create_dir(&folder).unwrap();
    let from = "from alembic import context";
    let check = format!("import os\nassert os.getcwd() == {folder:?}, os.getcwd()\n{from}");
    shop.edit("env.py", from, &check);
    let ended = shop.gate().arg("--cwd").arg(&folder).run();
    ended.assert_code(0);
    let ended = shop.gate().run();
    ended.assert_code(1);
    let message = ended.report().finding()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("AssertionError") && message.ends_with(LABEL), "{message}");
}

#[test]
fn the_driver_that_is_named_is_in_the_url() {
    let shop = Shop::new();
    let check = "assert url.startswith('postgresql+psycopg2://'), url\nwith create_engine(";
    shop.edit("env.py", "with create_engine(", check);
    shop.gate().args("--driver psycopg2").run().assert_code(0);
    let ended = shop.gate().args("--driver pg8000").run();
    ended.assert_code(1);
    let message = ended.report().finding()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("postgresql+pg8000://"), "{message}");
}

#[test]
fn the_driver_is_the_one_that_its_python_has() {
    let shop = Shop::new();
    let check = "assert url.startswith('postgresql+psycopg://'), url\nwith create_engine(";
    shop.edit("env.py", "with create_engine(", check);
    let ended = shop.gate().arg("--python").arg(python::with_psycopg_3()).run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
}

#[test]
fn what_psycopg_3_raises_is_told_as_well() {
    let shop = Shop::new();
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
    let shop = Shop::new();
    fs::remove_file(shop.path.join("versions/b2_prices.py")).unwrap();
    let ended = shop.gate().run();
    ended.assert_code(0);
    ended.report().assert_green(LABEL);
}

#[test]
fn a_tree_without_revisions_is_not_green() {
    let shop = Shop::new();
    for file in ["versions/a1_items.py", "versions/b2_prices.py"] {
        fs::remove_file(shop.path.join(file)).unwrap();
    }
    let ended = shop.gate().run();
    ended.assert_code(1);
}
