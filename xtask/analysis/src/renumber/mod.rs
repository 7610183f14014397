//! Fixes of colliding revisions by the runbook's rules for failure mode C: the revisions that move,
//! their new places, and their new numbers. Only a plan is made here; [`edit`] finds the bytes to
//! change.
//!
//! The order of revisions is not their content: two revisions may change the same table in ways
//! that fit in only one order. That cannot be seen here, and the gate must run afterwards.

mod change;
pub mod contents;
mod edit;
mod merge;
pub mod patch;

use self::change::number;
pub use self::change::{Change, Plan};
pub use self::merge::merge;

use std::collections::HashMap;

use super::graph;
use super::script::Script;
use model::called;
use model::files::Arrival;
use model::graph::{Fault, Graph};

/// The number of collisions fixed in one go.
const MAX_ROUNDS: usize = 50;

/// The advice if no revision may move.
const MERGE: &str =
    ": where both heads are merged, `renumber --merge` writes a revision that merges them";

/// From here on, ages are those of revisions that the base branch does not have.
const NEW: usize = usize::MAX / 2;

/// The age of a revision: a new one is later than all that others have, and an uncommitted one is
/// the latest.
pub fn age(is_new: bool, arrival: Option<&Arrival>) -> usize {
    let order = arrival.map(|arrival| arrival.order);
    match is_new {
        true => order.map_or(usize::MAX, |order| NEW + order),
        false => order.unwrap_or_default(),
    }
}

/// The reversed order of ages: the earliest becomes the latest, and revisions that others have come
/// after the new ones.
pub fn reversed(ages: &[usize]) -> Vec<usize> {
    let mut by_age: Vec<usize> = (0..ages.len()).collect();
    by_age.sort_by_key(|index| ages[*index]);
    let mut reversed = vec![0; ages.len()];
    for (rank, index) in by_age.into_iter().enumerate() {
        reversed[index] = if ages[index] >= NEW { ages.len() - rank } else { usize::MAX - rank };
    }
    reversed
}

/// The age of a revision: the greater, the later.
pub type Age<'a> = &'a dyn Fn(usize) -> usize;

/// The branch on which a revision is merged already, which forbids moving it; `None`: it may move.
pub type Fixed<'a> = &'a dyn Fn(usize) -> Option<String>;

/// Plans the repair of a tree. The files' bytes are given beside their scripts. `Err` is the reason
/// why none is planned.
pub fn plan(
    scripts: &[Script],
    bytes: &[Vec<u8>],
    age: Age<'_>,
    fixed: Fixed<'_>,
) -> Result<Plan, String> {
    let mut state = State::new(scripts, age, fixed);
    let mut because = Vec::new();
    for _ in 0..MAX_ROUNDS {
        match state.fix_one()? {
            Some(reason) => because.push(reason),
            None => {
                let changes = state.changes(bytes)?;
                return Ok(Plan { changes, because });
            }
        }
    }
    Err(format!("there are more than {MAX_ROUNDS} collisions; fix some yourself first"))
}

/// The planned tree, revision by revision.
struct State<'a> {
    scripts: &'a [Script],
    age: Age<'a>,
    fixed: Fixed<'a>,
    /// The id that each revision will have, and the parents that it will name.
    ids: Vec<String>,
    parents: Vec<Vec<String>>,
    /// The revisions that collide: a file among them that has another's number is renamed.
    colliding: Vec<usize>,
}

