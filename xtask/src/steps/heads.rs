//! The step 'assert single head': one head, and one file for each id.
//!
//! Two files that claim one id leave one head: Alembic warns, keeps the file that it read last and
//! never runs the other. Counting heads alone would call that green.

use camino::{Utf8Path, Utf8PathBuf};

use super::context::{Live, Outcome, list};
use super::each_head::sharing_a_base;
use crate::alembic::Description;
use model::code;
use model::finding::{Finding, Place};
use model::tree::Target;

impl Live<'_> {
    /// Counts the heads, and sees that no id is used twice.
    pub(super) fn count_heads(&self) -> Outcome {
        let graph = match &self.graph {
            Ok(graph) => graph,
            Err(said) => {
                let by_hand = (self.by_hand)(&said.command);
                return Outcome::failed(Finding { by_hand, ..self.diagnose(said.clone()) });
            }
        };
        let (label, count) = (&self.tree.label, graph.heads.len());
        let mut notes = vec![format!("{label} head count: {count}")];
        let twice = self.id_used_twice(graph);
        notes.extend(graph.repeated.iter().map(|repeated| {
            format!("ERROR: {label} alembic has revision {} twice.", repeated.revision)
        }));
        let is_meant = self.tree.target == Target::Heads && sharing_a_base(graph).is_empty();
        if count == 1 || is_meant {
            return Outcome { notes, findings: twice.into_iter().collect() };
        }
        let expected = match self.tree.target {
            Target::Head => "exactly 1",
            Target::Heads => "one a base",
        };
        let error = format!("{label} alembic has {count} heads — expected {expected}.");
        notes.push(format!("ERROR: {error}"));
        let heads: Vec<(String, Option<Utf8PathBuf>)> = graph
            .heads
            .iter()
            .map(|head| (head.clone(), self.file_of(head).map(|file| self.relative(file))))
            .collect();
        let shown: Vec<String> = heads
            .iter()
            .map(|(id, file)| file.as_ref().map_or(id.clone(), |file| format!("{id} ({file})")))
            .collect();
        let last = heads.last().cloned();
        let mut message = format!("{error} They are {}.", list(&shown));
        if let Some(twice) = twice {
            message = format!("{message} Besides, {}", twice.message);
        }
        let finding = Finding {
            revision: last.as_ref().map(|(id, _)| id.clone()),
            place: last.and_then(|(_, file)| Some(Place { file: file?, line: None, source: None })),
            ..Finding::new(&code::MULTIPLE_HEADS, message)
        };
        Outcome { notes, findings: vec![finding] }
    }

    fn id_used_twice(&self, graph: &Description) -> Option<Finding> {
        let claims: Vec<String> = graph
            .repeated
            .iter()
            .map(|repeated| {
                let files: Vec<String> =
                    repeated.files.iter().map(|file| self.relative(file).to_string()).collect();
                format!("{} in {}", repeated.revision, files.join(" and "))
            })
            .collect();
        let first = graph.repeated.first()?;
        let file = first.files.last().map(|file| self.relative(file));
        let message = format!(
            "{} alembic has a revision id that is used twice: {}. Alembic runs one of the files \
             and drops the other.",
            self.tree.label,
            claims.join("; ")
        );
        Some(Finding {
            revision: Some(first.revision.clone()),
            place: file.map(|file| Place { file, line: None, source: None }),
            ..Finding::new(&code::MULTIPLE_HEADS, message)
        })
    }

    fn relative(&self, file: &Utf8Path) -> Utf8PathBuf {
        file.strip_prefix(self.root).unwrap_or(file).to_owned()
    }
}
