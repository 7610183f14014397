//! The score of the mutants: a table by code, the survivors, JSON; and a survivor as an incident.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::trial::{Place, RED, headline, table, verdict};
use model::incident::{Edit, Expected, Incident, Options, State};
use model::mutant::{Judged, Score};
use model::redact::redact;
use model::shown::escaped_json;

/// Incremented when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;

/// One line, as soon as a mutant was judged.
pub fn progress(judged: &Judged, done: usize, total: usize) -> String {
    let said = match (judged.caught, judged.good()) {
        (_, true) if judged.by_lint => "caught by the lints",
        (_, true) => "caught",
        (true, false) => "caught, misnamed",
        (false, _) => "survived",
    };
    format!("{done}/{total} {}: {said}", judged.mutant.incident.id)
}

/// The table by code and kind, the survivors, the scores and the verdict.
pub fn human(score: &Score) -> String {
    let mut out = table(&rows(score), 2);
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
    let left = match score.left {
        0 => String::new(),
        left => format!(", {left} left when the time was over"),
    };
    let (total, scores) = (score.judged.len(), Scores::of(&score.judged));
    let percent = |part: usize| 100 * part / total.max(1);
    let _ = writeln!(
        out,
        "\n{}  of {total} mutants, the lints caught {} ({} %) and the gate {} ({} %); {} got the right \
         code ({} %); of {} red ones, {} end with a verified remedy ({} %), in {:.2} s{left}",
        headline(score.exit_status()),
        scores.by_lint,
        percent(scores.by_lint),
        scores.caught,
        percent(scores.caught),
        scores.named,
        percent(scores.named),
        scores.red,
        scores.verified,
        100 * scores.verified / scores.red.max(1),
        score.elapsed.as_secs_f64()
    );
    out
}

fn rows(score: &Score) -> Vec<Vec<String>> {
    let mut kinds: BTreeMap<(&str, &str), Vec<Judged>> = BTreeMap::new();
    for judged in &score.judged {
        let kind = (judged.mutant.incident.expect.code.as_str(), judged.mutant.kind);
        kinds.entry(kind).or_default().push(judged.clone());
    }
    let head = ["code", "kind", "mutants", "by lint", "by gate", "named", "red", "verified"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for ((code, kind), judged) in kinds {
        rows.push(row(code, kind, &judged));
    }
    rows.push(row("", "total", &score.judged));
    rows
}

fn row(code: &str, kind: &str, judged: &[Judged]) -> Vec<String> {
    let Scores { by_lint, caught, named, red, verified } = Scores::of(judged);
    let numbers =
        [judged.len(), by_lint, caught, named, red, verified].map(|number| number.to_string());
    [code, kind].into_iter().map(str::to_owned).chain(numbers).collect()
}

/// The numbers of mutants caught by the lints, caught by the gate, and named rightly.
#[derive(Serialize)]
struct Scores {
    by_lint: usize,
    caught: usize,
    named: usize,
    /// The number of red mutants, and of those with a verified remedy.
    red: usize,
    verified: usize,
}

impl Scores {
    fn of(judged: &[Judged]) -> Scores {
        let count = |is: &dyn Fn(&Judged) -> bool| judged.iter().filter(|j| is(j)).count();
        Scores {
            by_lint: count(&|judged| judged.by_lint),
            caught: count(&|judged| judged.caught),
            named: count(&Judged::good),
            red: count(&|judged| judged.is_red),
            verified: count(&|judged| judged.is_red && judged.verified.is_some()),
        }
    }
}

#[derive(Serialize)]
struct Root<'a> {
    schema: u32,
    verdict: &'static str,
    total: usize,
    #[serde(flatten)]
    scores: Scores,
    left: usize,
    mutants: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    kind: &'a str,
    by_lint: bool,
    caught: bool,
    named: bool,
    red: bool,
    /// The changes of the verified remedy.
    verified: Option<&'a [String]>,
    expected: Place<'a>,
    observed: Place<'a>,
}

/// The score for a program.
pub fn json(score: &Score) -> String {
    let root = Root {
        schema: SCHEMA,
        verdict: verdict(score.exit_status()),
        total: score.judged.len(),
        scores: Scores::of(&score.judged),
        left: score.left,
        mutants: score.judged.iter().map(one).collect(),
    };
    // Plain structs with string keys cannot fail to be written.
    escaped_json(&serde_json::to_string_pretty(&root).unwrap_or_default()) + "\n"
}

