//! Replayed incidents: as a table for a person, as JSON for a program.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::model::incident::Incident;
use crate::model::redact::redact;
use crate::model::replay::{Replayed, Replays};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();
/// Grows when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;

/// The incidents that there are, a line each.
pub fn list(incidents: &[Incident]) -> String {
    let width = incidents.iter().map(|incident| incident.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for incident in incidents {
        let mode = incident.mode.unwrap_or('-');
        let date = incident.date.as_deref().unwrap_or("-");
        let Incident { id, title, .. } = incident;
        let _ = writeln!(out, "{id:width$}  {mode}  {date:10}  {title}");
    }
    out
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
    let (word, style) = match replays.exit_status() {
        0 => ("PASS", GREEN),
        1 => ("FAIL", RED),
        _ => ("ERROR", RED),
    };
    let total = replays.replayed.len();
    let seconds = replays.elapsed.as_secs_f64();
    let _ = writeln!(
        out,
        "\n{style}{word}{style:#}  {good} of {total} incidents reproduced and mended in {seconds:.2} s"
    );
    out
}

fn table(replayed: &[Replayed]) -> String {
    let head = ["incident", "mode", "expected", "observed", "mended", "time"].map(str::to_owned);
    let mut rows = vec![head];
    for replayed in replayed {
        let Incident { id, mode, expect, .. } = &replayed.incident;
        let place = |step: &Option<String>| step.clone().unwrap_or_else(|| "no step".into());
        let observed = match &replayed.observed {
            None => "nothing".into(),
            Some(o) if replayed.reproduced => o.code.to_owned(),
            Some(o) if o.step == expect.step => format!("{} (differs)", o.code),
            Some(o) => format!("{} {}", o.code, place(&o.step)),
        };
        rows.push([
            id.clone(),
            mode.map_or("-".into(), String::from),
            format!("{} {}", expect.code, place(&expect.step)),
            observed,
            if replayed.fixed { "green".into() } else { "no".into() },
            format!("{:.1} s", replayed.elapsed.as_secs_f64()),
        ]);
    }
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
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

#[derive(Serialize)]
struct Place<'a> {
    step: Option<&'a str>,
    code: Option<&'a str>,
}

/// The contract's JSON.
pub fn json(replays: &Replays) -> String {
    let root = Root {
        schema: SCHEMA,
        verdict: match replays.exit_status() {
            0 => "pass",
            1 => "fail",
            _ => "error",
        },
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
        expected: Place {
            step: incident.expect.step.as_deref(),
            code: Some(&incident.expect.code),
        },
        observed: Place {
            step: observed.and_then(|observed| observed.step.as_deref()),
            code: observed.map(|observed| observed.code),
        },
        fixed: replayed.fixed,
    }
}
