//! Kinds of faults: name, the step in which the fault shows, and the code that the gate must
//! report.

use super::spot::{Spot, Supply};
use model::incident::{Edit, Expected, Incident, Options, State};
use model::mutant::Mutant;

const UPGRADE: &str = "alembic upgrade head";
const HEADS: &str = "assert single head";
const DOWNGRADE: &str = "downgrade -1 (reversibility check)";
const AGAIN: &str = "alembic upgrade head (round trip)";

/// A kind of fault.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) when: When,
    pub(super) code: &'static str,
    /// The code that the lints must report; `None`: the text does not show the fault.
    pub(super) lint: Option<&'static str>,
    pub(super) also: &'static [&'static str],
}

/// The step in which it shows.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// In none.
    Never,
    /// Where the revisions are loaded first.
    Loading,
    /// Where the spot's revision is applied.
    Applying,
    /// Where the head is applied.
    Upgrade,
    /// Where the heads are counted.
    Heads,
    /// Where the head is taken back.
    Downgrade,
    /// Where it is applied again.
    Again,
    /// Where each revision is taken back and applied again: one more than the spot's chain has.
    Stairway,
    /// Where the role is created.
    Role,
}

impl Kind {
    /// A fault that shows only when it runs.
    pub(super) const fn run(name: &'static str, when: When, code: &'static str) -> Kind {
        Kind { name, when, code, lint: None, also: &[] }
    }

    /// A fault that shows when it runs, and that a lint finds before.
    pub(super) const fn seen(
        name: &'static str,
        when: When,
        code: &'static str,
        lint: &'static str,
    ) -> Kind {
        Kind { name, when, code, lint: Some(lint), also: &[] }
    }

    /// A fault that only a lint finds.
    pub(super) const fn read(name: &'static str, code: &'static str) -> Kind {
        Kind { name, when: When::Never, code, lint: Some(code), also: &[] }
    }

    /// The same with codes that come along.
    pub(super) const fn with(self, also: &'static [&'static str]) -> Kind {
        Kind { also, ..self }
    }
}

impl When {
    /// The step's name, less the tree's label.
    pub(super) fn step(self, spot: &Spot<'_>) -> Option<String> {
        let first_part = spot.tree.first_part.map(|(step, _)| step);
        let step = match self {
            When::Never => return None,
            When::Loading => first_part.unwrap_or(UPGRADE),
            When::Applying if spot.before_seed() => first_part.unwrap_or(UPGRADE),
            When::Applying | When::Upgrade => UPGRADE,
            When::Heads => HEADS,
            When::Downgrade => DOWNGRADE,
            When::Again => AGAIN,
            When::Stairway => {
                // The trees number their revisions from 1.
                let revisions = 1 + spot.at.parse::<u32>().ok()?;
                return Some(format!("stairway, {revisions} revisions (reversibility check)"));
            }
            When::Role => match spot.tree.supply {
                Supply::Role { step, .. } => step,
                Supply::Row(_) => return None,
            },
        };
        Some(step.to_owned())
    }
}

impl Spot<'_> {
    /// The mutant of this kind at this spot.
    pub(super) fn mutant(&self, kind: &Kind, broken: State) -> Mutant {
        let (label, tree) = (self.tree.label, self.tree.id);
        let undo = |edit: &Edit| match edit {
            Edit::Add { file, .. } => Edit::Remove { file: file.clone() },
            Edit::Rename { file, .. }
            | Edit::Remove { file }
            | Edit::Replace { file, .. }
            | Edit::Today { file } => Edit::Today { file: file.clone() },
        };
        let fixed = State { edits: broken.edits.iter().map(undo).collect(), ..State::default() };
        let Kind { name, when, code, lint, also } = *kind;
        let incident = Incident {
            id: format!("mutant-{name}-{tree}-{}", self.id),
            date: None,
            prs: Vec::new(),
            title: format!("{} at {tree} {}", name.replace('-', " "), self.id),
            story: "A mutant of a green tree.\n".into(),
            mode: None,
            tree: tree.to_owned(),
            at: self.at.to_owned(),
            options: Options::default(),
            history: None,
            broken,
            expect: Expected {
                step: when.step(self).map(|step| format!("{label} — {step}")),
                code: code.to_owned(),
                message: String::new(),
                lint: lint.map(str::to_owned),
                also: also.iter().map(|code| (*code).to_owned()).collect(),
            },
            fixed,
        };
        Mutant { kind: name, incident }
    }
}

/// Nothing but edits.
pub(super) fn edits(edits: Vec<Edit>) -> State {
    State { edits, ..State::default() }
}

/// Replaces a text of the spot's file, where it stands there exactly once.
pub(super) fn replace(spot: &Spot<'_>, old: &str, new: String) -> Option<State> {
    let once = spot.file.text.matches(old).count() == 1;
    let edit = Edit::Replace { file: spot.file.path.clone(), old: old.to_owned(), new };
    once.then(|| edits(vec![edit]))
}

/// The first line of a function, as the trees write it.
pub(super) fn head_of<'a>(spot: &Spot<'a>, name: &str) -> Option<&'a str> {
    let start = format!("def {name}(");
    spot.file.text.split_inclusive('\n').find(|line| line.starts_with(&start))
}

/// Does something first in `upgrade()` or `downgrade()`.
pub(super) fn first_in(spot: &Spot<'_>, function: &str, statement: &str) -> Option<State> {
    let head = head_of(spot, function)?;
    replace(spot, head, format!("{head}    {statement}\n"))
}

/// A revision after the newest one.
pub(super) fn added(spot: &Spot<'_>, upgrade: &str, downgrade: &str) -> State {
    edits(vec![file(spot, "mutant.py", &revision("mutant", spot.at, upgrade, downgrade))])
}

/// Two revisions after the newest one, the second on the first.
pub(super) fn two_added(spot: &Spot<'_>, first: [&str; 2], second: [&str; 2]) -> State {
    edits(vec![
        file(spot, "mutant_a.py", &revision("mutant_a", spot.at, first[0], first[1])),
        file(spot, "mutant_b.py", &revision("mutant_b", "mutant_a", second[0], second[1])),
    ])
}

/// A further file among the revisions.
pub(super) fn file(spot: &Spot<'_>, name: &str, text: &str) -> Edit {
    Edit::Add { file: spot.folder.join(name), text: text.to_owned() }
}

/// The text of a revision. Of several statements each stands on a line of its own.
pub(super) fn revision(id: &str, parent: &str, upgrade: &str, downgrade: &str) -> String {
    let [upgrade, downgrade] = [upgrade, downgrade].map(|body| body.replace('\n', "\n    "));
    format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"{id}\"\n\
         down_revision = \"{parent}\"\nbranch_labels = None\ndepends_on = None\n\n\n\
         def upgrade() -> None:\n    {upgrade}\n\n\ndef downgrade() -> None:\n    {downgrade}\n"
    )
}
