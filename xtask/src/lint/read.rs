//! Files of trees, read on all processors at once. The work of a file is that of its parser, so the
//! files of all trees lie in one heap.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};

use crate::os::tree_files;
use analysis::script::{Script, Trouble};
use model::code;
use model::files::{Listing, Settings};

/// How many files one thread takes at a time, at most.
const MOST_AT_ONCE: usize = 32;
/// How many times each thread comes back for more, at least: so none waits long for another.
const TURNS: usize = 32;

/// Files of a tree, as read from disk.
pub struct TreeFiles {
    /// Which files there are.
    pub listing: Listing,
    /// Those that say which revision they are.
    pub scripts: Vec<Script>,
    /// Faults of single files.
    pub troubles: Vec<(Utf8PathBuf, Trouble)>,
}

/// Reads the files of trees with these settings.
pub fn all(settings: &[Settings], root: &Utf8Path) -> Vec<TreeFiles> {
    let mut listings: Vec<Listing> = settings.iter().map(tree_files::list).collect();
    let files = listings.iter().flat_map(|listing| &listing.files);
    let files: Vec<&Utf8PathBuf> = files.collect();
    let mut read = in_parallel(&files, |file| read_file(file, root)).into_iter();
    let counts: Vec<usize> = listings.iter().map(|listing| listing.files.len()).collect();
    for file in listings.iter_mut().flat_map(|listing| &mut listing.twice) {
        *file = shown(file, root).to_owned();
    }
    let trees = listings.into_iter().zip(counts).map(|(listing, count)| {
        let mut tree =
            TreeFiles { listing, scripts: Vec::with_capacity(count), troubles: Vec::new() };
        for (file, (script, troubles)) in read.by_ref().take(count) {
            tree.scripts.extend(script);
            tree.troubles.extend(troubles.into_iter().map(|trouble| (file.clone(), trouble)));
        }
        tree
    });
    trees.collect()
}

/// Reads the bodies of these files ahead, in parallel.
pub fn look_into(scripts: &[&Script]) {
    in_parallel(scripts, |script| {
        script.body();
    });
}

/// Applies a function to many items, on as many threads as there are processors; keeps the order.
fn in_parallel<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
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

/// A file as it is shown: relative to the root where it lies below.
pub(super) fn shown<'a>(file: &'a Utf8Path, root: &Utf8Path) -> &'a Utf8Path {
    file.strip_prefix(root).unwrap_or(file)
}
