//! The trial of a remedy: the gate on a mirror of the tree with the files changed, on databases of its
//! own. The user's files are not touched.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::Gate;
use crate::gate::context::{GateContext, RunSettings};
use crate::gate::ran::RunOutcome;
use crate::gate::setup::PreparedRun;
use crate::lint::TreeLint;
use crate::os::interrupt::Interrupt;
use crate::os::mirror::{self, Changed};
use crate::os::run_dir::RunDir;
use crate::postgres::cluster::server_user;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::rows;
use crate::postgres::session::Session;
use analysis::fix::{Lookup, recipe};
use analysis::rows::Draft;
use model::quoting::{identifier, literal};
use model::report::Report;
use model::supply::{Extra, Row, SupplyChange};
use model::tree::Tree;

/// Mirror of a tree on which remedies are tried.
pub struct RemedyBench<'a> {
    /// The options of the run that failed.
    pub flags: &'a Gate,
    /// The folder that files are relative to.
    pub root: &'a Utf8Path,
    /// The tree.
    pub tree: &'a Tree,
    /// Its interpreter.
    pub python: &'a Utf8PathBuf,
    /// The prepared run, with servers and interpreters.
    pub stage: &'a PreparedRun,
    /// As the run's that failed.
    pub setting: RunSettings<'a>,
    /// Interrupts a trial.
    pub interrupt: &'a Interrupt,
    /// When no further trial begins.
    pub deadline: Instant,
}

/// Result of a trial.
pub(super) struct TrialResult {
    pub(super) report: Report,
    /// The lint result of the mirror; `None`: its files could not be read.
    pub(super) survey: Option<TreeLint>,
    ran: Option<RunOutcome>,
    /// The root of the mirror.
    pub(super) root: Utf8PathBuf,
    _scratch: RunDir,
}

impl TrialResult {
    /// The server that was held.
    pub(super) fn server(&self) -> Option<&Endpoint> {
        let hosted = self.ran.as_ref()?.trees.first()?.left.hosted.first()?;
        Some(hosted.server.endpoint())
    }

    /// The names of the tables in which Alembic keeps where its databases stand.
    pub(super) fn version_tables(&self) -> BTreeSet<String> {
        let tree = self.ran.as_ref().and_then(|ran| ran.trees.first());
        tree.map(|tree| tree.version_tables.clone()).unwrap_or_default()
    }
}

impl<'a> RemedyBench<'a> {
    /// For a tree of a run; `None` where it has no interpreter.
    pub fn of(
        run: &'a GateContext<'_>,
        index: usize,
        stage: &'a PreparedRun,
        deadline: Instant,
    ) -> Option<RemedyBench<'a>> {
        Some(RemedyBench {
            flags: run.flags,
            root: run.root,
            tree: &run.trees[index],
            python: stage.python(index)?,
            stage,
            setting: run.setting,
            interrupt: run.interrupt,
            deadline,
        })
    }
}

