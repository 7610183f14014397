//! Replayed incidents: as a table for a person, as JSON for a program.

use std::fmt::Write as _;

use anstyle::Style;
use serde::Serialize;

use super::trial::{self, Place, RED, headline, verdict};
use model::incident::Incident;
use model::redact::redact;
use model::replay::{Replayed, Replays, SupplyUse, SupplyUses};
use model::shown::escaped_json;

const BOLD: Style = Style::new().bold();
/// Incremented when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;

/// All incidents, a line each.
pub fn list(incidents: &[Incident]) -> String {
    let row = |incident: &Incident| {
        let mode = incident.mode.map_or("-".into(), String::from);
        let date = incident.date.clone().unwrap_or_else(|| "-".into());
        vec![incident.id.clone(), mode, date, incident.title.clone()]
    };
    trial::table(&incidents.iter().map(row).collect::<Vec<_>>(), 4)
}

#[derive(Serialize)]
struct Known<'a> {
    schema: u32,
    incidents: Vec<KnownOne<'a>>,
}

#[derive(Serialize)]
struct KnownOne<'a> {
    id: &'a str,
    date: Option<&'a str>,
    prs: &'a [u32],
    title: &'a str,
    mode: Option<char>,
    tree: &'a str,
    expected: Place<'a>,
}

/// All incidents, for a program.
pub fn list_json(incidents: &[Incident]) -> String {
    let known = Known { schema: SCHEMA, incidents: incidents.iter().map(known).collect() };
    // Plain structs with string keys cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(&known).unwrap_or_default()) + "\n"
}

fn known(incident: &Incident) -> KnownOne<'_> {
    KnownOne {
        id: &incident.id,
        date: incident.date.as_deref(),
        prs: &incident.prs,
        title: &incident.title,
        mode: incident.mode,
        tree: &incident.tree,
        expected: Place::expected(&incident.expect),
    }
}

/// One line, as soon as an incident was replayed.
pub fn progress(replayed: &Replayed, done: usize, total: usize) -> String {
    let said = match (replayed.reproduced, replayed.fixed) {
        (true, true) => "reproduced and fixed",
        (true, false) => "reproduced, not fixed",
        (false, _) => "not reproduced",
    };
    let seconds = replayed.elapsed.as_secs_f64();
    format!("{done}/{total} {}: {said} in {seconds:.1} s", replayed.incident.id)
}

/// The table, the differences from the expected reports, and the verdict.
pub fn human(replays: &Replays) -> String {
    let mut out = String::new();
    if !replays.replayed.is_empty() {
        out = table(&replays.replayed);
    }
    for replayed in replays.replayed.iter().filter(|replayed| !replayed.good()) {
        let Incident { id, title, .. } = &replayed.incident;
        let _ = writeln!(out, "\n{RED}{id}{RED:#}{BOLD}: {title}{BOLD:#}");
        for line in replayed.differences.iter().flat_map(|difference| difference.lines()) {
            let _ = writeln!(out, "  {}", redact(line));
        }
    }
    for note in &replays.notes {
        let _ = writeln!(out, "\n{}", redact(note));
    }
    let good = replays.replayed.iter().filter(|replayed| replayed.good()).count();
    let total = replays.replayed.len();
    let seconds = replays.elapsed.as_secs_f64();
    if total == 0 && !replays.sick.is_empty() {
        // The fault that kept the gate from its work is printed already.
        return out;
    }
    let _ = writeln!(
        out,
        "\n{}  {good} of {total} incidents reproduced and fixed in {seconds:.2} s",
        headline(replays.exit_status())
    );
    out
}

