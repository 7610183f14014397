//! A past failure: the state of the tree, the fault, the expected report of the gate, and the fix.
//! `xtask/incidents` holds them, one file each.

use std::fmt;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// One past failure, or one leaf of the runbook's decision tree.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its name on the command line: `1548`.
    pub id: String,
    /// The day of its first occurrence; `None`: it never occurred, and must not.
    pub date: Option<String>,
    /// The pull requests involved.
    pub prs: Vec<u32>,
    /// A few words.
    pub title: String,
    /// The events, in a few sentences.
    pub story: String,
    /// The runbook's failure mode, `A` to `F`.
    #[serde(deserialize_with = "mode")]
    pub mode: Option<char>,
    /// The tree in which it occurred.
    pub tree: String,
    /// The head of the tree at that time: later revisions are left out.
    pub at: String,
    /// Further options of the gate, as on its command line.
    #[serde(default)]
    pub options: Options,
    /// The history of the broken tree, in commits on the base branch, oldest first; `None`: the
    /// tree lies in no repository. Files that no commit names keep their state from before the
    /// fault, and are committed first; edits of `broken` in files that no commit names are not
    /// committed.
    #[serde(default)]
    pub history: Option<Vec<Commit>>,
    /// The edits that break the tree.
    pub broken: State,
    /// The expected report of the gate.
    pub expect: Expected,
    /// The edits of the broken files that fix the tree. Supplies and server are as they should be,
    /// except for the differences given here.
    pub fixed: State,
}

/// Options of the gate.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The longest that one step may take, in seconds.
    pub timeout: Option<u64>,
    /// Whether every revision is stepped down and up again.
    pub stairway: bool,
    /// Whether new revisions are tried on a database in use.
    pub rehearse: bool,
}

/// A commit of files in their state of the broken tree, or of their removal.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Its subject.
    pub subject: String,
    /// Its author.
    pub author: String,
    /// The day, as `2026-05-28`.
    pub date: String,
    /// The files.
    pub files: Vec<Utf8PathBuf>,
}

/// Differences of the files, the supplies and the server from the sound state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Edits of the files, in order.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub edits: Vec<Edit>,
    /// The names of supplies that the recipe leaves out.
    pub without: Vec<String>,
    /// Lines for the server's `postgresql.conf`.
    pub conf: Option<String>,
    /// SQL that is run in the server's database `postgres` before the gate starts.
    pub sql: Option<String>,
}

/// An edit of a file. Paths are relative to the root of the monorepo.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Edit {
    /// A new file.
    Add {
        /// Where.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
        /// Its text.
        text: String,
    },
    /// Takes a file away.
    Remove {
        /// Which.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
    },
    /// Gives a file another name.
    Rename {
        /// Which.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
        /// Its new path.
        #[serde(deserialize_with = "below_root")]
        to: Utf8PathBuf,
    },
    /// Replaces a text that occurs exactly once in a file.
    Replace {
        /// Which file.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
        /// The text.
        old: String,
        /// The new text.
        new: String,
    },
    /// Replaces a file by its version in the monorepo of today.
    Today {
        /// Which.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
    },
}

/// Expected report of the gate.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The step that fails; `None`: no step is reached.
    pub step: Option<String>,
    /// The code of every finding that is an error; if the code is not an error, of one finding.
    pub code: String,
    /// A part of the finding's message.
    pub message: String,
    /// The code that a lint reports before the run; `None`: `code`, or no report at all.
    #[serde(default)]
    pub lint: Option<String>,
    /// Further codes that may occur.
    #[serde(default)]
    pub also: Vec<String>,
}

impl Expected {
    /// Whether a finding of this code is no surprise.
    pub fn allows(&self, code: &str) -> bool {
        self.code == code
            || self.lint.as_deref() == Some(code)
            || self.also.iter().any(|also| also == code)
    }
}

/// A path that cannot lead out of the copy. A visitor, because an error of one has its line.
fn below_root<'de, D: Deserializer<'de>>(from: D) -> Result<Utf8PathBuf, D::Error> {
    struct BelowRoot;
    impl Visitor<'_> for BelowRoot {
        type Value = Utf8PathBuf;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path relative to the root, without `..`")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Utf8PathBuf, E> {
            let path = Utf8Path::new(text);
            let plain = |part: Utf8Component<'_>| matches!(part, Utf8Component::Normal(_));
            if !text.is_empty() && path.components().all(plain) {
                Ok(path.to_owned())
            } else {
                Err(E::custom(format_args!(
                    "`{text}` is no path relative to the root without `..`"
                )))
            }
        }
    }
    from.deserialize_str(BelowRoot)
}

/// A failure mode of the runbook, or null.
fn mode<'de, D: Deserializer<'de>>(from: D) -> Result<Option<char>, D::Error> {
    struct Mode;
    impl<'de> Visitor<'de> for Mode {
        type Value = Option<char>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a failure mode, A to F, or null")
        }

        fn visit_none<E: Error>(self) -> Result<Option<char>, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<char>, D::Error> {
            from.deserialize_str(self)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Option<char>, E> {
            match text.as_bytes() {
                [mode @ b'A'..=b'F'] => Ok(Some(char::from(*mode))),
                _ => Err(E::custom(format_args!("`{text}` is no failure mode, A to F"))),
            }
        }
    }
    from.deserialize_option(Mode)
}
