//! Trees of which the result is known while that of another one is not: nothing has changed since a
//! green run but revisions of the other. What the other one goes through is run alone.
//!
//! Trees share a server. So this is done only on a data folder on which all of them stand right before
//! their heads, where neither a head of theirs nor what has changed may reach what databases share, and
//! where no tree reads what lies among another one's revisions.

use std::fs::read_to_string;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::Entry;
use super::things::{Things, Untold, real};
use crate::commands::gate::Run;
use crate::drivers::postgres::aside::may_reach_others;
use crate::recipes::prefix;
use model::event::Event;
use model::report::{Report, TreeReport};

/// What is known of a tree besides its report, for a run that only another tree is to go through.
#[derive(Serialize, Deserialize)]
pub(super) struct Apart {
    id: String,
    /// Where its revisions lie.
    folders: Vec<Utf8PathBuf>,
}

/// What is known, where that is not all.
pub(in crate::commands) struct Parts {
    trees: Vec<(usize, TreeReport)>,
    python: Vec<String>,
    /// When the oldest of it was proved, in seconds since 1970.
    pub(super) proved: u64,
    /// What all of it depends on.
    pub(super) things: Things,
}

impl Apart {
    /// Of each tree of a run; `None` where they are not apart from each other.
    pub(super) fn of(run: &Run<'_>) -> Option<Vec<Apart>> {
        let trees = run.trees.iter().enumerate();
        let apart = |(index, tree): (usize, &model::tree::Tree)| {
            let survey = run.survey(index)?;
            let [head] = survey.graph.heads.as_slice() else { return None };
            let file = &survey.graph.revisions[*head].file;
            let script = survey.scripts.iter().find(|script| script.file == *file)?;
            let folders = survey.folders.iter().map(|folder| real(folder)).collect();
            let is_apart = !may_reach_others(script.module.source());
            is_apart.then(|| Apart { id: tree.id.clone(), folders })
        };
        let trees: Vec<Apart> = trees.map(apart).collect::<Option<_>>()?;
        let seen = run.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let reads_another = seen.used_by.iter().any(|(index, used)| {
            let others = trees.iter().enumerate().filter(|(other, _)| other != index);
            let folders: Vec<&Utf8PathBuf> = others.flat_map(|(_, tree)| &tree.folders).collect();
            let mut read = used.files.iter().chain(&used.folders).map(|path| real(path));
            read.any(|path| folders.iter().any(|folder| path.starts_with(folder)))
        });
        (!reads_another && !seen.is_mixed).then_some(trees)
    }

    fn has(&self, path: &Utf8Path) -> bool {
        let lies_in = |path: &Utf8Path| self.folders.iter().any(|folder| path.starts_with(folder));
        // What is gone has no real path, but its folder has.
        lies_in(&real(path)) || path.parent().is_some_and(|folder| lies_in(&real(folder)))
    }
}

impl Parts {
    /// What is known of an entry although this has changed.
    pub(super) fn of(
        run: &Run<'_>,
        entry: Entry,
        changed: &[Utf8PathBuf],
        since: SystemTime,
    ) -> Result<Parts, Untold> {
        let apart = entry.apart.as_deref().unwrap_or_default();
        let mut todo = vec![false; apart.len()];
        for path in changed {
            let mut is_revision = false;
            for (tree, todo) in apart.iter().zip(&mut todo) {
                *todo |= tree.has(path);
                is_revision |= tree.has(path);
            }
            let is_far_reaching =
                |file: &Utf8PathBuf| may_reach_others(&read_to_string(file).unwrap_or_default());
            if !is_revision || written(path, &entry.things).iter().any(is_far_reaching) {
                return Err(Untold(format!("{path} has changed")));
            }
        }
        let things = entry.things;
        let report = entry.report.restore(since);
        let report = report.ok_or(Untold("what was kept cannot be read".into()))?;
        let is_known = |tree: &TreeReport| {
            let done = apart.iter().zip(&todo).find(|(known, _)| known.id == tree.tree);
            let of_a_step = |f: &&model::finding::Finding| f.step.is_some();
            let mut findings = report.findings.iter().chain(&report.allowed).filter(of_a_step);
            done.is_some_and(|(_, todo)| !todo)
                && !findings.any(|finding| finding.tree.as_ref() == Some(&tree.tree))
        };
        let index = |tree: &TreeReport| run.trees.iter().position(|known| known.id == tree.tree);
        let known = report.trees.iter().filter(|tree| is_known(tree));
        let trees: Vec<_> =
            known.filter_map(|tree| Some((index(tree)?, told(tree, since)))).collect();
        if trees.is_empty() {
            let path = changed.first().map_or_else(String::new, ToString::to_string);
            return Err(Untold(format!("{path} has changed")));
        }
        Ok(Parts { trees, python: report.python, proved: entry.proved, things })
    }

    /// Whether a tree is among them.
    pub(in crate::commands) fn has(&self, tree: usize) -> bool {
        self.trees.iter().any(|(known, _)| *known == tree)
    }

    /// Puts them into the report, and tells their steps as if they ran now.
    pub(in crate::commands) fn report(&self, run: &Run<'_>, report: &mut Report) {
        let since = UNIX_EPOCH + Duration::from_secs(self.proved);
        let since = humantime::format_rfc3339_seconds(since);
        for (index, known) in &self.trees {
            (run.tell)(Event::Reuse(&format!("all of {} is known since {since}", known.label)));
            for step in &known.steps {
                (run.tell)(Event::StepEnded { label: &known.label, step });
            }
            report.trees[*index] = known.clone();
        }
        report.python.clone_from(&self.python);
    }
}

/// The files that a change of this path is about: of a folder those that are new in it.
fn written(path: &Utf8Path, known: &Things) -> Vec<Utf8PathBuf> {
    let Ok(entries) = path.read_dir_utf8() else { return vec![path.to_owned()] };
    let files = entries.flatten().map(camino::Utf8DirEntry::into_path);
    files.filter(|file| file.is_file() && !known.has(file)).collect()
}

/// A tree as it was, its steps with a note since when they are known.
fn told(tree: &TreeReport, since: SystemTime) -> TreeReport {
    let steps = tree.steps.iter().map(|step| prefix::known(step, since)).collect();
    TreeReport { steps, ..tree.clone() }
}