fn table(replayed: &[Replayed]) -> String {
    let head = ["incident", "mode", "expected", "observed", "fixed", "verified", "time"]
        .map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for replayed in replayed {
        let Incident { id, mode, expect, .. } = &replayed.incident;
        let place = |step: &Option<String>| step.clone().unwrap_or_else(|| "no step".into());
        let observed = match &replayed.observed {
            None => "nothing".into(),
            Some(o) if replayed.reproduced => o.code.to_owned(),
            Some(o) if o.step == expect.step => format!("{} (differs)", o.code),
            Some(o) => format!("{} {}", o.code, place(&o.step)),
        };
        rows.push(vec![
            id.clone(),
            mode.map_or("-".into(), String::from),
            format!("{} {}", expect.code, place(&expect.step)),
            observed,
            if replayed.fixed { "green".into() } else { "no".into() },
            if replayed.verified.is_some() { "remedy".into() } else { "-".into() },
            format!("{:.1} s", replayed.elapsed.as_secs_f64()),
        ]);
    }
    trial::table(&rows, rows[0].len())
}

#[derive(Serialize)]
struct Root<'a> {
    schema: u32,
    verdict: &'static str,
    incidents: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    mode: Option<char>,
    status: &'static str,
    expected: Place<'a>,
    observed: Place<'a>,
    fixed: bool,
    /// The changes of the verified remedy.
    verified: Option<&'a [String]>,
}

/// A line for each supply: the revisions that need it.
pub fn supplies(uses: &SupplyUses) -> String {
    let mut out = String::new();
    for SupplyUse { label, name, needed_by, .. } in &uses.supplies {
        let needed_by = match needed_by.as_slice() {
            [] => "needed by none: remove it".to_owned(),
            revisions => format!("needed by {}", revisions.join(", ")),
        };
        let _ = writeln!(out, "{label}: {name}: {needed_by}");
    }
    let (count, seconds) = (uses.supplies.len(), uses.elapsed.as_secs_f64());
    let headline = headline(uses.exit_status());
    let _ = writeln!(out, "\n{headline}  {count} supplies left out in turn, in {seconds:.2} s");
    out
}

#[derive(Serialize)]
struct Supplies<'a> {
    schema: u32,
    verdict: &'static str,
    supplies: Vec<Supply<'a>>,
}

#[derive(Serialize)]
struct Supply<'a> {
    tree: &'a str,
    name: &'a str,
    needed_by: &'a [String],
}

/// The same for a program.
pub fn supplies_json(uses: &SupplyUses) -> String {
    let supplies = uses.supplies.iter().map(|SupplyUse { tree, name, needed_by, .. }| Supply {
        tree,
        name,
        needed_by,
    });
    let verdict = verdict(uses.exit_status());
    let known = Supplies { schema: SCHEMA, verdict, supplies: supplies.collect() };
    // Plain structs with string keys cannot fail to be written.
    serde_json::to_string_pretty(&known).unwrap_or_default() + "\n"
}

/// The contract's JSON.
pub fn json(replays: &Replays) -> String {
    let root = Root {
        schema: SCHEMA,
        verdict: verdict(replays.exit_status()),
        incidents: replays.replayed.iter().map(one).collect(),
    };
    // Plain structs with string keys cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(&root).unwrap_or_default()) + "\n"
}

fn one(replayed: &Replayed) -> One<'_> {
    let (incident, observed) = (&replayed.incident, replayed.observed.as_ref());
    One {
        id: &incident.id,
        mode: incident.mode,
        status: if replayed.reproduced { "reproduced" } else { "not-reproduced" },
        expected: Place::expected(&incident.expect),
        observed: Place::observed(observed),
        fixed: replayed.fixed,
        verified: replayed.verified.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supply_that_nothing_needs_is_to_be_removed() {
        let supply = |name: &str, needed_by: &[&str]| SupplyUse {
            tree: "raptor".into(),
            label: "Raptor".into(),
            name: name.into(),
            needed_by: needed_by.iter().map(|id| (*id).to_owned()).collect(),
        };
        let uses = SupplyUses {
            supplies: vec![supply("used", &["0002", "0003"]), supply("left", &[])],
            ..SupplyUses::default()
        };
        let text = anstream::adapter::strip_str(&supplies(&uses)).to_string();
        assert!(text.contains("Raptor: used: needed by 0002, 0003\n"), "{text}");
        assert!(text.contains("Raptor: left: needed by none: remove it\n\nFAIL"), "{text}");
        assert!(supplies_json(&uses).contains("\"needed_by\": []"));
    }
}
