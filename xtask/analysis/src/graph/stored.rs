//! Rows of Alembic's version table: the applied revisions that no other applied one descends from,
//! with `depends_on` counted (`HeadMaintainer`); and the revisions that a downgrade removes
//! (`RevisionMap._collect_downgrade_revisions`).

use std::collections::{BTreeMap, BTreeSet};

/// A revision and its parents.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Its id.
    pub revision: &'a str,
    /// Its parents.
    pub parents: &'a [String],
    /// Its other dependencies.
    pub requires: &'a [String],
}

impl<'a> Link<'a> {
    fn below(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.parents.iter().chain(self.requires).map(String::as_str)
    }
}

/// The revisions of a tree, some of them applied.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    links: BTreeMap<&'a str, Link<'a>>,
    applied: BTreeSet<&'a str>,
}

/// A way to take one revision down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// The target of `alembic downgrade`.
    pub target: String,
    /// The contents of the version table then, sorted.
    pub stored: Vec<String>,
    /// Whether only this revision is taken down.
    pub alone: bool,
}

impl<'a> Applied<'a> {
    /// A tree of which all is applied.
    pub fn all(links: impl IntoIterator<Item = Link<'a>>) -> Applied<'a> {
        let links: BTreeMap<_, _> = links.into_iter().map(|link| (link.revision, link)).collect();
        Applied { applied: links.keys().copied().collect(), links }
    }

    /// The same after an upgrade of an empty database to these revisions.
    pub fn upgraded_to(self, revisions: &[String]) -> Applied<'a> {
        let mut todo: Vec<&str> = revisions.iter().map(String::as_str).collect();
        let mut applied = BTreeSet::new();
        while let Some(link) = todo.pop().and_then(|id| self.links.get(id)) {
            if applied.insert(link.revision) {
                todo.extend(link.below());
            }
        }
        Applied { applied, ..self }
    }

    /// The contents of the version table, sorted.
    pub fn stored(&self) -> Vec<String> {
        let links = self.applied.iter().filter_map(|revision| self.links.get(revision));
        let stood_on: BTreeSet<&str> = links.flat_map(Link::below).collect();
        self.applied
            .iter()
            .filter(|id| !stood_on.contains(*id))
            .map(|id| (*id).to_owned())
            .collect()
    }

    /// How an applied revision is taken down, with as little else as can be.
    pub fn down(&self, revision: &str) -> Option<Down> {
        let ways = self.ways_down(revision);
        ways.iter().find(|down| down.alone).or(ways.first()).cloned()
    }

    /// The parents that a downgrade can name to take down this revision and no other; if none
    /// exists, another way that takes it down alone.
    pub fn ways_alone(&self, revision: &str) -> Vec<String> {
        let ways = self.ways_down(revision);
        let alone = || ways.iter().filter(|down| down.alone).map(|down| down.target.clone());
        let parents: Vec<String> = alone().filter(|target| !target.contains('@')).collect();
        if parents.is_empty() { alone().take(1).collect() } else { parents }
    }

    fn ways_down(&self, revision: &str) -> Vec<Down> {
        let Some(link) = self.links.get(revision) else { return Vec::new() };
        let ways = match link.parents {
            [] => vec![("base".to_owned(), None), (format!("{revision}@base"), None)],
            parents => {
                let plain = parents.iter().map(|parent| (parent.clone(), Some(parent)));
                let labelled =
                    parents.iter().map(|parent| (format!("{revision}@{parent}"), Some(parent)));
                plain.chain(labelled).collect()
            }
        };
        let lineage = self.lineage(revision);
        let down = |(target, parent): (String, Option<&String>)| {
            let by_label = target.contains('@').then_some(&lineage);
            let dropped = self.dropped(parent.map(String::as_str), by_label);
            let alone = dropped.len() == 1 && dropped.contains(revision);
            Down { target, stored: self.stored_without(dropped), alone }
        };
        ways.into_iter().map(down).collect()
    }

    /// The contents of the version table after these are taken down, one by one, sorted. Beside
    /// other heads Alembic stores all parents of the revision that the heads do not descend from
    /// (`RevisionStep`).
    fn stored_without(&self, mut dropped: BTreeSet<&str>) -> Vec<String> {
        let mut heads: BTreeSet<String> = self.stored().into_iter().collect();
        while let Some(next) =
            dropped.iter().find(|id| self.after(id).is_disjoint(&dropped)).copied()
        {
            dropped.remove(next);
            if !heads.remove(next) {
                continue;
            }
            let below = self.links.get(next).map(|link| self.stands_on(link)).unwrap_or_default();
            let covered: BTreeSet<&str> = match heads.is_empty() {
                true => below.iter().flat_map(|id| self.below(id)).collect(),
                false => heads.iter().flat_map(|id| self.below(id)).collect(),
            };
            let mut left: Vec<&str> =
                below.into_iter().filter(|id| !covered.contains(id)).collect();
            left.retain(|id| !heads.contains(*id));
            heads.extend(left.into_iter().map(str::to_owned));
        }
        heads.into_iter().collect()
    }

