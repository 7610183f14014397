//! Rollback card: the command back from the new revisions of a tree, and its costs.

use camino::Utf8Path;

use crate::alembic::{Description, Revision};
use crate::os::process::quote_all;
use model::code::{self, Severity};
use model::finding::Finding;
use model::production::Seen;
use model::report::TreeReport;
use model::rollback::Rollback;
use model::template::Template;
use model::transcript::Direction;
use model::tree::Tree;

/// The way back from the new revisions of a tree; `None` without new revisions, without a single head,
/// or where no command takes back all of them and nothing else.
pub(super) fn rollback(
    (tree, root): (&Tree, &Utf8Path),
    report: &TreeReport,
    graph: &Description,
    findings: &[Finding],
) -> Option<Rollback> {
    let is_new = |revision: &&Revision| report.new_revisions.contains(&revision.revision);
    let new: Vec<&Revision> = graph.revisions.iter().filter(is_new).collect();
    if new.is_empty() || report.heads.len() != 1 {
        return None;
    }
    let ids: Vec<&String> = new.iter().map(|revision| &revision.revision).collect();
    let command = |target: &String| {
        let words = ["alembic".to_owned()].into_iter();
        let words = words.chain(tree.alembic_options(Template::written));
        quote_all(words.chain(["downgrade".to_owned(), target.clone()]))
    };
    let command = targets(&new)?.iter().map(command).collect::<Vec<_>>().join(" && ");
    let not_rehearsed: Vec<String> =
        ids.iter().filter_map(|id| not_rehearsed(id, report)).collect();
    let down = report.production.iter().find(|seen| seen.direction == "downgrade");
    let lost = report.stairs.iter().flat_map(|stairs| &stairs.dropped_down);
    let lost = lost.filter(|(id, _)| ids.contains(&id));
    Some(Rollback {
        cwd: tree.cwd.strip_prefix(root).unwrap_or(&tree.cwd).to_string(),
        command,
        rehearsed: not_rehearsed.is_empty(),
        not_rehearsed,
        waits: waits(down, findings, &report.tree),
        lost: lost.map(|(id, what)| format!("{id} {what}")).collect(),
        no_return: ids.iter().rev().find_map(|id| no_return(id, report, findings)),
        revisions: ids.into_iter().cloned().collect(),
    })
}

/// The revisions to go down to, one after the other: each takes back what stands on it. `None`: some stand
/// on nothing, and others do not.
fn targets(new: &[&Revision]) -> Option<Vec<String>> {
    let is_new = |id: &String| new.iter().any(|revision| revision.revision == *id);
    let mut left: Vec<&&Revision> = new.iter().collect();
    let parents = new.iter().flat_map(|revision| &revision.down_revision);
    let mut below: Vec<String> = parents.filter(|parent| !is_new(parent)).cloned().collect();
    below.sort();
    below.dedup();
    below.retain(|parent| {
        let (mut gone, before) = (vec![parent.clone()], left.len());
        while let Some(at) =
            left.iter().position(|r| r.down_revision.iter().any(|down| gone.contains(down)))
        {
            gone.push(left.remove(at).revision.clone());
        }
        left.len() < before
    });
    match (left.is_empty(), below.is_empty()) {
        (true, _) => Some(below),
        (false, true) => Some(vec!["base".to_owned()]),
        (false, false) => None,
    }
}

/// Why a revision does not count as taken back by the gate.
fn not_rehearsed(id: &String, report: &TreeReport) -> Option<String> {
    let Some(stairs) = &report.stairs else { return Some(format!("{id} was not tried")) };
    if stairs.exact.contains(id) {
        return None;
    }
    let why = stairs.untried.iter().find(|(untried, _)| untried == id).map(|(_, why)| why.as_str());
    let is_wrong = stairs.wrong.contains(id);
    let other = if is_wrong { "its findings say what is wrong" } else { "it was not tried" };
    Some(format!("{id}: {}", why.unwrap_or(other)))
}

