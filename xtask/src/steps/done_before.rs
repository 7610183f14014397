//! Revisions whose work an earlier one has done already, because it makes the schema of today.

use super::context::TreeRun;
use analysis::schema_diff::{self, Difference};
use analysis::script::Script;
use model::code::{self, Severity};
use model::finding::{Finding, Place};
use model::schema::ObjectId;
use model::transcript::Direction;

impl TreeRun<'_> {
    /// The finding for an object that the downgrade of a revision touches and its upgrade did not
    /// need to: an earlier revision has made it with code from outside its own file, such as
    /// `create_all` of the models of today.
    pub(super) fn done_before(
        &self,
        difference: &Difference,
        script: Option<&Script>,
    ) -> Option<Finding> {
        let script = script.filter(|script| schema_diff::may_have_been_done(script))?;
        let revision = script.revision.text.as_str();
        let maker = schema_diff::made_in(&difference.object, self.statements.iter())?;
        let place = self.makes_today(&difference.object, maker).filter(|_| maker != revision)?;
        Some(Finding {
            revision: Some(maker.to_owned()),
            place: Some(place),
            subject: Some(format!("revision {revision}")),
            ..Finding::new(
                &code::SCHEMA_OF_TODAY,
                format!(
                    "revision {maker} makes the schema of today, by code outside its own file: on \
                     an empty database revision {revision} finds its work done, and its way down \
                     was not judged"
                ),
            )
        })
    }

    /// A finding with its cause, where something is created twice because an earlier revision makes
    /// the schema of today.
    pub(super) fn with_schema_of_today(&self, finding: Finding) -> Finding {
        let cause = || {
            let said = finding.transcript.as_deref().filter(|_| {
                [&code::TABLE_TWICE, &code::DUPLICATE_OBJECT].contains(&finding.code)
                    && finding.direction() == Some(Direction::Upgrade)
            })?;
            let id = schema_diff::created_by(said.statement.as_deref()?)?;
            let ran = self.statements.iter().chain(&said.statements);
            let maker = schema_diff::made_in(&id, ran)?;
            let place = self.makes_today(&id, maker)?;
            let line = place.line.unwrap_or(1);
            (finding.revision.as_deref() != Some(maker)).then(|| {
                format!(
                    "{}; revision {maker} makes the schema of today there, by code outside its own \
                     file ({}:{line})",
                    finding.message, place.file
                )
            })
        };
        let Some(message) = cause() else { return finding };
        let severity = Some(Severity::Error);
        Finding { code: &code::SCHEMA_OF_TODAY, severity, message, ..finding }
    }

    /// The line of a revision that makes an object by code outside the revision's file.
    fn makes_today(&self, id: &ObjectId, maker: &str) -> Option<Place> {
        let path = self.file_of(maker)?;
        let (file, text) = (self.context.relative(path), std::fs::read_to_string(path).ok()?);
        let (script, _) = Script::read(&file, text.as_bytes());
        let line = schema_diff::made_elsewhere(id, &script?)?;
        Some(Place { file, line: Some(line), source: None })
    }
}

/// Whether a finding says that an earlier revision has done the work.
pub(super) fn is_done_before(finding: &Finding) -> bool {
    finding.code == &code::SCHEMA_OF_TODAY && finding.severity() == Severity::Warning
}
