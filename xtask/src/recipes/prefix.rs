//! The beginning of a tree's chain as an earlier run climbed it: its database stands at the end of
//! it, and only what comes after is run.
//!
//! A step that an earlier run did whole is shown as it was. What the rest is compared with is the
//! same as in a run from an empty database: the statements of the beginning are kept as data, so
//! that whatever asks which statement made an object finds it. What cannot be laid at the door of
//! the revisions after it is a [`Surprise`], and everything is run again from an empty database.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;

use super::live::Outcome;
use crate::drivers::alembic::{Description, Revision};
use crate::drivers::interrupt::Interrupted;
use crate::drivers::postgres::aside;
use crate::drivers::postgres::session::VersionTable;
use model::schema::Schema;
use model::step::{KNOWN_SINCE, Step};
use model::transcript::Statement;

/// What is known of a tree's chain up to where its database stands.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// What the version table holds, sorted.
    pub at: Vec<String>,
    /// Where Alembic keeps its version.
    pub table: VersionTable,
    /// The revisions up to there, as Alembic read them.
    pub revisions: Arc<[Revision]>,
    /// The steps that were done before the upgrade to the head began.
    pub steps: Vec<Step>,
    /// The schema there, where it was looked at.
    pub schema: Option<Schema>,
    /// What was run up to there.
    pub statements: Arc<[Statement]>,
    /// When.
    pub since: SystemTime,
}

/// Why a run on a known beginning proves nothing.
#[derive(Debug)]
pub struct Surprise(pub String);

impl std::fmt::Display for Surprise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Surprise {}

impl Prefix {
    /// The beginning of a chain up to right before its head, of which these steps and statements were
    /// the way up. `None` where there is nothing before the head, or no head alone.
    pub fn before_head(
        graph: &Description,
        table: &VersionTable,
        (steps, way_up): (&[Step], &[Statement]),
        since: SystemTime,
    ) -> Option<Prefix> {
        let [head] = graph.heads.as_slice() else { return None };
        let head = graph.revisions.iter().find(|revision| revision.revision == *head)?;
        let mut at = head.down_revision.clone();
        at.sort();
        let ids = below(graph, &at);
        if at.is_empty() || ids.contains(head.revision.as_str()) {
            return None;
        }
        let revisions = graph.revisions.iter().filter(|r| ids.contains(r.revision.as_str()));
        let before =
            |s: &&Statement| s.revision.as_deref().is_none_or(|revision| ids.contains(revision));
        Some(Prefix {
            table: table.clone(),
            revisions: revisions.cloned().collect(),
            steps: steps.iter().take_while(|step| !step.name.ends_with(UPGRADE)).cloned().collect(),
            statements: way_up.iter().take_while(before).cloned().collect(),
            schema: None,
            since,
            at,
        })
    }

    /// Whether it is the beginning of this chain, with something after it up to one head.
    pub fn begins(&self, graph: &Description) -> bool {
        let [head] = graph.heads.as_slice() else { return false };
        let ids = below(graph, &self.at);
        let now = by_id(graph);
        let same = |known: &Revision| now.get(known.revision.as_str()) == Some(&known);
        graph.repeated.is_empty()
            && !ids.contains(head.as_str())
            && below(graph, std::slice::from_ref(head)).is_superset(&ids)
            && ids.len() == self.revisions.len()
            && self.revisions.iter().all(same)
    }

    /// What was done before, where this is one of the steps that were.
    pub(super) fn step(&self, done: usize, name: &str) -> Option<Step> {
        let step = self.steps.get(done).filter(|step| step.name == name)?;
        Some(known(step, self.since))
    }

    /// Why what came of a step may come from the beginning.
    pub(super) fn surprise(&self, result: &Result<Outcome>) -> Option<Surprise> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(err) if err.is::<Interrupted>() || err.is::<Surprise>() => return None,
            Err(err) => return Some(Surprise(format!("{err:#}"))),
        };
        let finding = outcome.error()?;
        // A role cannot be dropped while a copy needs it, which only a known beginning has beside it.
        let exceptions = finding.transcript.iter().flat_map(|said| &said.exceptions);
        if exceptions.filter_map(|e| e.detail.as_deref()).any(aside::is_named_in) {
            return Some(Surprise(finding.message.clone()));
        }
        let said = finding.transcript.as_ref().and_then(|said| said.revision.as_ref());
        let revision = said.map(|r| &r.id).or(finding.revision.as_ref());
        let known = |id: &String| self.revisions.iter().any(|known| known.revision == *id);
        match revision {
            Some(revision) if !known(revision) => None,
            _ => Some(Surprise(finding.message.clone())),
        }
    }
}

