//! Orders of revisions that may commute: each is applied to a database of its own whose tables have
//! generated rows, and the results are compared.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::trial::{RemedyBench, TrialResult, folders_of};
use crate::lint::TreeLint;
use crate::os::mirror::Changed;
use crate::postgres::rows;
use crate::postgres::schema::SchemaReader;
use crate::postgres::session::Session;
use analysis::graph;
use analysis::renumber::contents::{self, Contents};
use analysis::rows::{Draft, parents_first, touched};
use analysis::schema_diff::{self, Declaration};
use analysis::script::Script;
use model::quoting::literal;
use model::schema::Schema;
use model::step::Status;
use model::supply::{Extra, Row, Supply};

/// The tables that hold rows of their own, without those in which Alembic keeps where it stands.
const TABLES: &str = "SELECT c.oid::regclass FROM pg_class AS c \
                      JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                      WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)' \
                      AND c.relname NOT IN ($versions)";
/// The sequences, each with where it stands.
const SEQUENCES: &str = "SELECT format('sequence %I.%I %s', schemaname, sequencename, last_value) \
                         FROM pg_sequences";
/// How a table is left without generated rows.
const WITHOUT_ROWS: &str =
    "`# migration-gate: rows TABLE, REASON` in a new revision leaves a table empty";

/// Outcome of some orders.
pub enum Verdict {
    /// All leave the same, but for the difference that is named.
    Same(Option<String>),
    /// They do not: how, a line each.
    Differ(Vec<String>),
    /// They could not be compared; the reason.
    NotTried(String),
}

/// An order: its name, and the files that make it.
pub type Order = (String, Changed);

/// Result of an order: the schemas of its databases, and their rows; else the step that failed.
type Left = Result<(Vec<Schema>, Contents), String>;

/// Orders of a tree that are tried on a bench.
struct Orders<'a> {
    bench: &'a RemedyBench<'a>,
    survey: &'a TreeLint,
    extra: &'a [Extra],
}

/// Tries orders, with these supplies on top of the recipe's. The first two order the same revisions
/// differently.
pub fn compare(
    bench: &RemedyBench<'_>,
    survey: &TreeLint,
    orders: &[Order],
    extra: &[Extra],
) -> Result<Verdict> {
    let trial = Orders { bench, survey, extra };
    let [(first, files), others @ ..] = orders else { return Ok(Verdict::Same(None)) };
    let extra = match trial.with_rows(orders)? {
        Ok(extra) => extra,
        Err(why) => return Ok(Verdict::NotTried(why)),
    };
    let mut left = Vec::new();
    for (name, files) in orders {
        match trial.left(files, &extra)? {
            Ok(of) => left.push((name, of)),
            Err(why) => return Ok(Verdict::NotTried(why)),
        }
    }
    let failed = left.iter().filter_map(|(name, of)| Some((name, of.as_ref().err()?)));
    let failed: Vec<String> = failed.map(|(name, why)| format!("{name} fails: {why}")).collect();
    if failed.len() == left.len() {
        return trial.none_passes(files, &failed, extra.len() > trial.extra.len());
    }
    if !failed.is_empty() {
        return Ok(Verdict::Differ(failed));
    }
    let mut left = left.into_iter().filter_map(|(_, of)| of.ok());
    let Some((schemas, mut rows)) = left.next() else { return Ok(Verdict::Same(None)) };
    let mut others: Vec<_> = others.iter().map(|(name, _)| name).zip(left).collect();
    if others.iter().any(|(_, (_, other))| *other != rows) {
        // Values that differ between two runs of one order, such as times, are not compared.
        let Ok(Ok((_, again))) = trial.left(files, &extra)? else {
            return Ok(Verdict::NotTried(format!("{first} passes only at times")));
        };
        let noise = contents::noise(&rows, &again);
        let all = others.iter_mut().map(|(_, (_, other))| other).chain([&mut rows]);
        all.for_each(|rows| contents::without(rows, &noise));
    }
    let (mut differ, mut order) = (Vec::new(), BTreeSet::new());
    for (name, (other_schemas, other_rows)) in &others {
        let each = schemas.iter().zip(other_schemas);
        // The version table is there in all of them.
        let found = each.flat_map(|(one, other)| schema_diff::compare(one, other, ""));
        let (columns, found): (Vec<_>, Vec<_>) = found.partition(schema_diff::is_column_order);
        order.extend(columns.iter().map(|difference| difference.object.to_string()));
        let found = found.iter().map(schema_diff::describe_apart);
        let found = found.chain(contents::differences(&rows, other_rows));
        differ.extend(found.map(|what| format!("{what}, by {name} and by {first}")));
    }
    if !differ.is_empty() {
        return Ok(Verdict::Differ(differ));
    }
    let order: Vec<String> = order.into_iter().collect();
    let told = format!("but for the order of the columns of {}", order.join(", "));
    Ok(Verdict::Same((!order.is_empty()).then_some(told)))
}

