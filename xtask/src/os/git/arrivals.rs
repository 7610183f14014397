//! Arrivals: how files came into the history, and by whose commit.

use std::collections::HashMap;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::base::FoundBase;
use super::repository::{Git, fields};
use model::files::Arrival;

impl Git<'_> {
    /// How these folders' files came into the history of the base, and those that the base lacks into
    /// the one that this change stands on. A file that is in no commit is not among them, nor one that
    /// came before a history that was cut off begins.
    pub fn arrivals(
        &self,
        base: Option<&FoundBase>,
        folders: &[Utf8PathBuf],
    ) -> Result<HashMap<Utf8PathBuf, Arrival>> {
        let mut arrivals = HashMap::new();
        // The base comes last: the history of the base says how other branches got its files.
        for from in ["HEAD"].into_iter().chain(base.map(FoundBase::tip)) {
            arrivals.extend(self.arrivals_in(from, folders)?);
        }
        Ok(arrivals)
    }

    fn arrivals_in(
        &self,
        commit: &str,
        folders: &[Utf8PathBuf],
    ) -> Result<HashMap<Utf8PathBuf, Arrival>> {
        let folders = self.below_top(folders);
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        if self.line(&["rev-parse", "--verify", "--quiet", commit])?.is_none() {
            // Nothing was ever committed here.
            return Ok(HashMap::new());
        }
        // The first parent's side of a merge is the branch that it was merged into.
        let log = ["log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--reverse"];
        let format = ["--format=%x01%h%x02%cs%x02%an%x02%s", "--name-only", "-z", commit, "--"];
        let log = self.run(&[&log[..], &format, &folders].concat())?;
        let (mut arrivals, mut last) = (HashMap::new(), Arrival::default());
        for field in fields(&log) {
            let field = field.trim_start_matches('\n');
            if let Some(commit) = field.strip_prefix('\u{1}') {
                let mut parts = commit.split('\u{2}').map(|part| part.trim().to_owned());
                let mut part = || parts.next().unwrap_or_default();
                let (commit, day, author, subject) = (part(), part(), part(), part());
                last = Arrival { order: last.order + 1, commit, day, author, subject };
            } else {
                arrivals.insert(self.shown(field), last.clone());
            }
        }
        // Where it was cut off, everything seems to come at once.
        if self.shallow {
            arrivals.retain(|_, arrival: &mut Arrival| arrival.order > 1);
        }
        Ok(arrivals)
    }
}