/// The waits on the way back: the findings about it, and the names of tables that are blocked for a
/// moment.
fn waits(down: Option<&Seen>, findings: &[Finding], tree: &str) -> Vec<String> {
    let Some(down) = down else { return Vec::new() };
    let told = findings.iter().filter(|finding| {
        let back = finding.impact.as_ref().is_some_and(|i| i.direction == Direction::Downgrade);
        back && finding.code == &code::WHO_WAITS && finding.tree.as_deref() == Some(tree)
    });
    let told: Vec<&Finding> = told.collect();
    let is_told = |table: &&String| {
        told.iter().any(|f| f.impact.as_ref().is_some_and(|i| i.table == **table))
    };
    let of = |what: &str| -> Vec<&String> {
        let blocked = down.blocks.iter().filter(|(_, blocked)| *blocked == what);
        blocked.map(|(table, _)| table).filter(|table| !is_told(table)).collect()
    };
    let moments =
        [("reads", "reads and writes"), ("writes", "writes"), ("rows", "writes of the same rows")];
    let moments = moments.into_iter().filter_map(|(what, words)| {
        let tables: Vec<String> = of(what).into_iter().map(|table| format!("`{table}`")).collect();
        (!tables.is_empty()).then(|| format!("{}: {words} wait for a moment", tables.join(", ")))
    });
    let mut waits: Vec<String> = told.iter().map(|f| f.message.clone()).chain(moments).collect();
    if waits.is_empty() {
        waits.push("nobody waits".to_owned());
    }
    waits
}

/// Whether a finding is about a downgrade that did not end well.
fn goes_down(finding: &Finding) -> bool {
    let in_flight = finding.transcript.as_ref().and_then(|said| said.revision.as_ref());
    in_flight.is_some_and(|revision| revision.direction == Direction::Downgrade)
}

/// Why the state before a revision does not come back, once it was applied.
fn no_return(id: &String, report: &TreeReport, findings: &[Finding]) -> Option<String> {
    let fails = findings.iter().find(|finding| {
        let of_it =
            finding.revision.as_ref() == Some(id) && finding.tree.as_ref() == Some(&report.tree);
        let declared = [&code::IRREVERSIBLE, &code::IRREVERSIBLE_DECLARED].contains(&finding.code);
        of_it && (declared || goes_down(finding) && finding.severity() == Severity::Error)
    });
    if let Some(finding) = fails {
        return Some(format!("{id}: {}", finding.code.title));
    }
    let stairs = report.stairs.as_ref()?;
    let lost: Vec<&str> =
        stairs.lost_up.iter().filter(|(of, _)| of == id).map(|(_, what)| what.as_str()).collect();
    (!lost.is_empty()).then(|| format!("{id}: its upgrade loses {}", lost.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parent_is_gone_down_to_unless_another_takes_it_along() {
        let revision = |(id, below): &(&str, &[&str])| Revision {
            revision: (*id).to_owned(),
            down_revision: below.iter().map(|id| (*id).to_owned()).collect(),
            requires: Vec::new(),
            file: "r.py".into(),
        };
        let check = |new: &[(&str, &[&str])], expected: &[&str]| {
            let new: Vec<Revision> = new.iter().map(revision).collect();
            let targets = targets(&new.iter().collect::<Vec<_>>()).unwrap_or_default();
            assert_eq!(targets, expected);
        };
        check(&[("1", &[])], &["base"]);
        check(&[("3", &["2"]), ("2", &["1"])], &["1"]);
        check(&[("m", &["a", "b"])], &["a"]);
        check(&[("m", &["c", "b"]), ("c", &["a"])], &["a"]);
        check(&[("m", &["c", "b"]), ("c", &[])], &[]);
        check(&[("m", &["c", "d"]), ("c", &["a"]), ("d", &["b"])], &["a", "b"]);
    }
}
