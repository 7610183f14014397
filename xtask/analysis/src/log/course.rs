//! Course of a run in a log: the known facts about its tree, and the marks of its lines.

use camino::{Utf8Path, Utf8PathBuf};

use model::transcript::{Direction, RevisionInFlight};

/// The course that a tree's steps take, and how lines of it are known.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// The tree's id: `console`.
    pub tree: String,
    /// Its name in step names: `Console`.
    pub label: String,
    /// Its database: `console_ci`.
    pub database: String,
    /// The ini, as Alembic is given it: `migrations/alembic.ini`.
    pub ini: Utf8PathBuf,
    /// The folder where Alembic runs, relative to the root: `console`.
    pub cwd: Utf8PathBuf,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
    /// The steps that give a supply, and the SQL of each.
    pub supplies: Vec<(String, &'static str)>,
    /// Its revisions as they are in the monorepo today, as far as they could be read, in the order of
    /// their files' names, which are numbered along the chain.
    pub revisions: Vec<Revision>,
}

/// A revision, as declared in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its id.
    pub id: String,
    /// The first line of its docstring, which Alembic prints.
    pub title: String,
    /// Its file, relative to the root.
    pub file: Utf8PathBuf,
}

/// Kinds of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    UpgradeTo(String),
    Upgrade,
    Heads,
    Downgrade,
    Again,
    Supply,
}

impl Course {
    /// The folder in which `versions` lies, relative to the root.
    fn home(&self) -> Utf8PathBuf {
        let versions = self.revisions.first().and_then(|revision| revision.file.parent());
        let home = versions.and_then(Utf8Path::parent);
        home.map_or_else(|| self.cwd.clone(), Utf8Path::to_owned)
    }

    /// Where the path of a file of this tree starts in a longer path.
    pub(super) fn start_in(&self, path: &str) -> Option<usize> {
        let home = self.home();
        let start = path.rfind(&format!("/{home}/")).map(|at| at + 1);
        start.or_else(|| path.starts_with(&format!("{home}/")).then_some(0))
    }

    /// The name of the step of this kind.
    pub(super) fn step(&self, kind: &Kind, sql: Option<&str>) -> Option<String> {
        if *kind == Kind::Supply {
            let supplied =
                |(_, whole): &&(String, &str)| sql.is_some_and(|sql| whole.contains(sql));
            let supply = self.supplies.iter().find(supplied).or(self.supplies.first());
            return supply.map(|(step, _)| step.clone());
        }
        self.steps_of(kind).next().cloned()
    }

    /// Whether a supply holds this SQL.
    pub(super) fn gives(&self, sql: &str) -> bool {
        self.supplies.iter().any(|(_, whole)| whole.contains(sql))
    }

    /// All steps of this kind.
    pub(super) fn steps_of(&self, kind: &Kind) -> impl Iterator<Item = &String> {
        self.steps.iter().filter(|step| self.kind_of(step).as_ref() == Some(kind))
    }

    pub(super) fn kind_of(&self, step: &str) -> Option<Kind> {
        let what = step.strip_prefix(&self.label)?.strip_prefix(" — ")?;
        if let Some(to) = what.strip_prefix("alembic upgrade to ") {
            return Some(Kind::UpgradeTo(to.split(' ').next().unwrap_or_default().to_owned()));
        }
        Some(match what {
            "alembic upgrade head" => Kind::Upgrade,
            "alembic upgrade head (round trip)" => Kind::Again,
            "assert single head" => Kind::Heads,
            _ if what.starts_with("downgrade ") => Kind::Downgrade,
            _ if self.supplies.iter().any(|(supply, _)| supply == step) => Kind::Supply,
            _ => return None,
        })
    }

    /// Whether a revision comes after another. One that is missing today is newer than all.
    pub(super) fn comes_after(&self, id: &str, other: &str) -> bool {
        let place = |id: &str| self.revisions.iter().position(|revision| revision.id == id);
        match (place(id), place(other)) {
            (Some(id), Some(other)) => id > other,
            (None, Some(_)) => true,
            _ => false,
        }
    }

    /// The revision before which the supplies of this tree are given.
    pub(super) fn pre_seed(&self) -> Option<String> {
        self.steps.iter().find_map(|step| match self.kind_of(step) {
            Some(Kind::UpgradeTo(revision)) => Some(revision),
            _ => None,
        })
    }
}

/// A line in which Alembic reports the start of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) title: String,
    pub(super) direction: Direction,
}

impl Start {
    /// `… Running upgrade 0001 -> 0002, title` and `… Running downgrade 0002 -> 0001, title`.
    pub(super) fn read(line: &str) -> Option<Start> {
        let (_, rest) = line.split_once("Running ")?;
        let (direction, rest) = match rest.split_once(' ')? {
            ("upgrade", rest) => (Direction::Upgrade, rest),
            ("downgrade", rest) => (Direction::Downgrade, rest),
            _ => return None,
        };
        let (from, to) = rest.split_once("->")?;
        let (to, title) = to.split_once(", ").unwrap_or((to, ""));
        let [from, to, title] = [from, to, title].map(|text| text.trim().to_owned());
        Some(Start { from, to, title, direction })
    }

    pub(super) fn revision(&self) -> RevisionInFlight {
        let id = match self.direction {
            Direction::Upgrade => &self.to,
            Direction::Downgrade => &self.from,
        };
        // A merge has several parents, and a branch may be named behind the id.
        let id = id.split(' ').next().unwrap_or_default();
        RevisionInFlight { id: id.to_owned(), direction: self.direction }
    }
}
