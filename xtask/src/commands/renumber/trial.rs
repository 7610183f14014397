//! Trial of two branches of revisions that may commute: each order is run by the gate on a fresh copy
//! of the tree, and the schemas are compared.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::os::copy;
use crate::os::interrupt::Interrupt;
use crate::os::process::{self, CommandOutput, Limits};
use crate::postgres::endpoint::Endpoint;
use crate::postgres::schema::SchemaReader;
use crate::postgres::session::Session;
use analysis::renumber::Change;
use analysis::schema_diff;
use model::schema::Schema;
use model::tree::Tree;

/// The longest that the gate may take for one order.
const TIMEOUT: Duration = Duration::from_secs(900);

/// How the rows of a table are read: as JSON, whose keys have an order of their own, and without the
/// columns that Postgres fills differently in each run.
const ROWS: &str =
    "SELECT format('SELECT %L || coalesce(md5(string_agg(r, chr(10) ORDER BY r)), '''')
    FROM (SELECT jsonb_build_object(%s)::text AS r FROM %s) AS rows', c.oid::regclass || ' ',
    string_agg(format('%L, %I', a.attname, a.attname), ', ' ORDER BY a.attname), c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (string_to_array($names$, ','))
   AND (d.oid IS NULL OR pg_get_expr(d.adbin, d.adrelid) NOT LIKE '%(%') GROUP BY c.oid";

/// Inputs for trying an order of revisions.
pub(super) struct OrderTrial<'a> {
    pub(super) root: &'a Utf8Path,
    pub(super) tree: &'a Tree,
    /// Whether the tree is one of the monorepo's.
    pub(super) is_named: bool,
    /// The tables whose rows the revisions change.
    pub(super) tables: &'a BTreeSet<String>,
    pub(super) interrupt: &'a Interrupt,
}

/// What came of the orders.
pub(super) enum Verdict {
    /// All give the same.
    Same,
    /// They do not: how, a line each.
    Differ(Vec<String>),
    /// Nothing can be said, and why.
    NotTried(String),
}

/// Schema and rows that an order leaves in its database.
struct OrderResult {
    schema: Schema,
    rows: Vec<String>,
}

/// Tries the orders, each told by what it is called and its changes.
pub(super) fn compare(trial: &OrderTrial<'_>, orders: &[(&str, &[Change])]) -> Result<Verdict> {
    let mut left: Vec<(&str, Result<OrderResult, String>)> = Vec::new();
    for (name, changes) in orders {
        match trial.order(changes)? {
            Ok(ran) => left.push((name, ran)),
            Err(why) => return Ok(Verdict::NotTried(why)),
        }
    }
    if left.iter().all(|(_, ran)| ran.is_err()) {
        return Ok(Verdict::NotTried("no order passes the gate".to_owned()));
    }
    let failed = left.iter().filter_map(|(name, ran)| Some((name, ran.as_ref().err()?)));
    let failed: Vec<String> = failed.map(|(name, why)| format!("{name} fails: {why}")).collect();
    if !failed.is_empty() {
        return Ok(Verdict::Differ(failed));
    }
    let mut states = left.iter().filter_map(|(name, ran)| Some((name, ran.as_ref().ok()?)));
    let Some((first, expected)) = states.next() else { return Ok(Verdict::Same) };
    let mut differences = Vec::new();
    for (name, found) in states {
        let schema = schema_diff::compare(&expected.schema, &found.schema, "alembic_version");
        let what = schema.iter().map(|difference| difference.object.to_string());
        let rows = found.rows.iter().filter(|rows| !expected.rows.contains(rows));
        let rows = rows.filter_map(|rows| Some(format!("rows of {}", rows.split(' ').next()?)));
        let what: BTreeSet<String> = what.chain(rows).collect();
        differences.extend(what.iter().map(|what| format!("{what}, by {name} and by {first}")));
    }
    Ok(if differences.is_empty() { Verdict::Same } else { Verdict::Differ(differences) })
}

