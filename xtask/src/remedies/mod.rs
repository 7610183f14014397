//! Verified remedies: after a red run, changes that may fix its findings are tried on mirrors of
//! the tree, and those that turn the gate green are offered.
//!
//! A remedy may take several changes, each of which uncovers the next fault. Changes that do not
//! end green are not offered.

pub mod orders;
mod trial;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use self::orders::{Order, Verdict as OrderVerdict};
use crate::lint::{self, TreeLint};
use crate::os::mirror::Changed;
use crate::recipes;
use crate::steps::runner::StepRunner;
use analysis::fix::{self, Candidate, History, Lacking, Scene, recipe};
use analysis::renumber;
use model::code::{self, Severity};
use model::finding::{FileChange, Finding, Fix};
use model::report::{Report, Verdict};
use model::supply::{Extra, Role, Supply, SupplyChange};
use model::transcript::Direction;
use model::tree::Tree;

pub use self::trial::RemedyBench;

/// How many changes one remedy may take.
const CHANGES_MAX: usize = 4;
/// How many findings of a report are looked at.
const FINDINGS_MAX: usize = 4;

/// A remedy, as far as it goes.
#[derive(Clone, Default)]
struct RemedyDraft {
    what: Vec<String>,
    files: Changed,
    extra: Vec<Extra>,
    /// The lines that it adds to the recipe.
    lines: Vec<recipe::Line>,
}

/// The search for a remedy.
struct Search<'a> {
    bench: &'a RemedyBench<'a>,
    history: Option<History>,
    /// The folders of the revisions.
    folders: &'a [Utf8PathBuf],
    /// The changes that were tried already.
    seen: RefCell<BTreeSet<String>>,
    ran_out: Cell<bool>,
    /// The findings of the report that no candidate made go away.
    unhelped: RefCell<BTreeSet<usize>>,
    /// Why changes that turned the gate green are no remedy.
    refused: RefCell<Option<String>>,
    /// Rows that downgrades lose without any remedy.
    losses: Vec<String>,
}

/// Remedies that were verified for a tree.
#[derive(Default)]
pub struct TreeRemedies {
    /// Which supplies come on top.
    pub extra: Vec<Extra>,
    /// Whether the time ran out before everything was tried.
    pub ran_out: bool,
    /// Why changes that turned the gate green are no remedy.
    pub refused: Option<String>,
}

/// Tries changes that may fix the errors of a tree, and adds the remedy that turned the gate green
/// to the finding that it began with. Changes that were tried and did not help are withdrawn.
pub fn verify(
    bench: &RemedyBench<'_>,
    report: &mut Report,
    survey: &TreeLint,
) -> Result<TreeRemedies> {
    let history = history(bench, survey)?;
    let search = Search {
        bench,
        history,
        folders: &trial::folders_of(bench.root, survey),
        seen: RefCell::default(),
        ran_out: Cell::new(false),
        unhelped: RefCell::default(),
        refused: RefCell::default(),
        losses: losses(report),
    };
    let found = search.from(&RemedyDraft::default(), report, survey, bench.root, CHANGES_MAX)?;
    let ran_out = search.ran_out.get();
    for index in search.unhelped.take() {
        report.findings[index].edit = None;
    }
    let none =
        || TreeRemedies { ran_out, refused: search.refused.take(), ..TreeRemedies::default() };
    let Some((index, state)) = found else { return Ok(none()) };
    let Some(changes) = search.changes(&state) else { return Ok(none()) };
    let patch = fix::patch(&changes);
    let code = report.findings[index].code.id;
    let mut own = Some(Fix { what: state.what, changes, patch });
    for (at, finding) in report.findings.iter_mut().enumerate() {
        let too =
            || Fix { what: vec![format!("the patch of {code} fixes this, too")], ..Fix::default() };
        if at == index {
            finding.edit = None;
            finding.fix = own.take().map(Box::new);
        } else if finding.tree.as_ref() == Some(&bench.tree.id) && is_error(finding) {
            // The gate is green with the patch.
            finding.edit = None;
            finding.fix = Some(Box::new(too()));
        }
    }
    Ok(TreeRemedies { extra: state.extra, ..TreeRemedies::default() })
}

/// Whether there is anything to try for a tree.
pub fn any(tree: &Tree, root: &Utf8Path, report: &Report, survey: &TreeLint) -> bool {
    let errors = report.findings.iter().filter(|f| f.tree.as_ref() == Some(&tree.id));
    let mut errors = errors.filter(|finding| is_error(finding)).take(FINDINGS_MAX);
    // Merged revisions limit the changes that are tried, and not whether any is tried.
    let (change, unknown) = (SupplyChange::default(), History::default());
    errors
        .any(|finding| !candidates(tree, change, finding, survey, root, Some(&unknown)).is_empty())
}

