//! `cargo xtask migration-gate renumber`: fixes colliding revisions, or says why it does not.
//!
//! The files are linted again afterwards; where anything is worse than before, every one of them is
//! put back as it was.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::{Gate, Renumber};
use crate::gate::context::{GateContext, RunSettings, reuse};
use crate::gate::lint;
use crate::lint::{self as tree_lint, LintOptions, TreeLint};
use crate::os::git::Git;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::mirror::Changed;
use crate::os::tree_files;
use crate::os::{cache_dir, process};
use crate::remedies::RemedyBench;
use crate::remedies::orders::{self, Order, Verdict};
use analysis::renumber::{self, Change, Fixed, Plan};
use analysis::script::Script;
use model::called;
use model::code::{self, Severity};
use model::finding::Finding;
use model::graph::Revision;
use model::tree::Tree;

/// How long the orders of colliding revisions may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Result of `renumber`.
#[derive(Default)]
pub struct Renumbered {
    /// For stdout: the renumbering that was done, or the patch.
    pub text: String,
    /// For stderr.
    pub notes: Vec<String>,
    /// Whether nothing is left to fix.
    pub fixed: bool,
}

/// Fixes the trees that were asked for. Where their servers and interpreters come from, the gate's own
/// options say.
pub fn run(flags: &Renumber, gate: &Gate, interrupt: &Interrupt) -> Result<Renumbered> {
    // A server that was given is not one to try things on.
    let gate = Gate { which: flags.which.clone(), postgres_url: None, ..gate.clone() };
    let (root, surveys) =
        lint::surveys(&flags.which, LintOptions::since(flags.since.as_deref()), interrupt)?;
    let mut done = Renumbered { fixed: true, ..Renumbered::default() };
    for (tree, survey) in &surveys {
        let git = Git::at(&tree.cwd, &root, interrupt)?
            .map_err(|why| anyhow!("cannot renumber without git's history: {why}"))?;
        let (root, git) = (root.as_path(), &git);
        let work = Renumbering { flags, gate: &gate, root, tree, survey, git, interrupt };
        match work.plan()? {
            Ok(plan) => work.carry_out(&plan, &mut done)?,
            Err(why) => {
                done.fixed = false;
                done.notes.push(format!("{}: nothing was changed: {why}", tree.label));
            }
        }
    }
    Ok(done)
}

struct Renumbering<'a> {
    flags: &'a Renumber,
    gate: &'a Gate,
    root: &'a Utf8Path,
    tree: &'a Tree,
    survey: &'a TreeLint,
    git: &'a Git<'a>,
    interrupt: &'a Interrupt,
}

