//! No database but the gate's own: env.py and revisions ask for another, in each of the usual ways.
//!
//! A second real server has a table with rows. What asks for it is refused before its first statement:
//! with exit status 2 where env.py asks, as a failed step where a revision does. The message names
//! what was asked for, and the second server is the same afterwards.
//! `OWN_DATABASE=name` runs the trees whose names hold that word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "the vocabulary of the gate's tests, of which this needs a part")]
#[path = "../gate/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::Value;
use support::run::Gate;
use support::sandbox::{Sandbox, temporary};
use support::server::Server;

/// The role of the second server that trees connect as, and its password.
const ROLE: &str = "somebody";
const PASSWORD: &str = "s3cret";
/// The database that must stay as it is.
const DATABASE: &str = "precious";

/// For an env.py that wants a host.
const HOST: &str =
    "--set-env=DATABASE_URL=postgresql+psycopg2://{user}:{password}@{host}:{port}/{database}";
const INI: &str = "[alembic]\nscript_location = %(here)s\npath_separator = os\n\
                   prepend_sys_path = %(here)s\n";
const ENV: &str = "\
import os
from alembic import context
from sqlalchemy import create_engine, pool
url = URL
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
";
const REVISION: &str = "\
import asyncio

import sqlalchemy as sa
from alembic import op

revision = 'a1'
down_revision = None


def upgrade():
UPGRADE

def downgrade():
    pass
";

/// One tree, as `test_data/other_databases/cases.yaml` has it, which says what its fields are.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    name: String,
    wants_host: bool,
    ini: String,
    env: String,
    url: String,
    before: String,
    upgrade: String,
    files: BTreeMap<String, String>,
    names: Vec<String>,
}

impl Case {
    /// Whether it is the revision that asks.
    fn is_by_revision(&self) -> bool {
        !self.upgrade.is_empty()
    }
}

/// The second server.
struct Second {
    server: Server,
    port: String,
}

impl Second {
    fn start() -> Second {
        let server = Server::start();
        let role = format!("CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
        server.execute("postgres", &[&role, &format!("CREATE DATABASE {DATABASE}")]);
        let rows = "CREATE TABLE customers AS SELECT id FROM generate_series(1, 3) AS id";
        server.execute(DATABASE, &[rows]);
        let url = server.url();
        let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
        Second { server, port }
    }

    /// Fills in what a tree says of the second server.
    fn fill(&self, text: &str) -> String {
        let port = &self.port;
        text.replace("{url}", &format!("//{ROLE}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"))
            .replace("{port}", port)
            .replace("{socket}", self.server.authority().parent().unwrap().to_str().unwrap())
    }

    /// The tables there with their numbers of rows, and the databases.
    fn contents(&self) -> Vec<String> {
        let mut client = self.server.connect(DATABASE);
        let tables = "SELECT relname::text FROM pg_class \
                      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
        let mut contents = self.server.contents();
        for row in client.query(tables, &[]).unwrap() {
            let table: String = row.get(0);
            let counted = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).unwrap();
            contents.push(format!("{table}: {}", counted.get::<_, i64>(0)));
        }
        contents
    }
}

/// Writes a tree, and returns its ini.
fn write(case: &Case, second: &Second, folder: &Path) -> PathBuf {
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, second.fill(text)).unwrap();
    };
    put("alembic.ini", &format!("{INI}{}", case.ini));
    let url = if case.url.is_empty() { "os.environ['DATABASE_URL']" } else { &case.url };
    let usual = format!("{}\n{}", case.before, ENV.replace("URL", url));
    put("env.py", if case.env.is_empty() { &usual } else { &case.env });
    let harmless = "op.execute('DROP TABLE IF EXISTS customers')";
    let upgrade = if case.is_by_revision() { &case.upgrade } else { harmless };
    let upgrade: String = upgrade.lines().map(|line| format!("    {line}\n")).collect();
    put("versions/a1.py", &REVISION.replace("UPGRADE", &upgrade));
    put("ways.py", include_str!("../../test_data/other_databases/ways.py"));
    for (name, text) in &case.files {
        put(name, text);
    }
    folder.join("alembic.ini")
}

/// What is wrong with what the gate said.
fn faults(case: &Case, second: &Second, code: i32, report: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let wanted = if case.is_by_revision() { 1 } else { 2 };
    if code != wanted {
        faults.push(format!("exit status {code}, not {wanted}"));
    }
    let findings = report["findings"].as_array().unwrap();
    let text = |finding: &Value| finding["message"].as_str().unwrap_or_default().to_owned();
    // The server as it was asked for, and the database.
    let usual = ["127.0.0.1", "{port}", "precious"].map(str::to_owned).to_vec();
    let names = if case.names.is_empty() { &usual } else { &case.names };
    let names = names.iter().map(|name| second.fill(name)).collect::<Vec<_>>();
    let telling =
        findings.iter().find(|finding| names.iter().all(|name| holds_word(&text(finding), name)));
    let Some(finding) = telling else {
        let messages: Vec<String> = findings.iter().map(text).collect();
        faults.push(format!("no message names {names:?}: {messages:?}"));
        return faults;
    };
    if text(finding).contains(PASSWORD) {
        faults.push("the password is told".to_owned());
    }
    if case.is_by_revision() {
        let step = &report["trees"][0]["steps"][0];
        if step["status"] != "failed" {
            faults.push(format!("the step: {}", step["status"]));
        }
        if finding["revision"] != "a1" {
            faults.push(format!("the finding is about {}", finding["revision"]));
        }
    } else if !finding.to_string().contains("--set-env") {
        faults.push("`--set-env` is not offered".to_owned());
    }
    faults
}

/// Whether a text holds a word that is no part of a longer one.
fn holds_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let beside = [text[..at].chars().next_back(), text[at + word.len()..].chars().next()];
        beside.into_iter().flatten().all(|c| !c.is_alphanumeric())
    })
}

fn check(case: &Case, second: &Second, python: &Path) -> Vec<String> {
    let sandbox = Sandbox::new();
    let dir = temporary("mg-own-");
    let tree = dir.path().canonicalize().unwrap().join("shop");
    let ini = write(case, second, &tree);
    let gate =
        Gate::new(&sandbox).with_postgres().arg("--python").arg(python).arg("--ini").arg(ini);
    let gate = if case.wants_host { gate.arg(HOST) } else { gate };
    let ended = gate.args("--no-cache --timeout 20 --format json").run();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    faults(case, second, ended.code(), &report)
}

#[test]
fn another_database_is_refused_before_the_first_statement() {
    let python = support::python::with_each_driver();
    let only = std::env::var("OWN_DATABASE").unwrap_or_default();
    let cases = include_str!("../../test_data/other_databases/cases.yaml");
    let mut cases: Vec<Case> = serde_yaml::from_str(cases).unwrap();
    cases.retain(|case| case.name.contains(&only));
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Each thread has a second server of its own, so that it knows which tree changed it.
                let mut second = Second::start();
                let before = second.contents();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut found = check(case, &second, &python);
                    let after = second.contents();
                    if after != before {
                        found.push(format!("the second server has {after:?}, not {before:?}"));
                        second = Second::start();
                    }
                    let found = found.iter().map(|fault| format!("{}: {fault}", case.name));
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