impl RemedyBench<'_> {
    /// Runs the gate with changed files, relative to the root, and further supplies.
    pub(super) fn gate(
        &self,
        files: &Changed,
        extra: &[Extra],
        folders: &[Utf8PathBuf],
    ) -> Result<TrialResult> {
        self.run(files, extra, folders, false)
    }

    /// The same up to the head alone, for a look at the database.
    pub(super) fn upgrade(
        &self,
        files: &Changed,
        extra: &[Extra],
        folders: &[Utf8PathBuf],
    ) -> Result<TrialResult> {
        self.run(files, extra, folders, true)
    }

    fn run(
        &self,
        files: &Changed,
        extra: &[Extra],
        folders: &[Utf8PathBuf],
        only_up: bool,
    ) -> Result<TrialResult> {
        self.interrupt.check()?;
        let scratch = RunDir::new(server_user()?.as_ref())?;
        let top = self.top();
        let to = scratch.path().join("mirror");
        let moved = |path: &Utf8Path| match path.strip_prefix(&top) {
            Ok(below) if below == "" => to.clone(),
            Ok(below) => to.join(below),
            Err(_) => path.to_owned(),
        };
        let tree = self.tree;
        let copied: BTreeSet<Utf8PathBuf> = folders
            .iter()
            .cloned()
            .chain([tree.cwd.clone(), tree.ini_path().with_file_name("")])
            .collect();
        let changed =
            files.iter().map(|(file, text)| (self.root.join(file), text.clone())).collect();
        mirror::make(&top, &to, &copied, &changed, self.interrupt)?;
        let (root, trees) = (
            moved(self.root),
            [Tree { cwd: moved(&tree.cwd), ini: moved(&tree.ini), ..tree.clone() }],
        );
        // No step of a trial goes on for long after the time for all of them is over.
        let left = self.deadline.saturating_duration_since(Instant::now()).as_secs().max(1);
        let flags =
            Gate { keep: false, timeout: self.flags.timeout.min(left), ..self.flags.clone() };
        let surveys = OnceLock::new();
        let supplies = SupplyChange { without: self.setting.supplies.without, extra };
        let rehearses = self.setting.rehearses && !only_up;
        let (alone, holds_servers) = (false, only_up);
        let setting =
            RunSettings { supplies, alone, holds_servers, only_up, rehearses, ..self.setting };
        let run = GateContext {
            setting,
            surveys: Some(&surveys),
            ..GateContext::new(&flags, &root, &trees, self.interrupt, &|_| {})
        };
        let (mut described, mut ran) = (Vec::new(), None);
        let (mut report, _) = run.over(|report| {
            ran = Some(run.run_one(self.python, self.stage, report, &mut described));
            Ok(Vec::new())
        });
        self.interrupt.check()?;
        run.add_surveys(&described, &mut report);
        drop(run);
        let survey = surveys.into_inner().and_then(Result::ok);
        let survey =
            survey.and_then(|surveys| surveys.into_iter().next()).map(|(_, survey)| survey);
        Ok(TrialResult { report, survey, ran, root, _scratch: scratch })
    }

    /// The top folder of a mirror: the repository that holds the root, else the root.
    fn top(&self) -> Utf8PathBuf {
        let holds_git =
            |folder: &&Utf8Path| self.setting.in_repository && folder.join(".git").exists();
        let top = self.root.ancestors().find(holds_git).unwrap_or(self.root);
        let holds_tree = self.root.ancestors().find(|folder| self.tree.cwd.starts_with(folder));
        match holds_tree {
            Some(above) if top.starts_with(above) => above.to_owned(),
            _ => top.to_owned(),
        }
    }

    /// The row that a lookup asks for, with the other values that its table demands right before
    /// the revision; `None` where no such row can be made.
    pub(super) fn row(
        &self,
        (files, extra): (&Changed, &[Extra]),
        folders: &[Utf8PathBuf],
        lookup: &Lookup,
        survey: &TreeLint,
    ) -> Result<Option<Row>> {
        let Lookup { table, conditions, after } = lookup;
        let mut files = files.clone();
        files.extend(later_than(survey, after).into_iter().map(|file| (file, None)));
        let tried = self.upgrade(&files, extra, folders)?;
        let Some(server) = tried.server() else { return Ok(None) };
        let database = &self.tree.database;
        let mut session = Session::open(server, database, self.interrupt)?;
        rows::SETUP.iter().try_for_each(|sql| session.execute(sql))?;
        let names = BTreeSet::from([table.clone()]);
        let none = BTreeSet::new();
        let tables = rows::tables(&mut session, Some(&names), &none, &none)?;
        let Some(mut known) = tables.into_iter().find(|known| known.touched) else {
            return Ok(None);
        };
        let has_default = session.column(&format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = {}::regclass AND atthasdef",
            literal(&known.name)
        ))?;
        known.columns.retain(|column| {
            let is_asked = conditions.iter().any(|(name, _)| *name == column.name);
            column.not_null && !column.counted && !is_asked && !has_default.contains(&column.name)
        });
        let (mut columns, mut values): (Vec<String>, Vec<String>) =
            conditions.iter().map(|(column, value)| (identifier(column), literal(value))).unzip();
        if !known.columns.is_empty() {
            let draft = Draft::new(&known);
            let answers = rows::choices(&mut session, &draft.questions())?;
            let Ok(inserts) = draft.inserts(answers) else { return Ok(None) };
            let (_, head) = inserts.head.split_once('(').context("an insert has no columns")?;
            columns.extend(head.strip_suffix(") VALUES ").map(str::to_owned));
            let row = inserts.plain.first().context("no row was made")?;
            values.extend(
                row.strip_prefix('(').and_then(|row| row.strip_suffix(')')).map(str::to_owned),
            );
        }
        Ok(Some(as_row(lookup, &known.name, &columns, &values)))
    }
}

/// The folders of a tree's revisions, absolute.
pub(super) fn folders_of(root: &Utf8Path, survey: &TreeLint) -> Vec<Utf8PathBuf> {
    let files = survey.scripts.iter().map(|script| root.join(&script.file).with_file_name(""));
    files.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A supply is named for as long as the process runs, and a run tries few.
fn as_row(lookup: &Lookup, table: &str, columns: &[String], values: &[String]) -> Row {
    let conditions =
        lookup.conditions.iter().map(|(c, v)| format!("{} = {}", identifier(c), literal(v)));
    let mut exists = format!("SELECT 1 FROM {table}");
    let conditions: Vec<String> = conditions.collect();
    if !conditions.is_empty() {
        exists += &format!(" WHERE {}", conditions.join(" AND "));
    }
    let insert = format!(
        "INSERT INTO {table} ({})\nSELECT {}\nWHERE NOT EXISTS ({exists})\nON CONFLICT DO NOTHING;",
        columns.join(", "),
        values.join(", ")
    );
    Row {
        name: recipe::row_name(lookup).leak(),
        required_by: "",
        insert: insert.leak(),
        exists: exists.leak(),
    }
}

/// The files of the revisions that do not lie at or below this one.
fn later_than(survey: &TreeLint, revision: &str) -> Vec<Utf8PathBuf> {
    let graph = &survey.graph;
    let mut below = BTreeSet::new();
    let mut pending: Vec<usize> = graph.by_id.get(revision).copied().into_iter().collect();
    while let Some(index) = pending.pop() {
        if below.insert(index) {
            let revision = &graph.revisions[index];
            pending.extend(revision.parents.iter().chain(&revision.dependencies));
        }
    }
    let all = graph.revisions.iter().enumerate();
    all.filter(|(index, _)| !below.contains(index)).map(|(_, r)| r.file.clone()).collect()
}
