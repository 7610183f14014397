//! The vocabulary of these tests: revisions as SQL, a tree made of them, and what the gate says.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::vocabulary::report::Report;
use super::vocabulary::run::{Ended, Gate};
use super::vocabulary::sandbox::{Sandbox, temporary};
use super::vocabulary::watched::first_verdict;

/// One revision: what its `upgrade()` and its `downgrade()` run.
pub struct Revision<'a> {
    /// Its id.
    pub id: &'a str,
    /// Statements of the upgrade.
    pub up: &'a str,
    /// Statements of the downgrade.
    pub down: &'a str,
    /// Lines of Python before `upgrade`, a declaration say.
    pub says: &'a str,
    /// Whether each statement commits by itself.
    pub autocommit: bool,
    /// `down_revision` as Python, where it is not the revision before.
    pub below: Option<&'a str>,
    /// `depends_on` as Python.
    pub needs: &'a str,
}

impl<'a> Revision<'a> {
    /// A plain one.
    pub fn new(id: &'a str, up: &'a str, down: &'a str) -> Revision<'a> {
        Revision { id, up, down, says: "", autocommit: false, below: None, needs: "None" }
    }
}

/// A change as a file of `test_data/stairs` has it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// The id of its revision; a number where it has no name.
    pub id: String,
    /// What it finds there.
    pub before: String,
    pub up: String,
    pub down: String,
    pub says: String,
    pub autocommit: bool,
    /// The code of what is told of it.
    pub code: String,
    /// A part of the message.
    pub told: String,
    /// Its weight, where that is not the one of its code.
    pub severity: String,
    /// A part of the remedy.
    pub remedy: String,
    /// The lines below the message.
    pub also: Vec<String>,
}

/// The changes of a file.
pub fn changes(file: &str) -> Vec<Change> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/stairs").join(file);
    let mut changes: Vec<Change> =
        serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (number, change) in changes.iter_mut().enumerate().filter(|(_, c)| c.id.is_empty()) {
        change.id = format!("r{number:03}");
    }
    // `CASE=word` leaves those that hold that word.
    let word = std::env::var("CASE").unwrap_or_default();
    changes.retain(|c| [&c.id, &c.before, &c.up].iter().any(|text| text.contains(&word)));
    changes
}

/// Takes one chain up and down by all stairs: first a revision that makes what the others find there, then
/// each change, then what comes after them. No remedies are tried.
pub fn climb(changes: &[Change], last: Option<Revision<'_>>) -> Said {
    let before: Vec<&str> = changes.iter().map(|change| change.before.as_str()).collect();
    let before = before.join(";\n");
    let says = "# migration-gate: irreversible, it is only where the others start";
    let start = Revision::new("start", &before, "python: raise NotImplementedError");
    let mut chain = vec![Revision { says, ..start }];
    chain.extend(changes.iter().map(|change| {
        let Change { id, up, down, says, autocommit, .. } = change;
        Revision { says, autocommit: *autocommit, ..Revision::new(id, up, down) }
    }));
    chain.extend(last);
    run(&chain, EACH_ITS_OWN, |gate, sandbox| first_verdict(gate.arg("--stairway"), sandbox))
}

/// Whether each revision has a transaction of its own.
pub const EACH_ITS_OWN: bool = true;
/// All revisions in one transaction, as a plain env.py has it.
pub const ONE_FOR_ALL: bool = false;

/// What the gate said about a tree.
pub struct Said {
    /// The JSON report.
    pub report: Value,
    /// Its progress, for a test that fails.
    pub stderr: String,
}

/// Whether a finding is about a database in use, which `tests/production` is about.
fn is_of_rehearsal(finding: &serde_json::Value) -> bool {
    finding["code"].as_str().is_some_and(|code| code.starts_with("MG50"))
}

