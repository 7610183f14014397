//! Case that the recognisers examine: a transcript, and the known facts beside it.

use camino::{Utf8Path, Utf8PathBuf};

use model::code::Code;
use model::transcript::{Direction, Exception, Transcript};

/// Facts beside the transcript.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The root that files are shown relative to.
    pub root: &'a Utf8Path,
    /// The revision files of the tree, with their ids, as far as Alembic could read them.
    pub revisions: &'a [(String, Utf8PathBuf)],
    /// Whether the step lies before the tree's seed.
    pub before_seed: bool,
}

/// A code and a sentence for the failure.
pub(super) type Named = (&'static Code, String);

/// Input of a recogniser.
pub(super) struct Case<'a> {
    pub(super) said: &'a Transcript,
    pub(super) known: Known<'a>,
    /// The most precise exception.
    pub(super) headline: &'a Exception,
    pub(super) sqlstate: &'a str,
}

impl Case<'_> {
    pub(super) fn is(&self, code: &'static Code) -> Option<Named> {
        Some((code, self.headline.to_string()))
    }

    /// Whether an exception of the chain has this type, in any module.
    pub(super) fn raised(&self, kind: &str) -> bool {
        self.said.exceptions.iter().any(|exception| type_name(exception) == kind)
    }

    /// The first words of the statement in flight, upper case.
    pub(super) fn verb(&self) -> String {
        let sql = self.said.statement.as_deref().unwrap_or_default();
        sql.split_whitespace().take(3).collect::<Vec<_>>().join(" ").to_uppercase()
    }

    pub(super) fn going_down(&self) -> bool {
        let revision = self.said.revision.as_ref();
        revision.is_some_and(|revision| revision.direction == Direction::Downgrade)
    }
}

pub(super) fn type_name(exception: &Exception) -> &str {
    exception.kind.rsplit('.').next().unwrap_or_default()
}
