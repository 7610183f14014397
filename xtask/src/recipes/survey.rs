//! Surveys a tree: reads its settings and its files, builds its graph, and lints it. Nothing of it
//! is run, and neither Postgres nor Python is needed.

use std::cell::OnceCell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use super::steps::Steps;
use crate::analysis::lints::{self, Subject};
use crate::analysis::script::{Script, Trouble};
use crate::analysis::{graph, settings};
use crate::drivers::git::Git;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::tree_files;
use crate::model::code;
use crate::model::files::{Base, Listing, Settings, is_revision_name};
use crate::model::finding::Finding;
use crate::model::graph::Graph;
use crate::model::tree::Tree;

/// How many files one thread takes at a time.
const CHUNK: usize = 32;

/// Up to how many bytes of revisions all are parsed, whatever the base branch says of them.
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
    /// Whether there is a base branch, which says what is new.
    has_base: bool,
}

impl Survey {
    /// The graph, where it is what is wrong.
    pub fn wrong_graph(&self) -> Option<Graph> {
        self.graph.is_wrong().then(|| self.graph.clone())
    }

    /// The revisions that the base branch does not have; without a base branch the head, and of
    /// several heads none.
    pub fn new_revisions(&self) -> Vec<String> {
        let new = self.graph.revisions.iter().filter(|revision| revision.new);
        let new: Vec<String> = new.map(|revision| revision.id.clone()).collect();
        if self.has_base || new.len() == 1 { new } else { Vec::new() }
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
}

impl<'a> Terms<'a> {
    /// Whole recipes, in a repository.
    pub fn since(since: Option<&'a str>) -> Terms<'a> {
        Terms { since, without: &[], in_repository: true }
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
    let settings: Vec<Settings> = trees
        .iter()
        .map(|tree| {
            let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
            settings::understand(&texts, &tree.cwd, "alembic")
        })
        .collect();
    let folders: Vec<Utf8PathBuf> = settings.iter().flat_map(tree_files::folders).collect();
    // Git is asked while the files are read.
    let (base, read) = thread::scope(|scope| {
        let base = scope.spawn(|| {
            if !terms.in_repository {
                return Ok(None);
            }
            match Git::at(&first.cwd, root, interrupt)? {
                Some(git) => git.base(terms.since, &folders),
                None => Ok(None),
            }
        });
        let read: Vec<Read> = settings.iter().map(|settings| read(settings, root)).collect();
        let base = base.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (base, read)
    });
    let base = base?;
    let trees = trees.iter().zip(settings).zip(read);
    Ok(trees
        .map(|((tree, settings), read)| {
            judge(tree, root, &settings, read, (base.as_ref(), terms.without))
        })
        .collect())
}

/// The revision files of a tree, as far as they can be read.
pub fn scripts(tree: &Tree, root: &Utf8Path) -> Vec<Script> {
    let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
    read(&settings::understand(&texts, &tree.cwd, "alembic"), root).scripts
}

/// What the files of a tree say.
struct Read {
    listing: Listing,
    scripts: Vec<Script>,
    troubles: Vec<(Utf8PathBuf, Trouble)>,
}

fn read(settings: &Settings, root: &Utf8Path) -> Read {
    let mut listing = tree_files::list(settings);
    let read = in_parallel(&listing.files, |file| read_file(file, root));
    for file in &mut listing.twice {
        *file = shown(file, root).to_owned();
    }
    let mut all = Read { listing, scripts: Vec::new(), troubles: Vec::new() };
    for (file, (script, troubles)) in read {
        all.scripts.extend(script);
        all.troubles.extend(troubles.into_iter().map(|trouble| (file.clone(), trouble)));
    }
    all
}

type ReadFile = (Utf8PathBuf, (Option<Script>, Vec<Trouble>));

/// Does the same with many things, on as many threads as there are processors, and keeps the order.
fn in_parallel<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let chunks: Vec<&[T]> = things.chunks(CHUNK).collect();
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(at) else { return done };
            done.push((at, chunk.iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(chunks.len())).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

fn read_file(file: &Utf8Path, root: &Utf8Path) -> ReadFile {
    let name = shown(file, root).to_owned();
    let read = match tree_files::read(file) {
        Ok(bytes) => Script::read(&name, &bytes),
        Err(err) => {
            let message = format!("it cannot be read: {err}");
            let (code, line) = (&code::UNREADABLE, None);
            (None, vec![Trouble { code, line, message, leaves_a_gap: true }])
        }
    };
    (name, read)
}

fn judge(
    tree: &Tree,
    root: &Utf8Path,
    settings: &Settings,
    read: Read,
    (base, without): (Option<&Base>, &[String]),
) -> Survey {
    let Read { listing, scripts, mut troubles } = read;
    let base = base.map(|base| base_of(base, settings, root));
    let base = base.as_ref();
    let looked_into = doubtful(&scripts, base);
    troubles.extend(look_into(&scripts, &looked_into));
    let mut graph = graph::build(&scripts.iter().collect::<Vec<_>>());
    graph.whole &= !troubles.iter().any(|(_, trouble)| trouble.leaves_a_gap)
        && listing.unknown.is_empty()
        && settings.unknown.is_empty();
    mark_new(&mut graph, base);
    let before = base.map(|base| (base, graph_of_base(&scripts, base)));
    let ini = tree.ini_path();
    // A rehearsal touches nothing that could fail.
    let mut rehearsal = Steps::rehearsal(&tree.label).without(without);
    let _ = super::run(tree.recipe, &mut rehearsal);
    let given = rehearsal.finish().given;
    let subject = Subject {
        label: &tree.label,
        scripts: &scripts,
        graph: &graph,
        troubles: &troubles,
        listing: &listing,
        unknown_settings: &settings.unknown,
        ini: shown(&ini, root),
        base: before.as_ref().map(|(base, graph)| (*base, graph)),
        looked_into: &looked_into,
        given: &given,
        recipe: tree.recipe.file(),
        events: OnceCell::new(),
    };
    let mut findings = lints::lint(&subject);
    for finding in &mut findings {
        finding.tree = Some(tree.id.clone());
    }
    let (allowed, findings) = findings.into_iter().partition(|f| f.allowed.is_some());
    let (folders, has_base) = (tree_files::folders(settings), base.is_some());
    Survey { scripts, graph, findings, allowed, folders, has_base }
}

/// Which files are parsed whole. In a tree so large that parsing it all would take too long, only
/// those that the base branch does not have as they are: the others it has gated.
fn doubtful(scripts: &[Script], base: Option<&Base>) -> Vec<bool> {
    let size: usize = scripts.iter().map(|script| script.module.source().len()).sum();
    let is_gated = |script: &Script| {
        base.is_some_and(|base| {
            let changed = base.changed.iter().any(|changed| changed.file == script.file);
            base.files.contains(&script.file) && !changed
        })
    };
    let is_doubtful =
        |script: &Script| size <= PARSED_WHOLE || (base.is_some() && !is_gated(script));
    scripts.iter().map(is_doubtful).collect()
}

/// Reads what the files do, for the lints, and returns what is wrong with their syntax.
fn look_into(scripts: &[Script], looked_into: &[bool]) -> Vec<(Utf8PathBuf, Trouble)> {
    let chosen = scripts.iter().zip(looked_into).filter(|(_, looked)| **looked);
    let chosen: Vec<&Script> = chosen.map(|(script, _)| script).collect();
    let broken = in_parallel(&chosen, |script| {
        script.body();
        Some((script.file.clone(), script.syntax()?))
    });
    broken.into_iter().flatten().collect()
}

/// With no base branch to compare with, what is new is the head.
fn mark_new(graph: &mut Graph, base: Option<&Base>) {
    match base {
        Some(base) => {
            for revision in &mut graph.revisions {
                revision.new = !base.files.contains(&revision.file);
            }
        }
        None => {
            for head in graph.heads.clone() {
                graph.revisions[head].new = true;
            }
        }
    }
}

/// As much of the base branch as lies where Alembic looks for this tree's revisions.
fn base_of(base: &Base, settings: &Settings, root: &Utf8Path) -> Base {
    let folders = tree_files::folders(settings);
    let is_ours = |file: &Utf8Path| {
        let file = root.join(file);
        let below = |folder: &Utf8PathBuf| match settings.recursive {
            true => file.starts_with(folder),
            false => file.parent() == Some(folder),
        };
        folders.iter().any(below) && file.file_name().is_some_and(is_revision_name)
    };
    Base {
        name: base.name.clone(),
        files: base.files.iter().filter(|file| is_ours(file)).cloned().collect(),
        changed: base.changed.iter().filter(|changed| is_ours(&changed.file)).cloned().collect(),
    }
}

/// The graph as the base branch has it: what is not new, as it was before this change.
fn graph_of_base(scripts: &[Script], base: &Base) -> Graph {
    let is_changed = |file: &Utf8Path| base.changed.iter().any(|changed| changed.file == file);
    let before: Vec<Script> = base
        .changed
        .iter()
        .filter_map(|changed| Script::read(&changed.file, &changed.before).0)
        .collect();
    let same = scripts.iter().filter(|s| base.files.contains(&s.file) && !is_changed(&s.file));
    let mut all: Vec<&Script> = same.chain(&before).collect();
    all.sort_by(|a, b| a.file.cmp(&b.file));
    graph::build(&all)
}

/// A file as it is shown: relative to the root where it lies below.
fn shown<'a>(file: &'a Utf8Path, root: &Utf8Path) -> &'a Utf8Path {
    file.strip_prefix(root).unwrap_or(file)
}
