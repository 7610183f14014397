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
use crate::drivers::kept::{Kept, Key};
use analysis::script::{Looked, Script};
use model::tree::Tree;

/// The kind of the entries.
const KIND: &str = "understood";
/// Of so many choices of trees what was understood is kept.
const CHOICES_MAX: usize = 16;

/// What is known of the files of some trees below one root.
pub struct Recalled<'a> {
    cache: &'a Kept,
    key: String,
    files: Mutex<HashMap<String, (String, Looked)>>,
    taken: AtomicUsize,
}

impl<'a> Recalled<'a> {
    /// What earlier runs left of the files of these trees. `None` where this program does not know
    /// its own file, and so not what wrote it.
    pub fn of(cache: &'a Kept, root: &Utf8Path, trees: &[Tree]) -> Option<Recalled<'a>> {
        let gate = Utf8PathBuf::try_from(std::env::current_exe().ok()?).ok()?;
        let key = Key::new(KIND).with_stamp(&gate).with("root", root.as_str());
        let key = trees.iter().fold(key, |key, tree| key.with("tree", tree.ini_path().as_str()));
        let key = key.finish();
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
            self.cache.limit(KIND, CHOICES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Known, Survey, Terms, survey};
    use super::*;
    use crate::drivers::interrupt::Interrupt;
    use model::tree::DEFAULT_SECTION;

    struct Kit {
        folder: tempfile::TempDir,
        cache: Kept,
    }

    impl Kit {
        /// Two revisions, of which the second drops the table of the first.
        fn new() -> Kit {
            let folder = tempfile::tempdir().unwrap();
            let cache = Kept::at(folder.path().join("cache").try_into().unwrap()).unwrap();
            let kit = Kit { folder, cache };
            std::fs::create_dir_all(kit.path().join("m/versions")).unwrap();
            let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
            std::fs::write(kit.path().join("alembic.ini"), ini).unwrap();
            kit.write("a1", "None", "CREATE TABLE t (a int)", "DROP TABLE t");
            kit.write("b2", "'a1'", "DROP TABLE t", "CREATE TABLE t (a int)");
            kit
        }

        fn path(&self) -> Utf8PathBuf {
            self.folder.path().to_owned().try_into().unwrap()
        }

        fn write(&self, id: &str, parent: &str, up: &str, down: &str) {
            let text = format!(
                "from alembic import op\nrevision = '{id}'\ndown_revision = {parent}\n\n\n\
                 def upgrade():\n    op.execute('{up}')\n\n\n\
                 def downgrade():\n    op.execute('{down}')\n"
            );
            std::fs::write(self.path().join(format!("m/versions/{id}_x.py")), text).unwrap();
        }

        /// What is found, and of how many files it was known what they do.
        fn lint(&self) -> (Survey, usize) {
            let ini = self.path().join("alembic.ini");
            let tree = Tree::plain(&self.path(), &ini, DEFAULT_SECTION, None).unwrap();
            let trees = [tree];
            let recalled = Recalled::of(&self.cache, &self.path(), &trees).unwrap();
            let known = Known { recalled: Some(&recalled), ..Known::default() };
            let terms = Terms { known, in_repository: false, ..Terms::since(None) };
            let never = Interrupt::never().unwrap();
            let mut surveys = survey(&trees, &self.path(), terms, &never).unwrap();
            recalled.keep(surveys.iter().flat_map(|survey| &survey.scripts));
            (surveys.remove(0), recalled.taken.load(Ordering::Relaxed))
        }
    }

    fn bodies(survey: &Survey) -> Vec<(&str, Option<&Looked>)> {
        survey.scripts.iter().map(|s| (s.file.as_str(), s.looked())).collect()
    }

    #[test]
    fn what_was_understood_is_taken_over_whole() {
        let kit = Kit::new();
        let (first, taken) = kit.lint();
        assert_eq!(taken, 0);
        let (second, taken) = kit.lint();
        assert_eq!(taken, 2);
        assert_eq!(bodies(&first), bodies(&second));
        assert!(bodies(&second).iter().all(|(_, looked)| looked.is_some()));
    }

    #[test]
    fn a_text_that_differs_in_one_letter_is_read_anew() {
        let kit = Kit::new();
        assert_eq!(kit.lint().0.findings.len(), 0);
        kit.write("b2", "'a1'", "DROP TABLE u", "CREATE TABLE t (a int)");
        let (survey, taken) = kit.lint();
        assert_eq!(taken, 1);
        assert!(!survey.findings.is_empty());
        kit.write("b2", "'a1'", "DROP TABLE t", "CREATE TABLE t (a int)");
        assert_eq!(kit.lint().0.findings.len(), 0);
    }

    #[test]
    fn what_was_damaged_is_not_there() {
        let kit = Kit::new();
        kit.lint();
        let entries = kit.path().join("cache").read_dir_utf8().unwrap();
        for entry in entries {
            std::fs::write(entry.unwrap().path(), "no such thing").unwrap();
        }
        assert_eq!(kit.lint().1, 0);
        assert_eq!(kit.lint().1, 2);
    }
}
