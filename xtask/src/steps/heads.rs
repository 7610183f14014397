//! The step 'assert single head': one head, and one file for each id.
//!
//! Two files that claim one id leave one head: Alembic warns, keeps the file that it read last and
//! never runs the other. Counting heads alone would call that green.

use camino::Utf8Path;

use super::context::{StepOutcome, TreeRun, list};
use super::each_head::sharing_a_base;
use crate::alembic::{Description, DuplicateRevision};
use model::code;
use model::finding::{Finding, Place};
use model::tree::Target;

impl TreeRun<'_> {
    /// Counts the heads, and sees that no id is used twice.
    pub(super) fn count_heads(&self) -> StepOutcome {
        let graph = match &self.graph {
            Ok(graph) => graph,
            Err(said) => {
                let by_hand = (self.context.by_hand)(&said.command);
                return StepOutcome::failed(Finding { by_hand, ..self.diagnose(said.clone()) });
            }
        };
        let (label, count) = (&self.context.tree.label, graph.heads.len());
        let mut notes = vec![format!("{label} head count: {count}")];
        let twice = self.id_used_twice(graph);
        notes.extend(graph.repeated.iter().map(|repeated| {
            format!("ERROR: {label} alembic has revision {} twice.", repeated.revision)
        }));
        let is_meant =
            self.context.tree.target == Target::Heads && sharing_a_base(graph).is_empty();
        if count == 1 || is_meant {
            return StepOutcome { notes, findings: twice.into_iter().collect() };
        }
        if count == 0 {
            let message = format!(
                "Alembic finds no revision in the folders that `{}` names: `script_location`, `version_locations`",
                self.context.tree.ini
            );
            let findings = vec![Finding::new(&code::CONFIG_UNKNOWN, message)];
            return StepOutcome { notes, findings };
        }
        let expected = match self.context.tree.target {
            Target::Head => "exactly 1",
            Target::Heads => "one for each base",
        };
        let error = format!("{label} alembic has {count} heads — expected {expected}.");
        notes.push(format!("ERROR: {error}"));
        let mut ids = graph.heads.clone();
        ids.dedup();
        let files = |head: &String| {
            let twice = graph.repeated.iter().find(|repeated| repeated.revision == *head);
            let claims = twice.map(|repeated| self.files_of(repeated));
            claims.or_else(|| Some(self.context.relative(self.file_of(head)?).to_string()))
        };
        let shown: Vec<String> = ids
            .iter()
            .map(|id| files(id).map_or(id.clone(), |files| format!("{id} ({files})")))
            .collect();
        let last = ids.last();
        let mut message = format!("{error} They are {}.", list(&shown));
        if let Some(twice) = twice {
            message = format!("{message} Also, {}", twice.message);
        }
        let finding = Finding {
            revision: last.cloned(),
            place: last.and_then(|id| self.file_of(id)).map(|file| self.whole(file)),
            ..Finding::new(&code::MULTIPLE_HEADS, message)
        };
        StepOutcome { notes, findings: vec![finding] }
    }

    fn id_used_twice(&self, graph: &Description) -> Option<Finding> {
        let claims: Vec<String> = graph
            .repeated
            .iter()
            .map(|repeated| format!("{} in {}", repeated.revision, self.files_of(repeated)))
            .collect();
        let first = graph.repeated.first()?;
        let message = format!(
            "{} alembic has a revision id that is used twice: {}. Alembic runs one of the files \
             and drops the other.",
            self.context.tree.label,
            claims.join("; ")
        );
        Some(Finding {
            revision: Some(first.revision.clone()),
            place: first.files.last().map(|file| self.whole(file)),
            ..Finding::new(&code::MULTIPLE_HEADS, message)
        })
    }

    /// The files that claim one id.
    fn files_of(&self, repeated: &DuplicateRevision) -> String {
        let files = repeated.files.iter().map(|file| self.context.relative(file).to_string());
        files.collect::<Vec<_>>().join(" and ")
    }

    /// A file as a place, without a line.
    fn whole(&self, file: &Utf8Path) -> Place {
        Place { file: self.context.relative(file), line: None, source: None }
    }
}
