//! What the gate makes is what Alembic by hand makes, and `--keep` leaves it for a look.

use std::path::Path;
use std::process::Command;

use crate::support::postgres::{bin, has};
use crate::support::python;
use crate::support::root::{Root, copy, monorepo};
use crate::support::run::Gate;
use crate::support::sandbox::{Sandbox, temporary};

/// The runbook's SQL, as the CI job ran it.
const SEED: &str = "
INSERT INTO admins (id, email, display_name, created_at, updated_at, disabled_at)
VALUES (
  '00000000-0000-0000-0000-000000000001',
  'kris@moosequest.net',
  'CI Seed — do not use in prod',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00:00',
  NULL
)
ON CONFLICT (email) DO NOTHING;";
const ROLE: &str = "
DO $$ BEGIN
IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'raptor_app') THEN
CREATE ROLE raptor_app NOLOGIN;
END IF;
END $$;";

/// Ends and removes what was kept, however the test ends.
pub struct Removal(String);

impl Removal {
    /// The one that a run told.
    #[track_caller]
    pub fn told(stdout: &str) -> Removal {
        let told = stdout.lines().find(|line| line.contains("rm -rf "));
        Removal(told.unwrap_or_else(|| panic!("no removal in:\n{stdout}")).trim().to_owned())
    }

    fn run(&self) -> bool {
        Command::new("sh").args(["-c", &self.0]).output().unwrap().status.success()
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.run();
    }
}

/// A cluster that was kept, and what is run on it by hand.
struct Kept<'a> {
    root: &'a Root,
    python: String,
    /// The `psql` command that the gate printed, up to the database's name.
    psql: String,
    /// The URL that the gate printed, up to the database's name, and what follows it.
    url: (String, String),
}

impl Kept<'_> {
    fn shell(&self, dir: &Path, script: &str) -> String {
        let path = format!("{}:{}", bin().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        let said = shell.args(["-ec", script]).current_dir(dir).env("PATH", path).output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{script}\n{err}");
        String::from_utf8(said.stdout).unwrap()
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        let script =
            format!("{} {database} -v ON_ERROR_STOP=1 -qAt <<'END'\n{sql}\nEND", self.psql);
        self.shell(self.root.path(), &script)
    }

    fn alembic(&self, cwd: &str, database: &str, args: &str) {
        let (before, after) = &self.url;
        let script = format!(
            "DATABASE_URL='{before}{database}{after}' {} -B -m alembic {args}",
            self.python
        );
        self.shell(&self.root.path().join(cwd), &script);
    }

    /// Everything in a database, less what differs from run to run by its nature.
    fn dump(&self, database: &str) -> String {
        let dump = self.psql.replacen("psql ", "pg_dump --restrict-key=same ", 1);
        comparable(&self.shell(self.root.path(), &format!("{dump} {database}")))
    }
}

/// A dump with a word for each moment at which a row was made, and a number for each random id: the
/// same number wherever the same id stands.
fn comparable(dump: &str) -> String {
    let mut ids: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for line in dump.lines() {
        let fields = line.split('\t').map(|field| {
            if is_moment(field) {
                return "<moment>".to_owned();
            }
            if !is_random_id(field) {
                return field.to_owned();
            }
            let number = ids.iter().position(|id| *id == field).unwrap_or(ids.len());
            if number == ids.len() {
                ids.push(field);
            }
            format!("<id {number}>")
        });
        lines.push(fields.collect::<Vec<_>>().join("\t"));
    }
    lines.join("\n")
}

/// Whether a field of a row is a time with a fraction of a second, which no migration spells out.
fn is_moment(field: &str) -> bool {
    field.starts_with("20") && field.contains('.') && field.ends_with("+00")
}

/// Whether a field of a row is a UUID of version 4; the seed row's is none.
fn is_random_id(field: &str) -> bool {
    let groups: Vec<usize> = field.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && field.as_bytes()[14] == b'4'
}

#[test]
fn the_databases_are_those_that_alembic_by_hand_makes() {
    if !["psql", "pg_dump"].iter().all(|name| has(name, "no databases are compared")) {
        assert!(std::env::var_os("CI").is_none(), "install all of Postgres 15");
        return;
    }
    let root = Root::copy();
    let ended = root.gate_for_a_person().arg("--keep").run();
    ended.assert_code(0);
    let removal = Removal::told(&ended.stdout);
    // Each tree has a server of its own.
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let kept_of = |tree: &str| {
        let database = format!("{tree}_ci");
        let find = |start: &str| {
            let found = lines.iter().find(|l| l.starts_with(start) && l.contains(&database));
            found.unwrap_or_else(|| panic!("no {start} of {tree} in:\n{}", ended.stdout)).to_owned()
        };
        let url = find("DATABASE_URL='postgresql+psycopg2://");
        let url = url.strip_prefix("DATABASE_URL='").unwrap().strip_suffix('\'').unwrap();
        let (before, after) = url.split_once(&database).unwrap();
        Kept {
            root: &root,
            python: python::made().to_str().unwrap().to_owned(),
            psql: find("psql -h ").strip_suffix(&format!(" {database}")).unwrap().to_owned(),
            url: (before.to_owned(), after.to_owned()),
        }
    };
    let (console, raptor) = (kept_of("console"), kept_of("raptor"));
    check_by_hand(&console, &raptor);
    // A later run in the same temporary folder leaves alone what was kept.
    root.gate().arg("raptor").run().assert_code(0);
    assert_eq!(raptor.psql("raptor_ci", "SELECT 1"), "1\n");
    assert!(removal.run(), "{}", removal.0);
    root.sandbox.assert_empty(&ended.traces);
}

