//! Report of the doctor, for a person and for a program.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::words;
use model::checkup::{Checkup, Health};
use model::shown::escaped_json;

/// For a person: a line for each check, its fix below, and the disk space in use.
pub fn human(checkup: &Checkup) -> String {
    let mut out = String::new();
    for check in &checkup.checks {
        // A text cannot fail to be written to.
        let found = words::wrap(&format!("{}: {}", check.name, check.found), words::width() - 8);
        let found = found.join(&format!("\n{:8}", ""));
        let _ = writeln!(out, "{:<7} {found}", word(check.health));
        for detail in check.details.iter().filter(|_| checkup.verbose) {
            let _ = writeln!(out, "          {detail}");
        }
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "        → {fix}");
        }
    }
    let total: u64 = checkup.things.iter().map(|thing| thing.bytes).sum();
    let _ = writeln!(out, "\nwhat the gate keeps here: {}", size(total));
    out += &things(checkup);
    for note in &checkup.notes {
        let _ = writeln!(out, "  {note}");
    }
    if !checkup.cleaned && total > 0 {
        let more = if checkup.verbose { "" } else { "; `doctor -v` lists it" };
        let _ = writeln!(out, "  `doctor --clean` removes what no gate is using{more}");
    }
    out += if checkup.can_run() {
        "\nthe gate can run here\n"
    } else {
        "\nthe gate cannot run here: see what is missing above\n"
    };
    out
}

/// The disk space in use: each folder, or the sum of each kind.
fn things(checkup: &Checkup) -> String {
    let removed = |removed: bool| match removed {
        true => "removed ",
        false if checkup.cleaned => "left    ",
        false => "",
    };
    let mut out = String::new();
    let mut sums: BTreeMap<(&str, bool), (usize, u64)> = BTreeMap::new();
    for thing in &checkup.things {
        if checkup.verbose {
            let (is, size) = (removed(thing.removed), size(thing.bytes));
            let _ = writeln!(out, "  {is}{size:>9}  {}: {}", thing.what, thing.path);
        }
        let (count, bytes) = sums.entry((&thing.what, thing.removed)).or_default();
        *count += 1;
        *bytes += thing.bytes;
    }
    for ((what, is_removed), (count, bytes)) in sums.iter().filter(|_| !checkup.verbose) {
        let _ = writeln!(out, "  {}{:>9}  {count} × {what}", removed(*is_removed), size(*bytes));
    }
    out
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Weak => "weak",
        Health::Missing => "missing",
    }
}

/// A size for a person.
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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::human;
    use model::checkup::{Check, Checkup, Health, Thing};

    fn checkup() -> Checkup {
        let check = |name, health, fix: Option<&str>| Check {
            name,
            health,
            found: "found".into(),
            details: vec!["nothing at /usr/pgsql-*/bin".into()],
            fix: fix.map(str::to_owned),
        };
        let thing = |what: &str, path: &str, bytes| Thing {
            kind: "python".into(),
            what: what.into(),
            path: path.into(),
            bytes,
            removed: false,
        };
        Checkup {
            checks: vec![
                check("Postgres 15", Health::Ok, None),
                check("npm", Health::Weak, Some("apt-get install npm")),
            ],
            things: vec![
                thing("snapshot", "/c/kept/snapshot-1", 38_000_000),
                thing("snapshot", "/c/kept/snapshot-2", 40_000_000),
                thing("Python environment", "/c/python/1", 92_000_000),
            ],
            ..Checkup::default()
        }
    }

    #[test]
    fn checks_come_first_and_caches_are_summed() {
        expect![[r#"
            ok      Postgres 15: found
            weak    npm: found
                    → apt-get install npm

            what the gate keeps here: 170 MB
                  92 MB  1 × Python environment
                  78 MB  2 × snapshot
              `doctor --clean` removes what no gate is using; `doctor -v` lists it

            the gate can run here
        "#]]
        .assert_eq(&human(&checkup()));
        let verbose = human(&Checkup { verbose: true, ..checkup() });
        assert!(verbose.contains("nothing at /usr/pgsql") && verbose.contains("snapshot-2"));
        let cleaned = human(&Checkup { cleaned: true, ..checkup() });
        assert!(cleaned.contains("  left        78 MB  2 × snapshot"), "{cleaned}");
    }
}
