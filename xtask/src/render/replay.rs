//! Replayed incidents: as a table for a person, as JSON for a program.

use std::fmt::Write as _;

use anstyle::Style;
use serde::Serialize;

use super::trial::{self, Place, RED, headline, verdict};
use model::incident::Incident;
use model::redact::redact;
use model::replay::{Replayed, Replays};

const BOLD: Style = Style::new().bold();
/// Grows when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;

/// The incidents that there are, a line each.
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

/// The incidents that there are, for a program.
pub fn list_json(incidents: &[Incident]) -> String {
    let known = Known { schema: SCHEMA, incidents: incidents.iter().map(known).collect() };
    // Plain structs with string keys cannot fail to be written.
    serde_json::to_string_pretty(&known).unwrap_or_default() + "\n"
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
        (true, true) => "reproduced and mended",
        (true, false) => "reproduced, not mended",
        (false, _) => "not reproduced",
    };
    let seconds = replayed.elapsed.as_secs_f64();
    format!("{done}/{total} {}: {said} in {seconds:.1} s", replayed.incident.id)
}

/// The table, what was not as expected, and the verdict.
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
    let _ = writeln!(
        out,
        "\n{}  {good} of {total} incidents reproduced and mended in {seconds:.2} s",
        headline(replays.exit_status())
    );
    out
}

fn table(replayed: &[Replayed]) -> String {
    let head = ["incident", "mode", "expected", "observed", "mended", "time"].map(str::to_owned);
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
}

/// The contract's JSON.
pub fn json(replays: &Replays) -> String {
    let root = Root {
        schema: SCHEMA,
        verdict: verdict(replays.exit_status()),
        incidents: replays.replayed.iter().map(one).collect(),
    };
    // Plain structs with string keys cannot fail to be written.
    serde_json::to_string_pretty(&root).unwrap_or_default() + "\n"
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
    }
}
