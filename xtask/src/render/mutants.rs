//! The score of the mutants: a table by code, the survivors, JSON; and a survivor as an incident.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::model::incident::{Edit, Incident, State, TreeId};
use crate::model::mutant::{Judged, Score};
use crate::model::redact::redact;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
/// Grows when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;

/// One line, as soon as a mutant was judged.
pub fn progress(judged: &Judged, done: usize, total: usize) -> String {
    let said = match (judged.caught, judged.good()) {
        (_, true) => "caught",
        (true, false) => "caught, misnamed",
        (false, _) => "survived",
    };
    format!("{done}/{total} {}: {said}", judged.mutant.incident.id)
}

/// The table by code and kind, the survivors, and the verdict.
pub fn human(score: &Score) -> String {
    let mut rows: BTreeMap<(&str, &str), [usize; 3]> = BTreeMap::new();
    for judged in &score.judged {
        let row =
            rows.entry((&judged.mutant.incident.expect.code, judged.mutant.kind)).or_default();
        row[0] += 1;
        row[1] += usize::from(judged.caught);
        row[2] += usize::from(judged.good());
    }
    let mut out =
        format!("{:6} {:20} {:>7} {:>7} {:>7}\n", "code", "kind", "mutants", "caught", "named");
    for ((code, kind), [mutants, caught, named]) in rows {
        let _ = writeln!(out, "{code:6} {kind:20} {mutants:>7} {caught:>7} {named:>7}");
    }
    for judged in score.judged.iter().filter(|judged| !judged.good()) {
        let word = if judged.caught { "misnamed" } else { "survived" };
        let _ = writeln!(out, "\n{RED}{word}{RED:#} {}", judged.mutant.incident.id);
        for line in judged.differences.iter().flat_map(|difference| difference.lines()) {
            let _ = writeln!(out, "  {}", redact(line));
        }
    }
    for note in &score.notes {
        let _ = writeln!(out, "{note}");
    }
    let (total, good) = (score.judged.len(), score.judged.iter().filter(|j| j.good()).count());
    let (word, style) = match score.exit_status() {
        0 => ("PASS", GREEN),
        1 => ("FAIL", RED),
        _ => ("ERROR", RED),
    };
    let left = match score.left {
        0 => String::new(),
        left => format!(", {left} left when the time was over"),
    };
    let seconds = score.elapsed.as_secs_f64();
    let _ = writeln!(
        out,
        "\n{style}{word}{style:#}  {good} of {total} mutants caught and named rightly in {seconds:.2} s{left}"
    );
    out
}

#[derive(Serialize)]
struct Root<'a> {
    schema: u32,
    verdict: &'static str,
    left: usize,
    mutants: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    kind: &'a str,
    caught: bool,
    named: bool,
    expected: Place<'a>,
    observed: Place<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    step: Option<&'a str>,
    code: Option<&'a str>,
}

/// The score for a program.
pub fn json(score: &Score) -> String {
    let root = Root {
        schema: SCHEMA,
        verdict: match score.exit_status() {
            0 => "pass",
            1 => "fail",
            _ => "error",
        },
        left: score.left,
        mutants: score.judged.iter().map(one).collect(),
    };
    // Plain structs with string keys cannot fail to be written.
    serde_json::to_string_pretty(&root).unwrap_or_default() + "\n"
}

fn one(judged: &Judged) -> One<'_> {
    let (expect, observed) = (&judged.mutant.incident.expect, judged.observed.as_ref());
    One {
        id: &judged.mutant.incident.id,
        kind: judged.mutant.kind,
        caught: judged.caught,
        named: judged.good(),
        expected: Place { step: expect.step.as_deref(), code: Some(&expect.code) },
        observed: Place {
            step: observed.and_then(|observed| observed.step.as_deref()),
            code: observed.map(|observed| observed.code),
        },
    }
}

/// A mutant as a file for `xtask/incidents`.
pub fn incident(incident: &Incident) -> String {
    let tree = match incident.tree {
        TreeId::Console => "console",
        TreeId::Raptor => "raptor",
    };
    let Incident { id, title, story, at, expect, .. } = incident;
    let step = expect.step.as_deref().map_or("null".into(), quoted);
    let mut out = String::new();
    let _ = write!(
        out,
        "id: {}\ndate: null\nprs: []\ntitle: {}\nstory: {}\nmode: null\ntree: {tree}\nat: {}\n",
        quoted(id),
        quoted(title),
        quoted(story),
        quoted(at)
    );
    state(&mut out, "broken", &incident.broken);
    let (code, message) = (quoted(&expect.code), quoted(&expect.message));
    let _ = writeln!(out, "expect:\n  step: {step}\n  code: {code}\n  message: {message}");
    state(&mut out, "mended", &incident.mended);
    out
}

fn state(out: &mut String, name: &str, state: &State) {
    if *state == State::default() {
        let _ = writeln!(out, "{name}: {{}}");
        return;
    }
    let _ = writeln!(out, "{name}:");
    if !state.edits.is_empty() {
        let _ = writeln!(out, "  edits:");
    }
    for edit in &state.edits {
        let (verb, fields) = match edit {
            Edit::Add { file, text } => ("add", vec![("file", file.as_str()), ("text", text)]),
            Edit::Remove { file } => ("remove", vec![("file", file.as_str())]),
            Edit::Rename { file, to } => {
                ("rename", vec![("file", file.as_str()), ("to", to.as_str())])
            }
            Edit::Replace { file, old, new } => {
                ("replace", vec![("file", file.as_str()), ("old", old), ("new", new)])
            }
            Edit::Today { file } => ("today", vec![("file", file.as_str())]),
        };
        let _ = writeln!(out, "    - {verb}:");
        for (name, value) in fields {
            let _ = writeln!(out, "        {name}: {}", quoted(value));
        }
    }
    if !state.without.is_empty() {
        let names: Vec<String> = state.without.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(out, "  without: [{}]", names.join(", "));
    }
    for (name, value) in [("conf", &state.conf), ("sql", &state.sql)] {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name}: {}", quoted(value));
        }
    }
}

/// A text in double quotes: what JSON writes, YAML reads.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::Expected;

    #[test]
    fn what_is_written_is_read_again() {
        let written = Incident {
            id: "mutant-x".into(),
            date: None,
            prs: Vec::new(),
            title: "a: \"title\"".into(),
            story: "two\nlines\n".into(),
            mode: None,
            tree: TreeId::Raptor,
            at: "0002".into(),
            broken: State {
                edits: vec![
                    Edit::Add { file: "a.py".into(), text: "x = \"\\n\"\n".into() },
                    Edit::Replace { file: "b.py".into(), old: "  o".into(), new: String::new() },
                ],
                without: vec!["kris@ admin row".into()],
                conf: None,
                sql: Some("SELECT 'x'".into()),
            },
            expect: Expected { step: None, code: "MG003".into(), message: String::new() },
            mended: State::default(),
        };
        let read: Incident = serde_yaml::from_str(&incident(&written)).unwrap();
        assert_eq!(read, written);
    }
}