impl Orders<'_> {
    /// The result of an order; the outer error says why it could not be tried.
    fn left(&self, files: &Changed, extra: &[Extra]) -> Result<Result<Left, String>> {
        let tried = self.bench.upgrade(files, extra, &folders_of(self.bench.root, self.survey))?;
        self.read(&tried)
    }

    fn read(&self, tried: &TrialResult) -> Result<Result<Left, String>> {
        let mut findings = tried.report.findings.iter();
        if let Some(sick) = findings.find(|finding| finding.code.infrastructure) {
            return Ok(Err(sick.message.clone()));
        }
        let steps = tried.report.trees.first().map(|tree| tree.steps.as_slice());
        let failed = steps.unwrap_or_default().iter().find(|step| step.status == Status::Failed);
        if let Some(step) = failed {
            let why = step.reason.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
            return Ok(Ok(Err(format!("{}: {why}", step.name))));
        }
        let server = tried.server().context("the trial has no server")?;
        let (tree, interrupt) = (self.bench.tree, self.bench.interrupt);
        let (mut schemas, mut held) = (Vec::new(), Contents::new());
        for database in tree.databases_for(&tree.database) {
            schemas.push(SchemaReader::new(server, &database, interrupt).read()?);
            let mut session = Session::open(server, &database, interrupt)?;
            let beside = match database == tree.database {
                true => String::new(),
                false => format!(", in database {database}"),
            };
            let versions: Vec<String> =
                tried.version_tables().iter().map(|name| literal(name)).collect();
            for table in session.column(&TABLES.replace("$versions", &versions.join(", ")))? {
                let rows = session.column(&format!("SELECT to_jsonb(r) FROM {table} AS r"))?;
                held.insert(format!("rows of {table}{beside}"), contents::rows(&rows));
            }
            for sequence in session.column(SEQUENCES)? {
                if let Some((name, value)) = sequence.rsplit_once(' ') {
                    let row = format!("{{\"at\": {value:?}}}");
                    held.insert(format!("{name}{beside}"), contents::rows(&[row]));
                }
            }
        }
        Ok(Ok(Ok((schemas, held))))
    }

    /// Why no order passes: for itself, or on generated rows alone.
    fn none_passes(&self, files: &Changed, failed: &[String], has_rows: bool) -> Result<Verdict> {
        let why = failed.join("; ");
        let on_rows = has_rows && matches!(self.left(files, self.extra)?, Ok(Ok(_)));
        Ok(Verdict::NotTried(match on_rows {
            true => format!("no order passes on generated rows: {why}; {WITHOUT_ROWS}"),
            false => format!("no order passes: {why}"),
        }))
    }

    /// The supplies with generated rows, as they fit right before the revisions whose order differs; the
    /// error says why none could be made.
    fn with_rows(&self, orders: &[Order]) -> Result<Result<Vec<Extra>, String>> {
        let mut extra = self.extra.to_vec();
        let shared = self.shared(orders);
        let Some(last) = shared.last() else { return Ok(Ok(extra)) };
        let is_ordered = |it: &&Script| !shared.iter().any(|shared| shared.file == it.file);
        let ordered: Vec<&Script> = self.survey.scripts.iter().filter(is_ordered).collect();
        let files = ordered.iter().map(|script| (script.file.clone(), None)).collect();
        let folders = folders_of(self.bench.root, self.survey);
        let tried = self.bench.upgrade(&files, self.extra, &folders)?;
        match self.read(&tried)? {
            Ok(Ok(_)) => {}
            Ok(Err(why)) | Err(why) => return Ok(Err(why)),
        }
        let server = tried.server().context("the trial has no server")?;
        let (database, interrupt) = (&self.bench.tree.database, self.bench.interrupt);
        let mut session = Session::open(server, database, interrupt)?;
        let sql = self.rows(&mut session, &tried.version_tables(), &ordered)?;
        if !sql.is_empty() {
            // Supplies are named for as long as the process runs, and few orders are tried.
            let (name, required_by) = ("generated rows", "the comparison of orders");
            let row = Row { name, required_by, insert: sql.leak(), exists: "SELECT 1" };
            let (label, after) = (self.bench.tree.label.clone(), Some(last.revision.text.clone()));
            extra.push(Extra { label, after, what: Supply::Row(row) });
        }
        Ok(Ok(extra))
    }

    /// The revisions that the first two orders have in common at their beginning, parents first.
    fn shared(&self, orders: &[Order]) -> Vec<&Script> {
        let chain = |(_, files): &Order| -> Vec<&Script> {
            let all = self.survey.scripts.iter();
            let kept: Vec<&Script> = all.filter(|s| !files.contains_key(&s.file)).collect();
            let changed = files.iter().filter_map(|(file, text)| Some((file, text.as_ref()?)));
            let changed = changed.filter_map(|(file, text)| Script::read(file, text.as_bytes()).0);
            let changed: Vec<Script> = changed.collect();
            let graph = graph::build(&kept.iter().copied().chain(&changed).collect::<Vec<_>>());
            graph.walk.iter().rev().map_while(|index| kept.get(*index).copied()).collect()
        };
        let mut chains = orders.iter().take(2).map(chain);
        let (first, second) =
            (chains.next().unwrap_or_default(), chains.next().unwrap_or_default());
        let alike = first.into_iter().zip(second).take_while(|(one, other)| one.file == other.file);
        alike.map(|(script, _)| script).collect()
    }

    /// Inserts for the tables that some revisions may touch. Those that fail are left out.
    fn rows(
        &self,
        session: &mut Session<'_>,
        versions: &BTreeSet<String>,
        ordered: &[&Script],
    ) -> Result<String> {
        rows::SETUP.iter().try_for_each(|sql| session.execute(sql))?;
        let texts = || ordered.iter().map(|script| script.module.source());
        let named = touched(texts());
        let tables = rows::tables(session, named.names.as_ref(), &named.emptied, versions)?;
        let declared: Vec<Declaration> = texts().flat_map(schema_diff::declared).collect();
        let stays_empty = |name: &String| {
            let is_it =
                |d: &Declaration| matches!(d, Declaration::Rows { table, .. } if table == name);
            declared.iter().any(is_it)
        };
        let mut sql = String::new();
        let parents_first = parents_first(&tables).into_iter();
        for table in parents_first.filter(|t| !t.is_partition && !stays_empty(&t.name)) {
            let draft = Draft::new(table);
            let answers = rows::choices(session, &draft.questions())?;
            let Ok(inserts) = draft.inserts(answers) else { continue };
            for row in &inserts.plain {
                let insert = format!("{}{row} ON CONFLICT DO NOTHING;\n", inserts.head);
                if session.execute(&insert).is_ok() {
                    sql += &insert;
                }
            }
            self.bench.interrupt.check()?;
        }
        Ok(sql)
    }
}
