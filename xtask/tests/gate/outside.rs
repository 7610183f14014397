//! Outside of the monorepo: the root is that of the working folder, and an `--ini` tree runs in the Python
//! of its own project.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::python;
use crate::support::root::{ADDED, Root, Tree, git};
use crate::support::run::{Ended, Gate};
use crate::support::shop::Shop;

/// An Alembic tree in the folder `db` of a git repository.
struct Project {
    path: PathBuf,
    shop: Shop,
}

impl Project {
    fn new() -> Project {
        let shop = Shop::named("db");
        git(&shop.above(), "init --quiet");
        Project { path: shop.above(), shop }
    }

    /// What looks like an environment with Alembic, and cannot run.
    fn environment(&self, name: &str) -> PathBuf {
        let dir = self.path.join(name);
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::create_dir_all(dir.join("lib/python3.12/site-packages/alembic")).unwrap();
        let python = dir.join("bin/python");
        fs::write(&python, "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        dir
    }

    /// A command in the folder of the project.
    fn command(&self) -> Gate<'_> {
        Gate::new(&self.shop.sandbox).cwd(&self.path)
    }

    fn gate(&self) -> Gate<'_> {
        self.command().args("--ini db/alembic.ini --no-cache --format json")
    }
}

#[track_caller]
fn message(ended: &Ended) -> String {
    ended.assert_code(2);
    ended.report().finding()["message"].as_str().unwrap().to_owned()
}

#[test]
fn root_is_the_one_above_the_working_folder() {
    let root = Root::copy();
    root.add_head(Tree::Console, "pass", "pass");
    let lint = |folder: &Path| {
        Gate::new(&root.sandbox).cwd(folder).args("lint console --format json").run()
    };
    let ended = lint(&root.path().join("console/migrations"));
    assert_eq!(ended.report().tree("console")["heads"], serde_json::json!([ADDED]));

    // A repository inside of it is another project.
    let inner = root.path().join("inner");
    fs::create_dir_all(inner.join("db")).unwrap();
    fs::write(inner.join("db/alembic.ini"), "[alembic]\n").unwrap();
    git(&inner, "init --quiet");
    let said = message(&lint(&inner));
    assert!(
        said.contains("`console/migrations`") && said.contains(inner.to_str().unwrap()),
        "{said}"
    );
    assert!(said.contains("hint: `--ini db/alembic.ini`") && said.contains("--root"), "{said}");
    // What needs no tree needs no root.
    for words in ["explain MG003", "runbook --print"] {
        Gate::new(&root.sandbox).cwd(&inner).args(words).run().assert_code(0);
    }
    let doctor = Gate::new(&root.sandbox).cwd(&inner).args("doctor --format json").run();
    assert!(doctor.stdout.contains("\"Python\""), "{}", doctor.stderr);
}

