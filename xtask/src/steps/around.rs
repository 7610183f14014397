//! Faults around a revision: the line of env.py, or of the revision's id, that is at fault.

use camino::{Utf8Path, Utf8PathBuf};

use super::context::TreeRun;
use analysis::diagnosis::environment;
use model::code;
use model::finding::{Finding, Place};
use model::transcript::Transcript;

/// How far above a revision its env.py may lie.
const ABOVE: usize = 5;

impl TreeRun<'_> {
    /// Adds the facts to a finding that only the tree and its files have.
    pub(super) fn placed(&self, mut finding: Finding) -> Finding {
        if self.context.tree.recipe.is_none() {
            let said = finding.transcript.as_deref();
            // Named as nothing more than that, and no fault of the revisions' files.
            let codes = [&code::ENV_FAILED, &code::PROCESS_ENDED, &code::MIGRATION_FAILED];
            let is_plain = codes.contains(&finding.code) && !finding.message.contains("\nhint: ");
            let said = said.filter(|_| is_plain && self.graph.is_ok());
            if let Some(message) = said.and_then(environment::not_told) {
                (finding.code, finding.message) = (&code::NOT_TOLD, message);
            }
        }
        if let (Some(database), true) = (self.last_database(), finding.revision.is_some()) {
            finding.message += &format!("\nin database {database}");
        }
        let place = if finding.code == &code::NOT_COMMITTED {
            finding.transcript.as_deref().and_then(|said| self.begun(said))
        } else if finding.code == &code::NOT_STORED {
            finding.revision.as_deref().and_then(|id| self.line_of_id(id))
        } else {
            None
        };
        Finding { place: place.or(finding.place), ..finding }
    }

    /// A finding about a command that ended well and left nothing, where env.py is the reason.
    pub(super) fn nothing_committed(&self, said: &Transcript, found: &[String]) -> Option<Finding> {
        if !found.is_empty() || !said.command.contains("upgrade") {
            return None;
        }
        let message = format!(
            "`{}` ended well, and nothing of it is committed: env.py begins a transaction here, before \
             `context.configure()`, and lacks `connection.commit()`",
            said.command
        );
        let place = Some(self.begun(said)?);
        Some(Finding { place, ..Finding::new(&code::NOT_COMMITTED, message) })
    }

    /// The line of env.py that began the transaction, or, where env.py is not among the frames, of
    /// the code that it calls.
    fn begun(&self, said: &Transcript) -> Option<Place> {
        let env_py = self.env_py();
        let of_env = said.begun.iter().rfind(|frame| Some(&frame.file) == env_py.as_ref());
        let frame = of_env.or(said.begun.last())?;
        Some(self.place(&frame.file, frame.line, frame.source.clone().unwrap_or_default()))
    }

    fn line_of_id(&self, revision: &str) -> Option<Place> {
        let file = self.file_of(revision)?;
        let text = std::fs::read_to_string(file).ok()?;
        let line = environment::line_of_revision(&text)?;
        let source = text.lines().nth(line as usize - 1).unwrap_or_default();
        Some(self.place(file, line, source.to_owned()))
    }

    fn place(&self, file: &Utf8Path, line: u32, source: String) -> Place {
        let file = self.context.relative(file);
        Place { file, line: Some(line), source: Some(source) }
    }

    /// The env.py above the revisions.
    fn env_py(&self) -> Option<Utf8PathBuf> {
        let first = self.graph.as_ref().ok()?.revisions.first()?;
        let above = first.file.ancestors().skip(1).take(ABOVE);
        above.map(|folder| folder.join("env.py")).find(|file| file.is_file())
    }
}