/// Changes that may fix a finding of a tree whose files lie below `root`.
fn candidates(
    tree: &Tree,
    supplies: SupplyChange<'_>,
    finding: &Finding,
    survey: &TreeLint,
    root: &Utf8Path,
    history: Option<&History>,
) -> Vec<Candidate> {
    let mut dry_run = StepRunner::dry_run(&tree.label).with_supplies(supplies);
    // A dry run touches nothing that could fail.
    let _ = recipes::run(tree, &mut dry_run);
    fix::candidates(&Scene {
        finding,
        scripts: &survey.scripts,
        graph: &survey.graph,
        given: &dry_run.finish().given,
        read: &|file| fs::read_to_string(root.join(file)).ok(),
        history,
    })
}

fn is_error(finding: &Finding) -> bool {
    finding.severity() == Severity::Error && !finding.code.infrastructure
}

/// The history of a tree's revisions by git; `None` where the merged ones are unknown.
fn history(bench: &RemedyBench<'_>, survey: &TreeLint) -> Result<Option<History>> {
    if !bench.setting.in_repository || !survey.has_base() {
        return Ok(None);
    }
    // Only where the graph is wrong does it matter which revisions are merged.
    if !survey.graph.is_wrong() {
        return Ok(None);
    }
    let merged = lint::merged(bench.tree, bench.root, &survey.scripts, bench.interrupt)?;
    let Ok(merged) = merged else { return Ok(None) };
    let arrivals = &survey.arrivals;
    let revisions = &survey.graph.revisions;
    let age = |revision: &model::graph::Revision| {
        let age = renumber::age(revision.new, arrivals.get(&revision.file));
        (revision.file.clone(), age)
    };
    Ok(Some(History { ages: revisions.iter().map(age).collect(), merged }))
}

