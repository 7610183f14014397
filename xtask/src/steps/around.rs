//! Faults around a revision: the line of env.py, or of the revision's id, that is at fault.

use camino::{Utf8Path, Utf8PathBuf};

use super::context::TreeRun;
use analysis::diagnosis::environment;
use model::code;
use model::finding::{Finding, Place};

/// How far above a revision its env.py may lie.
const ABOVE: usize = 5;

impl TreeRun<'_> {
    /// A finding with what only the tree and its files tell.
    pub(super) fn placed(&self, mut finding: Finding) -> Finding {
        if self.tree.recipe.is_none() {
            let said = finding.transcript.as_deref();
            if let Some(message) = said.and_then(environment::not_told) {
                (finding.code, finding.message) = (&code::NOT_TOLD, message);
            } else if finding.code == &code::MISSING_PACKAGE {
                finding.message += "\nhint: --python names the interpreter of its project; `uv run` and \
                                    `poetry run` offer it by themselves. A module of the project \
                                    itself is found by `prepend_sys_path = .` in the ini, from the \
                                    folder that --cwd names";
            }
        }
        if let (Some(database), true) = (self.last_database(), finding.revision.is_some()) {
            finding.message += &format!("\nin database {database}");
        }
        let place = if finding.code == &code::NOT_COMMITTED {
            self.uncommitted()
        } else if finding.code == &code::NOT_STORED {
            finding.revision.as_deref().and_then(|id| self.line_of_id(id))
        } else {
            None
        };
        Finding { place: place.or(finding.place), ..finding }
    }

    /// A finding about a command that ended well and left nothing, where env.py is the reason.
    pub(super) fn nothing_committed(&self, command: &str, found: &[String]) -> Option<Finding> {
        if !found.is_empty() || !command.contains("upgrade") {
            return None;
        }
        let message = format!(
            "`{command}` ended well, and nothing of it is committed: env.py begins a transaction \
             here, before `context.configure()`, and lacks `connection.commit()`"
        );
        let place = Some(self.uncommitted()?);
        Some(Finding { place, ..Finding::new(&code::NOT_COMMITTED, message) })
    }

    fn uncommitted(&self) -> Option<Place> {
        let file = self.env_py()?;
        let text = std::fs::read_to_string(&file).ok()?;
        let (line, source) = environment::uncommitted(&text)?;
        Some(self.place(&file, line, source.to_owned()))
    }

    fn line_of_id(&self, revision: &str) -> Option<Place> {
        let file = self.file_of(revision)?;
        let text = std::fs::read_to_string(file).ok()?;
        let line = environment::line_of_revision(&text)?;
        let source = text.lines().nth(line as usize - 1).unwrap_or_default();
        Some(self.place(file, line, source.to_owned()))
    }

    fn place(&self, file: &Utf8Path, line: u32, source: String) -> Place {
        let file = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        Place { file, line: Some(line), source: Some(source) }
    }

    /// The env.py above the revisions.
    fn env_py(&self) -> Option<Utf8PathBuf> {
        let first = self.graph.as_ref().ok()?.revisions.first()?;
        let above = first.file.ancestors().skip(1).take(ABOVE);
        above.map(|folder| folder.join("env.py")).find(|file| file.is_file())
    }
}
