//! What earlier runs understood of revision files, kept in the user's cache folder.
//!
//! To parse a file takes most of the time of a lint, and its text alone decides what comes of it. So
//! the text is kept beside it, and it is taken over only where that is the same to the byte, by the
//! same build of the gate. Nothing of it is taken over in CI.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use super::read::lock;
use crate::analysis::script::{Looked, Script};
use crate::drivers::kept::{Kept, Key};

/// The kind of the entries.
const KIND: &str = "understood";
/// Of so many roots what was understood is kept.
const ROOTS_MAX: usize = 16;

/// What is known of the files below one root.
pub struct Recalled<'a> {
    cache: &'a Kept,
    key: String,
    files: Mutex<HashMap<String, (String, Looked)>>,
    taken: AtomicUsize,
}

impl<'a> Recalled<'a> {
    /// What earlier runs left of the files below this root. `None` where this program does not know
    /// its own file, and so not what wrote it.
    pub fn of(cache: &'a Kept, root: &Utf8Path) -> Option<Recalled<'a>> {
        let gate = Utf8PathBuf::try_from(std::env::current_exe().ok()?).ok()?;
        let key = Key::new(KIND).with_stamp(&gate).with("root", root.as_str()).finish();
        let bytes = cache.read(KIND, &key).unwrap_or_default();
        // What cannot be read is not there.
        let files: Vec<(String, String, Looked)> = postcard::from_bytes(&bytes).unwrap_or_default();
        let files = files.into_iter().map(|(name, text, looked)| (name, (text, looked)));
        let files = Mutex::new(files.collect());
        Some(Recalled { cache, key, files, taken: AtomicUsize::new(0) })
    }

    /// Hands a file what was understood of the same text.
    pub(super) fn give(&self, script: &Script) {
        let known = lock(&self.files).remove(script.file.as_str());
        if let Some((_, looked)) = known.filter(|(text, _)| text == script.module.source()) {
            self.taken.fetch_add(1, Ordering::Relaxed);
            script.recall(looked);
        }
    }

    /// Keeps what is understood now, where that is more than was handed out.
    pub fn keep<'s>(&self, scripts: impl Iterator<Item = &'s Script>) {
        let known: Vec<(&str, &str, &Looked)> = scripts
            .filter_map(|s| Some((s.file.as_str(), s.module.source(), s.looked()?)))
            .collect();
        if known.len() <= self.taken.load(Ordering::Relaxed) {
            return;
        }
        let Ok(bytes) = postcard::to_stdvec(&known) else { return };
        // A cache that cannot be written is none.
        if self.cache.write(KIND, &self.key, &bytes).is_ok() {
            self.cache.limit(KIND, ROOTS_MAX);
        }
    }
}
