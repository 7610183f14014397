//! Lints of a tree: its settings and files are read, its graph is built, and each lint is asked.
//! Nothing of it is run, and neither Postgres nor Python is needed.

mod compare;
mod read;
#[cfg(test)]
mod real_trees;
#[cfg(test)]
mod tests;

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::thread;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use self::compare::{
    Compared, base_of, collide, compare, graph_of_base, has_new, is_merged, mark_new, moved,
    others, repository_of,
};
use self::read::Read;
use crate::os::interrupt::Interrupt;
use crate::os::tree_files;
use crate::steps::runner::Steps;
use analysis::collisions::Collision;
use analysis::lints::{self, Subject};
use analysis::mentions::Names;
use analysis::script::Script;
use analysis::{collisions, graph, settings};
use model::files::{Base, Settings};
use model::finding::{Finding, Standing};
use model::graph::Graph;
use model::report::Comparison;
use model::tree::{Target, Tree};

/// Up to how many bytes of revisions all are looked into, whatever the base branch says of them.
const PARSED_WHOLE: usize = 1 << 20;

/// What was found out about a tree.
pub struct Survey {
    /// The files that say which revision they are.
    pub scripts: Vec<Script>,
    /// How they hang together; its indexes are theirs.
    pub graph: Graph,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What would be wrong, had the files not allowed it.
    pub allowed: Vec<Finding>,
    /// The folders in which revisions lie, absolute.
    pub folders: Vec<Utf8PathBuf>,
    /// What it was compared with, which says what is new.
    pub base: Comparison,
    /// What will collide with other branches.
    pub collisions: Vec<Collision>,
}

impl Survey {
    /// The graph, where it is what is wrong.
    pub fn wrong_graph(&self) -> Option<Graph> {
        self.graph.is_wrong().then(|| self.graph.clone())
    }

    /// Whether there is a base branch, which says what is new.
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

/// What a survey goes by, beside the files.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What a new revision is one that it lacks; `None`: the usual base branches.
    pub since: Option<&'a str>,
    /// The names of the supplies that the recipes leave out.
    pub without: &'a [String],
    /// Whether what git knows of the folder is about the trees.
    pub in_repository: bool,
    /// Whether merged revisions are judged as strictly as new ones.
    pub all: bool,
    /// Whether other branches are looked at.
    pub others: bool,
    /// Whether they are even where this one brings no revision.
    pub every_branch: bool,
    /// Whether trees are read whole that are so large that it takes seconds.
    pub whole: bool,
}