impl Renumbering<'_> {
    fn plan(&self) -> Result<Result<Plan, String>> {
        let survey = self.survey;
        if !survey.graph.whole {
            let why = "some files are no readable revisions; `lint` names them, fix those first";
            return Ok(Err(why.into()));
        }
        if self.flags.merge {
            return Ok(renumber::merge(&survey.scripts));
        }
        if !survey.has_base() {
            let why = survey.base.reason.as_deref().unwrap_or_default();
            return Ok(Err(format!(
                "without a base nobody knows which revisions are merged, and none of these may move: \
                 {why}"
            )));
        }
        let merged = match self.merged()? {
            Ok(merged) => merged,
            Err(why) => {
                let why = format!(
                    "cannot tell which revisions other branches have, and those may not move: {why}"
                );
                return Ok(Err(why));
            }
        };
        let fixed = |index: usize| match survey.graph.revisions[index].new {
            true => merged.get(&survey.scripts[index].file).cloned(),
            false => survey.base.rev.clone(),
        };
        let plan = match self.plan_by(&self.ages(), &fixed)? {
            Ok(plan) if plan.changes.is_empty() => {
                return Ok(self.base_has_moved().map_or(Ok(plan), Err));
            }
            Ok(plan) => plan,
            Err(why) => return Ok(Err(why)),
        };
        let files: Vec<Utf8PathBuf> = plan.changes.iter().map(|c| c.from.clone()).collect();
        let dirty = self.git.dirty(&files)?;
        if !dirty.is_empty() && !self.flags.dry_run {
            let dirty: Vec<&str> = dirty.iter().map(|file| file.as_str()).collect();
            return Ok(Err(format!("commit or stash your changes to {} first", dirty.join(", "))));
        }
        Ok(Ok(plan))
    }

    /// The files of the revisions that others have, and where; or why that is not known.
    fn merged(&self) -> Result<Result<HashMap<Utf8PathBuf, String>, String>> {
        let survey = self.survey;
        let mut merged =
            match tree_lint::merged(self.tree, self.root, &survey.scripts, self.interrupt)? {
                Ok(merged) => merged,
                Err(why) => return Ok(Err(why)),
            };
        let renamed = survey.findings.iter().filter(|it| it.code == &code::CHANGED_ON_BASE);
        let renamed = renamed.filter_map(|finding| Some(finding.place.as_ref()?.file.clone()));
        let base = survey.base.rev.as_deref().unwrap_or_default();
        merged.extend(renamed.map(|file| (file, base.to_owned())));
        Ok(Ok(merged))
    }

    /// That nothing collides here and will with the base, as it is by now.
    fn base_has_moved(&self) -> Option<String> {
        let on_base = [&code::ID_TAKEN, &code::NOT_ON_BASE_HEAD];
        let mut findings = self.survey.findings.iter();
        let finding = findings.find(|finding| on_base.contains(&finding.code))?;
        let base = self.survey.base.rev.as_deref().unwrap_or_default();
        Some(format!("{}; merge {base} or rebase on it first, then renumber", finding.message))
    }

    fn plan_by(&self, ages: &[usize], fixed: Fixed<'_>) -> Result<Result<Plan, String>> {
        let mut bytes = Vec::new();
        for script in &self.survey.scripts {
            let file = self.root.join(&script.file);
            let read = tree_files::read(&file);
            bytes.push(read.map_err(|err| anyhow!("cannot read `{file}` again: {err}"))?);
        }
        Ok(renumber::plan(&self.survey.scripts, &bytes, &|index| ages[index], fixed))
    }

    /// How late each revision came.
    fn ages(&self) -> Vec<usize> {
        let each = self.survey.scripts.iter().zip(&self.survey.graph.revisions);
        let age = |(script, revision): (&Script, &Revision)| {
            let arrival = self.survey.arrivals.get(&script.file);
            renumber::age(revision.new && self.survey.has_base(), arrival)
        };
        each.map(age).collect()
    }

    /// Tries whether it matters which of the colliding revisions runs first, and says so. The inner
    /// error says why nothing may be changed.
    fn try_orders(&self, plan: &Plan) -> Result<Result<String, String>> {
        let ages = self.ages();
        let orders = match (
            self.plan_by(&ages, &|_| None)?,
            self.plan_by(&renumber::reversed(&ages), &|_| None)?,
        ) {
            (Ok(first), Ok(other)) => [first, other],
            (Err(why), _) | (_, Err(why)) => {
                return Ok(Err(format!("cannot try whether the order matters: {why}")));
            }
        };
        let merge = ("the merge", plan.changes.as_slice());
        let names = ["the earlier first", "the later first"];
        let orders = names.into_iter().zip(orders.iter().map(|order| order.changes.as_slice()));
        let orders = orders.chain(Some(merge).filter(|_| self.flags.merge));
        let orders: Option<Vec<Order>> =
            orders.map(|(name, changes)| Some((name.to_owned(), as_files(changes)?))).collect();
        let verdict = match orders {
            Some(orders) => self.compare(&orders)?,
            None => {
                Verdict::NotTried("a revision is no UTF-8, or lies outside the root".to_owned())
            }
        };
        let done = if self.flags.merge {
            "they were merged"
        } else {
            "the later one was moved behind the earlier"
        };
        Ok(match verdict {
            Verdict::Same(None) => {
                Ok(format!("either order gives the same schema and rows: {done}"))
            }
            Verdict::Same(Some(but)) => {
                Ok(format!("either order gives the same schema and rows {but}: {done}"))
            }
            Verdict::Differ(how) => Err(format!(
                "a person must decide, as the two orders give different results:\n  {}",
                how.join("\n  ")
            )),
            Verdict::NotTried(why) => Err(format!("cannot try whether the order matters: {why}")),
        })
    }

    /// Tries orders on servers of their own.
    fn compare(&self, orders: &[Order]) -> Result<Verdict> {
        process::adopt_orphans();
        let _cache = cache_dir::hold();
        let trees = std::slice::from_ref(self.tree);
        let run = GateContext {
            setting: RunSettings { in_repository: true, ..RunSettings::default() },
            reuse: reuse(self.gate),
            ..GateContext::new(self.gate, self.root, trees, self.interrupt, &|_| {})
        };
        let set_up = || {
            let (programs, pythons) = (run.programs()?, run.find_pythons(&[0])?);
            run.set_up(&[0], programs, pythons, Some(1))
        };
        let stage = match set_up() {
            Ok(stage) => stage,
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => {
                let why = format!("{err:#}").split_whitespace().collect::<Vec<_>>().join(" ");
                let way_out = format!("`{} doctor` says what is missing here", called::gate());
                return Ok(Verdict::NotTried(format!("{why}; {way_out}")));
            }
        };
        let bench = RemedyBench::of(&run, 0, &stage, Instant::now() + PATIENCE);
        let bench = bench.context("the tree has no interpreter")?;
        let verdict = orders::compare(&bench, self.survey, orders, &[]);
        process::end_strays();
        verdict
    }

    fn carry_out(&self, plan: &Plan, done: &mut Renumbered) -> Result<()> {
        let label = &self.tree.label;
        if plan.changes.is_empty() {
            done.notes.push(format!("{label}: no revisions collide"));
            return Ok(());
        }
        done.notes.extend(plan.because.iter().map(|reason| format!("{label}: {reason}")));
        let order = match self.try_orders(plan)? {
            Ok(order) => order,
            Err(why) => {
                done.fixed = false;
                done.notes.push(format!("{label}: nothing was changed: {why}"));
                return Ok(());
            }
        };
        if self.flags.dry_run {
            done.text.push_str(&renumber::patch::patch(&plan.changes, |file| self.git.below(file)));
            return Ok(());
        }
        self.apply(&plan.changes)?;
        if let Some(worse) = self.worse()? {
            undo(self.root, &plan.changes)?;
            done.fixed = false;
            done.notes.push(format!("{label}: every file was put back, as afterwards {worse}"));
            return Ok(());
        }
        for change in &plan.changes {
            let text = if change.is_new() {
                format!("wrote   {}\n", change.to)
            } else if change.from == change.to {
                format!("edited  {}\n", change.to)
            } else {
                format!("renamed {} to {}\n", change.from, change.to)
            };
            done.text.push_str(&text);
        }
        done.notes.push(format!("{label}: {order}"));
        Ok(())
    }

    fn apply(&self, changes: &[Change]) -> Result<()> {
        let result = write_all(self.root, changes);
        if result.is_err() {
            undo(self.root, changes)?;
        }
        result
    }

    /// Faults of the graph that were not there before.
    fn worse(&self) -> Result<Option<String>> {
        let which = &self.flags.which;
        let terms = LintOptions::since(self.flags.since.as_deref());
        let (_, surveys) = lint::surveys(which, terms, self.interrupt)?;
        let after = surveys.into_iter().find(|(tree, _)| tree.id == self.tree.id);
        let after = after.map(|(_, survey)| survey.findings).unwrap_or_default();
        let (before, now) = (count(&self.survey.findings), count(&after));
        let more =
            now.iter().find(|(code, count)| **count > before.get(*code).copied().unwrap_or(0));
        Ok(more.map(|(code, _)| {
            let finding = after.iter().find(|finding| finding.code.id == *code);
            finding.map_or(String::new(), |f| format!("{}: {}", f.code.id, f.message))
        }))
    }
}

