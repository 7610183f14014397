//! What Alembic asks of every revision file, as an earlier run found it: those whose import does
//! nothing but bind names need not be imported again where nobody has touched them since.
//!
//! The worker decides what that holds for and reads and writes the file (`leave_unread` in
//! `worker.py`); here it is only carried from one run to the next.

use std::fs;

use camino::Utf8Path;

use super::script::WORKER;
use crate::drivers::kept::{Kept, Key};
use model::tree::Tree;

/// The kind of entry.
const KIND: &str = "headers";

/// What is known of a tree's revision files to an interpreter.
pub struct Headers<'a> {
    cache: &'a Kept,
    key: String,
    found: Option<Vec<u8>>,
    file: &'a Utf8Path,
}

impl<'a> Headers<'a> {
    /// Puts what is known into this file, where the worker looks for it.
    pub fn lay(cache: &'a Kept, python: &Utf8Path, tree: &Tree, file: &'a Utf8Path) -> Headers<'a> {
        let key = Key::new(KIND)
            .with("worker", WORKER)
            .with("python", python.as_str())
            .with_stamp(python)
            .with("folder", tree.cwd.as_str())
            .with("ini", tree.ini.as_str())
            .with("section", &tree.section)
            .finish();
        // What cannot be laid out is not known.
        let found = cache.read(KIND, &key).filter(|bytes| fs::write(file, bytes).is_ok());
        Headers { cache, key, found, file }
    }

    /// Keeps what the worker knows by now, where it is something else.
    pub fn keep(self) {
        if let Ok(now) = fs::read(self.file)
            && self.found.as_ref() != Some(&now)
        {
            // Without it the next run reads everything.
            let _ = self.cache.write(KIND, &self.key, &now);
        }
    }
}