impl<'a> Terms<'a> {
    /// Whole recipes, in a repository.
    pub fn since(since: Option<&'a str>) -> Terms<'a> {
        Terms {
            since,
            without: &[],
            in_repository: true,
            all: false,
            others: false,
            every_branch: false,
            whole: false,
        }
    }
}

/// Surveys trees, against the base branch where there is one. Fails where `since` is given and names
/// nothing, or the run is interrupted.
pub fn survey(
    trees: &[Tree],
    root: &Utf8Path,
    terms: Terms<'_>,
    interrupt: &Interrupt,
) -> Result<Vec<Survey>> {
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
    // Git is asked while the files are read. What a tree of usual size does is read without waiting
    // for the answer.
    let (base, read) = thread::scope(|scope| {
        let base = scope.spawn(|| compare(first, root, terms, &folders, interrupt));
        let read = read::all(&settings, root);
        let small = read.iter().filter(|tree| terms.whole || tree.size() <= PARSED_WHOLE);
        read::look_into(&small.flat_map(|tree| &tree.scripts).collect::<Vec<_>>());
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
    read: Read,
    compared: &Compared<'_>,
    terms: Terms<'_>,
) -> Result<Survey> {
    let is_whole = terms.whole || read.size() <= PARSED_WHOLE;
    let Read { listing, scripts, mut troubles } = read;
    let base = compared.files.as_ref().map(|base| base_of(base, settings, root));
    let base = base.as_ref();
    let mut graph = graph::build_again(&scripts.iter().collect::<Vec<_>>(), None);
    graph.whole &= !troubles.iter().any(|(_, trouble)| trouble.leaves_a_gap)
        && listing.unknown.is_empty()
        && settings.unknown.is_empty();
    mark_new(&mut graph, base);
    let mut looked_into = vec![is_whole; scripts.len()];
    if !is_whole {
        looked_into = doubtful(&graph, base);
    }
    read::look_into(&chosen(&scripts, &looked_into));
    let broken = |script: &&Script| Some((script.file.clone(), script.syntax()?));
    troubles.extend(chosen(&scripts, &looked_into).iter().filter_map(broken));
    let before = base.map(|base| (base, graph_of_base(&scripts, base, None)));
    let mut told = compared.told.clone();
    told.moved.extend(before.as_ref().and_then(|(base, graph)| moved(tree, &scripts, base, graph)));
    let folders = tree_files::folders(settings);
    // Only where revisions collide does it matter which of them came later.
    let arrivals = match compared.git.as_ref().filter(|_| graph.collides()) {
        Some(git) => git.arrivals(&folders)?,
        None => HashMap::new(),
    };
    let (ini, recipe) = (tree.ini_path(), tree.recipe_file());
    // A rehearsal touches nothing that could fail.
    let mut rehearsal = Steps::rehearsal(&tree.label).without(terms.without);
    let _ = crate::recipes::run(tree, &mut rehearsal);
    let given = rehearsal.finish().given;
    let application = application(&chosen(&scripts, &looked_into), settings, tree, root);
    let walked = RefCell::new(None);
    let subject = |followed| Subject {
        label: &tree.label,
        several: tree.target == Target::Heads,
        scripts: &scripts,
        graph: &graph,
        troubles: &troubles,
        listing: &listing,
        unknown_settings: &settings.unknown,
        ini: shown(&ini, root),
        base: before.as_ref().map(|(base, graph)| (*base, graph)),
        arrivals: &arrivals,
        looked_into: &looked_into,
        followed,
        application: &application,
        given: &given,
        recipe: recipe.as_deref(),
        events: OnceCell::new(),
        walked: &walked,
    };
    let collisions = match terms.others && (terms.every_branch || has_new(&graph, base)) {
        true => {
            let of_base = before.as_ref().map(|(base, graph)| (base.name.as_str(), graph));
            let theirs = others(compared, settings, root)?;
            collisions::collisions(&tree.id, (&scripts, &graph), of_base, &theirs)
        }
        false => Vec::new(),
    };
    told.moved.extend(collide(&collisions));
    let all = vec![true; scripts.len()];
    let followed = if is_whole { all.clone() } else { follow(&scripts, &looked_into) };
    let mut seen = subject(&followed);
    if !is_whole && seen.shows_anything() {
        // A name may be put together where no search finds it: before anything is said, all is read.
        read::look_into(&chosen(&scripts, &all));
        seen = subject(&all);
    }
    let mut findings = lints::lint(&seen);
    drop(seen);
    for finding in &mut findings {
        finding.tree = Some(tree.id.clone());
        if !terms.all && base.is_some_and(|base| is_merged(finding, base)) {
            finding.standing = Standing::Merged;
        }
    }
    let (allowed, findings) = findings.into_iter().partition(|f| f.allowed.is_some());
    Ok(Survey { scripts, graph, findings, allowed, folders, base: told, collisions })
}

/// The modules that revisions import and that lie in this repository, but for those that lie beside
/// the revisions: these are made for them. And those that the tree is not run with at all.
fn application(
    scripts: &[&Script],
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
    // What another tree is run with is not known here.
    let known = tree.recipe.and_then(|_| tree_files::read(&tree.requirements).ok());
    let known = known.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut found = HashMap::new();
    for name in modules.into_iter().filter(|name| !lints::comes_with_python(name)) {
        let file = tree_files::module(name, &roots);
        let missing = known.as_ref().is_some_and(|known| !lints::is_required(name, known));
        let is_theirs = match &file {
            Some(file) => !is_beside(file),
            None => missing && !name.starts_with('.'),
        };
        if is_theirs {
            found.insert(name.to_owned(), file.map(|file| shown(&file, root).to_owned()));
        }
    }
    found
}

fn chosen<'a>(scripts: &'a [Script], flags: &[bool]) -> Vec<&'a Script> {
    scripts.iter().zip(flags).filter(|(_, chosen)| **chosen).map(|(script, _)| script).collect()
}

/// Which files of a very large tree are looked into: those that the base branch does not have as
/// they are. The others it has gated.
fn doubtful(graph: &Graph, base: Option<&Base>) -> Vec<bool> {
    let changed: HashSet<&Utf8PathBuf> =
        base.into_iter().flat_map(|base| &base.changed).map(|changed| &changed.file).collect();
    graph.revisions.iter().map(|it| it.new || changed.contains(&it.file)).collect()
}

/// Which files of a very large tree have to do with those that are looked into, and these.
fn follow(scripts: &[Script], looked_into: &[bool]) -> Vec<bool> {
    let mut names = Names::default();
    for script in chosen(scripts, looked_into) {
        names.add_touched(script.body());
    }
    let mut followed = looked_into.to_vec();
    loop {
        let others: Vec<usize> = (0..scripts.len()).filter(|index| !followed[*index]).collect();
        let hits = read::in_parallel(&others, |index| {
            let script = &scripts[*index];
            let hit = names.are_in(script.module.source());
            hit.then(|| script.body()).is_some()
        });
        let mut is_wider = false;
        for (index, _) in others.into_iter().zip(hits).filter(|(_, hit)| *hit) {
            followed[index] = true;
            is_wider |= names.add_related(scripts[index].body());
        }
        if !is_wider {
            return followed;
        }
    }
}

/// A file as it is shown: relative to the root where it lies below.
fn shown<'a>(file: &'a Utf8Path, root: &Utf8Path) -> &'a Utf8Path {
    file.strip_prefix(root).unwrap_or(file)
}