impl<'a> State<'a> {
    fn new(scripts: &'a [Script], age: Age<'a>, fixed: Fixed<'a>) -> State<'a> {
        let names = |script: &Script| {
            script.down_revision.names.iter().map(|name| name.text.clone()).collect()
        };
        State {
            scripts,
            age,
            fixed,
            ids: scripts.iter().map(|script| script.revision.text.clone()).collect(),
            parents: scripts.iter().map(names).collect(),
            colliding: Vec::new(),
        }
    }

    /// Fixes one collision, and returns the moves; `None` if no collision is left.
    fn fix_one(&mut self) -> Result<Option<String>, String> {
        let graph = self.graph(&|_| true);
        let broken = |fault: &Fault| !matches!(fault, Fault::IdTwice { .. });
        if graph.faults.iter().any(broken) {
            return Err("the graph is broken in other ways; `lint` says how, fix that first".into());
        }
        if let Some(Fault::IdTwice { first, second }) = graph.faults.first() {
            return self.fix_id_twice(*first, *second).map(Some);
        }
        if graph.heads.len() > 1 { self.fix_fork(&graph).map(Some) } else { Ok(None) }
    }

    /// The graph of those revisions that are selected, as they will be. Its indexes are ours.
    fn graph(&self, select: &dyn Fn(usize) -> bool) -> Graph {
        let revisions = (0..self.scripts.len()).map(|index| {
            let script = &self.scripts[index];
            let id = &self.ids[index];
            select(index).then(|| graph::Named { script, id, parents: &self.parents[index] })
        });
        graph::build_named(&revisions.flatten().collect::<Vec<_>>())
    }

    fn fix_id_twice(&mut self, first: usize, second: usize) -> Result<String, String> {
        let (kept, moved) =
            if (self.age)(first) > (self.age)(second) { (second, first) } else { (first, second) };
        self.colliding.extend([kept, moved]);
        let id = self.ids[moved].clone();
        if number(&id).is_none() {
            return Err(format!(
                "{} and {} have the id {id}, which is no number: write a revision with \
                 `{} new`, and move the code of the later one there",
                self.scripts[kept].file,
                self.scripts[moved].file,
                called::gate()
            ));
        }
        // A revision that names the id and came after the later of the two, which is new on this
        // branch, follows the later one; revisions that others have follow the revision that others
        // have.
        let mut chain = vec![moved];
        let is_new = |index: usize| (self.age)(index) >= NEW;
        let follows = |index: usize| is_new(moved) && !is_new(kept) && is_new(index);
        let mut names = vec![id.clone()];
        while let Some(next) = (0..self.ids.len()).find(|index| {
            !chain.contains(index)
                && *index != kept
                && follows(*index)
                && self.parents[*index].iter().any(|parent| names.contains(parent))
        }) {
            names.push(self.ids[next].clone());
            chain.push(next);
        }
        let target = self.head_without(&chain)?;
        let what = format!("revision id {id} is used twice: {} is newer", self.scripts[moved].file);
        let parents = self.parents[moved].clone();
        self.move_chain(&chain, &parents, &target, &what)
    }

    fn fix_fork(&mut self, graph: &Graph) -> Result<String, String> {
        // The trunk is the earliest branch; the next one is put on top of it.
        let mut branches: Vec<_> = graph.branches.iter().collect();
        let born = |branch: &&model::graph::Branch| {
            branch.adds.first().map_or(0, |index| (self.age)(*index))
        };
        branches.sort_by_key(|branch| (born(branch), branch.adds.first().copied()));
        let [trunk, moved, ..] = branches.as_slice() else {
            return Err("the branches of the heads overlap; choose their order yourself".into());
        };
        // Indexes of a graph of all revisions are those of the scripts.
        let chain = moved.adds.clone();
        let target = self.ids[trunk.head].clone();
        let root = *chain.first().ok_or("a head adds nothing")?;
        let parents = self.parents[root].clone();
        if parents.len() > 1 {
            let file = &self.scripts[root].file;
            return Err(format!(
                "{file} merges branches itself; set its `down_revision` to {target} yourself"
            ));
        }
        let at = moved.from.map_or("nothing", |from| graph.id(from));
        let what =
            format!("two branches begin at {at}: that of {} is newer", self.scripts[root].file);
        self.move_chain(&chain, &parents, &target, &what)
    }

    /// The one head that is left when some revisions are taken away.
    fn head_without(&self, chain: &[usize]) -> Result<String, String> {
        let rest = self.graph(&|index| !chain.contains(&index));
        match rest.ids(&rest.heads).as_slice() {
            [head] => Ok(head.clone()),
            heads => Err(format!(
                "without {} there are {} heads ({}); fix those first",
                self.scripts[chain[0]].file,
                heads.len(),
                heads.join(", ")
            )),
        }
    }

    /// Puts a chain on top of `target`, in order, under numbers that no other revision has.
    fn move_chain(
        &mut self,
        chain: &[usize],
        old_parents: &[String],
        target: &str,
        what: &str,
    ) -> Result<String, String> {
        let merged = chain.iter().find_map(|index| Some((*index, (self.fixed)(*index)?)));
        if let Some((index, place)) = merged {
            let file = &self.scripts[index].file;
            return Err(format!("{what}, and {file} is on {place} already, so it stays{MERGE}"));
        }
        let all_numbers = self.ids.iter().all(|id| number(id).is_some());
        let mut renamed: HashMap<String, String> = HashMap::new();
        let others = (0..self.ids.len()).filter(|index| !chain.contains(index));
        let mut last = others.filter_map(|index| number(&self.ids[index])).max().unwrap_or(0);
        for index in chain.iter().filter(|_| all_numbers) {
            let old = self.ids[*index].clone();
            // A number greater than all others is kept.
            match number(&old).filter(|number| *number > last) {
                Some(fits) => last = fits,
                None => {
                    last += 1;
                    let new = format!("{last:0width$}", width = old.len());
                    renamed.insert(old, new.clone());
                    self.ids[*index] = new;
                }
            }
        }
        for (position, index) in chain.iter().enumerate() {
            for parent in &mut self.parents[*index] {
                if position == 0 && old_parents.contains(parent) {
                    target.clone_into(parent);
                } else if let Some(new) = renamed.get(parent).filter(|_| position > 0) {
                    parent.clone_from(new);
                }
            }
        }
        if self.parents[chain[0]].is_empty() {
            self.parents[chain[0]].push(target.to_owned());
        }
        let ids: Vec<&str> = chain.iter().map(|index| self.ids[*index].as_str()).collect();
        Ok(format!("{what}; it moves after {target}, as {}", ids.join(", ")))
    }

    fn changes(&self, bytes: &[Vec<u8>]) -> Result<Vec<Change>, String> {
        let mut changes = Vec::new();
        let renamed: HashMap<&str, &str> = self
            .scripts
            .iter()
            .zip(&self.ids)
            .filter(|(script, id)| script.revision.text != **id)
            .map(|(script, id)| (script.revision.text.as_str(), id.as_str()))
            .filter(|(old, _)| !self.ids.iter().any(|id| id == old))
            .collect();
        for (index, script) in self.scripts.iter().enumerate() {
            let wanted = edit::Wanted {
                id: &self.ids[index],
                parents: &self.parents[index],
                collides: self.colliding.contains(&index),
                renamed: &renamed,
            };
            changes.extend(edit::change(script, &bytes[index], &wanted)?);
        }
        for change in &changes {
            let taken = self.scripts.iter().any(|script| script.file == change.to);
            let leaves = changes.iter().any(|other| other.from == change.to);
            if change.to != change.from && taken && !leaves {
                return Err(format!("there is a file {} already", change.to));
            }
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests;