/// The text of changed files; `None` where one is no text, or lies outside the root.
fn as_files(changes: &[Change]) -> Option<Changed> {
    let mut files = Changed::new();
    for change in changes.iter().filter(|change| change.from != change.to) {
        files.insert(change.from.clone(), None);
    }
    for change in changes {
        files.insert(change.to.clone(), Some(String::from_utf8(change.after.clone()).ok()?));
    }
    (!files.keys().any(|file| file.is_absolute())).then_some(files)
}

fn count(findings: &[Finding]) -> BTreeMap<&'static str, usize> {
    let mut count = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.code.severity == Severity::Error) {
        *count.entry(finding.code.id).or_default() += 1;
    }
    count
}

/// Writes the changed files, then removes the files of the old names with their compiled versions.
fn write_all(root: &Utf8Path, changes: &[Change]) -> Result<()> {
    for change in changes.iter().filter(|change| !change.is_new()) {
        let from = root.join(&change.from);
        fs::remove_file(&from).with_context(|| format!("cannot remove `{from}`"))?;
        remove_compiled(&from);
    }
    for change in changes {
        let to = root.join(&change.to);
        fs::write(&to, &change.after).with_context(|| format!("cannot write `{to}`"))?;
    }
    Ok(())
}

fn undo(root: &Utf8Path, changes: &[Change]) -> Result<()> {
    for change in changes.iter().filter(|change| change.to != change.from || change.is_new()) {
        // It may not have been written yet.
        let _ = fs::remove_file(root.join(&change.to));
    }
    for change in changes.iter().filter(|change| !change.is_new()) {
        let from = root.join(&change.from);
        fs::write(&from, &change.before).with_context(|| format!("cannot put back `{from}`"))?;
    }
    Ok(())
}

/// Removes the compiled versions of a file: Alembic may read them as revisions.
fn remove_compiled(file: &Utf8Path) {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem()) else { return };
    let _ = fs::remove_file(file.with_extension("pyc"));
    let Ok(entries) = fs::read_dir(folder.join("__pycache__")) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_compiled = name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'));
        if is_compiled && name.ends_with(".pyc") {
            // A stale file does no harm unless `sourceless` is set.
            let _ = fs::remove_file(entry.path());
        }
    }
}