/// A server that listens on a host is reached by the commands that were printed, with a new password.
#[test]
fn kept_host_is_reached_by_what_was_printed() {
    let is_there = ["nsenter", "psql"].iter().all(|name| has(name, "nothing is entered"));
    if !is_there {
        return;
    }
    let (dir, sandbox) = (temporary("mg-keep-"), Sandbox::new());
    copy(&monorepo().join("xtask/test_data/plain_tree"), dir.path());
    let url = "DATABASE_URL=postgresql+psycopg2://{user}:{password}@{host}:{port}/{database}";
    let gate = Gate::new(&sandbox).arg("--ini").arg(dir.path().join("alembic.ini"));
    let ended = gate.args("--keep").arg(format!("--set-env={url}")).run();
    ended.assert_code(0);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let line = |text: &str| {
        let line = lines.iter().find(|line| line.contains(text));
        *line.unwrap_or_else(|| panic!("no {text} in:\n{}", ended.stdout))
    };
    let removal = Removal::told(&ended.stdout);
    let (_, alter) = line("to set another: ").split_once("another: ").unwrap();
    let (_, url) = line("postgresql+psycopg2://postgres:***@").split_once("//").unwrap();
    let url = url.trim_end_matches('\'').replace("***", "ours");
    // A machine without namespaces has the host in its own network.
    let entered = lines.iter().find_map(|line| line.split_once("a network of its own: "));
    let enter = entered.map_or("", |(_, enter)| enter);
    let script =
        format!("{}; {enter} psql -qAtc 'SELECT 1' postgresql://{url}", alter.replace('…', "ours"));
    let path = format!("{}:{}", bin().display(), std::env::var("PATH").unwrap());
    let said = Command::new("sh").args(["-ec", &script]).env("PATH", path).output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(String::from_utf8_lossy(&said.stdout), "ALTER ROLE\n1\n", "{script}\n{err}");
    assert!(removal.run(), "{}", removal.0);
    sandbox.assert_empty(&ended.traces);
}

/// What the runbook says that a tree is supplied: the revision before which each row goes, and the SQL.
fn supplied(label: &str) -> Vec<(Option<String>, String)> {
    let runbook = std::fs::read_to_string(monorepo().join("xtask/RUNBOOK.md")).unwrap();
    let parts = runbook.split("\nNeeded by ").skip(1).filter_map(|part| {
        let (revision, rest) = part.split_once(", supplied by the step `")?;
        let (_, sql) = rest.starts_with(label).then(|| rest.split_once("```sql\n")).flatten()?;
        // Of a row, the ids are consecutive; a role comes first.
        let before = revision.parse::<u32>().ok().map(|id| format!("{:04}", id - 1));
        Some((before, sql.split_once("\n```")?.0.to_owned()))
    });
    parts.collect()
}

fn check_by_hand(console: &Kept<'_>, raptor: &Kept<'_>) {
    console.psql("postgres", "CREATE DATABASE console_hand");
    raptor.psql("postgres", "CREATE DATABASE raptor_hand");
    let alembic = |args: &str| {
        console.alembic("console", "console_hand", &format!("-c migrations/alembic.ini {args}"));
    };
    for (before, sql) in supplied("Console") {
        if let Some(before) = before {
            alembic(&format!("upgrade {before}"));
        }
        console.psql("console_hand", &sql);
    }
    alembic("upgrade head");
    alembic("downgrade -1");
    alembic("upgrade head");
    for (_, sql) in supplied("Raptor") {
        raptor.psql("raptor_hand", &sql);
    }
    for args in ["upgrade head", "downgrade -1", "upgrade head"] {
        raptor.alembic("backend_v2", "raptor_hand", args);
    }
    for (tree, kept) in [("console", console), ("raptor", raptor)] {
        let (gate, hand) = (kept.dump(&format!("{tree}_ci")), kept.dump(&format!("{tree}_hand")));
        assert!(gate.contains("CREATE TABLE") && gate.contains("COPY public.alembic_version"));
        assert!(gate.contains(if tree == "console" {
            "kris@moosequest.net"
        } else {
            "raptor_app"
        }));
        for (gate, hand) in gate.lines().zip(hand.lines()) {
            assert_eq!(gate, hand, "{tree}");
        }
        assert_eq!(gate.lines().count(), hand.lines().count(), "{tree}");
    }
}

#[test]
fn the_runbooks_sql_is_what_the_recipes_run() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (file, sql) in [("console.rs", SEED), ("raptor.rs", ROLE)] {
        let source = std::fs::read_to_string(monorepo().join("xtask/src/recipes").join(file));
        let sql = words(sql).replace("( ", "(").replace(" )", ")");
        let source = words(&source.unwrap()).replace("( ", "(").replace(" )", ")");
        assert!(source.contains(&sql), "{sql} in {file}");
    }
}
