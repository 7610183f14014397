//! Lints of a tree: its settings and files are read, its graph is built, and each lint is asked.
//! Nothing of it is run, and neither Postgres nor Python is needed.

mod compare;
mod merged;
mod read;
#[cfg(test)]
mod real_trees;
mod terms;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::thread;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use self::compare::{
    BaseComparison, arrivals, base_of, collide, compare, graph_of_base, has_new, is_merged,
    mark_new, moved, not_checked_out, others, repository_of,
};
pub use self::merged::merged;
use self::read::{TreeFiles, shown};
pub use self::terms::LintOptions;
use crate::os::interrupt::Interrupt;
use crate::os::process::quote_all;
use crate::os::tree_files;
use crate::steps::runner::StepRunner;
use analysis::collisions::Collision;
use analysis::lints::{self, Subject, SubjectFiles, SubjectTree};
use analysis::production::{self, Sizes};
use analysis::script::Script;
use analysis::{collisions, graph, settings};
use model::files::{Arrival, Settings};
use model::finding::{Finding, Standing};
use model::graph::Graph;
use model::report::Comparison;
use model::supply::{Given, SupplyChange};
use model::tree::{Target, Tree};

/// Scripts, graph and findings of a tree, as lint sees them.
pub struct TreeLint {
    /// The files that say which revision they are.
    pub scripts: Vec<Script>,
    /// How they hang together; its indexes are theirs.
    pub graph: Graph,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Findings that the files allow.
    pub allowed: Vec<Finding>,
    /// How the revisions came into git's history, where some collide.
    pub arrivals: HashMap<Utf8PathBuf, Arrival>,
    /// The base, which decides which revisions are new.
    pub base: Comparison,
    /// Collisions with other branches.
    pub collisions: Vec<Collision>,
    /// Why some branches could not be read.
    pub unseen: Option<String>,
}

impl TreeLint {
    /// The graph, if it is at fault.
    pub fn wrong_graph(&self) -> Option<Graph> {
        self.graph.is_wrong().then(|| self.graph.clone())
    }

    /// Whether there is a base branch, which decides which revisions are new.
    pub fn has_base(&self) -> bool {
        self.base.rev.is_some()
    }

    /// The revisions that the base branch does not have; without a base branch the head, and of
    /// several heads none.
    pub fn new_revisions(&self) -> Vec<String> {
        let new = self.graph.revisions.iter().filter(|revision| revision.new);
        let new: Vec<String> = new.map(|revision| revision.id.clone()).collect();
        if self.has_base() || new.len() == 1 { new } else { Vec::new() }
    }
}

/// Surveys trees, against the base branch where there is one. Fails where `since` is given and names
/// nothing, or the run is interrupted.
pub fn survey(
    trees: &[Tree],
    root: &Utf8Path,
    terms: LintOptions<'_>,
    interrupt: &Interrupt,
) -> Result<Vec<TreeLint>> {
    let Some(first) = trees.first() else { return Ok(Vec::new()) };
    // A submodule is a repository of its own.
    if trees.iter().any(|tree| repository_of(tree) != repository_of(first)) {
        let each =
            trees.iter().map(|tree| survey(std::slice::from_ref(tree), root, terms, interrupt));
        return Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
    }
    let settings: Vec<Settings> = trees
        .iter()
        .map(|tree| {
            let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
            settings::understand(&texts, &tree.cwd, &tree.section)
        })
        .collect();
    let folders: Vec<Utf8PathBuf> = settings.iter().flat_map(tree_files::folders).collect();
    // Git is asked while the files are read.
    let (base, read) = thread::scope(|scope| {
        let base = scope.spawn(|| compare(first, root, terms, &folders, interrupt));
        let read = read::all(&settings, root);
        read::look_into(&read.iter().flat_map(|tree| &tree.scripts).collect::<Vec<_>>());
        let base = base.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (base, read)
    });
    let compared = &base?;
    thread::scope(|scope| {
        let trees = trees.iter().zip(&settings).zip(read);
        let surveys = trees.map(|((tree, settings), read)| {
            scope.spawn(move || judge(tree, root, settings, read, compared, terms))
        });
        // All are begun before the first is waited for.
        let surveys: Vec<_> = surveys.collect();
        let panicked = |panic| std::panic::resume_unwind(panic);
        surveys.into_iter().map(|survey| survey.join().unwrap_or_else(panicked)).collect()
    })
}

/// The revision files of a tree, as far as they can be read.
pub fn scripts(tree: &Tree, root: &Utf8Path) -> Vec<Script> {
    let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
    let settings = settings::understand(&texts, &tree.cwd, &tree.section);
    read::all(&[settings], root).into_iter().flat_map(|read| read.scripts).collect()
}

