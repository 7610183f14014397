//! `--ini` gates any other tree: nothing supplied, its own variable, driver and working folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::python;
use crate::support::root::copy;
use crate::support::run::Gate;
use crate::support::sandbox::{Sandbox, temporary};

const LABEL: &str = "Tiny Shop";

/// A tree of two revisions in a folder of its own, and the temporary folder of the runs on it.
struct Shop {
    _dir: TempDir,
    path: PathBuf,
    sandbox: Sandbox,
}

impl Shop {
    fn new() -> Shop {
        let dir = temporary("mg-shop-");
        let path = dir.path().canonicalize().unwrap().join(LABEL);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/plain_tree"), &path);
        Shop { _dir: dir, path, sandbox: Sandbox::new() }
    }

    fn gate(&self) -> Gate<'_> {
        let ini = self.path.join("alembic.ini");
        Gate::new(&self.sandbox).arg("--ini").arg(ini).args("--no-cache --format json")
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

/// Its section, the variable with its URL, the driver in that, and the folder in which it runs.
#[test]
fn env_py_is_told_what_the_options_name() {
    let shop = Shop::new();
    let folder = shop.path.join("work");
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
}

#[test]
fn driver_is_that_of_its_python_and_its_errors_are_told() {
    let shop = Shop::new();
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
