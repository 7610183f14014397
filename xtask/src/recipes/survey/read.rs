//! Reads the files of trees, on all processors at once. The work of a file is that of its parser, so
//! the files of all trees lie in one heap.

use std::collections::HashMap;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Recalled, shown};
use crate::drivers::tree_files;
use analysis::history::Walked;
use analysis::script::{Script, Trouble};
use model::code;
use model::files::{Listing, Settings};
use model::graph::Graph;

/// How many files one thread takes at a time, at most.
const MOST_AT_ONCE: usize = 32;
/// How many times each thread comes back for more, at least: so none waits long for another.
const TURNS: usize = 32;

/// What the files of a tree say.
pub struct Read {
    /// Which files there are.
    pub listing: Listing,
    /// Those that say which revision they are.
    pub scripts: Vec<Script>,
    /// What is wrong with single files.
    pub troubles: Vec<(Utf8PathBuf, Trouble)>,
}

impl Read {
    /// How many bytes its revisions have.
    pub fn size(&self) -> usize {
        self.scripts.iter().map(|script| script.module.source().len()).sum()
    }
}

/// Scripts that were read before, for whoever surveys the same trees again and again: what was not
/// touched since is not read again, and what was understood of it is kept.
#[derive(Default)]
pub struct Scripts {
    kept: Mutex<HashMap<Utf8PathBuf, (Stamp, Script)>>,
    stamps: Mutex<HashMap<Utf8PathBuf, Stamp>>,
    /// How the chain of each tree was walked.
    walked: Mutex<HashMap<String, Walked>>,
    /// The graph of each tree, and that of its base branch.
    graphs: Mutex<HashMap<(String, OfBase), Graph>>,
}

/// Whether a graph is the base branch's.
type OfBase = bool;

/// What a file system knows of a file: when it was changed and written, its size, its number.
type Stamp = (i64, i64, i64, i64, u64, u64);

impl Scripts {
    /// Takes back what a survey of a tree had.
    pub fn give_back(&self, tree: &str, scripts: Vec<Script>, graph: Graph) {
        self.keep_graph(tree, false, graph);
        let stamps = lock(&self.stamps);
        let stamped = scripts.into_iter().filter_map(|script| {
            let stamp = *stamps.get(&script.file)?;
            Some((script.file.clone(), (stamp, script)))
        });
        lock(&self.kept).extend(stamped);
    }

    /// How a tree's chain was walked the last time.
    pub(super) fn walked(&self, tree: &str) -> Option<Walked> {
        lock(&self.walked).remove(tree)
    }

    /// Keeps how it was walked for the next time.
    pub(super) fn keep_walked(&self, tree: &str, walked: Walked) {
        lock(&self.walked).insert(tree.to_owned(), walked);
    }

    /// The graph of a tree as it was the last time.
    pub(super) fn graph(&self, tree: &str, of_base: OfBase) -> Option<Graph> {
        lock(&self.graphs).remove(&(tree.to_owned(), of_base))
    }

    /// Keeps it for the next time.
    pub(super) fn keep_graph(&self, tree: &str, of_base: OfBase, graph: Graph) {
        lock(&self.graphs).insert((tree.to_owned(), of_base), graph);
    }

    /// What is known of a file, where it is as it was.
    fn take(&self, name: &Utf8Path, file: &Utf8Path) -> Option<Script> {
        let now = stamp(file)?;
        let known = lock(&self.kept).remove(name);
        if let Some((then, script)) = known
            && then == now
        {
            return Some(script);
        }
        lock(&self.stamps).insert(name.to_owned(), now);
        None
    }
}

/// Whoever panicked with it has left it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stamp(file: &Utf8Path) -> Option<Stamp> {
    let meta = file.metadata().ok()?;
    let (written, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some((written.0, written.1, changed.0, changed.1, meta.len(), meta.ino()))
}

/// What is known of files before they are read.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// What this process read before.
    pub scripts: Option<&'a Scripts>,
    /// What earlier ones understood.
    pub recalled: Option<&'a Recalled<'a>>,
}

/// Reads the files of trees with these settings.
pub fn all(settings: &[Settings], root: &Utf8Path, known: Known<'_>) -> Vec<Read> {
    let mut listings: Vec<Listing> = settings.iter().map(tree_files::list).collect();
    let files = listings.iter().flat_map(|listing| &listing.files);
    let files: Vec<&Utf8PathBuf> = files.collect();
    let mut read = read_files(&files, root, known).into_iter();
    let counts: Vec<usize> = listings.iter().map(|listing| listing.files.len()).collect();
    for file in listings.iter_mut().flat_map(|listing| &mut listing.twice) {
        *file = shown(file, root).to_owned();
    }
    let trees = listings.into_iter().zip(counts).map(|(listing, count)| {
        let mut tree = Read { listing, scripts: Vec::with_capacity(count), troubles: Vec::new() };
        for (file, (script, troubles)) in read.by_ref().take(count) {
            if let (Some(known), false) = (known.scripts, troubles.is_empty()) {
                // What is wrong with it is said each time.
                lock(&known.stamps).remove(&file);
            }
            tree.scripts.extend(script);
            tree.troubles.extend(troubles.into_iter().map(|trouble| (file.clone(), trouble)));
        }
        tree
    });
    trees.collect()
}

/// Reads what these files do; from here on it is known.
pub fn look_into(scripts: &[&Script]) {
    in_parallel(scripts, |script| {
        script.body();
    });
}

/// Does the same with many things, on as many threads as there are processors, and keeps the order.
pub fn in_parallel<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let chunk = (things.len() / (threads * TURNS)).clamp(1, MOST_AT_ONCE);
    let chunks: Vec<&[T]> = things.chunks(chunk).collect();
    let next = AtomicUsize::new(0);
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

type ReadFile = (Utf8PathBuf, (Option<Script>, Vec<Trouble>));

/// What was read before is taken by one thread: meanwhile others may have something to do for which
/// somebody waits.
fn read_files(files: &[&Utf8PathBuf], root: &Utf8Path, known: Known<'_>) -> Vec<ReadFile> {
    let take = |file: &&Utf8PathBuf| known.scripts?.take(shown(file, root), file);
    let taken: Vec<Option<Script>> = files.iter().map(take).collect();
    let others = files.iter().zip(&taken).filter(|(_, taken)| taken.is_none());
    let others: Vec<&Utf8PathBuf> = others.map(|(file, _)| *file).collect();
    let mut read = in_parallel(&others, |file| read_file(file, root, known)).into_iter();
    let all = files.iter().zip(taken).filter_map(|(file, taken)| match taken {
        Some(script) => Some((shown(file, root).to_owned(), (Some(script), Vec::new()))),
        None => read.next(),
    });
    all.collect()
}

fn read_file(file: &Utf8Path, root: &Utf8Path, known: Known<'_>) -> ReadFile {
    let name = shown(file, root).to_owned();
    let read = match tree_files::read(file) {
        Ok(bytes) => {
            let read = Script::read(&name, &bytes);
            if let (Some(recalled), Some(script)) = (known.recalled, &read.0) {
                recalled.give(script);
            }
            read
        }
        Err(err) => {
            let message = format!("it cannot be read: {err}");
            let (code, line) = (&code::UNREADABLE, None);
            (None, vec![Trouble { code, line, message, leaves_a_gap: true }])
        }
    };
    (name, read)
}