fn judge(
    tree: &Tree,
    root: &Utf8Path,
    settings: &Settings,
    read: TreeFiles,
    compared: &BaseComparison<'_>,
    terms: LintOptions<'_>,
) -> Result<TreeLint> {
    let TreeFiles { listing, scripts, mut troubles } = read;
    let base = compared.files.as_ref().map(|base| base_of(base, settings, root));
    let base = base.as_ref();
    let mut graph = graph::build(&scripts.iter().collect::<Vec<_>>());
    let has_gap = troubles.iter().any(|(_, trouble)| trouble.leaves_a_gap);
    graph.whole &= !has_gap && listing.unknown.is_empty() && settings.unknown.is_empty();
    mark_new(&mut graph, base);
    troubles.extend(scripts.iter().filter_map(|s| Some((s.file.clone(), s.syntax()?))));
    let before = base.map(|base| (base, graph_of_base(&scripts, base)));
    let mut told = compared.told.clone();
    told.moved.extend(before.as_ref().and_then(|(base, graph)| moved(tree, &scripts, base, graph)));
    told.moved.extend(not_checked_out(compared, settings, (tree, &graph))?);
    let arrivals = if graph.collides() { arrivals(compared, settings)? } else { HashMap::new() };
    let subject = Subject {
        tree: subject_tree(tree, root, terms),
        files: SubjectFiles {
            unknown_settings: settings.unknown.clone(),
            application: application(&scripts, settings, tree, root),
            sizes: sizes(&scripts, &graph, root),
            listing,
            troubles,
        },
        scripts: &scripts,
        graph: &graph,
        base: before.as_ref().map(|(base, graph)| (*base, graph)),
        arrivals,
        events: OnceCell::new(),
    };
    let asked = terms.others && (terms.every_branch || has_new(&graph, base));
    let others = if asked { others(compared, settings, root, terms)? } else { Default::default() };
    let (theirs, unseen) = others;
    let of_base = before.as_ref().map(|(base, graph)| (base.name.as_str(), graph));
    let named = quote_all(tree.arguments().iter());
    let collisions = collisions::collisions(&named, (&scripts, &graph), of_base, &theirs);
    told.moved.extend(collide(&collisions, tree));
    told.moved.extend(unseen.iter().map(|unseen| format!("{}: {unseen}", tree.label)));
    let (findings, arrivals) = (lints::lint(&subject), subject.arrivals);
    let judged = findings.into_iter().map(|finding| {
        let merged = !terms.all && base.is_some_and(|base| is_merged(&finding, base));
        let standing = if merged { Standing::Merged } else { finding.standing };
        Finding { tree: Some(tree.id.clone()), standing, ..finding }
    });
    let (allowed, findings) = judged.partition(|finding| finding.allowed.is_some());
    Ok(TreeLint { scripts, graph, findings, allowed, arrivals, base: told, collisions, unseen })
}

/// The sizes of production, where they can be read: what cannot is told by a rehearsal and `doctor`.
fn sizes(scripts: &[Script], graph: &Graph, root: &Utf8Path) -> Option<Sizes> {
    let newest = scripts.get(*graph.walk.first()?)?;
    let text = tree_files::read(&production::sizes_of(&root.join(&newest.file))?).ok()?;
    Sizes::read(&String::from_utf8_lossy(&text)).ok()
}

fn subject_tree(tree: &Tree, root: &Utf8Path, terms: LintOptions<'_>) -> SubjectTree {
    SubjectTree {
        label: tree.label.clone(),
        several: tree.target == Target::Heads,
        irreversible: tree.irreversible.is_some(),
        ini: shown(&tree.ini_path(), root).to_owned(),
        given: given(tree, terms.supplies),
        recipe: tree.recipe_file(),
    }
}

/// The supplies of a tree's recipe.
fn given(tree: &Tree, change: SupplyChange<'_>) -> Vec<Given> {
    // A dry run touches nothing that could fail.
    let mut dry_run = StepRunner::dry_run(&tree.label).with_supplies(change);
    let _ = crate::recipes::run(tree, &mut dry_run);
    dry_run.finish().given
}

/// The modules that revisions import and that lie in this repository, but for those that lie beside
/// the revisions: these are made for them. And those that the tree is not run with at all.
fn application(
    scripts: &[Script],
    settings: &Settings,
    tree: &Tree,
    root: &Utf8Path,
) -> HashMap<String, Option<Utf8PathBuf>> {
    let imports = scripts.iter().flat_map(|script| &script.body().imports);
    let modules: HashSet<&str> = imports.map(|import| import.module.as_str()).collect();
    let mut roots = settings.import_roots.clone();
    roots.extend([tree.cwd.join("src"), tree.ini_path().with_file_name(""), root.to_owned()]);
    let folders = tree_files::folders(settings);
    let beside: Vec<&Utf8Path> = folders.iter().filter_map(|folder| folder.parent()).collect();
    roots.extend(beside.iter().map(|folder| folder.to_path_buf()));
    let is_beside = |file: &Utf8Path| {
        let file = file.canonicalize_utf8().unwrap_or(file.to_owned());
        beside.iter().any(|folder| file.starts_with(folder))
    };
    // The environment of another tree is not known here.
    let known = tree.requirements.as_ref().and_then(|file| tree_files::read(file).ok());
    let known = known.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // A helper of migrations is no code of the application, wherever it lies.
    let is_helper = |file: &Utf8Path| {
        let text = tree_files::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines()
            .any(|line| ["from alembic", "import alembic"].iter().any(|i| line.starts_with(i)))
    };
    let mut found = HashMap::new();
    for name in modules.into_iter().filter(|name| !lints::comes_with_python(name)) {
        let file = tree_files::module(name, &roots);
        let missing = known.as_ref().is_some_and(|known| !lints::is_required(name, known));
        let is_theirs = match &file {
            Some(file) => !is_beside(file) && !is_helper(file),
            None => missing && !name.starts_with('.'),
        };
        if is_theirs {
            found.insert(name.to_owned(), file.map(|file| shown(&file, root).to_owned()));
        }
    }
    found
}
