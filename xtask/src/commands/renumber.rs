//! `cargo xtask migration-gate renumber`: mends colliding revisions, or says why it does not.
//!
//! The files are linted again afterwards; where anything is worse than before, every one of them is
//! put back as it was.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};

use super::lint;
use crate::drivers::git::Git;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::tree_files;
use crate::flags::Renumber;
use crate::recipes::survey::{Survey, Terms};
use analysis::renumber::{self, Change, Plan};
use model::code::Severity;
use model::finding::Finding;
use model::tree::Tree;

/// What came of it.
#[derive(Default)]
pub struct Done {
    /// For stdout: what was done, or the patch.
    pub text: String,
    /// For stderr.
    pub notes: Vec<String>,
    /// Whether nothing is left to mend.
    pub mended: bool,
}

/// Mends the trees that were asked for.
pub fn run(flags: &Renumber, interrupt: &Interrupt) -> Result<Done> {
    let (root, surveys) =
        lint::surveys(&flags.which, Terms::since(flags.since.as_deref()), interrupt)?;
    let mut done = Done { mended: true, ..Done::default() };
    for (tree, survey) in &surveys {
        let git = Git::at(&tree.cwd, &root, interrupt)?
            .map_err(|why| anyhow!("cannot renumber without git's history: {why}"))?;
        let work = Work { flags, root: &root, tree, survey, git: &git, interrupt };
        match work.plan()? {
            Ok(plan) => work.carry_out(&plan, &mut done)?,
            Err(why) => {
                done.mended = false;
                done.notes.push(format!("{}: nothing was changed: {why}", tree.label));
            }
        }
    }
    Ok(done)
}

struct Work<'a> {
    flags: &'a Renumber,
    root: &'a Utf8Path,
    tree: &'a Tree,
    survey: &'a Survey,
    git: &'a Git<'a>,
    interrupt: &'a Interrupt,
}

impl Work<'_> {
    fn plan(&self) -> Result<Result<Plan, String>> {
        let survey = self.survey;
        if !survey.graph.whole {
            let why = "some files do not say what they are; `lint` says which, mend those first";
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
        let files: Vec<Utf8PathBuf> =
            survey.scripts.iter().map(|script| script.file.clone()).collect();
        let merged = self.git.merged(&files)?;
        let fixed = |index: usize| match survey.graph.revisions[index].new {
            true => merged.get(&files[index]).cloned(),
            false => survey.base.rev.clone(),
        };
        let arrivals = self.git.arrivals(&survey.folders)?;
        let age = |index: usize| {
            let arrival = arrivals.get(&survey.scripts[index].file);
            renumber::age(survey.graph.revisions[index].new, arrival)
        };
        let mut bytes = Vec::new();
        for script in &survey.scripts {
            let file = self.root.join(&script.file);
            bytes.push(
                tree_files::read(&file)
                    .map_err(|err| anyhow::anyhow!("cannot read `{file}` again: {err}"))?,
            );
        }
        let plan = match renumber::plan(&survey.scripts, &bytes, &age, &fixed) {
            Ok(plan) => plan,
            Err(why) => return Ok(Err(why)),
        };
        let files: Vec<Utf8PathBuf> = plan.changes.iter().map(|c| c.from.clone()).collect();
        let dirty = if files.is_empty() { Vec::new() } else { self.git.dirty(&files)? };
        if !dirty.is_empty() && !self.flags.dry_run {
            let dirty: Vec<&str> = dirty.iter().map(|file| file.as_str()).collect();
            return Ok(Err(format!("commit or stash your changes to {} first", dirty.join(", "))));
        }
        Ok(Ok(plan))
    }

    fn carry_out(&self, plan: &Plan, done: &mut Done) -> Result<()> {
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
        self.apply(&plan.changes)?;
        if let Some(worse) = self.worse()? {
            undo(self.root, &plan.changes)?;
            done.mended = false;
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
        done.notes.push(format!(
            "{label}: order is not content; whether the revisions fit in this order the gate tells: \
             `cargo xtask migration-gate {}`",
            self.tree.id
        ));
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
        let terms = Terms::since(self.flags.since.as_deref());
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
