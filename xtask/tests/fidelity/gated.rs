//! The gate on a tree: cold, from its cache, and in a watch.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::report::Report;
use super::support::run::Gate;
use super::support::sandbox::Sandbox;
use super::tree::{Case, Edit, HEAD, StepOutcome, save_head};
use super::{Differences, World, touch};

/// No verdict of a watch on such a tree takes this long.
const NO_VERDICT_AFTER: Duration = Duration::from_secs(40);

/// Makes what later runs copy: the prepared data folder.
pub fn warm_up(world: &World) {
    let case = Case { name: "warm_up".into(), ..Case::default() };
    let (sandbox, tree) = (Sandbox::new(), world.copy(&case, "gate"));
    let ended = gate(world, &sandbox, &tree).args("--format json").run();
    assert_eq!(ended.code(), 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// The tree with nothing to reuse, and from the cache; then after an edit of each file but the head, whose
/// content counts in any case, and each that the gate judges in its own way, where a result is there that must
/// not serve. Then each edit in a watch, which begins with the first one, and has the tree as it was between
/// two.
pub fn check(world: &World, case: &Case, differences: &Differences) {
    let (sandbox, tree) = (Sandbox::new(), world.copy(case, "gated"));
    let expect_pass = |place: &str, is: (String, String)| {
        differences.expect(&case.name, place, &is, StepOutcome::Pass);
    };
    expect_pass("cold", run(world, &sandbox, &tree));
    touch(&tree.join(HEAD));
    expect_pass("cached", run(world, &sandbox, &tree));
    let expect = |edit: &Edit, place: &str, is: (String, String)| {
        differences.expect(&edit.name, place, &is, edit.gated());
    };
    let mut counted = BTreeSet::from([HEAD]);
    for edit in &case.edits {
        if !counted.insert(&edit.file) && edit.gate.is_none() {
            continue;
        }
        edit.make(&tree);
        expect(edit, "cached, edited", run(world, &sandbox, &tree));
        edit.take_back(&tree);
    }
    let report = sandbox.path().join("report.json");
    let option = format!("--report=json={}", report.display());
    let (first, others) = case.edits.split_first().unwrap();
    first.make(&tree);
    let mut watch = gate(world, &sandbox, &tree).arg("--watch").arg(option).spawn();
    expect(first, "watched", verdict(&report, &tree));
    first.take_back(&tree);
    for edit in others {
        edit.make(&tree);
        // A watch need not look at what is outside the tree.
        if edit.file.starts_with("..") {
            save_head(&tree);
        }
        expect(edit, "watched", verdict(&report, &tree));
        edit.take_back(&tree);
    }
    save_head(&tree);
    expect_pass("watched", verdict(&report, &tree));
    first.make(&tree);
    expect(first, "watched again", verdict(&report, &tree));
    watch.signal(Signal::INT);
    let code = watch.wait().code();
    assert_eq!(code, 130, "{}: the watch, interrupted", case.name);
}

/// The next verdict of a watch, which takes its report away.
fn verdict(report: &Path, tree: &Path) -> (String, String) {
    let deadline = Instant::now() + NO_VERDICT_AFTER;
    while Instant::now() < deadline {
        if let Some(text) = fs::read_to_string(report).ok().filter(|text| text.ends_with("}\n")) {
            fs::remove_file(report).unwrap();
            return said(&Report::parse(&text), tree);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ("no verdict".to_owned(), String::new())
}

fn gate<'a>(world: &World, sandbox: &'a Sandbox, tree: &Path) -> Gate<'a> {
    let gate = Gate::new(sandbox).with_postgres().env("XDG_CACHE_HOME", world.cache());
    gate.arg("--python")
        .arg(&world.python)
        .arg("--ini")
        .arg(tree.join("alembic.ini"))
        .args("--timeout 20")
}

fn run(world: &World, sandbox: &Sandbox, tree: &Path) -> (String, String) {
    let ended = gate(world, sandbox, tree).args("--format json").run();
    let (is, why) = said(&ended.report(), tree);
    // The exit status and the report say the same.
    let wanted = if is == "Pass" { 0 } else { 1 };
    let is = if ended.code() == wanted { is } else { format!("{is} with {}", ended.code()) };
    (is, why)
}

/// The step that failed, in the words of [`StepOutcome`], and the findings with the lines that they name.
fn said(report: &Report, tree: &Path) -> (String, String) {
    let steps = report.0["trees"][0]["steps"].as_array().cloned().unwrap_or_default();
    let failed = steps.iter().find(|step| step["status"] == "failed");
    let outcome = failed.map(|step| {
        let name = step["name"].as_str().unwrap();
        let known = [
            ("round trip", StepOutcome::Again),
            ("downgrade -1", StepOutcome::Downgrade),
            ("upgrade head", StepOutcome::Upgrade),
        ];
        let known = known.iter().find(|(words, _)| name.contains(words));
        known.map_or_else(|| name.to_owned(), |(_, outcome)| format!("{outcome:?}"))
    });
    let findings = report.findings().iter().map(|finding| {
        let text =
            finding["file"].as_str().and_then(|file| fs::read_to_string(tree.join(file)).ok());
        let number = finding["line"].as_u64().and_then(|line| usize::try_from(line).ok());
        let line = text.as_deref().zip(number).and_then(|(text, n)| text.lines().nth(n - 1));
        format!("{} {} {line:?}", finding["code"], finding["message"])
    });
    let is = match (outcome, report.verdict()) {
        (Some(outcome), "fail") => outcome,
        (None, "pass") => format!("{:?}", StepOutcome::Pass),
        (_, verdict) => format!("{verdict} at no step"),
    };
    (is, findings.collect::<Vec<_>>().join("\n"))
}