impl OrderTrial<'_> {
    /// Runs the gate on a copy with these changes. The inner error says which step failed, the outer
    /// one why nothing could be tried.
    fn order(&self, changes: &[Change]) -> Result<Result<Result<OrderResult, String>, String>> {
        let folder = tempfile::Builder::new().prefix("migration-gate-order-").tempdir()?;
        let folder = Utf8PathBuf::try_from(folder.path().canonicalize()?)
            .map(|path| (folder, path))
            .context("the temporary folder is no UTF-8")?;
        let (_folder, root) = folder;
        let below = self.tree.cwd.strip_prefix(self.root).ok().filter(|path| *path != "");
        let cwd = root.join(below.unwrap_or("tree".into()));
        if let Some(parent) = cwd.parent() {
            fs::create_dir_all(parent)?;
        }
        let wanted = |name: &str| !name.starts_with('.') && name != "__pycache__";
        copy::folder(&self.tree.cwd, &cwd, &wanted, self.interrupt)?;
        let place = |file: &Utf8Path| -> Result<Utf8PathBuf> {
            let absolute = self.root.join(file);
            let file = absolute.strip_prefix(&self.tree.cwd);
            Ok(cwd.join(file.context("a revision lies outside the folder of its tree")?))
        };
        for change in changes.iter().filter(|change| !change.is_new()) {
            fs::remove_file(place(&change.from)?)?;
        }
        for change in changes {
            fs::write(place(&change.to)?, &change.after)?;
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["migration-gate", "--keep", "--no-cache", "--format", "json"]);
        match self.is_named {
            true => command.arg(&self.tree.id).arg("--root").arg(&root),
            false => {
                let ini = self.tree.ini_path();
                let ini = ini.strip_prefix(&self.tree.cwd);
                let ini = cwd.join(ini.context("the ini lies outside the folder of its tree")?);
                command.arg("--ini").arg(ini).arg("--cwd").arg(&cwd);
                command.arg("--name").arg(&self.tree.section)
            }
        };
        command.env_remove("MIGRATION_GATE_POSTGRES_URL").env_remove("GITHUB_ACTIONS");
        let limits = Limits { cwd: &root, timeout: TIMEOUT, interrupt: self.interrupt };
        self.look_at(&process::run_unchecked(command, limits)?)
    }

    /// Reads what the gate left, and removes it.
    fn look_at(&self, said: &CommandOutput) -> Result<Result<Result<OrderResult, String>, String>> {
        let first =
            || said.stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        let mut kept = said.stderr.lines().skip_while(|line| *line != "to remove it all:").skip(1);
        let removal = kept.next().map(str::trim);
        let folder = removal.and_then(|line| line.split_once("rm -rf ")?.1.split_once(';'));
        let folder = folder.map(|(path, _)| path);
        let (Some(removal), Some(folder)) = (removal, folder) else {
            return Ok(Err(format!("the gate did not run: {}", first())));
        };
        let report: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let steps = report["trees"][0]["steps"].as_array().cloned().unwrap_or_default();
        let failed = steps.iter().find(|step| step["status"] != "passed");
        let left = match failed {
            Some(step) => Ok(Err(step["name"].as_str().unwrap_or_default().to_owned())),
            None => self.read(&Endpoint::local(folder.into())).map(Ok),
        };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(removal);
        let limits = Limits { cwd: "/".into(), timeout: TIMEOUT, interrupt: self.interrupt };
        process::run_unchecked(shell, limits)?;
        left.map(Ok)
    }

    fn read(&self, endpoint: &Endpoint) -> Result<OrderResult> {
        let schema = SchemaReader::new(endpoint, &self.tree.database, self.interrupt).read()?;
        let mut session = Session::open(endpoint, &self.tree.database, self.interrupt)?;
        let names: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        let names = format!("$names${}$names$", names.join(","));
        let mut rows = Vec::new();
        for sql in session.column(&ROWS.replace("$names$", &names))? {
            rows.extend(session.value(&sql)?);
        }
        Ok(OrderResult { schema, rows })
    }
}
