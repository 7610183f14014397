//! A past failure: how the tree stood, what broke it, what the gate must say, what fixes it.
//! `xtask/incidents` holds them, one file each.

use std::fmt;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// One past failure, or one leaf of the runbook's decision tree.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What it is called on the command line: `1548`.
    pub id: String,
    /// The day on which it was first seen; `None`: it never happened, and must not.
    pub date: Option<String>,
    /// The pull requests that are part of it.
    pub prs: Vec<u32>,
    /// A few words.
    pub title: String,
    /// What happened, in a few sentences.
    pub story: String,
    /// The runbook's failure mode, `A` to `F`.
    #[serde(deserialize_with = "mode")]
    pub mode: Option<char>,
    /// The tree that it befell.
    pub tree: String,
    /// The revision at which the tree stood then: what came later is left out.
    pub at: String,
    /// What the gate is asked for besides, as on its command line.
    #[serde(default)]
    pub options: Options,
    /// How the broken tree came to be, in commits on the base branch, oldest first; `None`: it lies
    /// in no repository. What no commit names is as it was before it broke, and was there first;
    /// what breaks it and is named by none is not committed.
    #[serde(default)]
    pub history: Option<Vec<Commit>>,
    /// What breaks it.
    pub broken: State,
    /// What the gate must say.
    pub expect: Expected,
    /// What fixes it: edits of the broken files. Supplies are whole again, and the server is as it
    /// should be, but for what this says.
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

/// A commit of files as they are in the broken tree, or of their absence.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Its subject.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// The day, as `2026-05-28`.
    pub date: String,
    /// The files.
    pub files: Vec<Utf8PathBuf>,
}

/// How the files, the supplies and the server differ from what they should be.
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
    /// What is run on the server, in its database `postgres`, before the gate comes.
    pub sql: Option<String>,
}

/// An edit of a file. Paths are relative to the root of the monorepo.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Edit {
    /// A file that is not there yet.
    Add {
        /// Where.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
        /// What it holds.
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
    /// Replaces a text that stands in a file exactly once.
    Replace {
        /// Which file.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
        /// The text.
        old: String,
        /// What comes in its place.
        new: String,
    },
    /// A file as it is in the monorepo today, whatever stood there.
    Today {
        /// Which.
        #[serde(deserialize_with = "below_root")]
        file: Utf8PathBuf,
    },
}

/// What the gate must say.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The step that fails; `None`: it does not come to a step.
    pub step: Option<String>,
    /// The code of every finding that is an error; where it is none itself, of one finding.
    pub code: String,
    /// A part of the finding's message.
    pub message: String,
    /// What a lint says of it before anything runs; `None`: what it says, if anything, is `code`.
    #[serde(default)]
    pub lint: Option<String>,
    /// Codes that may come besides.
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