impl Said {
    /// The codes and messages of the findings about a revision.
    pub fn about(&self, revision: &str) -> Vec<(String, String)> {
        let findings = self.report["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|f| f["revision"] == revision && !is_of_rehearsal(f))
            .map(|f| {
                let text = |key: &str| f[key].as_str().unwrap_or_default().to_owned();
                (text("code"), text("message"))
            })
            .collect()
    }

    /// The severity of the first finding about a revision.
    pub fn severity_of(&self, revision: &str) -> &str {
        let mut findings = self.report["findings"].as_array().unwrap().iter();
        let first = findings.find(|f| f["revision"] == revision && !is_of_rehearsal(f));
        first.map_or("", |first| first["severity"].as_str().unwrap())
    }

    /// The steps of the remedies of these findings.
    pub fn remedies(&self, revision: &str) -> Vec<String> {
        let findings = self.report["findings"].as_array().unwrap().iter();
        let own = findings.filter(|f| f["revision"] == revision && !is_of_rehearsal(f));
        let steps = own.flat_map(|f| f["remedy"].as_array().unwrap());
        steps.map(|step| step.as_str().unwrap().to_owned()).collect()
    }

    /// The lines below the messages of these findings.
    pub fn also(&self, revision: &str) -> Vec<String> {
        let findings = self.report["findings"].as_array().unwrap().iter();
        let own = findings.filter(|f| f["revision"] == revision && !is_of_rehearsal(f));
        let lines = own.flat_map(|f| f["also"].as_array().cloned().unwrap_or_default());
        lines.map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// The same without what is about the rows of tables.
    pub fn about_schema(&self, revision: &str) -> Vec<(String, String)> {
        let mut about = self.about(revision);
        about.retain(|(code, _)| !is_about_rows(code));
        about
    }

    /// Every error that is not about the rows of tables, in a line each.
    pub fn errors_of_schema(&self) -> Vec<String> {
        let mut errors = self.errors();
        errors.retain(|error| !is_about_rows(error.trim_start_matches('"')));
        errors
    }

    /// Every finding of severity error, in a line each.
    pub fn errors(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|f| f["severity"] == "error" && !is_of_rehearsal(f))
            .map(|f| format!("{} {}: {}", f["code"], f["revision"], f["message"]))
            .collect()
    }

    /// `pass`, `fail` or `error`.
    pub fn verdict(&self) -> &str {
        self.report["verdict"].as_str().unwrap()
    }
}

fn is_about_rows(code: &str) -> bool {
    code.starts_with("MG41")
}

/// Runs the gate on a chain of revisions.
pub fn gate(revisions: &[Revision<'_>], transactions: bool, options: &[&str]) -> Said {
    run(revisions, transactions, |gate, _| {
        let ended = options.iter().fold(gate, Gate::arg).args("--format json").run();
        (ended.report(), ended)
    })
}

fn run(
    revisions: &[Revision<'_>],
    transactions: bool,
    report: impl Fn(Gate<'_>, &Sandbox) -> (Report, Ended),
) -> Said {
    let (folder, sandbox) = (temporary("mg-schema-"), Sandbox::new());
    write_tree(folder.path(), revisions, transactions);
    let gate = Gate::new(&sandbox).with_postgres().arg("--no-cache");
    let gate = gate.arg("--ini").arg(folder.path().join("alembic.ini"));
    let (report, ended) = report(gate, &sandbox);
    Said { report: report.0, stderr: ended.stderr }
}

fn write_tree(folder: &Path, revisions: &[Revision<'_>], transactions: bool) {
    std::fs::write(folder.join("alembic.ini"), "[alembic]\nscript_location = %(here)s\n").unwrap();
    let per_migration = if transactions { "True" } else { "False" };
    let env = format!(
        "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, pool\n\
         engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n\
         with engine.connect() as connection:\n\
         \x20   context.configure(connection=connection, transaction_per_migration={per_migration})\n\
         \x20   with context.begin_transaction():\n        context.run_migrations()\n"
    );
    std::fs::write(folder.join("env.py"), env).unwrap();
    std::fs::create_dir(folder.join("versions")).unwrap();
    let mut parent = "None".to_owned();
    for revision in revisions {
        let Revision { id, up, down, says, autocommit, below, needs } = revision;
        let parent_here = below.map_or_else(|| parent.clone(), str::to_owned);
        let mut text = format!(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '{id}'\ndown_revision = {parent_here}\ndepends_on = {needs}\n{says}\n"
        );
        for (name, sql) in [("upgrade", up), ("downgrade", down)] {
            let _ = writeln!(text, "\n\ndef {name}():");
            if let Some(python) = sql.strip_prefix("python:") {
                let _ = writeln!(text, "    {}", python.trim());
                continue;
            }
            let indent = if *autocommit {
                let _ = writeln!(text, "    with op.get_context().autocommit_block():");
                "        "
            } else {
                "    "
            };
            let _ = writeln!(text, "{indent}pass");
            for statement in sql.split(";\n").map(|s| s.trim().trim_end_matches(';')) {
                if !statement.is_empty() {
                    // A JSON text is a Python text.
                    let statement = serde_json::to_string(statement).unwrap();
                    let _ = writeln!(text, "{indent}op.get_bind().exec_driver_sql({statement})");
                }
            }
        }
        std::fs::write(folder.join(format!("versions/{id}.py")), text).unwrap();
        parent = format!("'{id}'");
    }
}
