//! `cargo xtask migration-gate renumber`: fixes colliding revisions, or says why it does not.
//!
//! The files are linted again afterwards; where anything is worse than before, every one of them is
//! put back as it was.

mod trial;

use std::collections::{BTreeMap, HashMap};
use std::fs;

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use self::trial::{OrderTrial, Verdict};
use crate::flags::Renumber;
use crate::gate::lint;
use crate::lint::{LintOptions, TreeLint};
use crate::os::git::Git;
use crate::os::interrupt::Interrupt;
use crate::os::tree_files;
use analysis::renumber::{self, Change, Fixed, Plan};
use analysis::script::Script;
use model::code::{self, Severity};
use model::finding::Finding;
use model::graph::Revision;
use model::tree::Tree;

/// Result of `renumber`.
#[derive(Default)]
pub struct Renumbered {
    /// For stdout: what was done, or the patch.
    pub text: String,
    /// For stderr.
    pub notes: Vec<String>,
    /// Whether nothing is left to fix.
    pub fixed: bool,
}

/// Fixes the trees that were asked for.
pub fn run(flags: &Renumber, interrupt: &Interrupt) -> Result<Renumbered> {
    let (root, surveys) =
        lint::surveys(&flags.which, LintOptions::since(flags.since.as_deref()), interrupt)?;
    let mut done = Renumbered { fixed: true, ..Renumbered::default() };
    for (tree, survey) in &surveys {
        let git = Git::at(&tree.cwd, &root, interrupt)?
            .map_err(|why| anyhow!("cannot renumber without git's history: {why}"))?;
        let work = Renumbering { flags, root: &root, tree, survey, git: &git, interrupt };
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
            let why = "some files do not say what they are; `lint` says which, fix those first";
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
        let merged = self.merged()?;
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

    /// The files that others have: under this name, or as the base has them under another one.
    fn merged(&self) -> Result<HashMap<Utf8PathBuf, String>> {
        let survey = self.survey;
        let new = survey.scripts.iter().zip(&survey.graph.revisions).filter(|(_, it)| it.new);
        let new: Vec<Utf8PathBuf> = new.map(|(script, _)| script.file.clone()).collect();
        let mut merged = self.git.merged(&new)?;
        let renamed = survey.findings.iter().filter(|it| it.code == &code::CHANGED_ON_BASE);
        let renamed = renamed.filter_map(|finding| Some(finding.place.as_ref()?.file.clone()));
        let base = survey.base.rev.as_deref().unwrap_or_default();
        merged.extend(renamed.map(|file| (file, base.to_owned())));
        Ok(merged)
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
    /// error says why a person must decide.
    fn try_orders(&self, plan: &Plan) -> Result<Result<String, String>> {
        let ages = self.ages();
        let later: Vec<usize> = ages.iter().map(|age| usize::MAX - age).collect();
        let first = self.plan_by(&ages, &|_| None)?;
        let other = self.plan_by(&later, &|_| None)?;
        let overlap = renumber::overlap(&self.survey.scripts);
        let verdict = match (&first, &other) {
            (Ok(first), Ok(other)) => {
                let mut orders = vec![
                    ("the earlier first", first.changes.as_slice()),
                    ("the later first", other.changes.as_slice()),
                ];
                orders.extend(self.flags.merge.then_some(("the merge", plan.changes.as_slice())));
                let tables = renumber::written(self.survey.scripts.iter());
                let trial = OrderTrial {
                    root: self.root,
                    tree: self.tree,
                    is_named: self.flags.which.ini.is_none(),
                    tables: &tables,
                    interrupt: self.interrupt,
                };
                trial::compare(&trial, &orders)?
            }
            (Err(why), _) | (_, Err(why)) => Verdict::NotTried(why.clone()),
        };
        let done = if self.flags.merge {
            "they were merged"
        } else {
            "the later one was moved behind the earlier"
        };
        Ok(match (verdict, overlap.filter(|_| self.flags.merge)) {
            (Verdict::Same, _) => Ok(format!("either order gives the same schema: {done}")),
            (Verdict::Differ(how), _) => {
                Err(format!("a person must decide, as the orders differ:\n  {}", how.join("\n  ")))
            }
            (Verdict::NotTried(why), Some(overlap)) => Err(format!(
                "a person must decide: {overlap}, and the two orders could not be tried ({why})"
            )),
            (Verdict::NotTried(why), None) => Ok(format!(
                "only the order was changed, and it was not tried ({why}): run \
                 `cargo xtask migration-gate {}` to check that the revisions work in it",
                self.tree.id
            )),
        })
    }

    fn carry_out(&self, plan: &Plan, done: &mut Renumbered) -> Result<()> {
        let label = &self.tree.label;
        if plan.changes.is_empty() {
            done.notes.push(format!("{label}: no revisions collide"));
            return Ok(());
        }
        done.notes.extend(plan.because.iter().map(|reason| format!("{label}: {reason}")));
        if self.flags.dry_run {
            done.text.push_str(&renumber::patch::patch(&plan.changes, |file| self.git.below(file)));
            return Ok(());
        }
        let order = match self.try_orders(plan)? {
            Ok(order) => order,
            Err(why) => {
                done.fixed = false;
                done.notes.push(format!("{label}: nothing was changed: {why}"));
                return Ok(());
            }
        };
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

    /// What a second look finds that the first did not.
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

fn count(findings: &[Finding]) -> BTreeMap<&'static str, usize> {
    let mut count = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.code.severity == Severity::Error) {
        *count.entry(finding.code.id).or_default() += 1;
    }
    count
}

/// Writes the changed files, then removes what they were called before and what was compiled of it.
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

/// Removes what Python compiled of a file: Alembic may read it as a revision of its own.
fn remove_compiled(file: &Utf8Path) {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem()) else { return };
    let _ = fs::remove_file(file.with_extension("pyc"));
    let Ok(entries) = fs::read_dir(folder.join("__pycache__")) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_compiled = name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'));
        if is_compiled && name.ends_with(".pyc") {
            // What cannot be removed is stale, and does no harm unless `sourceless` is set.
            let _ = fs::remove_file(entry.path());
        }
    }
}
