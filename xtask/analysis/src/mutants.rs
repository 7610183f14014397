//! Puts faults into green trees: each code at many places of each chain.
//!
//! A mutant is an incident that never happened, so it runs through the same code as those that did.
//! What it edits is found in the text of the files; a file that is written in another way than the
//! trees' own simply gives no mutant of that kind.

mod backwards;
mod faults;
mod kind;
mod read;
mod rows;
mod statements;

use camino::{Utf8Path, Utf8PathBuf};

use self::kind::Kind;
use model::incident::{Edit, Expected, Incident, Options, State, TreeId};
use model::mutant::Mutant;

/// A revision file.
pub struct File {
    /// Relative to the root.
    pub path: Utf8PathBuf,
    /// What it holds.
    pub text: String,
}

/// A tree's files.
pub struct Source {
    /// Which tree.
    pub tree: TreeId,
    /// Its revision files, in the order of the chain.
    pub files: Vec<File>,
}

/// A place in a chain: a revision, and where the chain ends for its mutants.
struct Spot<'a> {
    tree: TreeId,
    file: &'a File,
    id: &'a str,
    parent: Option<&'a str>,
    /// The newest revision of the mutant: the recipe needs the chain to reach this far.
    at: &'a str,
    folder: &'a Utf8Path,
}

/// At most `limit` mutants, drawn by `seed`: as many of each kind as there are, in turn.
pub fn draw(sources: &[Source], seed: u64, limit: usize) -> Vec<Mutant> {
    let mut random = Random(seed);
    let mut kinds: Vec<(&'static str, Vec<Mutant>)> = Vec::new();
    for mutant in sources.iter().flat_map(all) {
        match kinds.iter_mut().find(|(kind, _)| *kind == mutant.kind) {
            Some((_, mutants)) => mutants.push(mutant),
            None => kinds.push((mutant.kind, vec![mutant])),
        }
    }
    let mut drawn = Vec::new();
    while drawn.len() < limit && kinds.iter().any(|(_, mutants)| !mutants.is_empty()) {
        for (_, mutants) in &mut kinds {
            if drawn.len() < limit && !mutants.is_empty() {
                drawn.push(mutants.swap_remove(random.below(mutants.len())));
            }
        }
    }
    drawn
}

fn all(source: &Source) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    // The oldest revision at which the tree's recipe can run.
    let first = match source.tree {
        TreeId::Console => "0016",
        TreeId::Raptor => "0002",
    };
    for file in &source.files {
        let (Some(id), Some(folder)) = (assigned(&file.text, "revision"), file.path.parent())
        else {
            continue;
        };
        let parent = assigned(&file.text, "down_revision");
        let at = id.max(first);
        let spot = Spot { tree: source.tree, file, id, parent, at, folder };
        mutants.extend(faults::of(&spot));
        mutants.extend(read::of(&spot));
        mutants.extend(backwards::of(&spot));
        mutants.extend(rows::of(&spot));
        mutants.extend(statements::of(&spot));
    }
    mutants
}

/// The text that a file assigns to a name at its top level, where it is a plain string.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (left, value) = rest.split_once('=')?;
        let left = left.trim();
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        (left.is_empty() || left.starts_with(':')).then_some(value)
    })
}

impl Spot<'_> {
    fn mutant(&self, kind: &Kind, broken: State) -> Mutant {
        let (label, tree) = match self.tree {
            TreeId::Console => ("Console", "console"),
            TreeId::Raptor => ("Raptor", "raptor"),
        };
        let undo = |edit: &Edit| match edit {
            Edit::Add { file, .. } => Edit::Remove { file: file.clone() },
            Edit::Rename { file, .. }
            | Edit::Remove { file }
            | Edit::Replace { file, .. }
            | Edit::Today { file } => Edit::Today { file: file.clone() },
        };
        let mended = State { edits: broken.edits.iter().map(undo).collect(), ..State::default() };
        let Kind { name, when, code, lint, also } = *kind;
        let incident = Incident {
            id: format!("mutant-{name}-{tree}-{}", self.id),
            date: None,
            prs: Vec::new(),
            title: format!("{} at {tree} {}", name.replace('-', " "), self.id),
            story: "A mutant of a green tree.\n".into(),
            mode: None,
            tree: self.tree,
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
            mended,
        };
        Mutant { kind: name, incident }
    }

    fn before_seed(&self) -> bool {
        self.tree == TreeId::Console && self.id <= "0015"
    }

    /// Whether this revision is the one that the downgrade step takes down.
    fn is_head(&self) -> bool {
        self.id == self.at
    }

    /// The text up to the downgrade.
    fn upgrade(&self) -> &str {
        self.file.text.split_once("def downgrade(").map_or("", |(upgrade, _)| upgrade)
    }

    /// The first table that the revision creates.
    fn table(&self) -> Option<&str> {
        self.first_named("op.create_table(\n        \"")
    }

    /// The first index that the revision creates, and its table.
    fn index(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.upgrade().split_once("op.create_index(\n        \"")?;
        let mut names = rest.split('"');
        Some((names.next()?, names.nth(1)?))
    }

    fn first_named(&self, start: &str) -> Option<&str> {
        let (_, rest) = self.upgrade().split_once(start)?;
        rest.split_once('"').map(|(name, _)| name)
    }
}

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // Never as large as `bound`, so it fits.
        usize::try_from(z % bound.max(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let file = |id: u32| File {
            path: format!("backend_v2/alembic/versions/000{id}_x.py").into(),
            text: format!(
                "revision = \"000{id}\"\ndown_revision = \"000{}\"\n\n\ndef upgrade():\n    \
                 op.create_table(\n        \"t{id}\",\n    )\n\n\ndef downgrade():\n    pass\n",
                id - 1
            ),
        };
        Source { tree: TreeId::Raptor, files: (2..9).map(file).collect() }
    }

    #[test]
    fn the_same_seed_draws_the_same_mutants() {
        let ids = |seed| -> Vec<String> {
            draw(&[source()], seed, 30).into_iter().map(|mutant| mutant.incident.id).collect()
        };
        assert_eq!(ids(1).len(), 30);
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
    }

    #[test]
    fn a_plain_string_is_read_with_and_without_its_type() {
        assert_eq!(assigned("revision = \"1\"", "revision"), Some("1"));
        assert_eq!(assigned("revision: str = \"1\"", "revision"), Some("1"));
        assert_eq!(assigned("down_revision = None", "down_revision"), None);
        assert_eq!(assigned("revisions = \"1\"", "revision"), None);
    }
}
