//! Setting of a judgement, and its result.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::sizes::Sizes;
use model::finding::{Finding, Place};
use model::production::Seen;

/// A revision of the change.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// Its id.
    pub revision: String,
    /// Its file, absolute.
    pub file: Utf8PathBuf,
    /// Its file as shown to the user.
    pub shown: Utf8PathBuf,
    /// Its text.
    pub text: String,
}

impl Text {
    /// The place of a line, from 1; `None`: somewhere in the file.
    pub(super) fn at(&self, line: Option<u32>) -> Place {
        let at = |line: u32| self.text.lines().nth((line as usize).checked_sub(1)?);
        let source = line.and_then(at).map(str::to_owned);
        Place { file: self.shown.clone(), line, source }
    }
}

/// Inputs of the judgement of a rehearsal.
pub struct Setting<'a> {
    /// The revisions of the change, parents first.
    pub revisions: &'a [Text],
    /// The sizes of production, where they are known.
    pub sizes: Option<&'a Sizes>,
    /// Today, in days from 1970.
    pub today: i64,
    /// The tables that the gate gave rows.
    pub filled: &'a BTreeSet<String>,
}

/// Judgement of a change.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// The faults.
    pub findings: Vec<Finding>,
    /// Lines about the parts without a finding.
    pub lines: Vec<String>,
    /// The observations, by name.
    pub seen: Vec<Seen>,
}

/// The place of the sizes: beside the folder that holds the revisions.
pub fn sizes_of(revision: &Utf8Path) -> Option<Utf8PathBuf> {
    Some(revision.parent()?.parent()?.join("production.csv"))
}
