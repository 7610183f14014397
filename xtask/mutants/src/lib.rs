//! Mutants: faults that are put into green trees, each code at many places of each chain.
//!
//! A mutant is an incident that never happened, so it runs through the same code as those that did.
//! Its edits are found in the text of the files; a file that is written in another way than the
//! trees' own simply gives no mutant of that kind.

mod backwards;
mod faults;
mod kind;
mod production;
mod read;
mod rows;
mod spot;
mod statements;

pub use self::spot::{Facts, File, Source, Supply};

use self::spot::{Spot, assigned};
use model::mutant::Mutant;

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
    let first = source.tree.first;
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
        mutants.extend(production::of(&spot));
        mutants.extend(statements::of(&spot));
    }
    mutants
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

    const FACTS: Facts = Facts {
        id: "shop",
        label: "Shop",
        ini: "shop/alembic.ini",
        location: "script_location = alembic\n",
        first: "0002",
        short: "0006",
        first_part: None,
        table: "accounts",
        supply: Supply::Role { name: "shop_app", step: "create shop_app role (required by 0002+)" },
    };

    fn source() -> Source {
        let file = |id: u32| File {
            path: format!("backend_v2/alembic/versions/000{id}_x.py").into(),
            text: format!(
                "revision = \"000{id}\"\ndown_revision = \"000{}\"\n\n\ndef upgrade():\n    \
                 op.create_table(\n        \"t{id}\",\n    )\n\n\ndef downgrade():\n    pass\n",
                id - 1
            ),
        };
        Source { tree: &FACTS, files: (2..9).map(file).collect() }
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