#[test]
fn python_of_the_project_comes_first() {
    let project = Project::new();
    let runs_with = |gate: Gate<'_>, python: &Path| {
        let ended = gate.run();
        let shown = python.strip_prefix(&project.path).unwrap_or(python).display().to_string();
        let told = format!("db runs with {shown}; --python names another one");
        assert!(ended.stderr.contains(&told), "{told}\n{}\n{}", ended.stderr, ended.stdout);
        ended.assert_code(2);
    };
    let fails_with = |makes: &str| {
        let said = message(&project.gate().run());
        assert!(said.contains(&format!("hint: run `{makes}` there")), "{said}");
    };
    for (lock, makes) in
        [("Pipfile.lock", "pipenv sync"), ("poetry.lock", "poetry install"), ("uv.lock", "uv sync")]
    {
        fs::write(project.path.join(lock), "").unwrap();
        fails_with(makes);
    }
    // An environment above the repository is not its own.
    project.environment("../.venv");
    // One without Alembic is none.
    fs::create_dir_all(project.environment("venv").join("lib/python3.12/site-packages/alembic"))
        .unwrap();
    fs::remove_dir_all(project.path.join("venv/lib")).unwrap();
    fails_with("uv sync");

    let of_path = python::with_psycopg_3();
    let path = std::env::join_paths(
        [of_path.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    // The last that is looked at comes first here, and the first one wins in the end.
    let on_path = project.gate().env("PATH", path.unwrap()).run();
    assert!(on_path.stderr.contains("db runs with "), "{}", on_path.stderr);
    on_path.assert_code(0);
    on_path.report().assert_green("db");
    for name in ["venv", ".venv", "db/venv", "db/.venv"] {
        let environment = project.environment(name);
        runs_with(project.gate(), &environment.join("bin/python"));
    }
    let of_uv = project.environment("of-uv");
    fs::remove_dir_all(project.path.join("db/.venv")).unwrap();
    fs::remove_dir_all(project.path.join("db/venv")).unwrap();
    runs_with(project.gate().env("UV_PROJECT_ENVIRONMENT", "of-uv"), &of_uv.join("bin/python"));
    for name in ["CONDA_PREFIX", "VIRTUAL_ENV"] {
        let active = project.environment(name);
        runs_with(project.gate().env(name, &active), &active.join("bin/python"));
    }
}

#[test]
fn another_postgres_is_refused() {
    let project = Project::new();
    let ini = project.path.join("db/alembic.ini");
    let text = fs::read_to_string(&ini).unwrap();
    fs::write(&ini, text + "\n[migration-gate]\npostgres = 17\n").unwrap();
    let said = message(&project.gate().run());
    let told = "asks for Postgres 17 (`postgres = 17`), and the gate runs Postgres 15 alone; \
                without that line it gates the tree on 15";
    assert!(said.ends_with(told) && !said.contains('\n'), "{said}");
    let lint = project.command().args("lint --ini").arg(&ini).run();
    lint.assert_code(0);
}

/// What the program says of itself has the name of its file; what stands in files is shown as it stands.
#[test]
fn installed_program_names_itself() {
    let project = Project::new();
    let program = project.path.join("tool");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let versions = project.path.join("db/versions");
    let first = fs::read_to_string(versions.join("b2_prices.py")).unwrap();
    let other = first.replace("\"b2\"", "\"c3\"").replace("price", "weight");
    let marked = other.replace("= \"a1\"", "= \"a1\"  # by `cargo gate new`, `cargo xtask`");
    fs::write(versions.join("c3_weight.py"), &marked).unwrap();
    let run = |words: &str| {
        Gate::of(&program, &project.shop.sandbox).cwd(&project.path).args(words).run()
    };

    let lint = run("lint --ini db/alembic.ini");
    lint.assert_code(1);
    let said = [
        "down_revision = \"a1\"  # by `cargo gate new`, `cargo xtask`",
        "- run `tool migration-gate renumber --ini …`",
        "to fix it: tool migration-gate renumber --ini db/alembic.ini",
    ];
    for said in said {
        assert!(lint.stdout.contains(said), "{said}:\n{}", lint.stdout);
    }
    // Nothing else in it names cargo.
    assert_eq!(lint.stdout.matches("cargo").count(), 2, "{}", lint.stdout);
    let help = run("lint --help").stdout + &run("--help").stdout;
    assert!(help.contains("Usage: tool migration-gate lint"), "{help}");
    assert!(help.contains("\n  tool migration-gate console --watch"), "{help}");
    assert!(!help.contains("cargo gate"), "{help}");
}

#[test]
fn new_and_alembic_take_another_tree() {
    let project = Project::new();
    let run = |words: &[&str]| {
        let gate = project.command();
        let gate = words.iter().fold(gate, Gate::arg);
        gate.env("MIGRATION_GATE_PYTHON", python::made()).run()
    };
    let written = run(&["new", "--ini", "db/alembic.ini", "weigh the items"]);
    written.assert_code(0);
    let file = project.path.join(written.stdout.trim_end());
    assert!(file.starts_with(project.path.join("db/versions")), "{}", written.stdout);
    assert!(fs::read_to_string(&file).unwrap().contains("down_revision = \"b2\""));
    let heads = run(&["alembic", "--ini", "db/alembic.ini", "heads"]);
    heads.assert_code(0);
    let id = file.file_stem().unwrap().to_str().unwrap().split('_').next().unwrap();
    assert_eq!(heads.stdout, format!("{id} (head)\n"));
    // Where there is none yet, the first.
    for entry in fs::read_dir(project.path.join("db/versions")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap_or_default();
    }
    let first = run(&["new", "--ini", "db/alembic.ini", "items"]);
    first.assert_code(0);
    let text = fs::read_to_string(project.path.join(first.stdout.trim_end())).unwrap();
    assert!(text.contains("down_revision = None"), "{text}");
    for (words, says) in [
        (&["new", "shop", "weigh"][..], "name one of console, raptor, or another one with --ini"),
        (&["new", "console"], "say what the revision does"),
        (&["new", "--ini", "db/alembic.ini", "a", "b"], "give what the revision does alone"),
    ] {
        let refused = run(words);
        refused.assert_code(2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}

/// As a version manager makes them: each link lies in a folder of its own, which migrations do not see.
#[test]
fn python_behind_links_in_private_folders_runs() {
    let project = Project::new();
    let made = python::made().to_owned();
    let (link, managed) = (project.path.join("bin/python3"), project.path.join("versions/3"));
    let environment = project.path.join("environment");
    for folder in [link.parent().unwrap(), managed.parent().unwrap(), &environment.join("bin")] {
        fs::create_dir_all(folder).unwrap();
    }
    let real = made.canonicalize().unwrap();
    symlink(real.ancestors().nth(2).unwrap(), &managed).unwrap();
    let name = real.file_name().unwrap();
    symlink(Path::new("../versions/3/bin").join(name), &link).unwrap();
    symlink(&link, environment.join("bin/python")).unwrap();
    let home = format!("home = {}\n", link.parent().unwrap().display());
    fs::write(environment.join("pyvenv.cfg"), home).unwrap();
    let lib = made.ancestors().nth(2).unwrap().join("lib");
    let lib = fs::read_dir(lib).unwrap().next().unwrap().unwrap();
    let packages = environment.join("lib").join(lib.file_name()).join("site-packages");
    fs::create_dir_all(&packages).unwrap();
    let theirs = lib.path().join("site-packages");
    fs::write(packages.join("made.pth"), theirs.to_str().unwrap()).unwrap();
    let gate = project.command().cwd(Path::new("/"));
    // The folder of the tree alone is shown: the links lie beside it.
    let ini = project.path.join("db/alembic.ini");
    let gate = gate.arg("--ini").arg(ini).arg("--root").arg(project.path.join("db"));
    gate.arg("--python").arg(environment.join("bin/python")).run().assert_code(0);
}
