//! Report of the doctor, for a person and for a program.

use std::fmt::Write as _;

use serde::Serialize;

use model::checkup::{Checkup, Health};
use model::shown::escaped_json;

/// For a person: a line for each check, what fixes it below, and what takes room.
pub fn human(checkup: &Checkup) -> String {
    let mut out = String::new();
    for check in &checkup.checks {
        // A text cannot fail to be written to.
        let _ = writeln!(out, "{:<7} {}: {}", word(check.health), check.name, check.found);
        for detail in &check.details {
            let _ = writeln!(out, "          {detail}");
        }
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "        → {fix}");
        }
    }
    let total: u64 = checkup.things.iter().map(|thing| thing.bytes).sum();
    let _ = writeln!(out, "\nwhat the gate keeps: {}", size(total));
    for thing in &checkup.things {
        let removed = match thing.removed {
            true => "removed ",
            false if checkup.cleaned => "left    ",
            false => "",
        };
        let _ =
            writeln!(out, "  {removed}{:>9}  {}: {}", size(thing.bytes), thing.what, thing.path);
    }
    for note in &checkup.notes {
        let _ = writeln!(out, "  {note}");
    }
    if !checkup.cleaned && total > 0 {
        out += "  `doctor --clean` removes what no gate is using\n";
    }
    out += if checkup.can_run() {
        "\nthe gate can run here\n"
    } else {
        "\nthe gate cannot run here: see what is missing above\n"
    };
    out
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Weak => "weak",
        Health::Missing => "missing",
    }
}

/// A size as a person reads it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    can_run: bool,
    checks: Vec<JsonCheck<'a>>,
    things: Vec<JsonThing<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    name: &'a str,
    health: &'a str,
    found: &'a str,
    details: &'a [String],
    fix: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonThing<'a> {
    kind: &'a str,
    what: &'a str,
    path: &'a str,
    bytes: u64,
    removed: bool,
}

/// For a program.
pub fn json(checkup: &Checkup) -> String {
    let checks = checkup.checks.iter().map(|check| JsonCheck {
        name: check.name,
        health: word(check.health),
        found: &check.found,
        details: &check.details,
        fix: check.fix.as_deref(),
    });
    let things = checkup.things.iter().map(|thing| JsonThing {
        kind: &thing.kind,
        what: &thing.what,
        path: thing.path.as_str(),
        bytes: thing.bytes,
        removed: thing.removed,
    });
    let json = Json {
        schema: 1,
        can_run: checkup.can_run(),
        checks: checks.collect(),
        things: things.collect(),
        notes: &checkup.notes,
    };
    // Text and numbers alone: it cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(&json).unwrap_or_default()) + "\n"
}