impl Search<'_> {
    /// A remedy that goes on from a state, whose files lie below `root`; with it the finding that it
    /// begins with.
    fn from(
        &self,
        state: &RemedyDraft,
        report: &Report,
        survey: &TreeLint,
        root: &Utf8Path,
        depth: usize,
    ) -> Result<Option<(usize, RemedyDraft)>> {
        let own = Some(&self.bench.tree.id);
        let all = report.findings.iter().enumerate();
        let errors = all.filter(|(_, f)| f.tree.as_ref() == own && is_error(f)).take(FINDINGS_MAX);
        for (index, finding) in errors {
            let (mut is_tried, mut helps) = (false, false);
            for candidate in self.candidates(state, finding, survey, root) {
                if Instant::now() >= self.bench.deadline {
                    self.ran_out.set(true);
                    return Ok(None);
                }
                // Every remedy of this kind chooses among the same orders.
                if !candidate.orders.is_empty() && self.refused.borrow().is_some() {
                    continue;
                }
                let Some(next) = self.with(state, &candidate, finding, survey)? else { continue };
                if !self.seen.borrow_mut().insert(format!("{:?} {:?}", next.files, next.extra)) {
                    continue;
                }
                let tried = self.bench.gate(&next.files, &next.extra, self.folders)?;
                is_tried = true;
                let is_green = tried.report.verdict() == Verdict::Pass;
                if is_green && losses(&tried.report).iter().all(|loss| self.losses.contains(loss)) {
                    if !self.orders_agree(state, &candidate, survey)? {
                        continue;
                    }
                    return Ok(Some((index, next)));
                }
                let is_gone = !tried.report.findings.iter().any(|other| is_same(other, finding));
                helps |= is_gone;
                if let (true, Some(survey)) = (depth > 1 && is_gone, &tried.survey)
                    && let Some((_, found)) =
                        self.from(&next, &tried.report, survey, &tried.root, depth - 1)?
                {
                    return Ok(Some((index, found)));
                }
            }
            if depth == CHANGES_MAX && is_tried && !helps {
                self.unhelped.borrow_mut().insert(index);
            }
        }
        Ok(None)
    }

    /// Whether the orders that a candidate chooses among leave the same.
    fn orders_agree(
        &self,
        state: &RemedyDraft,
        candidate: &Candidate,
        survey: &TreeLint,
    ) -> Result<bool> {
        if candidate.orders.is_empty() {
            return Ok(true);
        }
        let own = Some(&candidate.files).filter(|files| !candidate.orders.contains(files));
        let all = candidate.orders.iter().chain(own);
        let names = ["the earlier first", "the later first", "the remedy"];
        let order = |(files, name): (&fix::Files, &str)| -> Order {
            let files = state.files.clone().into_iter().chain(files.iter().cloned());
            (name.to_owned(), files.collect())
        };
        let orders: Vec<Order> = all.zip(names).map(order).collect();
        let why = match orders::compare(self.bench, survey, &orders, &state.extra)? {
            OrderVerdict::Same(_) => return Ok(true),
            OrderVerdict::Differ(how) => {
                format!(
                    "a person must decide, as the two orders give different results: {}",
                    how.join("; ")
                )
            }
            OrderVerdict::NotTried(why) => format!("whether the order matters: {why}"),
        };
        *self.refused.borrow_mut() = Some(why);
        Ok(false)
    }

    fn candidates(
        &self,
        state: &RemedyDraft,
        finding: &Finding,
        survey: &TreeLint,
        root: &Utf8Path,
    ) -> Vec<Candidate> {
        let RemedyBench { tree, setting, .. } = self.bench;
        let change = SupplyChange { without: setting.supplies.without, extra: &state.extra };
        candidates(tree, change, finding, survey, root, self.history.as_ref())
    }

    /// A state with a candidate; `None` where it cannot be tried.
    fn with(
        &self,
        state: &RemedyDraft,
        candidate: &Candidate,
        finding: &Finding,
        survey: &TreeLint,
    ) -> Result<Option<RemedyDraft>> {
        let mut next = state.clone();
        next.what.push(candidate.what.clone());
        // The gate changes no file outside the root.
        if candidate.files.iter().any(|(file, _)| file.is_absolute()) {
            return Ok(None);
        }
        // A file that is not UTF-8 cannot be restored, and a file behind a link cannot be mirrored.
        let can_be_mirrored = |file: &Utf8PathBuf| {
            let path = self.bench.root.join(file);
            let folder = path.parent().unwrap_or(self.bench.root);
            let is_real = folder.canonicalize_utf8().is_ok_and(|real| real == folder);
            is_real && (!path.exists() || fs::read_to_string(&path).is_ok())
        };
        if !candidate.files.iter().all(|(file, _)| can_be_mirrored(file)) {
            return Ok(None);
        }
        next.files.extend(candidate.files.iter().cloned());
        let Some(lacking) = &candidate.lacking else { return Ok(Some(next)) };
        if self.bench.tree.recipe.is_none() {
            return Ok(None);
        }
        let needed_by = finding.revision.as_deref().unwrap_or_default();
        let (after, what, line) = match lacking {
            Lacking::Role(name) => {
                let create = recipe::create(name);
                let (name, create): (&str, &str) = (name.clone().leak(), create.leak());
                let required_by = format!("{needed_by}+").leak();
                let role = Role { name, required_by, create };
                (None, Supply::Role(role), recipe::role(name, needed_by))
            }
            Lacking::Row(lookup) => {
                let row =
                    self.bench.row((&next.files, &next.extra), self.folders, lookup, survey)?;
                let Some(mut row) = row else { return Ok(None) };
                row.required_by = needed_by.to_owned().leak();
                let line = recipe::row(lookup, needed_by, row.insert, row.exists);
                (Some(lookup.after.clone()), Supply::Row(row), line)
            }
        };
        next.extra.push(Extra { label: self.bench.tree.label.clone(), after, what });
        next.lines.push(line);
        Ok(Some(next))
    }

    /// The files that a remedy changes, that of the recipe among them; `None` where a supply cannot be
    /// written into the recipe.
    fn changes(&self, state: &RemedyDraft) -> Option<Vec<FileChange>> {
        let read = |file: &Utf8Path| fs::read_to_string(self.bench.root.join(file)).ok();
        let mut files = state.files.clone();
        if !state.lines.is_empty() {
            let file = Utf8PathBuf::from(self.bench.tree.recipe_file()?);
            let add =
                |text: String, line: &recipe::Line| recipe::added(&text, &self.bench.tree.id, line);
            let added = state.lines.iter().try_fold(read(&file)?, add)?;
            files.insert(file, Some(added));
        }
        let change = |(file, after): (Utf8PathBuf, Option<String>)| {
            let before = read(&file);
            (before != after).then_some(FileChange { file, before, after })
        };
        Some(files.into_iter().filter_map(change).collect())
    }
}

/// Rows that downgrades lose. This is a warning, so a remedy that causes it would be green.
fn losses(report: &Report) -> Vec<String> {
    let lost =
        |f: &&Finding| f.code == &code::DATA_LOST && f.direction() == Some(Direction::Downgrade);
    report.findings.iter().filter(lost).map(|f| f.message.clone()).collect()
}

/// Whether two findings are about the same fault.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.revision == other.revision && one.message == other.message
}