    /// The direct ancestors of a revision: its parents, and the dependencies that none of its
    /// ancestors has.
    fn stands_on(&self, link: &Link<'a>) -> Vec<&'a str> {
        let above = self.lineage(link.revision).into_iter().filter(|id| *id != link.revision);
        let above = above.filter_map(|id| self.links.get(id));
        let known: BTreeSet<&String> = above.flat_map(|above| above.requires).collect();
        let own = |id: &&String| !known.contains(id) && !link.parents.contains(id);
        link.parents.iter().chain(link.requires.iter().filter(own)).map(String::as_str).collect()
    }

    /// All ancestors of a revision.
    fn below(&self, revision: &str) -> BTreeSet<&'a str> {
        let next = |id: &str| self.links.get(id).into_iter().flat_map(Link::below);
        let (mut found, mut todo) = (BTreeSet::new(), next(revision).collect::<Vec<_>>());
        while let Some(id) = todo.pop() {
            if found.insert(id) {
                todo.extend(next(id));
            }
        }
        found
    }

    /// The direct descendants of a revision.
    fn after(&self, revision: &str) -> BTreeSet<&'a str> {
        let stands = |link: &&Link<'a>| link.below().any(|id| id == revision);
        self.links.values().filter(stands).map(|link| link.revision).collect()
    }

    /// A revision and those that lead to it by `down_revision`.
    fn lineage(&self, revision: &str) -> BTreeSet<&'a str> {
        let (mut found, mut todo) = (BTreeSet::new(), vec![revision]);
        while let Some(link) = todo.pop().and_then(|id| self.links.get(id)) {
            if found.insert(link.revision) {
                todo.extend(link.parents.iter().map(String::as_str));
            }
        }
        found
    }

    /// The revisions that a downgrade to this one takes away; `None`: to the base. With a branch
    /// label, only those of that branch.
    fn dropped(&self, target: Option<&str>, branch: Option<&BTreeSet<&str>>) -> BTreeSet<&'a str> {
        let follows = |link: &Link<'a>| match target {
            Some(target) => link.parents.iter().any(|parent| parent == target),
            None => link.parents.is_empty(),
        };
        let mut roots: Vec<&'a str> =
            self.links.values().filter(|link| follows(link)).map(|link| link.revision).collect();
        if let Some(branch) = branch.filter(|_| roots.len() > 1) {
            roots.retain(|root| branch.contains(root));
        }
        let mut dropped = BTreeSet::new();
        while let Some(revision) = roots.pop() {
            if dropped.insert(revision) {
                roots.extend(self.after(revision));
            }
        }
        dropped.retain(|revision| self.applied.contains(revision));
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id`, `id: parent parent` or `id: parent / dependency`.
    #[track_caller]
    fn check(tree: &[&str], take_down: &str, at_top: &str, expected: &str) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let revisions: Vec<(String, Vec<String>, Vec<String>)> = tree
            .iter()
            .map(|line| {
                let (id, below) = line.split_once(':').unwrap_or((line, ""));
                let (parents, requires) = below.split_once('/').unwrap_or((below, ""));
                (id.to_owned(), words(parents), words(requires))
            })
            .collect();
        let links = revisions.iter().map(|(id, parents, requires)| Link {
            revision: id,
            parents,
            requires,
        });
        let all = Applied::all(links);
        assert_eq!(all.stored().join(" "), at_top);
        let down = all.down(take_down);
        let told = down.map(|down| format!("{} -> {}", down.target, down.stored.join(" ")));
        assert_eq!(told.unwrap_or_default(), expected);
    }

    #[test]
    fn dependency_of_a_stored_revision_is_not_stored() {
        let merge = ["a", "b1: a", "b2: a / b1", "m: b1 b2"];
        check(&merge, "m", "m", "b1 -> b2");
        check(&["a", "b: a", "c: a", "m: b c"], "m", "m", "b -> b c");
        check(&["core", "plug1: / core", "plug2: plug1"], "plug2", "plug2", "plug1 -> plug1");
        check(&["core", "plug: / core"], "plug", "plug", "plug@base -> core");
        check(&["core", "plug"], "core", "core plug", "core@base -> plug");
        check(&["a"], "a", "a", "base -> ");
    }

    #[test]
    fn another_parent_is_named_where_the_first_takes_more_down() {
        check(&["p", "x: p", "y: x", "m: p y"], "m", "m", "y -> y");
        check(&["a", "b: a", "c: a"], "c", "b c", "c@a -> b");
    }

    #[test]
    fn a_merge_goes_down_to_each_parent_that_keeps_the_others() {
        let ways = |parents: &[(&str, &str)], revision: &str| {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            let parents: Vec<(&str, Vec<String>)> =
                parents.iter().map(|(id, below)| (*id, words(below))).collect();
            let links = parents.iter();
            let links = links.map(|(revision, parents)| Link { revision, parents, requires: &[] });
            Applied::all(links).ways_alone(revision)
        };
        assert_eq!(ways(&[("a", ""), ("b", "a"), ("c", "a"), ("m", "b c")], "m"), ["b", "c"]);
        // Down to an ancestor of the other parent would take that as well.
        assert_eq!(ways(&[("a", ""), ("b", "a"), ("c", "b"), ("m", "b c")], "m"), ["c"]);
        assert_eq!(ways(&[("a", ""), ("b", "a"), ("c", "a")], "c"), ["c@a"]);
    }
}
