//! Repository that is audited: its workflows, and the trees that these must gate.

use super::calls::Call;
use super::document::Document;
use model::code::Code;
use model::finding::Place;

/// Tree that the workflows must gate.
#[derive(Clone, Debug)]
pub struct Gated {
    /// Its id.
    pub tree: &'static str,
    /// The folder where Alembic runs, relative to the root.
    pub folder: &'static str,
    /// Its ini, relative to the root.
    pub ini: String,
    /// The folder of env.py and `versions`, relative to the root.
    pub migrations: &'static str,
    /// The supplies of its recipe, each with a text that a script with the same supply holds.
    pub supplied: &'static [(&'static str, &'static str)],
}

impl Gated {
    /// A file of each kind that decides the outcome.
    pub(super) fn decisive(&self) -> [String; 4] {
        let (migrations, folder) = (self.migrations, self.folder);
        [
            format!("{migrations}/versions/9999_new.py"),
            format!("{migrations}/env.py"),
            self.ini.clone(),
            format!("{folder}/requirements.txt"),
        ]
    }
}

/// All that the audits look at.
pub(super) struct Repository<'a> {
    pub(super) documents: &'a [Document<'a>],
    pub(super) calls: Vec<Call<'a>>,
    pub(super) gated: &'a [Gated],
    /// The branch that is merged to, where that is known.
    pub(super) default_branch: Option<&'a str>,
    /// Whether some file could not be read: it may contain the part that the others lack.
    pub(super) unreadable: bool,
}

/// Finding of an audit, and its place.
pub(super) struct Found {
    pub(super) code: &'static Code,
    pub(super) message: String,
    pub(super) place: Option<Place>,
    pub(super) suggestion: Option<String>,
}

impl Found {
    pub(super) fn at(
        code: &'static Code,
        place: (&Document<'_>, u32),
        message: impl Into<String>,
    ) -> Found {
        let (document, line) = place;
        let place = Some(document.place(line));
        Found { code, message: message.into(), place, suggestion: None }
    }

    /// The text that the line should have.
    pub(super) fn suggest(self, line: impl Into<String>) -> Found {
        Found { suggestion: Some(line.into()), ..self }
    }
}
