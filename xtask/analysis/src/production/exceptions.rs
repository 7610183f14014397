//! Exceptions that revisions declare, and those that no finding needs.

use super::setting::Text;
use crate::schema_diff::{Declaration, declared};
use model::code::{self, Severity};
use model::finding::Finding;

/// The exceptions of the revisions of a change.
#[derive(Default)]
pub(super) struct Exceptions {
    /// The exceptions that a finding needed, each with its revision.
    needed: Vec<(String, Declaration)>,
}

impl Exceptions {
    /// Turns a finding into a note if its revision declares an exception for it.
    pub(super) fn excuse(
        &mut self,
        revisions: &[Text],
        finding: &mut Finding,
        is: impl Fn(&Declaration) -> bool,
    ) {
        let id = finding.revision.clone();
        let is_its = |text: &&Text| id.as_ref().is_none_or(|id| *id == text.revision);
        for text in revisions.iter().filter(is_its) {
            for declaration in declared(&text.text).into_iter().filter(|d| is(d)) {
                if let Declaration::Blocks { reason, .. } | Declaration::Unused { reason, .. } =
                    &declaration
                {
                    finding.severity = Some(Severity::Note);
                    finding.allowed = Some(reason.clone());
                }
                self.needed.push((text.revision.clone(), declaration));
            }
        }
    }

    /// Findings about exceptions that no finding needed.
    pub(super) fn unneeded(&self, revisions: &[Text]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for text in revisions {
            for declaration in declared(&text.text) {
                let (verb, what) = match &declaration {
                    Declaration::Blocks { table, .. } => ("blocks", table),
                    Declaration::Unused { what, .. } => ("unused", what),
                    _ => continue,
                };
                if self.needed.contains(&(text.revision.clone(), declaration.clone())) {
                    continue;
                }
                let mut lines = text.text.lines().zip(1..);
                let line = lines.find(|(line, _)| declared(line).contains(&declaration));
                let message = format!("`{verb} {what}` is not needed: nothing of it was found");
                let mut finding = Finding::new(&code::UNUSED_ALLOW, message);
                finding.revision = Some(text.revision.clone());
                finding.place = Some(text.at(line.map(|(_, number)| number)));
                findings.push(finding);
            }
        }
        findings
    }
}