fn one(judged: &Judged) -> One<'_> {
    One {
        id: &judged.mutant.incident.id,
        kind: judged.mutant.kind,
        by_lint: judged.by_lint,
        caught: judged.caught,
        named: judged.good(),
        red: judged.is_red,
        verified: judged.verified.as_deref(),
        expected: Place::expected(&judged.mutant.incident.expect),
        observed: Place::observed(judged.observed.as_ref()),
    }
}

/// A mutant as a file for `xtask/incidents`.
pub fn incident(incident: &Incident) -> String {
    let tree = &incident.tree;
    let Incident { id, title, story, at, expect, .. } = incident;
    let mut out = String::new();
    let _ = write!(
        out,
        "id: {}\ndate: null\nprs: []\ntitle: {}\nstory: {}\nmode: null\ntree: {tree}\nat: {}\n",
        quoted(id),
        quoted(title),
        quoted(story),
        quoted(at)
    );
    asked(&mut out, incident);
    state(&mut out, "broken", &incident.broken);
    expected(&mut out, expect);
    state(&mut out, "fixed", &incident.fixed);
    out
}

/// The options, and the history: a mutant's history is the tree as it is, in one commit.
fn asked(out: &mut String, incident: &Incident) {
    let Options { timeout, stairway, rehearse } = incident.options;
    if incident.options != Options::default() {
        let timeout = timeout.map_or("null".into(), |seconds| seconds.to_string());
        let how = format!("stairway: {stairway}, rehearse: {rehearse}");
        let _ = writeln!(out, "options: {{timeout: {timeout}, {how}}}");
    }
    let Some(history) = &incident.history else { return };
    let _ = writeln!(out, "history:{}", if history.is_empty() { " []" } else { "" });
    for commit in history {
        let files: Vec<String> = commit.files.iter().map(|file| quoted(file.as_str())).collect();
        let _ = writeln!(
            out,
            "  - subject: {}\n    author: {}\n    date: {}\n    files: [{}]",
            quoted(&commit.subject),
            quoted(&commit.author),
            quoted(&commit.date),
            files.join(", ")
        );
    }
}

fn expected(out: &mut String, expect: &Expected) {
    let step = expect.step.as_deref().map_or("null".into(), quoted);
    let (code, message) = (quoted(&expect.code), quoted(&expect.message));
    let _ = writeln!(out, "expect:\n  step: {step}\n  code: {code}\n  message: {message}");
    if let Some(lint) = &expect.lint {
        let _ = writeln!(out, "  lint: {}", quoted(lint));
    }
    if !expect.also.is_empty() {
        let also: Vec<String> = expect.also.iter().map(|code| quoted(code)).collect();
        let _ = writeln!(out, "  also: [{}]", also.join(", "));
    }
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

/// A text in double quotes: YAML reads JSON's strings.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::incident::Commit;

    #[test]
    fn written_incidents_can_be_read() {
        let written = Incident {
            id: "mutant-x".into(),
            date: None,
            prs: Vec::new(),
            title: "a: \"title\"".into(),
            story: "two\nlines\n".into(),
            mode: None,
            tree: "raptor".into(),
            at: "0002".into(),
            options: Options { timeout: Some(6), stairway: true, rehearse: true },
            history: Some(vec![Commit {
                subject: "Orders (#7)".into(),
                author: "A. Author".into(),
                date: "2026-05-28".into(),
                files: vec!["a.py".into(), "b.py".into()],
            }]),
            broken: State {
                edits: vec![
                    Edit::Add { file: "a.py".into(), text: "x = \"\\n\"\n".into() },
                    Edit::Replace { file: "b.py".into(), old: "  o".into(), new: String::new() },
                ],
                without: vec!["kris@ admin row".into()],
                conf: None,
                sql: Some("SELECT 'x'".into()),
            },
            expect: Expected {
                step: None,
                code: "MG003".into(),
                message: String::new(),
                lint: Some("MG202".into()),
                also: vec!["MG205".into()],
            },
            fixed: State::default(),
        };
        let read: Incident = serde_yaml::from_str(&incident(&written)).unwrap();
        assert_eq!(read, written);
    }
}