/// A step that was not run now, with a note since when it is known.
pub fn known(step: &Step, since: SystemTime) -> Step {
    let (mut step, since) = (step.clone(), humantime::format_rfc3339_seconds(since));
    // What was known then too was known since the same time.
    step.notes.retain(|note| !note.starts_with(KNOWN_SINCE));
    step.notes.push(format!("{KNOWN_SINCE}{since}: nothing that it depends on has changed"));
    step
}

/// The step from which on nothing is known.
const UPGRADE: &str = " — alembic upgrade head";

/// These revisions and all below them, as far as they exist.
fn below<'g>(graph: &'g Description, from: &[String]) -> BTreeSet<&'g str> {
    let (revisions, mut found) = (by_id(graph), BTreeSet::new());
    let mut next: Vec<&str> = from.iter().map(String::as_str).collect();
    while let Some(id) = next.pop() {
        let revision = revisions.get(id).filter(|revision| found.insert(&*revision.revision));
        if let Some(revision) = revision {
            let parents = revision.down_revision.iter().chain(&revision.requires);
            next.extend(parents.map(String::as_str));
        }
    }
    found
}

fn by_id(graph: &Description) -> HashMap<&str, &Revision> {
    graph.revisions.iter().map(|revision| (revision.revision.as_str(), revision)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain: each revision with its parents, the head first.
    fn chain(revisions: &[(&str, &[&str])]) -> Description {
        let revision = |(id, parents): &(&str, &[&str])| Revision {
            revision: (*id).to_owned(),
            down_revision: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            requires: Vec::new(),
            file: format!("/{id}.py").into(),
        };
        let is_head = |id: &str| !revisions.iter().any(|(_, parents)| parents.contains(&id));
        let heads = revisions.iter().map(|(id, _)| *id).filter(|id| is_head(id));
        Description {
            heads: heads.map(str::to_owned).collect(),
            revisions: revisions.iter().map(revision).collect(),
            repeated: Vec::new(),
        }
    }

    fn statement(sql: &str, revision: Option<&str>) -> Statement {
        Statement { sql: sql.into(), revision: revision.map(str::to_owned), elapsed: None }
    }

    fn prefix(graph: &Description) -> Option<Prefix> {
        let steps = ["X — seed", "X — alembic upgrade head", "X — assert single head"];
        let steps = steps.map(|name| Step::skipped(name.into(), String::new()));
        let way_up =
            [("0", None), ("1", Some("a")), ("2", Some("b")), ("3", Some("c")), ("4", None)];
        let way_up = way_up.map(|(sql, revision)| statement(sql, revision));
        let table = VersionTable::default();
        Prefix::before_head(graph, &table, (&steps, &way_up), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn what_is_known_ends_right_before_the_head() {
        let known = prefix(&chain(&[("c", &["b"]), ("b", &["a"]), ("a", &[])])).unwrap();
        assert_eq!(known.at, ["b"]);
        let ids: Vec<&str> = known.revisions.iter().map(|r| r.revision.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
        assert_eq!(known.steps.len(), 1);
        let sql: Vec<&str> = known.statements.iter().map(|s| s.sql.as_str()).collect();
        assert_eq!(sql, ["0", "1", "2"]);
        assert!(prefix(&chain(&[("a", &[])])).is_none(), "there is nothing before it");
        assert!(prefix(&chain(&[("c", &["a"]), ("b", &["a"]), ("a", &[])])).is_none());
    }

    #[test]
    fn it_is_the_beginning_of_what_goes_on_from_it_alone() {
        let then = chain(&[("c", &["b"]), ("b", &["a"]), ("a", &[])]);
        let known = prefix(&then).unwrap();
        assert!(known.begins(&then));
        assert!(known.begins(&chain(&[("d", &["c"]), ("c", &["b"]), ("b", &["a"]), ("a", &[])])));
        assert!(known.begins(&chain(&[("other", &["b"]), ("b", &["a"]), ("a", &[])])));
        // The newest is gone, a second head, another parent, one that came between.
        assert!(!known.begins(&chain(&[("b", &["a"]), ("a", &[])])));
        assert!(!known.begins(&chain(&[("d", &["a"]), ("c", &["b"]), ("b", &["a"]), ("a", &[])])));
        assert!(!known.begins(&chain(&[("c", &["b"]), ("b", &[]), ("a", &[])])));
        assert!(!known.begins(&chain(&[("c", &["b"]), ("b", &["n"]), ("n", &["a"]), ("a", &[])])));
        let mut moved = then.clone();
        let mut revisions = moved.revisions.to_vec();
        revisions[1].file = "/elsewhere.py".into();
        moved.revisions = revisions.into();
        assert!(!known.begins(&moved));
    }
}
